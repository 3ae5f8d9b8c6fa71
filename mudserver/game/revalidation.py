"""Who is here is looked at now and then, whether anything was heard of them or not."""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mudserver.game.standings import Standings

#: Seconds from one round to the next, at most.
ROUND_SECONDS: Final = 60.0

#: How much earlier a round may be, at random, as a fraction: so that the worlds of one database
#: don't all ask at once.
JITTER: Final = 0.2


class Revalidation:
    """
    Has the tokens and accounts of all who are here looked at, again and again.

    A notice is a hint, and may be lost; the truth is what is stored. A round asks for 500 accounts
    at a time, one query after the other.

    Args:
        standings: What looks.
        clock: Measures the rounds.
        pick: Chance: at least 0, less than 1.
    """

    def __init__(
        self, *, standings: Standings, clock: IReactorTime, pick: Callable[[], float]
    ) -> None:
        self._standings = standings
        self._clock = clock
        self._pick = pick
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Begin."""
        self._next = self._clock.callLater(
            ROUND_SECONDS * (1.0 - JITTER * self._pick()), self._round
        )

    def stop(self) -> None:
        """End; a look under way is its owner's to cancel."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _round(self) -> None:
        self.start()  # first, so that whatever happens below ends no more than this round
        self._standings.look_at_all()
