"""What is shown to sessions that are not quite here waits for them."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway.early import MAX_EARLY, MAX_EXPECTED, MAX_GONE, Early
from mudserver.ids import Epoch, InputNumber, SessionId
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import Settled, Show
from tests.unit.gateway.bench import view

A, B, C = map(SessionId, "abc")


def show(text: str, *sessions: SessionId) -> FromWorld:
    return FromWorld(Epoch(1), Show(view(text), sessions))


class EarlyTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.early = Early()

    def test_nobody(self) -> None:
        """As long as nobody comes or goes there is nothing to do."""
        self.assertFalse(self.early)
        self.assertEqual(self.early.take(A), ())

    def test_kept(self) -> None:
        """Each who is on the way has it kept, in order; the others get it at once."""
        self.early.expect(A)
        self.early.expect(B)
        self.assertTrue(self.early)
        self.assertEqual(self.early.sift(show("one", A, C, B)), show("one", C))
        self.assertIsNone(self.early.sift(show("two", A)))
        other = show("three", C)
        self.assertIs(self.early.sift(other), other)
        settled = FromWorld(Epoch(1), Settled(A, InputNumber(1), None))
        self.assertIs(self.early.sift(settled), settled)
        self.assertEqual(self.early.take(A), [show("one", A), show("two", A)])
        self.assertEqual(self.early.take(B), [show("one", B)])
        self.assertFalse(self.early)

    def test_two_connections(self) -> None:
        """Where two connections come for one session it waits for either."""
        first, second, third = (self.early.expect(A) for _ in range(3))
        self.early.sift(show("one", A))
        self.early.leave(first)
        self.early.leave(second)
        self.early.sift(show("two", A))
        self.assertEqual(self.early.take(A), [show("one", A), show("two", A)])
        self.early.leave(third)
        self.assertEqual(self.early.take(A), ())

    def test_earlier_connection(self) -> None:
        """A connection that does not come in after all, since another one came, takes nothing from
        those that come for the session anew.
        """
        before = self.early.expect(A)
        self.early.take(A)
        self.early.gone(A)
        self.early.expect(A)
        self.early.leave(before)
        self.early.sift(show("one", A))
        self.assertEqual(self.early.take(A), [show("one", A)])

    def test_nobody_comes(self) -> None:
        """Where nobody comes in it is forgotten."""
        expected = self.early.expect(A)
        self.early.sift(show("one", A))
        self.early.leave(expected)
        self.assertFalse(self.early)
        self.early.expect(A)
        self.assertEqual(self.early.take(A), [])

    def test_bounded(self) -> None:
        """Of too much the rest is dropped, and that is told; so are sessions beyond the most."""
        self.early.expect(A)
        for number in range(MAX_EARLY):
            self.early.sift(show(str(number), A))
        self.assertTrue(self.early.whole(A))
        self.assertIsNone(self.early.sift(show("more", A)))
        self.assertFalse(self.early.whole(A))
        self.assertEqual(len(list(self.early.take(A))), MAX_EARLY)
        self.assertTrue(self.early.whole(A))
        for number in range(MAX_EXPECTED):
            self.early.expect(SessionId(str(number)))
        beyond = self.early.expect(SessionId(str(MAX_EXPECTED)))
        last = show("one", SessionId(str(MAX_EXPECTED)))
        self.assertIs(self.early.sift(last), last)
        self.early.leave(beyond)

    def test_gone(self) -> None:
        """What comes for one that has gone on elsewhere is for nobody here, until it comes back;
        a bounded number of them is known.
        """
        self.early.gone(A)
        self.assertIsNone(self.early.sift(show("one", A)))
        self.early.expect(A)
        self.early.take(A)
        back = show("two", A)
        self.assertIs(self.early.sift(back), back)
        self.early.gone(A)
        self.early.forget(A)
        self.assertFalse(self.early)
        for number in range(MAX_GONE + 1):
            self.early.gone(SessionId(str(number)))
        first, second = (show("one", SessionId(name)) for name in "01")
        self.assertIs(self.early.sift(first), first)
        self.assertIsNone(self.early.sift(second))
