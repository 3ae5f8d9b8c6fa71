"""Succession by an advisory lock of PostgreSQL, on a connection of its own."""

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mudserver.errors import MudError, StorageUnavailable
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.succession import ISuccession
from mudserver.storage.connection import Connection, IReactorForConnections, Limits
from mudserver.storage.dsn import Dsn

#: The two numbers of the lock, which is held by one session of the database at a time: "muds",
#: "wrld".
LOCK: Final = (0x6D756473, 0x77726C64)

#: Where the next one is told that it can have its turn; what is said there is its name.
CHANNEL: Final = "mudserver_succession"

#: Where the one that has its turn is asked to leave it; what is said there is the asker's name.
CLAIMS: Final = "mudserver_claims"

#: Seconds between two tries to get the lock. To wait for it within the statement would keep
#: VACUUM from its work for as long as one stands by.
POLL_SECONDS: Final = 0.25

#: Seconds for which others leave it to the one that was named, and one that left to all others.
COURTESY_SECONDS: Final = 2.0

#: Seconds between two looks whether the connection that has the lock is still there.
PULSE_SECONDS: Final = 1.0

#: Seconds that telling the others may take.
LEAVE_SECONDS: Final = 2.0

#: Seconds before a lost connection is replaced; doubled with each failure up to the second number.
RECONNECT_SECONDS: Final = 0.1
MAX_RECONNECT_SECONDS: Final = 2.0

#: What the connection may take.
LIMITS: Final = Limits(connect=3.0, statement=3.0, lock=3.0, grace=1.0)

#: Seconds after which a host that is gone is taken for gone, by us (libpq) and by the server, which
#: gives the lock free then.
_GONE_SECONDS: Final = 3
_OURS: Final = {
    "keepalives_idle": "1",
    "keepalives_interval": "1",
    "keepalives_count": f"{_GONE_SECONDS - 1}",
    "tcp_user_timeout": f"{_GONE_SECONDS * 1000}",
}
_THEIRS: Final = (
    "-c tcp_keepalives_idle=1 -c tcp_keepalives_interval=1"
    f" -c tcp_keepalives_count={_GONE_SECONDS - 1} -c tcp_user_timeout={_GONE_SECONDS * 1000}"
)

#: Bytes of a session's name in PostgreSQL.
_MAX_NAME_BYTES: Final = 63

_LISTEN: Final = f"LISTEN {CHANNEL}; LISTEN {CLAIMS}"
_CLAIM: Final = f"SELECT pg_notify('{CLAIMS}', %s)"
_TRY: Final = "SELECT pg_try_advisory_lock(%s, %s)"
_PASS_ON: Final = f"SELECT pg_advisory_unlock(%s, %s), pg_notify('{CHANNEL}', %s)"
# A lock on a server that is no primary any more is worth nothing: others hold it elsewhere.
_PULSE: Final = "SELECT current_setting('transaction_read_only') = 'on'"


