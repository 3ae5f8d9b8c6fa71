"""What is forgotten in the database, now and then, since nobody will ask for it any more."""

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import Overloaded, Unavailable
from mudserver.interfaces.journal import IJournalStore
from mudserver.tasks import Tasks

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
        self._tasks = tasks
        self._sweeping = False
        self._ticks = LoopingCall(self._tick)
        self._ticks.clock = clock

    def start(self) -> None:
        """Begin."""
        self._ticks.start(SWEEP_SECONDS, now=False).addErrback(self._failed)

    def stop(self) -> None:
        """End; a sweep under way is its owner's to cancel."""
        if self._ticks.running:
            self._ticks.stop()

    def _tick(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            try:
                self._tasks.run("sweep", self._sweep())
            except Overloaded as error:
                self._sweeping = False
                self._log.info("Old answers are swept out later: {error}", error=error)

    async def _sweep(self) -> None:
        try:
            for _ in range(MAX_PORTIONS):
                if not await self._store.sweep():
                    break
        except Unavailable as error:
            self._log.info("Old answers are swept out later: {error}", error=error)
        finally:
            self._sweeping = False

    def _failed(self, failure: Failure) -> None:
        self._log.failure("Old answers are not swept out any more.", failure)
