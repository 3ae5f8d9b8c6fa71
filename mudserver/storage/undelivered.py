"""What the bus could not deliver, in PostgreSQL, and what operators may do with it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import evolve
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.errors import NoSuchLetter
from mudserver.interfaces.letters import ILetterBox, Letter, OpenedLetter
from mudserver.interfaces.undelivered import IReplay, IUndelivered, Undelivered
from mudserver.storage.pool import Pool
from mudserver.storage.text import legible
from mudserver.storage.transaction import Cursor

#: What operators call the box.
BUS: Final = "bus"

#: How long and how many are kept; the oldest go first.
KEEP_FOR: Final = timedelta(days=30)
KEEP: Final = 10_000

#: Rows that one statement of an operator throws away, and one beside what is kept: whoever keeps
#: some doesn't wait for more.
MAX_PRUNED_ROWS: Final = 5_000
MAX_SWEPT_ROWS: Final = 1_000

_KEEP: Final = """
    INSERT INTO undelivered AS old
        (message, subject, kind, payload, error, attempts, first_at, last_at)
    SELECT * FROM unnest(
        %s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::bigint[],
        %s::timestamptz[], %s::timestamptz[])
        AS new (message, subject, kind, payload, error, attempts, first_at, last_at)
    ON CONFLICT (message) DO UPDATE SET
        error = excluded.error,
        attempts = old.attempts
            + CASE WHEN old.last_at = excluded.last_at THEN 0 ELSE excluded.attempts END,
        first_at = least(old.first_at, excluded.first_at),
        last_at = greatest(old.last_at, excluded.last_at)
"""

_FORGET_OLD: Final = """
    DELETE FROM undelivered WHERE id IN (
        SELECT id FROM undelivered WHERE last_at < now() - %s
        ORDER BY last_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""

_FORGET_MANY: Final = """
    DELETE FROM undelivered WHERE id = ANY(ARRAY(
        SELECT id FROM undelivered ORDER BY last_at DESC OFFSET %s LIMIT %s))
"""

_PAGE: Final = """
    SELECT id, kind, subject, error, attempts, first_at, last_at
    FROM undelivered WHERE id > %s ORDER BY id LIMIT %s
"""

_OPEN: Final = """
    SELECT id, kind, subject, error, attempts, first_at, last_at, payload
    FROM undelivered WHERE id = %s
"""

_PRUNE: Final = """
    DELETE FROM undelivered WHERE id IN (
        SELECT id FROM undelivered WHERE last_at < %s ORDER BY last_at LIMIT %s)
    RETURNING id
"""

_READ: Final = """
    SELECT message, subject, kind, payload, error, attempts, first_at, last_at
    FROM undelivered WHERE id = %s
"""

_FORGET: Final = "DELETE FROM undelivered WHERE id = %s RETURNING id"


@implementer(IUndelivered)
class PostgresUndelivered:
    """
    Keeps messages in PostgreSQL.

    Args:
        pool: Runs the statements.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def keep(self, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        """Implement `IUndelivered.keep`."""
        return self._pool.run_interaction(_keep, letters)


@implementer(ILetterBox)
class PostgresBusLetters:
    """
    The dead letters of the bus in PostgreSQL.

    Args:
        pool: Runs the statements.
        replay: Reads messages, and has them delivered.
    """

    name = BUS

    def __init__(self, pool: Pool, replay: IReplay) -> None:
        self._pool = pool
        self._replay = replay

    def page(self, after: int, limit: int) -> Deferred[tuple[Letter, ...]]:
        """Implement `ILetterBox.page`."""
        rows = self._pool.run_query(_PAGE, (after, max(limit, 0)))
        return rows.addCallback(lambda found: tuple(_letter(row) for row in found))

    def open(self, number: int) -> Deferred[OpenedLetter | None]:
        """Implement `ILetterBox.open`."""

        def opened(rows: Sequence[Sequence[Any]]) -> OpenedLetter | None:
            if not rows:
                return None
            *row, payload = rows[0]
            return OpenedLetter(_letter(row), self._replay.legible(bytes(payload)))

        return self._pool.run_query(_OPEN, (number,)).addCallback(opened)

    def prune(self, before: datetime) -> Deferred[int]:
        """Implement `ILetterBox.prune`."""
        return Deferred.fromCoroutine(self._prune(before))

    def replay(self, number: int) -> Deferred[bool]:
        """Implement `ILetterBox.replay`."""
        return Deferred.fromCoroutine(self._deliver(number))

    async def _deliver(self, number: int) -> bool:
        rows = await self._pool.run_query(_READ, (number,))
        if not rows:
            raise NoSuchLetter(f"There is no dead letter {BUS}:{number}.")
        message, subject, kind, payload, error, attempts, first_at, last_at = rows[0]
        return await self._replay.deliver(
            Undelivered(message, subject, kind, bytes(payload), error, attempts, first_at, last_at),
            lambda: self._pool.run_query(_FORGET, (number,)).addCallback(lambda _: None),
        )

    async def _prune(self, before: datetime) -> int:
        gone = 0
        while True:
            rows = await self._pool.run_query(_PRUNE, (before, MAX_PRUNED_ROWS))
            gone += len(rows)
            if len(rows) < MAX_PRUNED_ROWS:
                return gone


async def _keep(cursor: Cursor, letters: tuple[Undelivered, ...]) -> None:
    merged: dict[str, Undelivered] = {}
    for each in letters:
        # As the database will have them, where two that differ may be one.
        clean = evolve(each, id=legible(each.id), last_at=max(each.first_at, each.last_at))
        known = merged.get(clean.id)
        merged[clean.id] = clean if known is None else both(known, clean)
    letters = tuple(merged.values())
    await cursor.execute(
        _KEEP,
        (
            [each.id for each in letters],
            [legible(each.subject) for each in letters],
            [legible(each.kind) for each in letters],
            [each.payload for each in letters],
            [legible(each.error) for each in letters],
            [each.attempts for each in letters],
            [each.first_at for each in letters],
            [each.last_at for each in letters],
        ),
    )
    await cursor.execute(_FORGET_OLD, (KEEP_FOR, MAX_SWEPT_ROWS))
    await cursor.execute(_FORGET_MANY, (KEEP, MAX_SWEPT_ROWS))


def both(known: Undelivered, again: Undelivered) -> Undelivered:
    """Make one letter of two that are the same message."""
    return evolve(
        known,
        error=again.error,
        attempts=known.attempts + (again.attempts if again.last_at != known.last_at else 0),
        first_at=min(known.first_at, again.first_at),
        last_at=max(known.last_at, again.last_at),
    )


def reason(error: str, subject: str) -> str:
    """Say in a line why a message was not delivered, and where."""
    return f"{error} ({subject})"


def _letter(row: Sequence[Any]) -> Letter:
    number, kind, subject, error, attempts, first_at, last_at = row
    return Letter(
        number=number,
        what=kind,
        reason=reason(error, subject),
        attempts=attempts,
        first_at=first_at.astimezone(UTC),
        last_at=last_at.astimezone(UTC),
    )
