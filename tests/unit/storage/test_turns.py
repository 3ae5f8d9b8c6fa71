"""The queue for connections."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StorageUnavailable
from mudserver.storage.turns import Turns
from tests.unit.game.theatre import CountingMeter


class TurnsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = CountingMeter()
        self.turns: Turns[str] = Turns(self.clock, 3, 5.0, self.meter)

    def tearDown(self) -> None:
        self.assertFalse(self.turns)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.meter.gauges.get("database_waiters", 0.0), 0.0)

    def test_in_order(self) -> None:
        """Who came first is served first."""
        waiting = [self.turns.wait() for _ in range(3)]
        self.assertEqual(self.meter.gauges["database_waiters"], 3.0)
        for each, thing in zip(waiting, "abc", strict=True):
            self.assertTrue(self.turns)
            self.turns.serve(thing)
            self.assertEqual(self.successResultOf(each), thing)

    def test_full(self) -> None:
        """Who finds too many waiting is told so at once, and counted."""
        waiting = [self.turns.wait() for _ in range(3)]
        self.failureResultOf(self.turns.wait(), StorageUnavailable)
        self.assertEqual(self.meter.counts["database_acquire_refusals full"], 1)
        for _ in waiting:
            self.turns.serve("a")

    def test_tired(self) -> None:
        """Who waits too long is told why, and counted; others wait on."""
        first = self.turns.wait()
        self.clock.advance(2.0)
        second = self.turns.wait()
        self.turns.problem = "the server is away"
        self.clock.advance(3.0)
        error = self.failureResultOf(first, StorageUnavailable).value
        self.assertIn("within 5 s (the server is away)", str(error))
        self.assertEqual(self.meter.counts["database_acquire_refusals timeout"], 1)
        self.assertNoResult(second)
        self.turns.serve("a")
        self.assertEqual(self.successResultOf(second), "a")

    def test_logged_once(self) -> None:
        """However many get nothing, the log says so once, and once when all get something again."""
        with capturedLogs() as logged:
            for _ in range(2):
                for _ in range(5):
                    self.turns.wait().addErrback(lambda failure: failure.trap(StorageUnavailable))
                self.clock.advance(5.0)
            self.assertEqual(len(logged), 1)
            waiting = [self.turns.wait() for _ in range(2)]
            self.turns.serve("a")
            self.assertEqual(len(logged), 1)
            self.turns.serve("b")
        self.assertEqual([self.successResultOf(each) for each in waiting], ["a", "b"])
        levels = [each["log_level"] for each in logged]
        self.assertEqual(levels, [LogLevel.warn, LogLevel.info])

    def test_cancelled(self) -> None:
        """Who gives up is passed over."""
        first, second = self.turns.wait(), self.turns.wait()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.turns.serve("a")
        self.assertEqual(self.successResultOf(second), "a")

    def test_dissolved(self) -> None:
        """All are sent away at once, and who asks again meanwhile is not."""
        again: list[Deferred[str]] = []
        first, second = self.turns.wait(), self.turns.wait()

        def ask_again(failure: Failure) -> Failure:
            again.append(self.turns.wait())
            return failure

        first.addErrback(ask_again)
        self.turns.dissolve("it closes")
        for each in (first, second):
            error = self.failureResultOf(each, StorageUnavailable).value
            self.assertEqual(str(error), "it closes")
        self.assertNoResult(again[0])
        self.turns.serve("a")
