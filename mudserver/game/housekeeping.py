"""What is forgotten in the database, now and then, since nobody will ask for it any more."""

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mudserver.errors import Unavailable
from mudserver.interfaces.journal import IJournalStore
from mudserver.tasks import RecurringTask, Tasks

#: Seconds between two sweeps.
SWEEP_SECONDS: Final = 60.0

#: Portions that one sweep takes at most; what is left is for the next.
MAX_PORTIONS: Final = 20


class Housekeeping:
    """
    Sweeps out old answers.

    Args:
        store: Where they are.
        clock: When to.
        tasks: Owns each sweep.
    """

    _log = Logger()

    def __init__(self, *, store: IJournalStore, clock: IReactorTime, tasks: Tasks) -> None:
        self._store = store
        self._sweeps = RecurringTask("sweep", self._sweep, SWEEP_SECONDS, tasks=tasks, clock=clock)

    def start(self) -> None:
        """Begin."""
        self._sweeps.start()

    def stop(self) -> None:
        """End; a sweep under way is its owner's to cancel."""
        self._sweeps.stop()

    async def _sweep(self) -> None:
        try:
            for _ in range(MAX_PORTIONS):
                if not await self._store.sweep():
                    break
        except Unavailable as error:
            self._log.info("Old answers are swept out later: {error}", error=error)
