"""One LoopingCall for all deadlines of a gateway."""

from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

#: Seconds between two sweeps: how late a deadline may be noticed.
SWEEP_SECONDS = 0.5


class Mortal(Protocol):
    """Something with a deadline."""

    @property
    def deadline(self) -> float | None:
        """When it wants to be called, in seconds of the clock; None for never again."""

    def due(self, now: float) -> None:
        """Its deadline has come. It must move or clear the deadline."""


class Reaper:
    """
    Calls those whose deadline has come.

    A deadline that moves away costs nothing: it is looked at again only when the old one
    would have come. So a sweep costs what is due, not what is connected.

    Args:
        clock: What deadlines are measured by.
        interval: Seconds between sweeps.
    """

    _log = Logger()
    _calling = _log.failureHandler("A deadline's owner failed.")

    def __init__(self, clock: IReactorTime, interval: float = SWEEP_SECONDS) -> None:
        self._clock = clock
        self._interval = interval
        self._queue: list[tuple[float, int, Mortal]] = []
        self._next: dict[Mortal, float] = {}
        self._order = count()
        self._sweeping = LoopingCall(self.sweep)
        self._sweeping.clock = clock
        self._done: Deferred[LoopingCall] | None = None

    def start(self) -> None:
        """Begin to sweep."""
        self._done = self._sweeping.start(self._interval, now=False)
        self._done.addErrback(lambda failure: self._log.failure("The reaper died.", failure))

    def stop(self) -> None:
        """End the sweeping."""
        if self._sweeping.running:
            self._sweeping.stop()

    def watch(self, mortal: Mortal) -> None:
        """
        Begin to watch; or look again, when a deadline has moved nearer.

        One whose deadline is None is not watched.
        """
        when = mortal.deadline
        if when is None:
            self._next.pop(mortal, None)
        elif self._next.get(mortal, when + 1) > when:
            self._next[mortal] = when
            heappush(self._queue, (when, next(self._order), mortal))

    def forget(self, mortal: Mortal) -> None:
        """Stop watching."""
        self._next.pop(mortal, None)

    def sweep(self) -> None:
        """Call all whose deadline has come."""
        now = self._clock.seconds()
        while self._queue and self._queue[0][0] <= now:
            when, _, mortal = heappop(self._queue)
            if self._next.get(mortal) != when:
                continue
            del self._next[mortal]
            deadline = mortal.deadline
            if deadline is not None and deadline <= now:
                with self._calling:
                    mortal.due(now)
            self.watch(mortal)

    def __len__(self) -> int:
        return len(self._next)
