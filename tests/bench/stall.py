"""How long the reactor keeps others waiting."""

import time
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tests.bench.figures import percentile

#: Seconds between two looks.
INTERVAL: Final = 0.001


@define(eq=False)
class StallGauge:
    """
    Notes how much later than asked the reactor calls.

    Attributes:
        stalls: Seconds, one number for each look.
    """

    _clock: IReactorTime
    stalls: list[float] = field(init=False, factory=list)
    _due: float = field(init=False, default=0.0)
    _look: IDelayedCall | None = field(init=False, default=None)

    def start(self) -> None:
        """Begin to look."""
        self.stalls.clear()
        self._plan()

    def stop(self) -> None:
        """End that."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def __str__(self) -> str:
        return f"p99 {percentile(self.stalls, 99) * 1e3:.1f}, max {max(self.stalls) * 1e3:.1f} ms"

    def _plan(self) -> None:
        self._due = time.perf_counter() + INTERVAL
        self._look = self._clock.callLater(INTERVAL, self._called)

    def _called(self) -> None:
        self.stalls.append(max(0.0, time.perf_counter() - self._due))
        self._plan()