@implementer(ISuccession)
class PostgresSuccession:
    """
    Holds a session's lock while it is our turn, and tries to get it until then.

    The server frees it with the session: at once where a process ends in whatever way, within
    seconds where its host is gone. A connection that breaks is replaced, for as long as it goes on.

    Args:
        reactor: Reads, writes, times and looks up names.
        dsn: Where the database is, and as whom to enter it.
        name: By which others name us, and the server's operator sees us.
        meter: Gets ``world_turn`` (gauge).
    """

    _log = Logger()

    def __init__(self, reactor: IReactorForConnections, dsn: Dsn, name: str, meter: IMeter) -> None:
        self._reactor = reactor
        theirs = f"{dsn.parameters.get('options', '')} {_THEIRS}".strip()
        self._dsn = dsn.extended({**_OURS, "options": theirs})
        self._name = name
        self._meter = meter
        self._waiters: list[Deferred[None]] = []
        self._leavers: list[Deferred[None]] = []
        self._running: Deferred[None] | None = None
        self._wake: Deferred[None] | None = None
        self._late: IDelayedCall | None = None
        self._to: str | None = None
        self._courteous_until = 0.0
        self._had = False
        self._claiming = False
        self._claimed: Callable[[str], None] | None = None
        self._broken = False
        self._held = False

    @property
    def held(self) -> bool:
        """Implement `ISuccession.held`."""
        return self._held

    def turn(self) -> Deferred[None]:
        """Implement `ISuccession.turn`."""
        if self._held and self._to is None:
            return succeed(None)
        waiter: Deferred[None] = Deferred(self._give_up)
        self._waiters.append(waiter)
        if self._running is None:
            self._start()
        return waiter

    def leave(self, to: str = "") -> Deferred[None]:
        """Implement `ISuccession.leave`."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.errback(CancelledError())
        running = self._running
        if running is None:
            return succeed(None)
        left: Deferred[None] = Deferred()
        self._leavers.append(left)
        if self._to is None:
            self._to = to
            self._courteous_until = self._reactor.seconds() + COURTESY_SECONDS
            self._late = self._reactor.callLater(LEAVE_SECONDS, running.cancel)
            self._awake()
        return left

    def claim(self) -> None:
        """Implement `ISuccession.claim`."""
        self._claiming = True
        self._awake()

    def heed(self, claimed: Callable[[str], None]) -> None:
        """Implement `ISuccession.heed`."""
        self._claimed = claimed

    # ------------------------------------------------------------ one's place

    def _give_up(self, waiter: Deferred[None]) -> None:
        self._waiters.remove(waiter)
        self.leave()

    def _start(self) -> None:
        self._had = self._broken = False
        running = Deferred.fromCoroutine(self._run())
        self._running = running
        running.addBoth(self._ended)

    def _ended(self, result: Failure | None) -> None:
        if isinstance(result, Failure) and not result.check(CancelledError):
            self._log.failure("The turn of this world is not looked after any more.", result)
        self._running = self._to = None
        late, self._late = self._late, None
        if late is not None and late.active():
            late.cancel()
        leavers, self._leavers = self._leavers, []
        for each in leavers:
            each.callback(None)
        if self._waiters:
            self._start()

    async def _run(self) -> None:
        pause = RECONNECT_SECONDS
        while self._to is None:
            try:
                connection = await Connection.open(
                    self._reactor,
                    self._dsn,
                    LIMITS,
                    _application(self._name),
                    lost=self._awake,
                    heard=self._heard,
                )
                try:
                    await connection.execute(_LISTEN)
                    pause = RECONNECT_SECONDS
                    self._mended()
                    await self._take(connection)
                    await self._keep(connection)
                    await self._pass_on(connection)
                finally:
                    connection.close()
                    self._mark(held=False)
            except MudError as error:
                self._lost(str(error))
            except CancelledError:
                raise
            except Exception:  # noqa: BLE001 - whatever it is, we go on
                self._log.failure("Waiting for the turn failed in a way that nobody foresaw.")
            await self._sleep(pause)
            pause = min(pause * 2, MAX_RECONNECT_SECONDS)

    async def _take(self, connection: Connection) -> None:
        """Try until the lock is ours, or we leave."""
        self._claiming = False
        while self._to is None:
            if self._claiming:
                self._claiming = False
                await connection.execute(_CLAIM, (self._name,))
            patience = self._courteous_until - self._reactor.seconds()
            if patience <= 0:
                await self._check(connection)
                [(taken,)] = (await connection.execute(_TRY, LOCK)).rows
                if taken:
                    self._begin()
                    return
            await self._sleep(max(POLL_SECONDS, patience))

    async def _keep(self, connection: Connection) -> None:
        """Look whether the lock is still ours, until we leave."""
        while self._to is None:
            await self._sleep(PULSE_SECONDS)
            if self._to is None:
                await self._check(connection)

    async def _check(self, connection: Connection) -> None:
        (read_only,) = (await connection.execute(_PULSE)).rows[0]
        if read_only:
            raise StorageUnavailable("the database: the server has become read-only")

    async def _pass_on(self, connection: Connection) -> None:
        """Give the lock free, and say so."""
        if self._held:
            await connection.execute(_PASS_ON, (*LOCK, self._to or ""))

    def _begin(self) -> None:
        self._mark(held=True)
        if not self._had:
            self._had = True
            self._log.info("It is this world's turn.")
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(None)

    def _mark(self, *, held: bool) -> None:
        self._held = held
        self._meter.gauge("world_turn", float(held))

    # ------------------------------------------------------------ waiting

    async def _sleep(self, seconds: float) -> None:
        """Wait until that time is over, or something has happened."""
        if self._to is not None:
            return
        wake: Deferred[None] = Deferred()
        self._wake = wake
        timer = self._reactor.callLater(seconds, self._awake)
        try:
            await wake
        finally:
            self._wake = None
            if timer.active():
                timer.cancel()

    def _awake(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None:
            wake.callback(None)

    def _heard(self, channel: str, text: str) -> None:
        if self._to is not None:
            return  # these are our own words
        if channel == CLAIMS:
            if self._held and self._claimed is not None and text != self._name:
                self._claimed(text)
            return
        others = text not in ("", self._name)
        self._courteous_until = self._reactor.seconds() + COURTESY_SECONDS if others else 0.0
        self._awake()

    def _mended(self) -> None:
        if self._broken:
            self._broken = False
            self._log.info("The database can be asked again whose turn it is.")

    def _lost(self, problem: str) -> None:
        if not self._broken:
            self._broken = True
            self._log.warn(
                "The database can't be asked for now whose turn it is to be the world: {problem}",
                problem=problem,
            )


def _application(name: str) -> str:
    """Return our name, as the server shows it to its operator."""
    return f"mudserver world {name}".encode()[:_MAX_NAME_BYTES].decode("utf-8", "ignore")
