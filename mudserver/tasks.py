"""
Background tasks: what nobody waits for, and somebody owns.

A Deferred that no caller awaits belongs in a `Tasks`: there it has a name, is counted, its
failure is logged, and stopping cancels it and waits for its end.
"""

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import Overloaded, PlayerError
from mudserver.interfaces.meter import IMeter

#: Tasks at once; more means that something they wait for is stuck.
MAX_TASKS: Final = 20_000

T = TypeVar("T")


class Tasks:
    """
    The background tasks of one part of the daemon.

    Args:
        meter: Gets ``background_tasks`` by name (gauge) and ``background_failures`` (counter).
    """

    _log = Logger()

    def __init__(self, meter: IMeter) -> None:
        self._meter = meter
        self._running: dict[int, tuple[str, Deferred[object]]] = {}
        self._names: Counter[str] = Counter()
        self._started = 0
        self._stopping = False

    def __len__(self) -> int:
        return len(self._running)

    def run(self, name: str, work: "Coroutine[Deferred[Any], Any, object] | Deferred[Any]") -> None:
        """
        Own a piece of work until it has ended.

        Its failure is logged, but for its cancellation. After `stop` the work is cancelled
        at once.

        Args:
            name: What it does; one of few, since it labels a metric.
            work: A coroutine, which is started here, or what fires when the work is done.

        Raises:
            Overloaded: `MAX_TASKS` are running; a coroutine was not started.
        """
        if len(self._running) >= MAX_TASKS and not self._stopping:
            if isinstance(work, Coroutine):
                work.close()
            else:
                work.addErrback(self._failed, name)
                work.cancel()
            raise Overloaded(f"Too many background tasks ({MAX_TASKS}); the last was {name}.")
        running: Deferred[object]
        if isinstance(work, Coroutine):
            if self._stopping:
                work.close()
                return
            running = Deferred.fromCoroutine(work)
        else:
            running = work
        self._started += 1
        number = self._started
        self._running[number] = (name, running)
        self._measure(name, 1)
        running.addErrback(self._failed, name)
        running.addCallback(self._ended, number, name)
        if self._stopping:
            running.cancel()

    def shield(self, name: str, work: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
        """
        Run work that has to be finished once begun, whoever waits for it.

        Args:
            name: As for `run`.
            work: It is started here.

        Returns:
            Fires or fails as the work does. Cancelling it ends the waiting, not the work; if
            that then fails by our fault, it is logged. Fails with `CancelledError` after
            `stop`.

        Raises:
            Overloaded: As for `run`.
        """
        if self._stopping:
            work.close()
            return fail(CancelledError())
        waiter: Deferred[T] = Deferred()

        async def finish() -> None:
            try:
                result = await work
            except Exception as error:
                if not waiter.called:
                    waiter.errback()
                elif not isinstance(error, PlayerError):
                    raise
                return
            if not waiter.called:
                waiter.callback(result)

        try:
            self.run(name, finish())
        except Overloaded:
            work.close()
            raise
        return waiter

    def idle(self) -> Deferred[None]:
        """Return what fires when the tasks of this moment have ended."""
        waiters: list[Deferred[object]] = []
        for _, running in self._running.values():
            waiter: Deferred[object] = Deferred()
            running.addBoth(_pass_on, waiter)
            waiters.append(waiter)
        return DeferredList(waiters).addCallback(lambda _: None)

    def stop(self) -> Deferred[None]:
        """
        Cancel what is running, and take nothing more.

        Returns:
            Fires when all of it has ended.
        """
        self._stopping = True
        idle = self.idle()
        for _, running in tuple(self._running.values()):
            running.cancel()
        return idle

    def _failed(self, failure: Failure, name: str) -> None:
        if failure.check(CancelledError):
            return
        self._meter.count("background_failures", name=name)
        self._log.failure("The background task {name} failed.", failure, name=name)

    def _ended(self, result: object, number: int, name: str) -> None:
        del result, self._running[number]
        self._measure(name, -1)

    def _measure(self, name: str, change: int) -> None:
        self._names[name] += change
        self._meter.gauge("background_tasks", float(self._names[name]), name=name)


class RecurringTask:
    """
    Background work that is done again and again, never twice at a time.

    A turn that comes while the work of an earlier one is under way is left out, and so is one for
    which there is no room. Whatever the work fails by, the next turn comes.

    Args:
        name: As for `Tasks.run`.
        work: What to do at each turn.
        seconds: Between two turns.
        tasks: Owns the work.
        clock: What turns are measured by.
        put_off: Told that there was no room for a turn.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        work: Callable[[], Coroutine[Deferred[Any], Any, object]],
        seconds: float,
        *,
        tasks: Tasks,
        clock: IReactorTime,
        put_off: Callable[[Overloaded], None] | None = None,
    ) -> None:
        self._name = name
        self._work = work
        self._seconds = seconds
        self._tasks = tasks
        self._put_off = put_off or self._note
        self._busy = False
        self._turns = LoopingCall(self._turn)
        self._turns.clock = clock

    def start(self) -> None:
        """Begin; the first turn comes after so many seconds."""
        self._turns.start(self._seconds, now=False).addErrback(self._died)

    def stop(self) -> None:
        """End; work under way is its owner's to cancel."""
        if self._turns.running:
            self._turns.stop()

    def _turn(self) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            self._tasks.run(self._name, self._do())
        except Overloaded as error:
            self._busy = False
            self._put_off(error)

    async def _do(self) -> None:
        try:
            await self._work()
        finally:
            self._busy = False

    def _note(self, error: Overloaded) -> None:
        self._log.info("{name} is put off: {error}", name=self._name, error=error)

    def _died(self, failure: Failure) -> None:
        self._log.failure("The background task {name} comes no more.", failure, name=self._name)


def _pass_on(result: object, waiter: Deferred[object]) -> object:
    waiter.callback(None)
    return result
