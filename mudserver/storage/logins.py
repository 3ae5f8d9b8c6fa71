"""Who logged in when and from where, in PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mudserver.ids import AccountId
from mudserver.interfaces.logins import LoginEntry, LoginOutcome, LoginRow, LoginWay
from mudserver.storage.pool import Pool
from mudserver.storage.text import storable

#: Rows that one sweep takes.
MAX_SWEPT_ROWS: Final = 5_000

# One of an account that is gone meanwhile is nobody's.
_ADD: Final = """
    INSERT INTO login (account, at, last_at, address, way, outcome, tries)
    SELECT v.account, v.at, v.last_at, v.address, v.way, v.outcome, v.tries
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[],
        %s::text[], %s::integer[]) AS v (account, at, last_at, address, way, outcome, tries)
    JOIN account a ON a.id = v.account
    ORDER BY v.at, v.account
    ON CONFLICT ON CONSTRAINT login_once DO UPDATE
    SET last_at = excluded.last_at, tries = excluded.tries
"""

_PAGE: Final = """
    SELECT id, account, at, last_at, address, way, outcome, tries FROM login
    WHERE account = %(account)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
    ORDER BY id DESC LIMIT %(limit)s
"""

_SWEEP: Final = """
    DELETE FROM login WHERE id IN (
        SELECT id FROM login WHERE last_at < %s ORDER BY last_at LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING id
"""


async def add(pool: Pool, rows: Sequence[LoginRow]) -> None:
    """Write rows, in place of earlier ones of the same."""
    await pool.run_query(
        _ADD,
        (
            [row.account for row in rows],
            [row.at for row in rows],
            [row.last_at for row in rows],
            [storable(row.address) for row in rows],
            [row.way.value for row in rows],
            [row.outcome.value for row in rows],
            [row.tries for row in rows],
        ),
    )


async def page(
    pool: Pool, account: AccountId, before: int | None, limit: int
) -> tuple[LoginEntry, ...]:
    """Read rows of an account, the newest first."""
    parameters = {"account": account, "before": before, "limit": max(limit, 0)}
    return tuple(_entry(row) for row in await pool.run_query(_PAGE, parameters))


async def sweep(pool: Pool, before: datetime) -> bool:
    """Forget rows that are older; return whether there are more."""
    return len(await pool.run_query(_SWEEP, (before, MAX_SWEPT_ROWS))) >= MAX_SWEPT_ROWS


def _entry(row: Sequence[Any]) -> LoginEntry:
    id, account, at, last_at, address, way, outcome, tries = row
    made = LoginRow(
        AccountId(account),
        at.astimezone(UTC),
        last_at.astimezone(UTC),
        address,
        LoginWay(way),
        LoginOutcome(outcome),
        tries,
    )
    return LoginEntry(id, made)
