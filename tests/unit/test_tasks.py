"""Background tasks have an owner."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import Overloaded, WrongCredentials
from mudserver.tasks import MAX_TASKS, RecurringTask, Tasks
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


class RecurringTaskTest(SynchronousTestCase):
    """Work that is done again and again."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = CountingMeter()
        self.tasks = Tasks(self.meter)
        self.begun: list[Deferred[None]] = []
        self.task = RecurringTask("knit", self.work, 5.0, tasks=self.tasks, clock=self.clock)
        self.task.start()

    def tearDown(self) -> None:
        self.task.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    async def work(self) -> None:
        self.begun.append(Deferred())
        await self.begun[-1]

    def test_again_and_again(self) -> None:
        """It is done every so many seconds, and counted while it is."""
        self.assertEqual(len(self.begun), 0)
        for turn in (1, 2, 3):
            self.clock.advance(5.0)
            self.assertEqual(len(self.begun), turn)
            self.assertEqual(self.meter.gauges["background_tasks knit"], 1.0)
            self.begun[-1].callback(None)

    def test_never_twice_at_a_time(self) -> None:
        """A turn that comes while the last one lasts is left out."""
        self.clock.pump([5.0] * 3)
        self.assertEqual(len(self.begun), 1)
        self.begun[0].callback(None)
        self.clock.advance(5.0)
        self.assertEqual(len(self.begun), 2)
        self.begun[1].callback(None)

    def test_failure(self) -> None:
        """What fails is logged and counted, and done again at the next turn."""
        self.clock.advance(5.0)
        self.begun[0].errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.clock.advance(5.0)
        self.assertEqual(len(self.begun), 2)
        self.begun[1].callback(None)

    def test_no_room(self) -> None:
        """A turn for which there is no room is put off to the next, and somebody may be told."""
        told: list[Overloaded] = []
        other = RecurringTask(
            "purl", self.work, 5.0, tasks=self.tasks, clock=self.clock, put_off=told.append
        )
        other.start()
        stuck: list[Deferred[None]] = [Deferred() for _ in range(MAX_TASKS)]
        for each in stuck:
            self.tasks.run("stuck", each)
        self.clock.advance(5.0)
        self.assertEqual((len(self.begun), len(told)), (0, 1))
        for each in stuck:
            each.callback(None)
        self.clock.advance(5.0)
        self.assertEqual((len(self.begun), len(told)), (2, 1))
        other.stop()
        for each in self.begun:
            each.callback(None)

    def test_stopped(self) -> None:
        """After its end nothing more is begun; nor is it when its owner has stopped."""
        self.successResultOf(self.tasks.stop())
        self.clock.advance(5.0)
        self.task.stop()
        self.clock.advance(5.0)
        self.assertEqual(self.begun, [])
