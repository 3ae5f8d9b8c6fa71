"""A bounded pool of connections that replaces those that break."""

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, Concatenate, ParamSpec, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import OurError, StorageRefused, StorageUnavailable
from mudserver.interfaces.meter import IMeter
from mudserver.storage.connection import (
    Connection,
    IReactorForConnections,
    Limits,
    Parameters,
    Row,
)
from mudserver.storage.dsn import Dsn
from mudserver.storage.failures import Conflict, Stale
from mudserver.storage.member import Condition, Member
from mudserver.storage.transaction import Cursor, transact
from mudserver.storage.turns import Turns

__all__ = ["Cursor", "Limits", "Pool", "PoolLimits"]

#: How often a transaction is tried that others get in the way of, and the seconds before the
#: second try; the pause grows with each.
MAX_ATTEMPTS = 5
CONFLICT_PAUSE = 0.01

T = TypeVar("T")
P = ParamSpec("P")


@frozen
class PoolLimits:
    """
    How much the pool is, and lets happen.

    Attributes:
        size: Connections.
        waiters: Callers that may wait for one; more fail at once.
        acquire: Seconds that each of them waits.
        age: Seconds that a connection lasts at most, for a session's memory grows in the server
            with all that it has seen, and a connection may be to a server that others have left;
            the members of a pool get old one after the other.
        close: Seconds that transactions get to end when the pool closes.
        connection: What each connection may take.
    """

    size: int = 8
    waiters: int = 1000
    acquire: float = 5.0
    age: float = 3600.0
    close: float = 10.0
    connection: Limits = field(factory=Limits)


@define(eq=False)
class _Scope:
    """The run of an interaction, visible to what it calls."""

    pool: "Pool"
    open: bool = True


# In whose interaction the running code is. Each coroutine under a Deferred has a context of its
# own, which what it starts inherits.
_inside: ContextVar[_Scope | None] = ContextVar("_inside", default=None)


