"""One LoopingCall for all deadlines of a gateway."""

from math import inf, nextafter
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mudserver.session.deadlines import DeadlineQueue

#: Seconds between two sweeps: how late a deadline may be noticed.
SWEEP_SECONDS = 0.5

#: Intervals between two looks that mean that the reactor was held up.
_LATE = 2.0


class Mortal(Protocol):
    """Something with a deadline."""

    @property
    def deadline(self) -> float | None:
        """When it wants to be called, in seconds of the clock; None for never again."""

    def due(self, now: float) -> None:
        """Its deadline has come. Unless it moves or clears the deadline, the next sweep calls it
        again.
        """


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
        self._queue: DeadlineQueue[Mortal] = DeadlineQueue()
        self._sweeping = LoopingCall(self._look)
        self._sweeping.clock = clock
        self._looked_at = 0.0
        self._put_off: IDelayedCall | None = None

    def start(self) -> None:
        """Begin to sweep."""
        self._looked_at = self._clock.seconds()
        self._sweeping.start(self._interval, now=False).addErrback(
            lambda failure: self._log.failure("The reaper died.", failure)
        )

    def stop(self) -> None:
        """End the sweeping."""
        if self._sweeping.running:
            self._sweeping.stop()
        if self._put_off is not None:
            self._put_off.cancel()
            self._put_off = None

    def watch(self, mortal: Mortal) -> None:
        """
        Begin to watch; or look again, when a deadline has moved nearer.

        One whose deadline is None is not watched.
        """
        self._look_at(mortal, -inf)

    def forget(self, mortal: Mortal) -> None:
        """Stop watching."""
        self._queue.forget(mortal)

    def sweep(self) -> None:
        """Call all whose deadline has come, each once."""
        now = self._clock.seconds()
        later = nextafter(now, inf)
        while (mortal := self._queue.take(now)) is not None:
            with self._calling:
                deadline = mortal.deadline
                if deadline is not None and deadline <= now:
                    mortal.due(now)
            with self._calling:
                self._look_at(mortal, later)

    def _look(self) -> None:
        """
        Sweep; but where the reactor was held up, let it first read what came meanwhile.

        Otherwise those would be given up who answered in time.
        """
        now = self._clock.seconds()
        held_up = now - self._looked_at > _LATE * self._interval
        self._looked_at = now
        if not held_up:
            self.sweep()
        elif self._put_off is None:
            self._put_off = self._clock.callLater(0, self._sweep_at_last)

    def _sweep_at_last(self) -> None:
        self._put_off = None
        self.sweep()

    def __len__(self) -> int:
        return len(self._queue)

    def _look_at(self, mortal: Mortal, earliest: float) -> None:
        """Queue it at its deadline, and not before the earliest moment given."""
        deadline = mortal.deadline
        if deadline is None:
            self.forget(mortal)
            return
        when = max(deadline, earliest)
        queued = self._queue.when(mortal)
        if queued is None or queued > when:
            self._queue.put(mortal, when)
