"""The loop does one thing at a time, fairly, in order, and goes on."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import Overloaded
from mudserver.game.loop import (
    MAX_LANE_WORK,
    MAX_PAUSE_SECONDS,
    MAX_ROW,
    MAX_WORK,
    TURN_SECONDS,
    GameLoop,
    Lane,
    Work,
)
from tests.unit.game.theatre import CountingMeter


class GameLoopTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = CountingMeter()
        self.loop = GameLoop(self.clock, self.meter)
        self.done: list[str] = []
        self.failures: list[Failure] = []

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def note(self, word: str) -> Callable[[], None]:
        return lambda: self.done.append(word)

    def submit(self, lane: str, work: Work) -> None:
        self.loop.submit(Lane(lane), work, self.failures.append)

    def test_not_at_once(self) -> None:
        """Work is done in a turn of its own, never while it is submitted."""
        self.submit("a", self.note("a1"))
        self.assertEqual(self.done, [])
        self.clock.advance(0)
        self.assertEqual(self.done, ["a1"])
        self.assertEqual(len(self.loop), 0)

    def test_lanes_take_turns(self) -> None:
        """A lane with much to do doesn't keep the others waiting for more than a few pieces."""
        words = [f"a{number}" for number in range(2 * MAX_ROW + 1)]
        for word in words:
            self.submit("a", self.note(word))
        self.submit("b", self.note("b1"))
        self.submit("c", self.note("c1"))
        self.clock.advance(0)
        self.assertEqual(self.done, [*words[:MAX_ROW], "b1", "c1", *words[MAX_ROW:]])

    def test_turn_is_bounded(self) -> None:
        """A turn ends after ten milliseconds of work, and the next goes on."""

        def work() -> None:
            self.done.append("x")
            if len(self.done) == 1:
                self.clock.callLater(0, self.done.append, "socket")
            self.clock.rightNow += TURN_SECONDS / 2

        for _ in range(5):
            self.submit("a", work)
        self.clock.advance(0)
        self.assertEqual(self.done, ["x", "x", "socket", "x", "x", "x"])

    def test_busy(self) -> None:
        """It is busy while work waits for its turn, not while a lane waits for something else."""
        gate: Deferred[Work] = Deferred()
        self.submit("a", lambda: gate)
        self.submit("b", self.note("b1"))
        self.assertTrue(self.loop.busy)
        self.clock.advance(0)
        self.assertEqual((self.loop.busy, len(self.loop)), (False, 1))
        gate.callback(self.note("a1"))
        self.assertTrue(self.loop.busy)
        self.clock.advance(0)
        self.assertFalse(self.loop.busy)

    def test_failure_costs_only_itself(self) -> None:
        """Work that raises is logged, counted and told; the rest goes on."""

        def fail() -> None:
            raise ZeroDivisionError

        self.submit("a", fail)
        self.submit("a", self.note("a2"))
        self.submit("b", self.note("b1"))
        self.clock.advance(0)
        self.assertEqual(self.done, ["a2", "b1"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.meter.counts["loop_failures"], 1)
        self.assertEqual(len(self.failures), 1)

    def test_failing_to_tell_is_survived(self) -> None:
        """If even the one to be told fails, the loop goes on."""

        def fail() -> None:
            raise ZeroDivisionError

        def fail_too(_: Failure) -> None:
            raise KeyError

        self.loop.submit(Lane("a"), fail, fail_too)
        self.submit("a", self.note("a2"))
        self.clock.advance(0)
        self.assertEqual(self.done, ["a2"])
        self.assertEqual(len(self.flushLoggedErrors()), 2)

    def test_pause(self) -> None:
        """Work that loads something holds up its own lane, in order, and no other."""
        gate: Deferred[Work] = Deferred()
        self.submit("a", lambda: gate)
        self.submit("a", self.note("a2"))
        self.submit("b", self.note("b1"))
        self.clock.advance(0)
        self.assertEqual(self.done, ["b1"])
        self.submit("a", self.note("a3"))
        self.clock.advance(0)
        self.assertEqual(len(self.loop), 3)
        gate.callback(self.note("a1"))
        self.assertEqual(self.done, ["b1"])
        self.clock.advance(0)
        self.assertEqual(self.done, ["b1", "a1", "a2", "a3"])

    def test_pause_that_has_ended(self) -> None:
        """A Deferred that has fired already pauses nothing, and is done in order."""
        gate: Deferred[Work] = Deferred()
        gate.callback(self.note("a1"))
        self.submit("a", lambda: gate)
        self.submit("a", self.note("a2"))
        self.clock.advance(0)
        self.assertEqual(self.done, ["a1", "a2"])
        self.assertEqual(len(self.loop), 0)

    def test_pause_again(self) -> None:
        """What follows a pause may pause again."""
        first: Deferred[Work] = Deferred()
        second: Deferred[Work] = Deferred()
        self.submit("a", lambda: first)
        self.submit("a", self.note("a2"))
        self.clock.advance(0)
        first.callback(lambda: second)
        self.clock.advance(0)
        self.assertEqual(self.done, [])
        second.callback(self.note("a1"))
        self.clock.advance(0)
        self.assertEqual(self.done, ["a1", "a2"])

    def test_pause_that_fails(self) -> None:
        """If what a lane waits for fails, that is told, and the lane goes on."""
        gate: Deferred[Work] = Deferred()
        self.submit("a", lambda: gate)
        self.submit("a", self.note("a2"))
        self.clock.advance(0)
        gate.errback(ZeroDivisionError())
        self.clock.advance(0)
        self.assertEqual(self.done, ["a2"])
        self.assertEqual(len(self.failures), 1)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_pause_is_bounded(self) -> None:
        """What doesn't come in time is given up, and the lane goes on."""
        gate: Deferred[Work] = Deferred()
        self.submit("a", lambda: gate)
        self.submit("a", self.note("a2"))
        self.clock.advance(0)
        self.clock.advance(MAX_PAUSE_SECONDS)
        self.clock.advance(0)
        self.assertEqual(self.done, ["a2"])
        self.assertEqual(len(self.failures), 1)
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_submitting_from_work(self) -> None:
        """Work that submits to its own lane comes after what waits there."""

        def work() -> None:
            self.done.append("a1")
            self.submit("a", self.note("a3"))

        self.submit("a", work)
        self.submit("a", self.note("a2"))
        self.clock.advance(0)
        self.assertEqual(self.done, ["a1", "a2", "a3"])

    def test_bounded_lane(self) -> None:
        """A full lane refuses, other lanes don't, and what must not be lost is taken."""
        for _ in range(MAX_LANE_WORK):
            self.submit("a", self.note("a"))
        self.assertRaises(Overloaded, self.submit, "a", self.note("a"))
        self.submit("b", self.note("b"))
        self.loop.require(Lane("a"), self.note("end"), self.failures.append)
        self.clock.advance(0)
        self.assertEqual(self.done[-1], "end")
        self.assertEqual(len(self.done), MAX_LANE_WORK + 2)

    def test_bounded_in_all(self) -> None:
        """When too much waits in all lanes, any is refused."""
        for i in range(MAX_WORK):
            self.submit(f"lane{i // 100}", self.note("x"))
        self.assertRaises(Overloaded, self.submit, "new", self.note("x"))
        self.loop.stop()
        self.assertEqual(len(self.done), MAX_WORK)

    def test_idle(self) -> None:
        """It tells when nothing waits and nothing pauses."""
        self.successResultOf(self.loop.idle())
        gate: Deferred[Work] = Deferred()
        self.submit("a", lambda: gate)
        idle = self.loop.idle()
        self.clock.advance(0)
        self.assertNoResult(idle)
        gate.callback(self.note("a1"))
        self.assertNoResult(idle)
        self.clock.advance(0)
        self.successResultOf(idle)

    def test_finish(self) -> None:
        """All that waits for nothing is done at once; what lanes pause for is waited for."""
        gate: Deferred[Work] = Deferred()
        self.submit("a", lambda: gate)
        self.submit("a", self.note("a2"))
        self.submit("b", self.note("b1"))
        finished = self.loop.finish()
        self.assertEqual(self.done, ["b1"])
        self.assertNoResult(finished)
        gate.callback(self.note("a1"))
        self.clock.advance(0)
        self.successResultOf(finished)
        self.assertEqual(self.done, ["b1", "a1", "a2"])

    def test_stop(self) -> None:
        """Stopping does all that waits, and gives up what lanes wait for, now and later."""
        self.submit("a", Deferred)
        self.submit("a", self.note("a2"))
        self.clock.advance(0)
        self.submit("b", Deferred)
        self.submit("b", self.note("b2"))
        self.loop.stop()
        self.assertEqual(sorted(self.done), ["a2", "b2"])
        self.assertEqual(len(self.failures), 2)
        self.assertEqual(len(self.loop), 0)