class Pool:
    """
    A fixed number of connections to one database, lent to one borrower at a time.

    A connection that breaks, idle or lent, is never lent again: it is replaced, at once and then
    with growing pauses, for as long as the pool is open.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorForConnections,
        dsn: Dsn,
        meter: IMeter,
        limits: PoolLimits | None = None,
        application: str = "mudserver",
    ) -> None:
        """
        Prepare; nothing is opened before `start`.

        Args:
            reactor: Reads, writes, times and looks up names.
            dsn: Where the database is, and as whom to enter it.
            meter: Counts and measures.
            limits: How much it is, and lets happen.
            application: Our name, as the server shows it to its operator.
        """
        self._reactor = reactor
        self._dsn = dsn
        self._meter = meter
        self._limits = limits or PoolLimits()
        self._application = application
        size = self._limits.size
        self._members = [
            Member(reactor, self._connect, self, self._limits.age * (1 - number / (2 * size)))
            for number in range(size)
        ]
        self._idle: list[Member] = []
        self._turns: Turns[Member] = Turns(
            reactor, self._limits.waiters, self._limits.acquire, meter
        )
        self._open = False
        self._all_back: Deferred[None] | None = None
        self._breaking = False

    # ------------------------------------------------------------ what others use

    @property
    def available(self) -> bool:
        """Whether it is open, and has a connection that is not broken as far as we know."""
        return self._open and any(member.alive for member in self._members)

    def start(self) -> Deferred[None]:
        """
        Open the first connection, and then, in the background, the others.

        Returns:
            Fires when the first is open. Fails, everything being closed, with `StorageRefused`
            when the server won't have us, or with `StorageUnavailable`; the message names the
            database, and has the server's words, but never the password.
        """
        return Deferred.fromCoroutine(self._start())

    def close(self) -> Deferred[None]:
        """
        Close: whoever waits fails at once, what runs may end.

        Returns:
            Fires when every connection has been given back and closed; those that were not after
            ``PoolLimits.close`` seconds are broken off. Never fails.
        """
        return Deferred.fromCoroutine(self._close())

    def run_query(self, statement: str, parameters: Parameters = None) -> Deferred[list[Row]]:
        """
        Execute one statement, which commits by itself.

        Args:
            statement: SQL, with ``%s`` or ``%(name)s`` for parameters.
            parameters: Their values.

        Returns:
            Fires with the rows; with none where the statement returns no rows. Fails with
            `StorageUnavailable` when no connection was free in time, a limit was exceeded or
            the connection was lost, in which case it may have been executed; with
            `StorageRefused` when it would be refused again. May be cancelled.
        """

        async def work(connection: Connection) -> list[Row]:
            return (await connection.execute(statement, parameters)).rows

        return Deferred.fromCoroutine(self._run(work))

    def run_interaction(
        self,
        body: Callable[Concatenate[Cursor, P], Coroutine[Deferred[Any], Any, T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """
        Run a coroutine in a transaction: committed when it returns, rolled back when it raises.

        The coroutine is run again, from the start, when another transaction was in the way; so it
        changes nothing but the database. It does not use the pool itself, which would wait for
        itself in the end, but the cursor.

        Args:
            body: Called with a cursor and the arguments.
            args: For the body.
            kwargs: For the body.

        Returns:
            Fires with what the body returned, once committed. Fails with what it raised;
            with `CommitUnknown` when the connection was lost at the commit; otherwise as
            `run_query`, nothing having been changed. May be cancelled.
        """

        async def work(connection: Connection) -> T:
            scope = _Scope(self)
            _inside.set(scope)
            try:
                return await transact(connection, lambda cursor: body(cursor, *args, **kwargs))
            finally:
                scope.open = False

        return Deferred.fromCoroutine(self._run(work))

    # ------------------------------------------------------------ running

    async def _run(self, work: Callable[[Connection], Coroutine[Deferred[Any], Any, T]]) -> T:
        scope = _inside.get()
        if scope is not None and scope.open and scope.pool is self:
            raise RuntimeError("the pool was used inside its own interaction: use the cursor")
        attempt = 0
        while True:
            attempt += 1
            asked = self._reactor.seconds()
            member = await self._acquire()
            assert member.connection is not None
            began = self._reactor.seconds()
            self._meter.observe("database_acquire_seconds", began - asked)
            outcome = "failed"
            try:
                result = await work(member.connection)
                outcome = "done"
            except Conflict:
                outcome = "conflict"
                if attempt >= MAX_ATTEMPTS:
                    raise
            except Stale:
                outcome = "stale"
                if attempt > self._limits.size:
                    raise
                continue
            except StorageUnavailable:
                outcome = "unavailable"
                raise
            except StorageRefused:
                outcome = "refused"
                raise
            else:
                return result
            finally:
                self._meter.count("database_queries", outcome=outcome)
                self._meter.observe("database_query_seconds", self._reactor.seconds() - began)
                self._give_back(member)
            await deferLater(self._reactor, CONFLICT_PAUSE * attempt)

    # ------------------------------------------------------------ lending

    def _acquire(self) -> Deferred[Member]:
        if not self._open:
            return fail(StorageUnavailable("the database's pool is closed"))
        if self._idle:
            member = self._idle.pop()
            member.lend()
            return succeed(member)
        return self._turns.wait()

    def _give_back(self, member: Member) -> None:
        """Take a lent connection back: the one way, however the borrowing ended."""
        if member.condition is Condition.GONE:
            return
        assert member.connection is not None
        if not self._open:
            member.dismiss()
            self._check_all_back()
        elif member.connection.usable:
            member.prove()
            self._offer(member)
        else:
            self._note_loss()
            if member.connection.demoted:
                self._leave_server()
            self._replace(member)

    def _leave_server(self) -> None:
        """
        Replace all connections, since the server isn't the primary any more.

        Otherwise those that only read would go on to read there what is true no longer.
        """
        for member in self._members:
            member.outdated = True
        for member in tuple(self._idle):
            self._idle.remove(member)
            self._replace(member)

    def _offer(self, member: Member) -> None:
        """Lend a connection to the one who has waited longest, or keep it."""
        if member.outdated:
            self._replace(member)
        elif self._turns:
            member.lend()
            self._turns.serve(member)
        else:
            self._idle.append(member)
            member.rest()

    # ------------------------------------------------------------ connecting

    async def _start(self) -> None:
        assert not self._open
        self._open = True
        first, *others = self._members
        try:
            await first.connect()
        except (Exception, CancelledError):
            await self._close()
            raise
        self.came(first)
        for member in others:
            member.connect_now()

    async def _connect(self, lost: Callable[[], None]) -> Connection:
        return await Connection.open(
            self._reactor, self._dsn, self._limits.connection, self._application, lost=lost
        )

    def came(self, member: Member) -> None:
        """Implement `Owner.came`: take in a connection, unless it was lost meanwhile."""
        assert member.connection is not None
        if member.connection.usable:
            self._turns.problem = ""
            self._offer(member)
            self._note_recovery()
        else:
            self._replace(member)

    def broke(self, member: Member) -> None:
        """Implement `Owner.broke`."""
        self._idle.remove(member)
        self._note_loss()
        self._replace(member)

    def aged(self, member: Member) -> None:
        """Implement `Owner.aged`: one that is lent is replaced when it is given back."""
        if member.condition is Condition.IDLE:
            self._idle.remove(member)
            member.prove()
            self._replace(member)

    def failed(self, member: Member, failure: Failure) -> None:
        """Implement `Owner.failed`: go on trying, and log each problem once."""
        problem = failure.getErrorMessage()
        if failure.check(OurError) is None:
            self._log.failure("a connection failed in a way that nobody foresaw", failure)
        elif problem != self._turns.problem:
            self._log.error("{problem}", problem=problem)
        self._turns.problem = problem
        self._replace(member)

    def _replace(self, member: Member) -> None:
        self._meter.count("database_replacements")
        member.replace()

    def _note_loss(self) -> None:
        """Log that connections break, once for all that do before all are whole again."""
        if not self._breaking:
            self._breaking = True
            self._log.warn("Connections to the database break, and are replaced.")

    def _note_recovery(self) -> None:
        if self._breaking and all(member.alive for member in self._members):
            self._breaking = False
            self._log.info("All connections to the database are whole again.")

    # ------------------------------------------------------------ closing

    async def _close(self) -> None:
        self._open = False
        self._idle.clear()
        self._turns.dissolve("the database's pool is closing")
        for member in self._members:
            if member.condition is not Condition.LENT:
                member.dismiss()
        self._all_back = self._all_back or Deferred()
        self._check_all_back()
        patience = self._reactor.callLater(self._limits.close, self._break_off)
        try:
            await self._all_back
        finally:
            if patience.active():
                patience.cancel()

    def _break_off(self) -> None:
        for member in self._members:
            member.dismiss()
        self._check_all_back()

    def _check_all_back(self) -> None:
        if (
            self._all_back is not None
            and not self._all_back.called
            and all(member.condition is Condition.GONE for member in self._members)
        ):
            self._all_back.callback(None)

    # ------------------------------------------------------------ measuring

    def changed(self) -> None:
        """Implement `Owner.changed`."""
        self._turns.measure()
        for condition in (Condition.IDLE, Condition.LENT, Condition.ABSENT):
            number = sum(member.condition is condition for member in self._members)
            self._meter.gauge("database_connections", float(number), state=condition.value)
