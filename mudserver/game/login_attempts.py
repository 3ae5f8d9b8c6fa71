"""Who tries passwords how often, remembered beyond a restart."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mudserver.errors import StorageRefused, TooManyTries, Unavailable
from mudserver.game.throttle import MAX_KEYS, LoginThrottle, ThrottleLimits, network
from mudserver.interfaces.failed_logins import Attempt, FailedLogin, IFailedLoginStore
from mudserver.interfaces.meter import IMeter
from mudserver.tasks import RecurringTask, Tasks

#: Seconds between two writes; a kill forgets what failed since the last one.
WRITE_SECONDS: Final = 2.0

#: Rows that one write takes. So an attacker has a hundred rows a second written, and the table
#: holds no more than fit into the window.
MAX_WRITTEN: Final = 200

#: Failures, and forgivings, that wait to be written; of more, the oldest would be forgotten by a
#: restart.
MAX_WAITING: Final = 2_000

#: Tries that wait until others of their account or network are judged; more are refused, and told
#: to come back after so many seconds.
MAX_HELD: Final = 500
HELD_SECONDS: Final = 1.0

#: Seconds between two sweeps of what is too old to count.
SWEEP_SECONDS: Final = 60.0

#: Characters of an address, or of what stands for one.
_MAX_NETWORK: Final = 64


class LoginAttempts:
    """
    Slows down those who guess passwords, before a restart and after it.

    Failures are counted in memory, at once, and written behind. While the database is away nothing
    changes but that they wait. Every moment before `load` is as if there had been none.

    Args:
        store: Where they are written.
        limits: How often one may fail.
        clock: What delays are measured by.
        utc_now: The wall clock; its times outlive the process.
        tasks: Owns each write.
        meter: Gets ``failed_logins_dropped`` (counter).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        store: IFailedLoginStore,
        limits: ThrottleLimits,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        tasks: Tasks,
        meter: IMeter,
    ) -> None:
        self._store = store
        self._window = timedelta(seconds=limits.window)
        self._throttle = LoginThrottle(limits)
        self._clock = clock
        self._utc_now = utc_now
        self._meter = meter
        self._failed: deque[FailedLogin] = deque()
        self._forgiven: dict[Attempt, None] = {}
        self._held: dict[Deferred[None], Attempt] = {}
        self._decisions: deque[Attempt] = deque()
        self._stored = True
        self._sweep_at = clock.seconds() + SWEEP_SECONDS
        self._writes = RecurringTask(
            "failed_logins", self._work, WRITE_SECONDS, tasks=tasks, clock=clock
        )

    # ------------------------------------------------------------ counting

    async def begin(self, name: str, address: str) -> None:
        """
        Begin a try, when it has its turn; `fail`, `succeed` or `refund` must follow.

        Args:
            name: The account's name in the form that is compared.
            address: Where the try comes from.

        Raises:
            TooManyTries: It comes too early, or too many wait; none has begun.
        """
        attempt = _attempt(name, address)
        while not self._throttle.begin(attempt, self._clock.seconds()):
            if len(self._held) >= MAX_HELD:
                raise TooManyTries("Too many try at once.", retry_after=HELD_SECONDS)
            waiter: Deferred[None] = Deferred(self._give_up)
            self._held[waiter] = attempt
            await waiter

    def refund(self, name: str, address: str) -> None:
        """A try said nothing about the password."""
        attempt = _attempt(name, address)
        self._throttle.refund(attempt)
        self._decided(attempt)

    def fail(self, name: str, address: str) -> None:
        """The password was wrong: the try is charged."""
        attempt = _attempt(name, address)
        self._throttle.fail(attempt, self._clock.seconds())
        if len(self._failed) >= MAX_WAITING:
            self._failed.popleft()
            self._meter.count("failed_logins_dropped")
        self._failed.append(FailedLogin(attempt, self._utc_now()))
        self._decided(attempt)

    def succeed(self, name: str, address: str) -> None:
        """The password was right: forgive what this account failed there before."""
        attempt = _attempt(name, address)
        if self._throttle.succeed(attempt):
            self._forgive(attempt)
        self._decided(attempt)

    def _forgive(self, attempt: Attempt) -> None:
        self._failed = deque(
            evolve(each, forgiven=True) if each.attempt == attempt else each
            for each in self._failed
        )
        if len(self._forgiven) < MAX_WAITING:
            self._forgiven[attempt] = None

    def _give_up(self, waiter: Deferred[None]) -> None:
        del self._held[waiter]

    def _decided(self, attempt: Attempt) -> None:
        """Let those go on who waited for a try, in their order; who still can't, waits again."""
        self._decisions.append(attempt)
        if len(self._decisions) > 1:
            return  # one who goes on was decided at once: the loop below comes to it
        while self._decisions:
            decided = self._decisions[0]
            freed = [
                waiter
                for waiter, each in self._held.items()
                if each.account == decided.account or each.network == decided.network
            ]
            for waiter in freed:
                if self._held.pop(waiter, None) is not None:
                    waiter.callback(None)
            self._decisions.popleft()

    # ------------------------------------------------------------ remembering

    async def load(self) -> None:
        """
        Count what failed before the restart.

        Raises:
            StorageUnavailable: That can't be read.
        """
        now = self._utc_now()
        for row in await self._store.since(now - self._window, MAX_KEYS):
            age = max(0.0, (now - row.at).total_seconds())
            self._throttle.recall(row.attempt, self._clock.seconds() - age, forgiven=row.forgiven)

    def start(self) -> None:
        """Begin to write."""
        self._writes.start()

    async def stop(self) -> None:
        """Write what is left; what can't be written is logged."""
        self._writes.stop()
        try:
            while (self._failed or self._forgiven) and await self._write():
                pass
        except Exception:  # noqa: BLE001 - whatever it is, the rest stops all the same
            self._log.failure("The last failed log-ins are not written down.")

    async def _work(self) -> None:
        if self._stored and self._clock.seconds() >= self._sweep_at:
            self._sweep_at = self._clock.seconds() + SWEEP_SECONDS
            await self._sweep()
        elif self._failed or self._forgiven:
            await self._write()

    async def _write(self) -> bool:
        """Write some; return whether that went well, so that there is less to write."""
        rows = [self._failed.popleft() for _ in range(min(MAX_WRITTEN, len(self._failed)))]
        forgiven = list(self._forgiven)[:MAX_WRITTEN]
        for attempt in forgiven:
            del self._forgiven[attempt]
        try:
            await self._store.add(rows, forgiven)
        except StorageRefused:
            self._log.failure("Failed log-ins can't be written down.")
            self._meter.count("failed_logins_dropped", float(len(rows)))
        except BaseException as error:
            self._put_back(rows, forgiven)
            if not isinstance(error, Unavailable):
                raise
            self._log.info("Failed log-ins are written down later: {error}", error=error)
            return False
        self._stored = True
        return True

    def _put_back(self, rows: Sequence[FailedLogin], forgiven: Sequence[Attempt]) -> None:
        """Let what could not be written wait again; what was forgiven meanwhile, is."""
        for row in reversed(rows):
            if len(self._failed) >= MAX_WAITING:
                self._meter.count("failed_logins_dropped")
                continue
            self._failed.appendleft(evolve(row, forgiven=row.attempt in self._forgiven))
        self._forgiven = dict.fromkeys(forgiven) | self._forgiven

    async def _sweep(self) -> None:
        try:
            self._stored = await self._store.sweep(self._utc_now() - self._window)
        except Unavailable as error:
            self._log.info("Old failed log-ins are swept out later: {error}", error=error)


def _attempt(name: str, address: str) -> Attempt:
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return Attempt(digest, network(address)[:_MAX_NETWORK])
