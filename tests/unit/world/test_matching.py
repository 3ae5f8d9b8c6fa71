"""How players name what they see."""

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.world.matching import find


@frozen
class Thing:
    keywords: tuple[str, ...]


BRASS = Thing(("brass lantern", "lamp"))
TIN = Thing(("tin lantern",))
POST = Thing(("lamp post",))
ROPE = Thing(("coil of rope",))
ALL = (BRASS, TIN, POST, ROPE)


class FindTests(SynchronousTestCase):
    def test_words(self) -> None:
        """Whole names, single words, beginnings and articles all name a thing, in any case."""
        for words in ("brass lantern", "brass", "LANTERN", "bra lan", "the brass", "a lantern"):
            self.assertIs(find(words, ALL), BRASS, words)
        self.assertIs(find("coil of rope", ALL), ROPE)
        self.assertIs(find("rope", ALL), ROPE)

    def test_exact_first(self) -> None:
        """What is called exactly so comes before what stands earlier and begins so."""
        self.assertIs(find("lamp", (POST, BRASS)), BRASS)
        self.assertIs(find("2.lamp", (POST, BRASS)), POST)

    def test_ordinal(self) -> None:
        """A number with a dot chooses among those that match."""
        self.assertIs(find("1.lantern", ALL), BRASS)
        self.assertIs(find("2.lantern", ALL), TIN)
        self.assertIsNone(find("3.lantern", ALL))
        self.assertIsNone(find("0.lantern", ALL))

    def test_words_of_two_keywords(self) -> None:
        """Words that no one keyword has together name nothing."""
        self.assertIsNone(find("lamp brass", ALL))

    def test_nothing(self) -> None:
        """What isn't there isn't found."""
        for words in ("", "   ", "sword", "brass rope", "antern", "2."):
            self.assertIsNone(find(words, ALL), words)

    def test_article_alone(self) -> None:
        """An article alone is a beginning like any other, not an empty name for everything."""
        self.assertIsNone(find("the", ALL))

    @given(st.text(max_size=30))
    def test_anything(self, words: str) -> None:
        """Nothing that can be typed is an error."""
        found = find(words, ALL)
        self.assertTrue(found is None or found in ALL)
