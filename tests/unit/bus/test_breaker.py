"""Circuit breakers."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.backoff import Backoff
from mudserver.bus.breaker import BreakerLimits, Breakers, BreakerState, subject_class

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
LIMITS = BreakerLimits(failures=3, trial=10.0, backoff=Backoff(first=1.0, longest=4.0))


class BreakersTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.changes: list[tuple[str, BreakerState]] = []
        self.breakers = self.make()

    def make(self, pick: float = 1.0, max_breakers: int = 3) -> Breakers:
        return Breakers(
            LIMITS,
            lambda: pick,
            lambda subject, state: self.changes.append((subject, state)),
            max_breakers,
        )

    def fail(self, subject: str, times: int, now: float = 0.0) -> None:  # type: ignore[override]
        for _ in range(times):
            self.breakers.failed(subject, now)

    def test_closed(self) -> None:
        """What answers, and what fails now and then, is admitted."""
        for _ in range(5):
            self.fail("world", 2)
            self.assertTrue(self.breakers.admit("world", 0.0))
            self.breakers.succeeded("world")
        self.assertEqual((self.changes, len(self.breakers)), ([], 0))

    def test_opens(self) -> None:
        """After so many failures in a row nothing is admitted until the pause is over."""
        self.fail("world", 3)
        self.assertEqual(self.changes, [("world", OPEN)])
        self.assertFalse(self.breakers.admit("world", 0.9))
        self.assertEqual(self.breakers.reopens("world"), 1.0)

    def test_destinations_are_apart(self) -> None:
        """One destination's breaker touches no other's, of its class neither."""
        self.fail("gateway.a", 3)
        self.assertFalse(self.breakers.admit("gateway.a", 0.0))
        self.assertTrue(self.breakers.admit("gateway.b", 0.0))
        self.fail("gateway.b", 2)
        self.assertIs(self.breakers.state("gateway.b"), CLOSED)

    def test_trial(self) -> None:
        """After the pause a single trial is admitted; if it succeeds the breaker closes."""
        self.fail("world", 3)
        self.assertTrue(self.breakers.admit("world", 1.0))
        self.assertFalse(self.breakers.admit("world", 1.0))
        self.breakers.succeeded("world")
        self.assertTrue(self.breakers.admit("world", 1.0))
        self.assertEqual(self.changes, [("world", each) for each in (OPEN, HALF_OPEN, CLOSED)])

    def test_failed_trials(self) -> None:
        """Each failed trial makes the next pause longer, up to the longest; a success forgets."""
        self.fail("world", 3)
        now = 0.0
        for pause in (1.0, 2.0, 4.0, 4.0):
            self.assertFalse(self.breakers.admit("world", now + pause - 0.1))
            now += pause
            self.assertTrue(self.breakers.admit("world", now))
            self.breakers.failed("world", now)
        self.assertTrue(self.breakers.admit("world", now + 4.0))
        self.breakers.succeeded("world")
        self.fail("world", 3, now)
        self.assertEqual(self.breakers.reopens("world"), now + 1.0)

    def test_jitter(self) -> None:
        """A pause is at least half of what it may be."""
        self.breakers = self.make(pick=0.0)
        self.fail("world", 3)
        self.assertEqual(self.breakers.reopens("world"), 0.5)

    def test_late_failures(self) -> None:
        """What was under way when the breaker opened makes no pause longer."""
        self.fail("world", 10)
        self.assertEqual(self.breakers.reopens("world"), 1.0)

    def test_lost_trial(self) -> None:
        """A trial that nobody reports of makes room for another after a while."""
        self.fail("world", 3)
        self.assertTrue(self.breakers.admit("world", 1.0))
        self.assertFalse(self.breakers.admit("world", 10.9))
        self.assertTrue(self.breakers.admit("world", 11.0))

    def test_withdrawn_trial(self) -> None:
        """A trial that is given up makes room for another at once."""
        self.fail("world", 3)
        self.breakers.admit("world", 1.0)
        self.breakers.withdrawn("world", 1.5)
        self.assertTrue(self.breakers.admit("world", 1.5))

    def test_forget(self) -> None:
        """When all is forgotten every destination may be tried at once, by all."""
        self.fail("gateway.a", 3)
        self.fail("world", 3)
        self.breakers.forget()
        for subject in ("gateway.a", "world"):
            self.assertIs(self.breakers.state(subject), CLOSED)
            self.assertIn((subject, CLOSED), self.changes)

    def test_expire(self) -> None:
        """Where nothing is tried any more it is forgotten that it failed."""
        self.fail("a", 3)
        self.fail("b", 3, now=30.0)
        self.fail("c", 1)
        self.assertTrue(self.breakers.expire(60.9))
        self.assertIs(self.breakers.state("a"), OPEN)
        self.assertTrue(self.breakers.expire(61.0))
        self.assertIs(self.breakers.state("a"), CLOSED)
        self.assertIs(self.breakers.state("b"), OPEN)
        self.assertFalse(self.breakers.expire(91.0))
        self.assertEqual(self.changes[-1], ("b", CLOSED))

    def test_counts(self) -> None:
        """Those that are not closed are counted, by class and state."""
        for subject in ("gateway.a", "gateway.b", "world"):
            self.fail(subject, 3)
        self.breakers.admit("gateway.b", 1.0)
        self.assertEqual(
            self.breakers.counts(),
            {("gateway", OPEN): 1, ("gateway", HALF_OPEN): 1, ("world", OPEN): 1},
        )
        self.assertEqual(subject_class("gateway.a.b"), "gateway")

    def test_bounded(self) -> None:
        """Of too many the one that did not fail for longest is forgotten, which closes it."""
        self.fail("a", 3)
        for subject in ("b", "c", "d"):
            self.fail(subject, 1)
        self.assertEqual(len(self.breakers), 3)
        self.assertTrue(self.breakers.admit("a", 0.0))
        self.assertEqual(self.changes, [("a", OPEN), ("a", CLOSED)])
