"""The circuit breakers of a peer, shown to operators and forgotten in time."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.bus.backoff import Pick
from mudserver.bus.breaker import BreakerLimits, Breakers, BreakerState, subject_class
from mudserver.interfaces.meter import IMeter


class Destinations:
    """
    Where a peer sends, and which of it is left alone for a while.

    Args:
        clock: Measures for how long.
        limits: When, and for how long.
        pick: Gives fractions, for jitter.
        meter: Gets their states, by class of destination.
        back: Called with a destination that is left alone no more.

    Attributes:
        breakers: One for each.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        limits: BreakerLimits,
        *,
        pick: Pick,
        meter: IMeter,
        back: Callable[[str], None],
    ) -> None:
        self.breakers = Breakers(limits, pick, self._changed)
        self._clock = clock
        self._memory = limits.memory
        self._meter = meter
        self._back = back
        self._expiring: IDelayedCall | None = None

    def stop(self) -> None:
        """Forget all that failed."""
        self.breakers.forget()
        if self._expiring is not None:
            self._expiring.cancel()
            self._expiring = None

    def _changed(self, subject: str, state: BreakerState) -> None:
        kind = subject_class(subject)
        self._meter.count("bus_breaker_transitions", destination=kind, state=state.value)
        counts = self.breakers.counts()
        for each in (BreakerState.OPEN, BreakerState.HALF_OPEN):
            self._meter.gauge(
                "bus_breakers", counts[kind, each], destination=kind, state=each.value
            )
        self._log.info(
            "The circuit breaker of {subject} is {state}.", subject=subject, state=state.value
        )
        if state is BreakerState.CLOSED:
            self._back(subject)
        elif self._expiring is None:
            self._expire_later()

    def _expire_later(self) -> None:
        self._expiring = self._clock.callLater(self._memory, self._expire)

    def _expire(self) -> None:
        self._expiring = None
        # What is forgotten now can't open another one, so that there is no second timer.
        if self.breakers.expire(self._clock.seconds()):
            self._expire_later()
