"""One transaction on one connection."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from mudserver.errors import OurError, StorageRefused, StorageUnavailable
from mudserver.storage.connection import Connection, Parameters, Row
from mudserver.storage.failures import CommitUnknown, Stale

T = TypeVar("T")

_log = Logger()


class Cursor:
    """
    What an interaction executes statements with, one at a time.

    Attributes:
        rowcount: Rows that the last statement returned or changed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Row] = []
        self.rowcount = -1
        self.failure: OurError | None = None

    async def execute(self, statement: str, parameters: Parameters = None) -> None:
        """
        Execute one statement in the transaction.

        Args:
            statement: SQL, with ``%s`` or ``%(name)s`` for parameters.
            parameters: Their values.

        Raises:
            StorageUnavailable: It passes.
            StorageRefused: The same statement would be refused again.
        """
        self._rows, self.rowcount = [], -1
        try:
            result = await self._connection.execute(statement, parameters)
        except OurError as error:
            self.failure = self.failure or error
            raise
        self._rows, self.rowcount = result.rows, result.count

    def fetchall(self) -> list[Row]:
        """Return the rows of the last statement; none if it returns none."""
        return self._rows


async def transact(
    connection: Connection, body: Callable[[Cursor], Coroutine[Deferred[Any], Any, T]]
) -> T:
    """
    Run a coroutine in a transaction: committed when it returns, rolled back when it raises.

    The connection is left outside of any transaction, or closed.

    Args:
        connection: A usable one, outside of any transaction.
        body: Called with a cursor.

    Raises:
        Stale: The connection turned out to be dead before anything was done.
        CommitUnknown: It was lost during COMMIT.
        Conflict: Another transaction was in the way.
        StorageUnavailable: Another statement of ours failed, and it passes.
        StorageRefused: A statement failed for good, even where the body went on after it.
    """
    try:
        await connection.execute("BEGIN")
    except StorageUnavailable as error:
        if connection.usable:
            raise
        raise Stale(str(error)) from error
    cursor = Cursor(connection)
    clean = False
    try:
        result = await body(cursor)
        await _commit(connection, cursor)
        clean = True
    except (Exception, CancelledError):
        clean = await _roll_back(connection)
        raise
    finally:
        if not clean:
            connection.close()
    return result


async def _commit(connection: Connection, cursor: Cursor) -> None:
    if not connection.usable:
        raise cursor.failure or StorageUnavailable("the database: the connection was lost")
    try:
        done = await connection.execute("COMMIT")
    except StorageUnavailable as error:
        if connection.usable:
            raise
        raise CommitUnknown(str(error)) from error
    if done.tag != "COMMIT":
        # A statement had failed, the body went on, and PostgreSQL undid everything.
        raise cursor.failure or StorageRefused(f"COMMIT was answered with {done.tag}")


async def _roll_back(connection: Connection) -> bool:
    """Undo; returns whether that worked. The error that led here is the one that matters."""
    if not connection.usable:
        return False
    try:
        await connection.execute("ROLLBACK")
    except OurError as error:
        _log.info("a rollback failed: {error}", error=error)
        return False
    return True
