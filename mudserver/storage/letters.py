"""The journal's dead letters: how they are written, and what operators may do with them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import msgspec
from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from mudserver.errors import NotReplayable
from mudserver.interfaces.journal import JournalRow
from mudserver.interfaces.letters import ILetterBox, Letter, OpenedLetter
from mudserver.storage.pool import Pool
from mudserver.storage.text import legible

#: What operators call the box.
JOURNAL: Final = "journal"

#: Why none of them is delivered after all.
WHY_NOT: Final = (
    "A change of the journal can't be replayed: the world went back to what was stored, and has"
    " gone on from there, so that the old change would undo what was done since. Mend what it was"
    " refused for, and have it done again in the game."
)

#: Letters that one statement throws away.
MAX_PRUNED_ROWS: Final = 5_000

_LETTERS_PAGE: Final = """
    SELECT id, what, error, sqlstate, constraint_name, attempts, first_at, last_at
    FROM journal_dead_letter WHERE id > %s ORDER BY id LIMIT %s
"""

_LETTER: Final = """
    SELECT id, what, error, sqlstate, constraint_name, attempts, first_at, last_at, change::text
    FROM journal_dead_letter WHERE id = %s
"""

_PRUNE_LETTERS: Final = """
    DELETE FROM journal_dead_letter WHERE id IN (
        SELECT id FROM journal_dead_letter WHERE last_at < %s ORDER BY last_at LIMIT %s)
    RETURNING id
"""


@implementer(ILetterBox)
class PostgresLetterBox:
    """
    The dead letters of the journal in PostgreSQL.

    Args:
        pool: Runs the queries.
    """

    name = JOURNAL

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def page(self, after: int, limit: int) -> Deferred[tuple[Letter, ...]]:
        """Implement `ILetterBox.page`."""
        rows = self._pool.run_query(_LETTERS_PAGE, (after, max(limit, 0)))
        return rows.addCallback(lambda found: tuple(_letter(row) for row in found))

    def open(self, number: int) -> Deferred[OpenedLetter | None]:
        """Implement `ILetterBox.open`."""

        def opened(rows: Sequence[Sequence[Any]]) -> OpenedLetter | None:
            return OpenedLetter(_letter(rows[0][:-1]), rows[0][-1]) if rows else None

        return self._pool.run_query(_LETTER, (number,)).addCallback(opened)

    def prune(self, before: datetime) -> Deferred[int]:
        """Implement `ILetterBox.prune`."""
        return Deferred.fromCoroutine(self._prune(before))

    async def _prune(self, before: datetime) -> int:
        gone = 0
        while True:
            rows = await self._pool.run_query(_PRUNE_LETTERS, (before, MAX_PRUNED_ROWS))
            gone += len(rows)
            if len(rows) < MAX_PRUNED_ROWS:
                return gone

    def replay(self, number: int) -> Deferred[bool]:
        """Implement `ILetterBox.replay`."""
        del number
        return fail(NotReplayable(WHY_NOT))


def written(row: JournalRow) -> str:
    """Write a row as JSON that can be stored, for it may be its text that could not."""
    columns = {field.name: getattr(row, field.name) for field in attrs.fields(type(row))}
    clean = {
        name: legible(value) if isinstance(value, str) else value for name, value in columns.items()
    }
    return msgspec.json.encode(clean).decode()


def reason(error: str, sqlstate: str, constraint: str) -> str:
    """Say in a line why a row was refused."""
    named = ", ".join(each for each in (sqlstate, constraint) if each)
    return f"{error} ({named})" if named else error


def _letter(row: Sequence[Any]) -> Letter:
    number, what, error, sqlstate, constraint, attempts, first_at, last_at = row
    return Letter(
        number=number,
        what=what,
        reason=reason(error, sqlstate, constraint),
        attempts=attempts,
        first_at=first_at.astimezone(UTC),
        last_at=last_at.astimezone(UTC),
    )
