"""That no durable message is received twice."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.message_id import MessageId
from mudserver.bus.received import Received


class ReceivedTest(SynchronousTestCase):
    def test_new_and_known(self) -> None:
        """A message is new until it was noted; others of the publisher stay new."""
        received = Received()
        second = MessageId("i", 2, 1)
        self.assertFalse(received.knows("w", second))
        received.note("w", second)
        self.assertTrue(received.knows("w", second))
        self.assertFalse(received.knows("w", MessageId("i", 1, 1)))
        self.assertFalse(received.knows("w", MessageId("i", 3, 1)))

    def test_publishers_are_apart(self) -> None:
        """The same number of another peer, or of another instance of this one, is new."""
        received = Received()
        received.note("w", MessageId("i", 1, 1))
        self.assertFalse(received.knows("v", MessageId("i", 1, 1)))
        self.assertFalse(received.knows("w", MessageId("j", 1, 1)))

    def test_floor(self) -> None:
        """What the publisher is done with is known, and takes no memory."""
        received = Received()
        for number in (2, 4, 6):
            received.note("w", MessageId("i", number, 1))
        self.assertEqual(len(received), 3)
        received.note("w", MessageId("i", 9, 6))
        self.assertEqual(len(received), 1)
        for number, known in ((1, True), (5, True), (6, True), (7, False), (9, True)):
            self.assertIs(received.knows("w", MessageId("i", number, 1)), known, number)

    def test_without_holes(self) -> None:
        """All messages of a publisher, in order, take no memory."""
        received = Received()
        for number in range(1, 1_000):
            received.note("w", MessageId("i", number, 1))
        self.assertEqual(len(received), 0)

    def test_bounded_numbers(self) -> None:
        """Of too many numbers the lowest are forgotten, and then known with all below them."""
        received = Received(max_numbers=10)
        for number in range(2, 200, 2):
            received.note("w", MessageId("i", number, 1))
            self.assertLessEqual(len(received), 10)
            self.assertTrue(received.knows("w", MessageId("i", number, 1)))
        self.assertTrue(received.knows("w", MessageId("i", 1, 1)))
        self.assertFalse(received.knows("w", MessageId("i", 197, 1)))

    def test_bounded_publishers(self) -> None:
        """Of too many publishers the one not heard for longest is forgotten."""
        received = Received(max_publishers=2)
        for instance in ("a", "b", "a", "c"):
            received.note("w", MessageId(instance, 1, 1))
        self.assertTrue(received.knows("w", MessageId("a", 1, 1)))
        self.assertFalse(received.knows("w", MessageId("b", 1, 1)))
        self.assertTrue(received.knows("w", MessageId("c", 1, 1)))

    @given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20))))
    def test_like_a_set(self, sent: list[tuple[int, int]]) -> None:
        """It knows exactly what was noted, and what is below any floor."""
        received = Received()
        noted: set[int] = set()
        highest = 1
        for number, behind in sent:
            floor = max(1, number - behind)
            noted.add(number)
            highest = max(highest, floor)
            received.note("w", MessageId("i", number, floor))
            for each in range(1, 62):
                self.assertIs(
                    received.knows("w", MessageId("i", each, 1)), each in noted or each < highest
                )
