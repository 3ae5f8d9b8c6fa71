"""
A world that has its turn, and can't be reached on the bus, makes room for one that can.

Its turn is PostgreSQL's to give, which it reaches still: so nobody sees that players wait, but the
worlds that stand by. They ask whoever has the turn to leave it. One that has no link itself does
so, in good order; any other has its reasons, such as that it opens just now, and doesn't.
"""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mudserver.interfaces.bus import WORLD, IBus

#: Seconds between two looks.
LOOK_SECONDS: Final = 2.0

#: Seconds for which no world may respond until the one that has the turn is asked to leave it; a
#: hub that restarts is found again in less.
ALONE_SECONDS: Final = 20.0

#: Seconds without a link after which that one does.
UNLINKED_SECONDS: Final = 10.0


class CutOff:
    """
    Looks after the link of a world that is open, and after a world where one stands by.

    Args:
        bus: Tells whether a world responds.
        clock: Measures for how long none does, and for how long there is no link.
        linked: Tells whether we have our link to the bus.
        waits: Tells whether we stand by.
        claim: Asks whoever has the turn to leave it.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        bus: IBus,
        clock: IReactorTime,
        linked: Callable[[], bool],
        waits: Callable[[], bool],
        claim: Callable[[], None],
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._linked = linked
        self._waits = waits
        self._claim = claim
        self._there = False
        self._alone_since: float | None = None
        self._unlinked_since: float | None = None
        self._told = False
        self._unwatch: Callable[[], None] | None = None
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    @property
    def complete(self) -> bool:
        """Whether we have had no link for so long that another may have our turn."""
        since = self._unlinked_since
        if since is None or self._linked():  # again, perhaps since the last look
            return False
        return self._clock.seconds() - since >= UNLINKED_SECONDS

    def start(self) -> None:
        """Begin to look."""
        self._unwatch = self._bus.watch(WORLD, self._seen)
        self._looking.start(LOOK_SECONDS).addErrback(
            lambda failure: self._log.failure("Nobody looks whether worlds are cut off.", failure)
        )

    def stop(self) -> None:
        """End that."""
        unwatch, self._unwatch = self._unwatch, None
        if unwatch is not None:
            unwatch()
        if self._looking.running:
            self._looking.stop()

    def _seen(self, there: frozenset[str]) -> None:
        self._there = bool(there)

    def _look(self) -> None:
        now = self._clock.seconds()
        linked = self._linked()
        if linked:
            self._unlinked_since = None
        elif self._unlinked_since is None:
            self._unlinked_since = now
        if not linked or self._there or not self._waits():
            self._alone_since = None
            self._told = False
        elif self._alone_since is None:
            self._alone_since = now
        elif now - self._alone_since >= ALONE_SECONDS:
            self._ask()

    def _ask(self) -> None:
        if not self._told:
            self._told = True
            self._log.warn(
                "Another process has the turn to be the world, and does not respond on the bus: it"
                " is asked to leave it to this one, as long as that is so."
            )
        self._claim()
