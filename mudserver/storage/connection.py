"""One connection to the database: txpostgres' own, with its sharp edges covered."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import psycopg2
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import (
    IReactorFDSet,
    IReactorPluggableNameResolver,
    IReactorTime,
)
from twisted.python.failure import Failure
from txpostgres import txpostgres
from zope.interface import Interface

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.storage.addresses import resolved
from mudserver.storage.dsn import Dsn
from mudserver.storage.failures import is_dead, is_read_only, translated, words_of

#: Rows that one statement may return. All are converted at once while everything else waits;
#: 50,000 narrow ones take some 50 ms. More must be read in pages.
MAX_ROWS = 50_000

#: Of several servers the one that can be written to; a standby, or a primary that was demoted, is
#: as good as away.
PRIMARY: Final[Mapping[str, str]] = {"target_session_attrs": "read-write"}

Parameters: TypeAlias = Sequence[object] | Mapping[str, object] | None
Row: TypeAlias = tuple[Any, ...]

_PASSING_REFUSALS = (
    "is starting up",
    "is shutting down",
    "in recovery mode",
    "not yet accepting",
    "database system is not accepting",
    "too many",
    "remaining connection slots",
)

# What libpq itself says, and will say again however often it is asked: of TLS.
_LASTING_PROBLEMS = (
    "certificate verify failed",
    "signature failure",
    "does not match host name",
    "root certificate file",
    "server does not support SSL",
)


class IReactorForConnections(IReactorTime, IReactorFDSet, IReactorPluggableNameResolver, Interface):
    """The parts of a reactor that connections need."""


@frozen
class Limits:
    """
    What the server, and where it hangs then we, allow one connection.

    Attributes:
        connect: Seconds to connect, the look-up of names included.
        statement: Seconds for a statement.
        lock: Seconds to wait for one lock.
        idle_in_transaction: Seconds between two statements of a transaction.
        grace: Seconds that a statement gets beyond its limit before we give the connection up; a
            server that hangs doesn't keep its limits.
    """

    connect: float = 5.0
    statement: float = 30.0
    lock: float = 10.0
    idle_in_transaction: float = 30.0
    grace: float = 5.0

    def parameters(self, dsn: Dsn, application: str) -> dict[str, str]:
        """Return libpq's parameters that impose this; what the DSN itself says is kept."""
        settings = {
            "statement_timeout": f"{self.statement * 1000:.0f}",
            "lock_timeout": f"{self.lock * 1000:.0f}",
            "idle_in_transaction_session_timeout": f"{self.idle_in_transaction * 1000:.0f}",
            "TimeZone": "UTC",
            # What is asked often lies in memory or on an SSD, so that 500 rows are found sooner by
            # an index than in a table of 100,000 that is read as a whole. PostgreSQL's default is
            # that of a disk that turns.
            "random_page_cost": "1.1",
        }
        options = [f"-c {name}={value}" for name, value in settings.items()]
        # The last mention of an option is the one that counts.
        options.append(dsn.parameters.get("options", ""))
        return {
            "application_name": application,
            "client_encoding": "UTF8",
            **PRIMARY,
            "keepalives_idle": "30",
            "keepalives_interval": "10",
            "keepalives_count": "3",
            # How long sent data may stay unacknowledged, in milliseconds.
            "tcp_user_timeout": "30000",
            **dsn.parameters,
            "options": " ".join(options).strip(),
        }


@frozen
class Result:
    """
    What a statement gave.

    Attributes:
        rows: Those it returned; none where it returns no rows.
        count: How many rows it returned or changed.
        tag: PostgreSQL's word for what it did, such as ``UPDATE 3``.
    """

    rows: list[Row]
    count: int
    tag: str


