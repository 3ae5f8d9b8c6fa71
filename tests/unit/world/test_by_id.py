"""Things in the order of their ids."""

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.world.by_id import ById


@frozen
class Numbered:
    id: int


class ByIdTests(SynchronousTestCase):
    @given(st.lists(st.integers(0, 30), max_size=60))
    def test_order(self, ids: list[int]) -> None:
        """Whatever goes in and out, what remains is in ascending order, each once."""
        things: ById[Numbered] = ById()
        expected: list[int] = []
        for id in ids:
            if id in expected:
                index = expected.index(id)
                expected.remove(id)
                self.assertEqual(things.remove(id), index)
            else:
                expected = sorted([*expected, id])
                self.assertEqual(things.insert(Numbered(id)), expected.index(id))
            self.assertEqual([thing.id for thing in things], expected)
            self.assertEqual(len(things), len(expected))

    @given(st.sets(st.integers(0, 30)), st.integers(-1, 31), st.integers(0, 5))
    def test_after(self, ids: set[int], after: int, limit: int) -> None:
        """A page begins behind an id, whether or not that id is there."""
        things: ById[Numbered] = ById()
        for id in ids:
            things.insert(Numbered(id))
        found = [thing.id for thing in things.after(after, limit)]
        self.assertEqual(found, sorted(id for id in ids if id > after)[:limit])

    def test_finding(self) -> None:
        """A thing is found by id and by index."""
        things: ById[Numbered] = ById()
        things.insert(Numbered(7))
        things.insert(Numbered(3))
        self.assertEqual(things.get(7), Numbered(7))
        self.assertIsNone(things.get(8))
        self.assertEqual(things.at(0), Numbered(3))
        self.assertIn(3, things)
        self.assertNotIn(4, things)

    def test_twice(self) -> None:
        """What is in can't come in again, and what isn't can't go out."""
        things: ById[Numbered] = ById()
        things.insert(Numbered(1))
        self.assertRaises(ValueError, things.insert, Numbered(1))
        self.assertRaises(KeyError, things.remove, 2)
        self.assertEqual(len(things), 1)
