"""Services that start and stop one after the other."""

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StartupError
from mudserver.service.ordered import OrderedService


@define(eq=False)
class Part(Service):
    """
    Writes down what happens to it.

    Attributes:
        log: Where.
        start: What its start returns.
        stop: What its stop returns.
    """

    name: str
    log: list[str]
    start: Deferred[None] = field(factory=lambda: succeed(None))
    stop: Deferred[None] = field(factory=lambda: succeed(None))

    def startService(self) -> Deferred[None]:
        self.log.append(f"start {self.name}")
        return self.start

    def stopService(self) -> Deferred[None]:
        self.log.append(f"stop {self.name}")
        return self.stop


class Abrupt(Part):
    """Raises instead of failing."""

    def startService(self) -> Deferred[None]:
        super().startService()
        raise ZeroDivisionError


class OrderedServiceTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.log: list[str] = []
        self.failures: list[Failure] = []
        self.service = OrderedService(lambda: self.log.append("up"), self.failures.append)

    def add(self, part: Part) -> Part:
        part.setServiceParent(self.service)
        return part

    def take(self) -> list[str]:
        log, self.log[:] = self.log[:], []
        return log

    def test_in_order(self) -> None:
        """Each starts when the one before it has, and stops when the one after it has."""
        first = self.add(Part("database", self.log, Deferred(), Deferred()))
        second = self.add(Part("game", self.log, Deferred(), Deferred()))
        self.service.startService()
        self.assertEqual(self.take(), ["start database"])
        first.start.callback(None)
        self.assertEqual(self.take(), ["start game"])
        second.start.callback(None)
        self.assertEqual(self.take(), ["up"])
        stopped = self.service.stopService()
        self.assertEqual(self.take(), ["stop game"])
        second.stop.callback(None)
        self.assertEqual(self.take(), ["stop database"])
        self.assertNoResult(stopped)
        first.stop.callback(None)
        self.successResultOf(stopped)

    def test_a_failed_start(self) -> None:
        """The first that fails ends the start, and is told; it and those before are stopped."""
        self.add(Part("database", self.log))
        self.add(Part("game", self.log, fail(StartupError("No world."))))
        self.add(Part("gateways", self.log))
        self.service.startService()
        self.assertEqual(self.take(), ["start database", "start game"])
        (failure,) = self.failures
        self.assertEqual(failure.getErrorMessage(), "No world.")
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.take(), ["stop game", "stop database"])

    def test_an_abrupt_start(self) -> None:
        """To raise is to fail."""
        self.add(Abrupt("database", self.log))
        self.service.startService()
        self.assertTrue(self.failures[0].check(ZeroDivisionError))
        self.successResultOf(self.service.stopService())

    def test_a_failed_stop(self) -> None:
        """One that fails to stop is logged, and doesn't keep the others from stopping."""
        self.add(Part("database", self.log))
        self.add(Part("game", self.log, stop=fail(ZeroDivisionError())))
        self.service.startService()
        self.take()
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.take(), ["stop game", "stop database"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stopped_while_starting(self) -> None:
        """A start that is given up is cancelled; what had begun to start is stopped."""
        self.add(Part("database", self.log))
        self.add(Part("game", self.log, Deferred()))
        self.add(Part("gateways", self.log))
        self.service.startService()
        self.successResultOf(self.service.stopService())
        self.assertEqual(
            self.take(), ["start database", "start game", "stop game", "stop database"]
        )
        self.assertEqual(self.failures, [])

    def test_a_start_that_takes_time_to_give_up(self) -> None:
        """Nothing is stopped before the start that was given up has come to its end."""
        lingering: Deferred[None] = Deferred()

        async def start() -> None:
            try:
                await Deferred()
            except CancelledError:
                await lingering

        self.add(Part("database", self.log, Deferred.fromCoroutine(start())))
        self.add(Part("game", self.log))
        self.service.startService()
        stopped = self.service.stopService()
        self.assertEqual(self.take(), ["start database"])
        lingering.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.take(), ["stop database"])

    def test_a_start_that_fails_when_given_up(self) -> None:
        """What fails because its start was given up isn't a start that failed; it is logged."""
        failing: Deferred[None] = Deferred(lambda start: start.errback(ZeroDivisionError()))
        self.add(Part("database", self.log, failing))
        self.service.startService()
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.failures, [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stopped_by_its_failure(self) -> None:
        """Whoever is told of the failure may stop at once."""
        stopped: list[Deferred[None]] = []
        self.service = OrderedService(
            lambda: None, lambda failure: stopped.append(self.service.stopService())
        )
        self.add(Part("database", self.log, fail(ZeroDivisionError())))
        self.service.startService()
        self.successResultOf(stopped[0])
        self.assertEqual(self.take(), ["start database", "stop database"])

    def test_stopped_twice(self) -> None:
        """A second stop stops nothing twice."""
        self.add(Part("database", self.log))
        self.service.startService()
        self.take()
        self.successResultOf(self.service.stopService())
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.take(), ["stop database"])

    def test_never_started(self) -> None:
        """To stop what wasn't started stops nothing."""
        self.add(Part("database", self.log))
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.take(), [])

    def test_a_failing_announcement(self) -> None:
        """Where all are up but saying so fails, that is a start that failed."""

        def fail_to_say() -> None:
            raise ZeroDivisionError

        self.service = OrderedService(fail_to_say, self.failures.append)
        self.add(Part("database", self.log))
        self.service.startService()
        self.assertTrue(self.failures[0].check(ZeroDivisionError))
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.take(), ["start database", "stop database"])
