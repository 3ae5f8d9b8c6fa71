"""Background tasks have an owner."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import Overloaded, WrongCredentials
from mudserver.tasks import MAX_TASKS, Tasks
from tests.unit.game.theatre import CountingMeter


class TasksTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.meter = CountingMeter()
        self.tasks = Tasks(self.meter)

    def test_runs_until_done(self) -> None:
        """A task counts while it runs, by its name, and no longer."""
        work: Deferred[None] = Deferred()
        self.tasks.run("count sheep", work)
        self.assertEqual(len(self.tasks), 1)
        self.assertEqual(self.meter.gauges["background_tasks count sheep"], 1.0)
        work.callback(None)
        self.assertEqual(len(self.tasks), 0)
        self.assertEqual(self.meter.gauges["background_tasks count sheep"], 0.0)

    def test_failure_is_logged(self) -> None:
        """A task that fails is logged and counted, and is over."""

        async def fail() -> None:
            raise ZeroDivisionError

        self.tasks.run("divide", fail())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.meter.counts["background_failures divide"], 1)
        self.assertEqual(len(self.tasks), 0)

    def test_stop_cancels_and_waits(self) -> None:
        """Stopping cancels what runs, without a word in the log, and waits for what lingers."""
        lingering: Deferred[None] = Deferred()
        ended: list[str] = []

        async def tidy() -> None:
            try:
                await Deferred()
            except CancelledError:
                await lingering
                ended.append("tidy")
                raise

        self.tasks.run("wait", Deferred())
        self.tasks.run("tidy", tidy())
        stopped = self.tasks.stop()
        self.assertNoResult(stopped)
        lingering.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(ended, ["tidy"])
        self.assertEqual(len(self.tasks), 0)

    def test_nothing_starts_after_stop(self) -> None:
        """After the stop a coroutine isn't started, and a Deferred is cancelled."""
        self.successResultOf(self.tasks.stop())
        started: list[int] = []

        async def work() -> None:
            started.append(1)

        late: Deferred[None] = Deferred()
        self.tasks.run("late", work())
        self.tasks.run("late", late)
        self.failureResultOf(self.tasks.shield("late", work()), CancelledError)
        self.assertTrue(late.called)
        self.assertEqual(started, [])
        self.assertEqual(len(self.tasks), 0)

    def test_bounded(self) -> None:
        """Beyond the limit no task is taken, and what was given is cancelled."""
        for _ in range(MAX_TASKS):
            self.tasks.run("wait", Deferred())
        excess: Deferred[None] = Deferred()
        self.assertRaises(Overloaded, self.tasks.run, "wait", excess)
        self.assertTrue(excess.called)
        self.assertEqual(len(self.tasks), MAX_TASKS)

    def test_shield_passes_on(self) -> None:
        """Shielded work gives its result, or its failure, to who waits."""

        async def succeed() -> int:
            return 7

        async def refuse() -> int:
            raise WrongCredentials("no")

        self.assertEqual(self.successResultOf(self.tasks.shield("a", succeed())), 7)
        self.failureResultOf(self.tasks.shield("a", refuse()), WrongCredentials)

    def test_shield_outlives_its_waiter(self) -> None:
        """Who gives up waiting doesn't end shielded work."""
        gate: Deferred[None] = Deferred()
        done: list[int] = []

        async def work() -> None:
            await gate
            done.append(1)

        waiter = self.tasks.shield("work", work())
        waiter.cancel()
        self.failureResultOf(waiter, CancelledError)
        gate.callback(None)
        self.assertEqual(done, [1])
