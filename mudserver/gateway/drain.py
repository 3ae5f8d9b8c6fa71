"""Letting everyone go, when the daemon stops."""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mudserver.errors import CloseCode
from mudserver.gateway.roster import Closable, Roster

#: Connections that are closed in a second, while time allows it. All at once they would come back
#: at once, too; and where there are few, nobody waits for anything.
CLOSES_PER_SECOND: Final = 200.0

#: The part of the drain in which connections are closed; in the rest they go, and all is saved.
SHARE: Final = 0.5

#: Seconds from the goodbye to the abort once somebody is in a hurry.
HURRY_SECONDS: Final = 0.5

_REASON: Final = "The server restarts."


class Drain:
    """
    Closes all connections, each at a moment of its own, in no order that anybody could foresee.

    Args:
        roster: Knows them.
        clock: Measures time.
        pick: A source of fractions from 0 to 1.
        seconds: How long the daemon may take to stop.

    Attributes:
        until: When the last of them is told, in seconds of the clock.
    """

    def __init__(
        self, roster: Roster, clock: IReactorTime, pick: Callable[[], float], seconds: float
    ) -> None:
        self._roster = roster
        self._clock = clock
        self._pick = pick
        self._seconds = seconds
        self._waiting: list[tuple[float, Closable]] = []  # the next one comes last
        self._timer: IDelayedCall | None = None
        self.until = clock.seconds()

    def begin(self) -> None:
        """Begin to let everyone go."""
        guests = sorted(self._roster.present(), key=lambda _: self._pick())
        spread = min(self._seconds * SHARE, len(guests) / CLOSES_PER_SECOND)
        now = self._clock.seconds()
        self.until = now + spread
        self._waiting = [
            (now + spread * (turn + self._pick()) / len(guests), guest)
            for turn, guest in reversed(tuple(enumerate(guests)))
        ]
        self._go_on()

    def hurry(self) -> None:
        """Tell all the rest now, and drop who is still there a moment later."""
        self.stop()
        self.until = self._clock.seconds()
        self._roster.close_all(CloseCode.RESTART, _REASON)
        self._timer = self._clock.callLater(HURRY_SECONDS, self._drop)

    def stop(self) -> None:
        """Nobody is left, or will be waited for."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while self._waiting and self._waiting[-1][0] <= now:
            _, guest = self._waiting.pop()
            self._roster.close(guest, CloseCode.RESTART, _REASON, self.until - now)
        if self._waiting:
            self._timer = self._clock.callLater(self._waiting[-1][0] - now, self._go_on)

    def _drop(self) -> None:
        self._timer = None
        self._roster.abort_all()
