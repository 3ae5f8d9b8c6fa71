"""A migrated database for tests, and a pool on it that tells what it is asked."""

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mudserver.storage.connection import IReactorForConnections, Parameters, Row
from mudserver.storage.dsn import Dsn
from mudserver.storage.migrate import migrate
from mudserver.storage.pool import Cursor, Pool
from mudserver.telemetry.metrics import NullMeter
from tests.integration.postgres import fresh_database

P = ParamSpec("P")
T = TypeVar("T")


def migrated_database(case: SynchronousTestCase) -> Dsn:
    """Make a database with mudserver's schema, that is dropped when the test has ended."""
    dsn = fresh_database(case)
    migrate(dsn)
    return dsn


class ObservedPool(Pool):
    """
    A pool that notes each statement.

    Attributes:
        statements: What was executed, with its parameters, since the last `forget`.
        transactions: The statements of each transaction among them.
        before: Called with each statement before it is executed.
    """

    def __init__(self, dsn: Dsn) -> None:
        super().__init__(cast(IReactorForConnections, reactor), dsn, NullMeter())
        self.statements: list[tuple[str, Parameters]] = []
        self.transactions: list[list[str]] = []
        self.before: Callable[[str], None] = lambda statement: None

    def forget(self) -> None:
        self.statements.clear()
        self.transactions.clear()

    def note(self, statement: str, parameters: Parameters) -> None:
        self.before(statement)
        self.statements.append((statement, parameters))

    def run_query(self, statement: str, parameters: Parameters = None) -> Deferred[list[Row]]:
        self.note(statement, parameters)
        return super().run_query(statement, parameters)

    def run_interaction(
        self,
        body: Callable[Concatenate[Cursor, P], Coroutine[Deferred[Any], Any, T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        async def observed(cursor: Cursor) -> T:
            transaction: list[str] = []
            self.transactions.append(transaction)
            return await body(_ObservedCursor(cursor, self, transaction), *args, **kwargs)

        return super().run_interaction(observed)


class _ObservedCursor(Cursor):
    def __init__(self, cursor: Cursor, pool: ObservedPool, transaction: list[str]) -> None:
        self._cursor = cursor
        self._pool = pool
        self._transaction = transaction
        self.rowcount = -1

    async def execute(self, statement: str, parameters: Parameters = None) -> None:
        self._pool.note(statement, parameters)
        self._transaction.append(statement)
        await self._cursor.execute(statement, parameters)
        self.rowcount = self._cursor.rowcount

    def fetchall(self) -> list[Row]:
        return self._cursor.fetchall()
