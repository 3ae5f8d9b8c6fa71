"""
The game loop: one writer, one piece of work at a time.

All that reads and changes the world is submitted here, as plain calls that don't wait. Work
comes in lanes: one for each session, and some of the world's own. Within a lane it is done
strictly in order; lanes take turns, of a few pieces each. Work that needs something loaded
returns a Deferred instead of waiting: its lane pauses, and the others go on.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NewType, Protocol

from attrs import Factory, define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import Overloaded
from mudserver.interfaces.meter import IMeter

#: Names an ordered sequence of work.
Lane = NewType("Lane", str)

#: Seconds of work in one turn of the reactor; after it, the sockets have theirs.
TURN_SECONDS: Final = 0.010

#: Pieces of work that a lane has done before the next one has its turn. What one player has typed
#: ahead is shown to the same listeners: in a row, it goes to them in one write.
MAX_ROW: Final = 5

#: Pieces of work that wait in one lane; a gateway paces its players, so this is never reached
#: by typing.
MAX_LANE_WORK: Final = 256

#: Pieces of work that wait in all lanes: some seconds' worth.
MAX_WORK: Final = 20_000

#: Seconds that one lane may pause; then whatever it waits for is given up.
MAX_PAUSE_SECONDS: Final = 20.0


class Work(Protocol):
    """A call that returns at once; or a Deferred of what to do next in its lane."""

    def __call__(self) -> "Deferred[Work] | None":
        """Do it."""
        ...


@frozen(eq=False)
class _Item:
    work: Work
    failed: Callable[[Failure], None]


@define(eq=False)
class _Queue:
    lane: Lane
    items: deque[_Item] = Factory(deque)
    row: int = 0
    pause: Deferred[Work] | None = None


@define(eq=False)
class GameLoop:
    """
    Runs work in turns of `TURN_SECONDS`.

    Work that raises costs nobody else anything: it is logged with its lane and counted, and
    its ``failed`` is called.

    Args:
        clock: What turns are scheduled and measured by.
        meter: Gets ``loop_work`` (gauge: what waits), ``loop_turn_seconds`` (histogram) and
            ``loop_failures`` (counter).
    """

    _clock: IReactorTime
    _meter: IMeter
    _queues: dict[Lane, _Queue] = field(factory=dict, init=False)
    _ready: deque[_Queue] = field(factory=deque, init=False)
    _waiting: int = field(default=0, init=False)
    _turn: IDelayedCall | None = field(default=None, init=False)
    _idle: list[Deferred[None]] = field(factory=list, init=False)
    _stopping: bool = field(default=False, init=False)
    _log = Logger()

    def __len__(self) -> int:
        """Return how many pieces of work wait, paused ones included."""
        return self._waiting + sum(queue.pause is not None for queue in self._queues.values())

    @property
    def busy(self) -> bool:
        """Whether there is work for the next turn already."""
        return bool(self._ready)

    def submit(self, lane: Lane, work: Work, failed: Callable[[Failure], None]) -> None:
        """
        Have work done after all that waits in its lane.

        Args:
            lane: Where it queues.
            work: What to do.
            failed: Told when the work, or what it paused for, has failed; must not raise.

        Raises:
            Overloaded: Too much waits already, in this lane or in all.
        """
        queue = self._queues.get(lane)
        if self._waiting >= MAX_WORK or (queue and len(queue.items) >= MAX_LANE_WORK):
            self._meter.count("loop_refusals")
            raise Overloaded("The world is too busy just now.", retry_after=1.0)
        self._put(lane, queue, _Item(work, failed))

    def require(self, lane: Lane, work: Work, failed: Callable[[Failure], None]) -> None:
        """
        Have work done as `submit` does, whatever waits already.

        For what must not be lost, and is bounded by its nature: that a session ends.
        """
        self._put(lane, self._queues.get(lane), _Item(work, failed))

    def _put(self, lane: Lane, queue: _Queue | None, item: _Item) -> None:
        if queue is None:
            queue = self._queues[lane] = _Queue(lane)
            self._ready.append(queue)
        queue.items.append(item)
        self._waiting += 1
        if self._turn is None:
            self._schedule()

    def idle(self) -> Deferred[None]:
        """Return what fires when no work waits, and no lane pauses."""
        idle: Deferred[None] = Deferred()
        if self._queues:
            self._idle.append(idle)
        else:
            idle.callback(None)
        return idle

    def finish(self) -> Deferred[None]:
        """Run at once what waits for nothing; return what fires as `idle` does."""
        self._run_ready()
        return self.idle()

    def stop(self) -> None:
        """Give up what lanes wait for, now and later, and run all the rest at once."""
        self._stopping = True
        for queue in tuple(self._queues.values()):
            if queue.pause is not None:
                queue.pause.cancel()
        self._run_ready()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._tell_idle()

    def _run_ready(self) -> None:
        while self._ready:
            self._run_next()

    def _schedule(self) -> None:
        if self._turn is None and self._ready:
            self._turn = self._clock.callLater(0, self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        began = self._clock.seconds()
        while self._ready:
            self._run_next()
            if self._clock.seconds() - began >= TURN_SECONDS:
                break
        self._schedule()
        self._meter.observe("loop_turn_seconds", self._clock.seconds() - began)
        self._meter.gauge("loop_work", float(self._waiting))
        self._tell_idle()

    def _tell_idle(self) -> None:
        if not self._queues:
            idle, self._idle = self._idle, []
            for each in idle:
                each.callback(None)

    def _run_next(self) -> None:
        queue = self._ready.popleft()
        item = queue.items.popleft()
        self._waiting -= 1
        try:
            pause = item.work()
        except Exception:  # noqa: BLE001 - whatever it is, it costs this work only
            self._fail(queue, item, Failure())
            pause = None
        if pause is None:
            self._go_on(queue)
        else:
            self._pause(queue, item, pause)

    def _pause(self, queue: _Queue, item: _Item, pause: "Deferred[Work]") -> None:
        def loaded(work: Work) -> None:
            queue.items.appendleft(_Item(work, item.failed))
            self._waiting += 1

        def failed(failure: Failure) -> None:
            self._fail(queue, item, failure)

        def resume(_: object) -> None:
            queue.pause = None
            self._go_on(queue)
            self._schedule()
            self._tell_idle()

        queue.pause = pause
        pause.addTimeout(MAX_PAUSE_SECONDS, self._clock)
        pause.addCallbacks(loaded, failed).addCallback(resume)
        if self._stopping:
            pause.cancel()

    def _go_on(self, queue: _Queue) -> None:
        """Let a lane that is neither waiting its turn nor paused go on, now or in its turn."""
        if not queue.items:
            del self._queues[queue.lane]
            return
        queue.row += 1
        if queue.row < MAX_ROW:
            self._ready.appendleft(queue)
        else:
            queue.row = 0
            self._ready.append(queue)

    def _fail(self, queue: _Queue, item: _Item, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._meter.count("loop_failures")
            self._log.failure("Work in lane {lane} failed.", failure, lane=queue.lane)
        try:
            item.failed(failure)
        except Exception:  # noqa: BLE001 - the loop goes on
            self._log.failure("Nobody could be told of a failure in {lane}.", lane=queue.lane)
