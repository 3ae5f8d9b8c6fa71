"""Failed log-ins in PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.interfaces.failed_logins import Attempt, FailedLogin, IFailedLoginStore
from mudserver.storage.pool import Cursor, Pool
from mudserver.storage.text import storable

#: Rows that one sweep forgets: more than can be written from one to the next.
MAX_SWEPT_ROWS: Final = 20_000

# Rows are locked in the order of their ids, so that two worlds can't wait for each other.
_FORGIVE: Final = """
    UPDATE failed_login f SET forgiven = true
    FROM (
        SELECT id FROM failed_login
        JOIN unnest(%s::text[], %s::text[]) AS v (account, network) USING (account, network)
        WHERE NOT forgiven ORDER BY id FOR NO KEY UPDATE OF failed_login
    ) AS found
    WHERE f.id = found.id
"""

_ADD: Final = """
    INSERT INTO failed_login (account, network, at, forgiven)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::boolean[])
"""

_SINCE: Final = """
    SELECT account, network, at, forgiven FROM (
        SELECT * FROM failed_login WHERE at >= %s ORDER BY at DESC, id DESC LIMIT %s
    ) AS newest
    ORDER BY at, id
"""

_SWEEP: Final = """
    DELETE FROM failed_login WHERE id IN (
        SELECT id FROM failed_login WHERE at < %s ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED)
"""

_LEFT: Final = "SELECT EXISTS (SELECT FROM failed_login)"


@implementer(IFailedLoginStore)
class PostgresFailedLoginStore:
    """
    Failed log-ins in PostgreSQL.

    Args:
        pool: Runs the queries.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def add(self, rows: Sequence[FailedLogin], forgiven: Sequence[Attempt]) -> Deferred[None]:
        """Implement `IFailedLoginStore.add`."""

        async def write(cursor: Cursor) -> None:
            if forgiven:
                await cursor.execute(_FORGIVE, _columns(forgiven))
            if rows:
                attempts = _columns([row.attempt for row in rows])
                rest = [row.at for row in rows], [row.forgiven for row in rows]
                await cursor.execute(_ADD, (*attempts, *rest))

        return self._pool.run_interaction(write)

    def since(self, moment: datetime, limit: int) -> Deferred[tuple[FailedLogin, ...]]:
        """Implement `IFailedLoginStore.since`."""
        return Deferred.fromCoroutine(self._since(moment, limit))

    async def _since(self, moment: datetime, limit: int) -> tuple[FailedLogin, ...]:
        rows = await self._pool.run_query(_SINCE, (moment, limit))
        return tuple(
            FailedLogin(Attempt(account, network), at.astimezone(UTC), forgiven)
            for account, network, at, forgiven in rows
        )

    def sweep(self, before: datetime) -> Deferred[bool]:
        """Implement `IFailedLoginStore.sweep`."""

        async def forget(cursor: Cursor) -> bool:
            await cursor.execute(_SWEEP, (before, MAX_SWEPT_ROWS))
            await cursor.execute(_LEFT)
            return bool(cursor.fetchall()[0][0])

        return self._pool.run_interaction(forget)


def _columns(attempts: Sequence[Attempt]) -> tuple[list[str], list[str]]:
    return (
        [storable(attempt.account) for attempt in attempts],
        [storable(attempt.network) for attempt in attempts],
    )