class Connection:
    """
    An open connection, for one statement at a time.

    Cancelling a Deferred that waits for a statement is safe and gives up the connection, since
    what the server is doing by then can't be stopped without blocking.

    Attributes:
        demoted: Whether the server said that it can't be written to any more.
    """

    def __init__(self, reactor: IReactorForConnections, wire: "_Wire", deadline: float) -> None:
        self._reactor = reactor
        self._wire = wire
        self._deadline = deadline
        self._abandoned = False
        self.demoted = False

    @classmethod
    async def open(
        cls,
        reactor: IReactorForConnections,
        dsn: Dsn,
        limits: Limits,
        application: str,
        *,
        lost: Callable[[], None],
        heard: Callable[[str, str], None] | None = None,
    ) -> "Connection":
        """
        Connect.

        Args:
            reactor: Reads, writes, times and looks up names.
            dsn: Where, and as whom.
            limits: What the connection may take.
            application: Our name, as the server shows it to its operator.
            lost: Called when the server ends the connection while no statement runs on it.
            heard: Called with the channel and the text of each notice, once LISTEN was executed.

        Raises:
            StorageUnavailable: Nobody answers there, or not in time.
            StorageRefused: The server won't have us; the message has its words.
        """
        wire = _Wire(reactor, lost, heard)
        work = Deferred.fromCoroutine(_connect(reactor, wire, dsn, limits, application))
        work.addTimeout(limits.connect, reactor, onTimeoutCancel=_timed_out)
        connected = False
        try:
            await work
            connected = True
        except (psycopg2.Error, ConnectionClosed, StorageUnavailable) as error:
            words = words_of(error)
            message = f"can't connect to the database {dsn}: {words}"
            raise (StorageRefused if _lasts(words) else StorageUnavailable)(message) from error
        finally:
            if not connected:
                wire.close()
        return cls(reactor, wire, limits.statement + limits.grace)

    @property
    def usable(self) -> bool:
        """Whether another statement may be tried."""
        return not self._abandoned and not self._wire.over

    def close(self) -> None:
        """Close it, at once; a statement that runs fails."""
        self._abandoned = True
        self._wire.close()

    async def execute(self, statement: str, parameters: Parameters = None) -> Result:
        """
        Have one statement executed.

        Args:
            statement: SQL, with ``%s`` or ``%(name)s`` for parameters.
            parameters: Their values.

        Raises:
            StorageUnavailable: It passes: a limit was exceeded, or the connection is lost.
            Conflict: Another transaction was in the way.
            StorageRefused: The same statement would be refused again; or it returned more than
                `MAX_ROWS`.
        """
        if not self.usable:
            raise StorageUnavailable("the database: the connection is lost")
        deadline = self._reactor.callLater(self._deadline, self.close)
        try:
            cursor = self._wire.cursor()
            await _abandonable(cursor.execute(statement, parameters))
            if cursor.description is None:
                rows: list[Row] = []
            elif cursor.rowcount > MAX_ROWS:
                raise StorageRefused(
                    f"a statement returned {cursor.rowcount} rows, over the limit of {MAX_ROWS};"
                    " read them in pages"
                )
            else:
                rows = cursor.fetchall()
        except (psycopg2.Error, ConnectionClosed, ValueError) as error:
            # ValueError is of text that PostgreSQL can't store, such as a NUL, and nothing was
            # sent then.
            if not deadline.active():
                raise StorageUnavailable(
                    f"the database gave no answer within {self._deadline:g} s"
                ) from error
            self.demoted = self.demoted or is_read_only(error)
            if is_dead(error):
                self.close()
            raise translated(error) from error
        except (CancelledError, GeneratorExit):
            self.close()
            raise
        finally:
            if deadline.active():
                deadline.cancel()
        return Result(rows, cursor.rowcount, cursor.statusmessage or "")


class _Cursor(txpostgres.Cursor):  # type: ignore[misc]
    def _handleCancellation(self, failure: Failure) -> Failure:
        """Leave a statement's timeout as it is, so that it differs from a cancelled Deferred."""
        return failure


class _Wire(txpostgres.Connection):  # type: ignore[misc]
    """
    A txpostgres connection that tells when it dies idle, and what it hears, and closes once.

    Only its ``connect``, ``cursor`` and ``close`` are used: what it has for queries, transactions,
    cancelling and reconnecting logs, hides or blocks in ways of its own.
    """

    cursorFactory = _Cursor

    def __init__(
        self,
        reactor: IReactorForConnections,
        lost: Callable[[], None],
        heard: Callable[[str, str], None] | None,
    ) -> None:
        super().__init__(reactor)
        self._lost = lost
        self._heard = heard
        self.over = False

    def doRead(self) -> None:
        """Read what comes unasked, such as a farewell."""
        try:
            super().doRead()
        except (psycopg2.Error, ValueError):
            # ValueError is the reactor's, when it is to watch a descriptor that libpq closed.
            self._die()

    def checkForNotifies(self) -> None:
        """Pass on what was heard; txpostgres would do it later, in the global reactor."""
        notifies = self._connection.notifies[:]
        self._connection.notifies.clear()
        if self._heard is not None:
            for notify in notifies:
                self._heard(notify.channel, notify.payload)

    def connectionLost(self, reason: Failure) -> None:
        """Hear from the reactor that the socket is at its end."""
        super().connectionLost(reason)
        if self._pollingD is None and not self._cursors:
            self._die()

    def cursorFinished(self, cursor: object) -> None:
        """Watch the socket again between statements, if there is still one."""
        try:
            super().cursorFinished(cursor)
        except (psycopg2.Error, ValueError):
            self.close()

    def _handleCancellation(self, failure: Failure) -> Failure:
        return failure

    def _die(self) -> None:
        if not self.over:
            self.close()
            self._lost()

    def close(self) -> None:
        """Close it; what waits for it fails with ``ConnectionDone``."""
        if not self.over:
            self.over = True
            # While the descriptor is still known: a reactor that keeps a closed one takes the next
            # connection, to which the system gives the same number, for the old.
            for cursor in self._cursors:
                self.reactor.removeReader(cursor)
                self.reactor.removeWriter(cursor)
            if self._connection is not None:
                super().close()


async def _connect(
    reactor: IReactorForConnections, wire: _Wire, dsn: Dsn, limits: Limits, application: str
) -> None:
    found = await resolved(reactor, dsn)
    conninfo = Dsn(limits.parameters(found, application)).conninfo()
    await _abandonable(wire.connect(conninfo))


def _lasts(words: str) -> bool:
    """Whether what came of connecting would come of it again; there is no SQLSTATE to tell by."""
    if any(each in words for each in _LASTING_PROBLEMS):
        return True
    return "FATAL:" in words and not any(each in words for each in _PASSING_REFUSALS)


def _timed_out(result: object, seconds: float) -> object:
    if isinstance(result, Failure) and result.check(CancelledError):
        raise StorageUnavailable(f"no answer within {seconds:g} s")
    return result


def _abandonable(work: "Deferred[object]") -> "Deferred[object]":
    """
    Return a Deferred that ends as another does, and may be cancelled.

    To cancel txpostgres' own blocks until the server has answered, and raises.
    """
    outer: Deferred[object] = Deferred()

    def settle(result: object) -> None:
        # Once it is cancelled, what becomes of the work is of interest to nobody.
        if not outer.called:
            outer.callback(result)

    work.addBoth(settle)
    return outer
