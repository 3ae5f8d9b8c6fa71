"""How long the reactor is busy with one thing, during which everybody else waits."""

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mudserver.interfaces.meter import IMeter

#: Seconds between two looks at the clock.
LOOK_SECONDS = 0.05


class TickService(Service):
    """
    Looks at the clock at regular intervals, and measures how far apart the looks were.

    A tick of the reactor that takes longer than the interval puts the next look off, so no tick
    was longer than the longest time between two looks. This works with every reactor: none tells
    when a tick begins and ends.

    Args:
        clock: The reactor.
        meter: Gets ``reactor_tick_seconds``.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, meter: IMeter) -> None:
        self._clock = clock
        self._meter = meter
        self._looked_at = 0.0
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    def startService(self) -> None:
        """Begin to look."""
        Service.startService(self)
        self._looked_at = self._clock.seconds()
        self._looking.start(LOOK_SECONDS, now=False).addErrback(
            lambda failure: self._log.failure("Ticks are measured no more.", failure)
        )

    def stopService(self) -> None:
        """End that."""
        Service.stopService(self)
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        now = self._clock.seconds()
        self._meter.observe("reactor_tick_seconds", now - self._looked_at)
        self._looked_at = now
