"""Values filed under patterns."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.pattern_tree import PatternTree
from mudserver.bus.subjects import matches

words = st.sampled_from(["a", "b", "*"])
patterns = st.builds(
    lambda first, rest: ".".join((*first, *rest)),
    st.lists(words, min_size=1, max_size=3),
    st.sampled_from([(), (">",)]),
) | st.just(">")
subjects = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(".".join)


class PatternTreeTest(SynchronousTestCase):
    @given(st.lists(patterns, max_size=12), st.data())
    def test_finds_what_matches(self, filed: list[str], data: st.DataObject) -> None:
        """All whose pattern matches are found, and nothing else, also after some were removed."""
        tree: PatternTree[int] = PatternTree()
        for number, pattern in enumerate(filed):
            tree.add(pattern, number)
        there = dict(enumerate(filed))
        for number in data.draw(st.sets(st.sampled_from(range(len(filed))))) if filed else ():
            tree.remove(there.pop(number), number)
        self.assertEqual(len(tree), len(there))
        subject = data.draw(subjects)
        wanted = [number for number, pattern in there.items() if matches(pattern, subject)]
        self.assertCountEqual(tree.find(subject), wanted)

    def test_not_filed(self) -> None:
        """To remove what is not there is a mistake."""
        tree: PatternTree[int] = PatternTree()
        tree.add("a.*", 1)
        self.assertRaises(KeyError, tree.remove, "a.b", 1)
        self.assertRaises(KeyError, tree.remove, "a.*", 2)
        self.assertEqual(tree.find("a.b"), [1])
