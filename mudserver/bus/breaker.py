"""
Circuit breakers: who does not answer is left alone for a while.

There is one for each destination, which is a subject, and none touches another. After so many
failures in a row it opens: nothing is tried there until a pause is over, then a single trial
decides. Each failed trial makes the next pause longer.

No clock: ``now`` is an argument, in seconds of any monotonic clock.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Final

from attrs import define, field, frozen

from mudserver.bus.backoff import Backoff, Pick

#: Destinations that failed lately and are remembered; of more, the one that did not fail for
#: longest is forgotten, as if it had never failed.
MAX_BREAKERS: Final = 1_000


class BreakerState(Enum):
    """What a breaker lets through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


def subject_class(subject: str) -> str:
    """Return what kind of destination a subject is: its first word."""
    return subject.partition(".")[0]


@frozen
class BreakerLimits:
    """
    When breakers open, and for how long.

    Attributes:
        failures: In a row, after which one opens.
        trial: Seconds after which a trial that nobody reported of is taken for failed.
        backoff: The pauses; each is at least half of the most that it may be.
        memory: Seconds after a pause in which nothing is tried there; then it is forgotten that it
            failed.
    """

    failures: int = 5
    trial: float = 10.0
    backoff: Backoff = field(default=Backoff(first=0.5, longest=5.0))
    memory: float = 60.0


@define(eq=False)
class _Breaker:
    """One destination that failed."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    opened: int = 0
    until: float = 0.0


@define(eq=False)
class Breakers:
    """
    The breakers of all destinations.

    Attributes:
        limits: When they open.
        pick: Gives fractions, for jitter.
        changed: Called with a destination and the state that it came into.
        max_breakers: How many to remember.
    """

    limits: BreakerLimits
    pick: Pick
    changed: Callable[[str, BreakerState], None]
    max_breakers: int = MAX_BREAKERS
    _breakers: OrderedDict[str, _Breaker] = field(factory=OrderedDict, init=False)

    def __len__(self) -> int:
        return len(self._breakers)

    def state(self, subject: str) -> BreakerState:
        """Return a destination's state."""
        breaker = self._breakers.get(subject)
        return BreakerState.CLOSED if breaker is None else breaker.state

    def counts(self) -> Counter[tuple[str, BreakerState]]:
        """Count those that are not closed, by class of destination and state."""
        return Counter(
            (subject_class(subject), breaker.state)
            for subject, breaker in self._breakers.items()
            if breaker.state is not BreakerState.CLOSED
        )

    def admit(self, subject: str, now: float) -> bool:
        """
        Ask whether something may be tried there now.

        The first that is admitted after a pause is the trial; `succeeded`, `failed` or `withdrawn`
        is to follow.
        """
        breaker = self._breakers.get(subject)
        if breaker is None or breaker.state is BreakerState.CLOSED:
            return True
        if now < breaker.until:
            return False
        breaker.until = now + self.limits.trial
        self._move(subject, breaker, BreakerState.HALF_OPEN)
        return True

    def reopens(self, subject: str) -> float:
        """Return when to ask `admit` again, where it said no."""
        breaker = self._breakers.get(subject)
        return 0.0 if breaker is None else breaker.until

    def succeeded(self, subject: str) -> None:
        """Somebody answered there, or is seen to be there now."""
        breaker = self._breakers.pop(subject, None)
        if breaker is not None:
            self._move(subject, breaker, BreakerState.CLOSED)

    def failed(self, subject: str, now: float) -> None:
        """Nobody answered there, or not in time."""
        breaker = self._breakers.get(subject)
        if breaker is None:
            breaker = self._breakers[subject] = _Breaker()
            self._forget_surplus()
        self._breakers.move_to_end(subject)
        breaker.failures += 1
        match breaker.state:
            case BreakerState.CLOSED:
                if breaker.failures >= self.limits.failures:
                    self._open(subject, breaker, now)
            case BreakerState.HALF_OPEN:
                self._open(subject, breaker, now)
            case BreakerState.OPEN:
                pass  # it was under way when the breaker opened

    def withdrawn(self, subject: str, now: float) -> None:
        """Whoever tried there has given up waiting; if that was the trial, another may be it."""
        breaker = self._breakers.get(subject)
        if breaker is not None and breaker.state is BreakerState.HALF_OPEN:
            breaker.until = now

    def forget(self) -> None:
        """Forget all that failed: it may have been for another reason."""
        for subject in tuple(self._breakers):
            self.succeeded(subject)

    def expire(self, now: float) -> bool:
        """
        Forget those where nothing is tried any more.

        Returns:
            Whether any is left that is not closed.
        """
        left = False
        for subject, breaker in tuple(self._breakers.items()):
            if breaker.state is BreakerState.CLOSED:
                continue
            if breaker.until + self.limits.memory <= now:
                self.succeeded(subject)
            else:
                left = True
        return left

    def _open(self, subject: str, breaker: _Breaker, now: float) -> None:
        breaker.opened += 1
        most = self.limits.backoff.most(breaker.opened)
        breaker.until = now + most * (1.0 + self.pick()) / 2.0
        self._move(subject, breaker, BreakerState.OPEN)

    def _move(self, subject: str, breaker: _Breaker, state: BreakerState) -> None:
        if breaker.state is not state:
            breaker.state = state
            self.changed(subject, state)

    def _forget_surplus(self) -> None:
        if len(self._breakers) > self.max_breakers:
            subject, breaker = self._breakers.popitem(last=False)
            self._move(subject, breaker, BreakerState.CLOSED)
