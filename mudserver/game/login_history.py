"""Who logged in when and from where, written behind in batches."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mudserver.errors import StorageRefused, Unavailable
from mudserver.ids import AccountId
from mudserver.interfaces.logins import LastLogin, LoginOutcome, LoginRow, LoginWay
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.stores import IAccountStore
from mudserver.tasks import RecurringTask, Tasks

#: Seconds between two writes; a kill forgets what came since the last one.
WRITE_SECONDS: Final = 10.0

#: Rows that one statement writes.
MAX_WRITTEN: Final = 500

#: Rows that wait to be written; of more, the oldest are forgotten.
MAX_WAITING: Final = 10_000

#: What fails again from the same place within this time counts in one row.
COALESCED: Final = timedelta(minutes=10)

#: Failures that more may be counted with, and newest log-ins that are kept in mind until they can
#: be read; of more, the oldest are forgotten.
MAX_KEPT: Final = 10_000

#: Seconds between two sweeps, and portions that one of them takes at most; what is left is for the
#: next.
SWEEP_SECONDS: Final = 600.0
MAX_PORTIONS: Final = 20

_MAX_ADDRESS: Final = 64

K = TypeVar("K")
V = TypeVar("V")


class LoginHistory:
    """
    Notes log-ins in memory, and writes them some seconds later, many at once.

    While the database is away they wait. Nobody waits for them.

    Args:
        store: Where they are written.
        keep: For how long.
        clock: When to write.
        utc_now: The wall clock.
        tasks: Owns each write.
        meter: Gets ``login_history_dropped`` (counter).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        store: IAccountStore,
        keep: timedelta,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        tasks: Tasks,
        meter: IMeter,
    ) -> None:
        self._store = store
        self._keep = keep
        self._clock = clock
        self._utc_now = utc_now
        self._meter = meter
        self._waiting: OrderedDict[tuple[object, ...], LoginRow] = OrderedDict()
        self._failing: OrderedDict[tuple[object, ...], LoginRow] = OrderedDict()
        self._newest: OrderedDict[AccountId, LastLogin] = OrderedDict()
        self._sweep_at = clock.seconds() + SWEEP_SECONDS
        self._writes = RecurringTask(
            "login_history", self._work, WRITE_SECONDS, tasks=tasks, clock=clock
        )

    # ------------------------------------------------------------ noting

    def accepted(self, account: AccountId, address: str, way: LoginWay) -> None:
        """Note that somebody logged in."""
        now = self._utc_now()
        self._wait(LoginRow(account, now, now, address[:_MAX_ADDRESS], way, LoginOutcome.ACCEPTED))
        if way is not LoginWay.HTTP:
            _keep(self._newest, account, LastLogin(now, address, way))

    def failed(
        self, account: AccountId, address: str, way: LoginWay, outcome: LoginOutcome
    ) -> None:
        """Note that somebody was not let in."""
        now = self._utc_now()
        place = (account, address[:_MAX_ADDRESS], way, outcome)
        row = self._failing.get(place)
        if row is None or now - row.at >= COALESCED:
            row = LoginRow(account, now, now, address[:_MAX_ADDRESS], way, outcome)
        else:
            # The wall clock may have been set back meanwhile.
            row = evolve(row, last_at=max(now, row.last_at), tries=row.tries + 1)
        _keep(self._failing, place, row)
        self._wait(row)

    def last(self, account: AccountId) -> LastLogin | None:
        """Tell when somebody came in last, where that may not be stored yet."""
        return self._newest.get(account)

    def _wait(self, row: LoginRow) -> None:
        self._waiting[row.key] = row
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)
            self._meter.count("login_history_dropped")

    # ------------------------------------------------------------ writing

    def start(self) -> None:
        """Begin to write."""
        self._writes.start()

    async def stop(self) -> None:
        """Write what is left; what can't be written is logged."""
        self._writes.stop()
        try:
            while self._waiting and await self._write():
                pass
        except Exception:  # noqa: BLE001 - whatever it is, the rest stops all the same
            self._log.failure("The last log-ins are not written down.")

    async def _work(self) -> None:
        try:
            while self._waiting and await self._write():
                pass
            if self._clock.seconds() >= self._sweep_at:
                self._sweep_at = self._clock.seconds() + SWEEP_SECONDS
                for _ in range(MAX_PORTIONS):
                    if not await self._store.sweep_logins(self._utc_now() - self._keep):
                        break
        except Unavailable as error:
            self._log.info("Old log-ins are swept out later: {error}", error=error)

    async def _write(self) -> bool:
        """Write some; return whether that went well, so that there is less to write."""
        rows = [
            self._waiting.popitem(last=False)[1]
            for _ in range(min(MAX_WRITTEN, len(self._waiting)))
        ]
        try:
            await self._store.add_logins(rows)
        except StorageRefused:
            self._log.failure("Log-ins can't be written down.")
            self._meter.count("login_history_dropped", float(len(rows)))
        except BaseException as error:
            self._put_back(rows)
            if not isinstance(error, Unavailable):
                raise
            self._log.info("Log-ins are written down later: {error}", error=error)
            return False
        return True

    def _put_back(self, rows: list[LoginRow]) -> None:
        """Let what could not be written wait again, but for what has changed meanwhile."""
        newer, self._waiting = self._waiting, OrderedDict((row.key, row) for row in rows)
        self._waiting.update(newer)
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)
            self._meter.count("login_history_dropped")


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > MAX_KEPT:
        kept.popitem(last=False)
