"""The days of history: prepared ahead, and forgotten when they are over."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mudserver.errors import Fenced, StorageRefused, Unavailable
from mudserver.ids import Epoch
from mudserver.interfaces.history import IHistoryStore, Retention
from mudserver.interfaces.meter import IMeter
from mudserver.tasks import RecurringTask, Tasks

#: Seconds between two looks. Days are prepared long ahead, so that many may fail.
UPKEEP_SECONDS: Final = 600.0


class HistoryUpkeep:
    """
    Keeps history by the day, as long as we have the lease.

    Args:
        store: Where it is.
        epoch: Of our lease.
        retention: How long what is kept.
        utc_now: The wall clock.
        clock: When it looks.
        tasks: Owns each look.
        meter: Gets ``history_upkeep_failures`` (counter).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        store: IHistoryStore,
        epoch: Epoch,
        retention: Retention,
        utc_now: Callable[[], datetime],
        clock: IReactorTime,
        tasks: Tasks,
        meter: IMeter,
    ) -> None:
        self._store = store
        self._epoch = epoch
        self._retention = retention
        self._utc_now = utc_now
        self._meter = meter
        self._looks = RecurringTask(
            "history",
            self._maintain,
            UPKEEP_SECONDS,
            tasks=tasks,
            clock=clock,
            put_off=self._later,
        )

    async def start(self) -> None:
        """Look at once, whether or not that succeeds, and then now and then."""
        await self._maintain()
        self._looks.start()

    def stop(self) -> None:
        """End; a look under way is its owner's to cancel."""
        self._looks.stop()

    async def _maintain(self) -> None:
        try:
            done = await self._store.maintain(self._epoch, self._utc_now(), self._retention)
        except Fenced:
            pass  # the journal will find that out, and say so
        except Unavailable as error:
            self._later(error)
        except StorageRefused:
            # Lines of a day that isn't prepared are kept all the same: a world opens without it.
            self._meter.count("history_upkeep_failures")
            self._log.failure("The days of history can't be kept.")
        else:
            if done.made or done.dropped:
                self._log.info(
                    "History: {made} days prepared, {dropped} forgotten.",
                    made=done.made,
                    dropped=done.dropped,
                )

    def _later(self, error: Unavailable) -> None:
        self._meter.count("history_upkeep_failures")
        self._log.info("The days of history are kept later: {error}", error=error)
