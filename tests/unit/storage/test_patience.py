"""The wait for a database that is not there yet."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.storage.patience import LONGEST_PAUSE, patiently


class PatienceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.tries: list[float] = []
        self.problem: Exception | None = StorageUnavailable("it is starting up")

    async def attempt(self) -> str:
        self.tries.append(self.clock.seconds())
        if self.problem is not None:
            raise self.problem
        return "open"

    def begin(self, patience: float) -> Deferred[str]:
        return Deferred.fromCoroutine(patiently(self.clock, self.attempt, patience))

    def test_at_once(self) -> None:
        """What succeeds at once is no matter of patience, and nothing is logged."""
        self.problem = None
        with capturedLogs() as logged:
            self.assertEqual(self.successResultOf(self.begin(0.0)), "open")
        self.assertEqual(logged, [])

    def test_waits(self) -> None:
        """It is tried with growing pauses until it succeeds, and logged once."""
        with capturedLogs() as logged:
            opening = self.begin(30.0)
            self.clock.pump([0.05] * 200)
            self.problem = None
            self.clock.pump([0.05] * 60)
        self.assertEqual(self.successResultOf(opening), "open")
        pauses = [round(b - a) for a, b in zip(self.tries, self.tries[1:], strict=False)]
        self.assertEqual(pauses, sorted(pauses))
        self.assertLess(len(self.tries), 12)
        self.assertEqual(pauses[-1], LONGEST_PAUSE)
        (event,) = logged
        self.assertIs(event["log_level"], LogLevel.warn)
        self.assertEqual(event["problem"], "it is starting up")

    def test_gives_up(self) -> None:
        """After that time it fails, with the last problem and how long it took, not before."""
        opening = self.begin(5.0)
        self.clock.pump([0.5] * 9)
        self.assertNoResult(opening)
        self.problem = StorageUnavailable("connection refused")
        self.clock.advance(0.5)
        error = self.failureResultOf(opening, StorageUnavailable).value
        self.assertEqual(str(error), "connection refused (after 5 s of waiting)")
        self.assertEqual(self.tries[-1], 5.0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_none(self) -> None:
        """Without patience it is tried once."""
        error = self.failureResultOf(self.begin(0.0), StorageUnavailable).value
        self.assertEqual(str(error), "it is starting up")
        self.assertEqual(self.tries, [0.0])

    def test_refused(self) -> None:
        """What would be refused again isn't tried again."""
        self.problem = StorageRefused("the password is wrong")
        self.failureResultOf(self.begin(30.0), StorageRefused)
        self.assertEqual(self.tries, [0.0])

    def test_cancelled(self) -> None:
        """The wait may be cancelled, and leaves nothing in the reactor."""
        opening = self.begin(30.0)
        opening.cancel()
        self.failureResultOf(opening, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
