"""Where the world's changes are written in PostgreSQL: fenced by the lease, one flush at a time."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mudserver.errors import Fenced, StorageRefused
from mudserver.ids import CharacterId, CommandId, Epoch, InputNumber, ItemId, SessionId
from mudserver.interfaces.journal import (
    MAX_REFUSED,
    AnswerRow,
    Committed,
    DeadLetter,
    Flush,
    IJournalStore,
    JournalRow,
    Progress,
    RefusedRow,
)
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.rows import ItemRow
from mudserver.storage.connection import Row
from mudserver.storage.failures import is_of_rows
from mudserver.storage.kinds import in_order, write
from mudserver.storage.letters import written
from mudserver.storage.loader import BatchLoader
from mudserver.storage.pool import Cursor, Pool
from mudserver.storage.retention import (
    KEEP_ANSWERS,
    KEEP_ANSWERS_FOR,
    KEEP_LETTERS,
    KEEP_LETTERS_FOR,
)
from mudserver.storage.sieve import Reject, sieve
from mudserver.storage.stored import contents, stored
from mudserver.storage.text import legible, storable
from mudserver.world.applied import Change

#: The advisory lock that whoever takes over holds meanwhile; the number means nothing. It only
#: orders those who want to: what fences is the epoch.
LOCK: Final = 7_305_440_110_022

#: Rows that one query about sessions returns; more than one session can have.
MAX_ANSWER_ROWS: Final = 20_000

#: Rows of each kind that one sweep forgets.
MAX_SWEPT_ROWS: Final = 5_000

#: Seconds for which single answers that are asked for are collected. While those are looked up,
#: each command that comes is one, and the world has a takeover to catch up with.
GATHER_SECONDS: Final = 0.02

_QUEUE: Final = "SELECT pg_advisory_xact_lock(%s)"

# It waits for a flush of the old epoch that is just being committed, which holds the row.
_TAKE: Final = """
    INSERT INTO lease AS old (epoch, holder) VALUES (1, %s)
    ON CONFLICT (one) DO UPDATE
    SET epoch = old.epoch + 1, flush = 0, holder = excluded.holder, taken_at = excluded.taken_at
    RETURNING epoch
"""

_COUNT: Final = "UPDATE lease SET flush = %s WHERE epoch = %s AND flush = %s"

_LEASE: Final = "SELECT epoch, flush, holder FROM lease"

# Two rows whose text differs only in what can't be stored are one letter, and a statement may not
# write one row twice.
_BURY: Final = """
    INSERT INTO journal_dead_letter AS old (what, change, error, sqlstate, constraint_name)
    SELECT DISTINCT ON (what, md5(change::text)) what, change, error, sqlstate, constraint_name
    FROM unnest(%s::text[], %s::jsonb[], %s::text[], %s::text[], %s::text[])
        AS v (what, change, error, sqlstate, constraint_name)
    ON CONFLICT (what, digest) DO UPDATE
    SET error = excluded.error, sqlstate = excluded.sqlstate,
        constraint_name = excluded.constraint_name,
        attempts = old.attempts + 1, last_at = excluded.last_at
"""

# One statement, so that the inputs and their answers show the same moment. The age is looked at
# last, here and below: while PostgreSQL has not counted a table that grows, it would go through the
# answers of all sessions by age, for each of them.
_COMMITTED: Final = """
    SELECT i.session, i.character, i.number, a.command, a.ordinal, a.number, a.code, a.message
    FROM session_input i LEFT JOIN LATERAL (
        SELECT * FROM command_answer WHERE session = i.session ORDER BY ordinal DESC LIMIT %s
    ) a ON a.at > now() - %s
    WHERE i.session = ANY(%s) ORDER BY i.session, a.ordinal LIMIT %s
"""

# Of the inputs above a number no more can be named than there are of them; so as many of the newest
# answers are looked at, and none where all inputs are settled, as nearly always.
_PROGRESS: Final = """
    SELECT v.session, v.settled, i.character, i.number, coalesce(n.ordinal, 0),
        a.command, a.ordinal, a.number, a.code, a.message
    FROM unnest(%s::text[], %s::bigint[]) AS v (session, settled)
    JOIN session_input i ON i.session = v.session
    LEFT JOIN LATERAL (
        SELECT ordinal FROM command_answer WHERE session = i.session ORDER BY ordinal DESC LIMIT 1
    ) n ON true
    LEFT JOIN LATERAL (
        SELECT * FROM command_answer WHERE session = i.session
        ORDER BY ordinal DESC LIMIT least(%s, greatest(0, i.number - v.settled))
    ) a ON a.number > v.settled AND a.at > now() - %s
    ORDER BY v.session, v.settled, a.ordinal
"""

_ANSWERS: Final = """
    SELECT a.session, a.command, a.ordinal, a.number, a.code, a.message
    FROM unnest(%s::text[], %s::text[]) AS v (session, command)
    JOIN LATERAL (
        SELECT * FROM command_answer WHERE session = v.session AND command = v.command LIMIT 1
    ) a ON a.at > now() - %s
"""

# What is being written is skipped, not waited for.
_SWEEP_ANSWERS: Final = """
    DELETE FROM command_answer WHERE (session, command) IN (
        SELECT session, command FROM command_answer WHERE at < now() - %s
        ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED)
"""

_SWEEP_SESSIONS: Final = """
    DELETE FROM session_input WHERE session IN (
        SELECT session FROM session_input WHERE at < now() - %s
        ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED)
"""

_SWEEP_LETTERS: Final = """
    DELETE FROM journal_dead_letter WHERE id IN (
        SELECT id FROM journal_dead_letter WHERE last_at < now() - %s
        ORDER BY last_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""

_SPILL_LETTERS: Final = """
    DELETE FROM journal_dead_letter WHERE id = ANY(ARRAY(
        SELECT id FROM journal_dead_letter ORDER BY last_at DESC OFFSET %s LIMIT %s))
"""


@implementer(IJournalStore)
class PostgresJournalStore:
    """
    The journal in PostgreSQL.

    Args:
        pool: Runs the transactions.
        clock: Ends the turns: what is asked of sessions in one of them, or of answers within
            `GATHER_SECONDS`, is one query.
        meter: Gets ``database_batch_keys`` (histogram).
    """

    def __init__(self, pool: Pool, clock: IReactorTime, meter: IMeter) -> None:
        self._pool = pool
        self._known = BatchLoader(clock, self._fetch_committed, meter, "committed")
        self._progress = BatchLoader(clock, self._fetch_progress, meter, "progress")
        self._answers = BatchLoader(
            clock, self._fetch_answers, meter, "answers", gather=GATHER_SECONDS
        )

    def take_lease(self, holder: str) -> Deferred[Epoch]:
        """Implement `IJournalStore.take_lease`."""
        return self._pool.run_interaction(_take, holder)

    def flush(self, epoch: Epoch, number: int, flush: Flush) -> Deferred[None]:
        """Implement `IJournalStore.flush`."""
        return self._pool.run_interaction(_flush, epoch, number, flush)

    def sift(self, rows: Sequence[JournalRow]) -> Deferred[tuple[RefusedRow, ...]]:
        """Implement `IJournalStore.sift`."""
        return self._pool.run_interaction(_sift, rows)

    def committed(self, session: SessionId) -> Deferred[Committed | None]:
        """Implement `IJournalStore.committed`."""
        return execute(storable, session).addCallback(SessionId).addCallback(self._known.load)

    async def _fetch_committed(self, sessions: list[SessionId]) -> Mapping[SessionId, Committed]:
        found: dict[SessionId, Committed] = {}
        rest = sorted(sessions)
        while rest:
            rows = await self._pool.run_query(
                _COMMITTED, (KEEP_ANSWERS, KEEP_ANSWERS_FOR, rest, MAX_ANSWER_ROWS)
            )
            by_session = {
                SessionId(session): list(same) for session, same in groupby(rows, itemgetter(0))
            }
            rest = []
            if len(rows) == MAX_ANSWER_ROWS:
                # The last one may not be whole. The others are, since no session has so many.
                last, _ = by_session.popitem()
                rest = [session for session in sessions if session >= last]
            found.update((session, _known(session, same)) for session, same in by_session.items())
        return found

    def progress(self, session: SessionId, settled: InputNumber) -> Deferred[Progress | None]:
        """Implement `IJournalStore.progress`."""
        key = execute(storable, session).addCallback(lambda text: (SessionId(text), settled))
        return key.addCallback(self._progress.load)

    async def _fetch_progress(
        self, asked: list[tuple[SessionId, InputNumber]]
    ) -> Mapping[tuple[SessionId, InputNumber], Progress]:
        sessions, settled = [each for each, _ in asked], [each for _, each in asked]
        rows = await self._pool.run_query(
            _PROGRESS, (sessions, settled, KEEP_ANSWERS, KEEP_ANSWERS_FOR)
        )
        found: dict[tuple[SessionId, InputNumber], Progress] = {}
        for (name, number), same in groupby(rows, itemgetter(0, 1)):
            session, all_of_it = SessionId(name), list(same)
            _, _, character, newest, named, *_ = all_of_it[0]
            found[session, InputNumber(number)] = Progress(
                CharacterId(character),
                InputNumber(newest),
                named,
                tuple(_answer(session, row[5:]) for row in all_of_it if row[5] is not None),
            )
        return found

    def answer(self, session: SessionId, command: CommandId) -> Deferred[AnswerRow | None]:
        """Implement `IJournalStore.answer`."""

        def key() -> tuple[SessionId, CommandId]:
            return SessionId(storable(session)), CommandId(storable(command))

        return execute(key).addCallback(self._answers.load)

    async def _fetch_answers(
        self, asked: list[tuple[SessionId, CommandId]]
    ) -> Mapping[tuple[SessionId, CommandId], AnswerRow]:
        sessions, commands = [each for each, _ in asked], [each for _, each in asked]
        rows = await self._pool.run_query(_ANSWERS, (sessions, commands, KEEP_ANSWERS_FOR))
        answers = [_answer(SessionId(row[0]), row[1:]) for row in rows]
        return {(each.session, each.command): each for each in answers}

    def sweep(self) -> Deferred[bool]:
        """Implement `IJournalStore.sweep`."""
        return self._pool.run_interaction(_sweep)


def _known(session: SessionId, rows: Sequence[Row]) -> Committed:
    """Make what is known of a session of its rows: one for each answer, or one for none."""
    _, character, newest, *_ = rows[0]
    answers = tuple(_answer(session, row[3:]) for row in rows if row[3] is not None)
    return Committed(CharacterId(character), InputNumber(newest), answers)


def _answer(session: SessionId, row: Row) -> AnswerRow:
    """Make an answer of the columns that tell of it."""
    command, ordinal, number, code, message = row
    return AnswerRow(session, CommandId(command), ordinal, InputNumber(number), code, message)


async def _take(cursor: Cursor, holder: str) -> Epoch:
    await cursor.execute(_QUEUE, (LOCK,))
    await cursor.execute(_TAKE, (holder,))
    return Epoch(cursor.fetchall()[0][0])


async def _flush(cursor: Cursor, epoch: Epoch, number: int, flush: Flush) -> None:
    await cursor.execute(_COUNT, (number, epoch, number - 1))
    if cursor.rowcount != 1:
        await _check_committed(cursor, epoch, number)
        return
    await write(cursor, flush.rows)
    if flush.letters:
        await cursor.execute(_BURY, _letters(flush.letters))


async def _check_committed(cursor: Cursor, epoch: Epoch, number: int) -> None:
    """Expect that this very flush was committed by an earlier try."""
    await cursor.execute(_LEASE)
    for there, last, holder in cursor.fetchall():
        if (there, last) == (epoch, number):
            return
        if there > epoch:
            raise Fenced(f"another world has taken over: {holder}, in epoch {there}")
        raise Fenced(
            f"the database is not as we left it: at flush {last} of epoch {there}, where we write"
            f" flush {number} of epoch {epoch}"
        )
    raise Fenced("the database is not as we left it: nobody has the lease")


def _letters(letters: Sequence[DeadLetter]) -> tuple[list[str], ...]:
    return (
        [type(letter.row).__name__ for letter in letters],
        [written(letter.row) for letter in letters],
        [legible(letter.error) for letter in letters],
        [letter.sqlstate for letter in letters],
        [letter.constraint for letter in letters],
    )


async def _sift(cursor: Cursor, rows: Sequence[JournalRow]) -> tuple[RefusedRow, ...]:
    await cursor.execute("SAVEPOINT untouched")

    async def attempt(some: Sequence[JournalRow]) -> StorageRefused | None:
        await cursor.execute("SAVEPOINT attempt")
        try:
            await write(cursor, some)
        except StorageRefused as error:
            if not is_of_rows(error):
                raise
            await cursor.execute("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")
            return error
        await cursor.execute("RELEASE SAVEPOINT attempt")
        return None

    rejects = await sieve(in_order(rows), attempt, MAX_REFUSED)
    # As it will be stored when the others are.
    there = await stored(cursor, [reject.row for reject in rejects])
    inside = await contents(cursor, there.values())
    await cursor.execute("ROLLBACK TO SAVEPOINT untouched")
    return tuple(_refused(reject, there.get(reject.row.entity), inside) for reject in rejects)


def _refused(
    reject: Reject[JournalRow],
    there: Change | ItemRow | None,
    inside: Mapping[ItemId, tuple[ItemRow, ...]],
) -> RefusedRow:
    error = reject.error
    letter = DeadLetter(reject.row, str(error), error.sqlstate, error.constraint)
    held = inside.get(there.id, ()) if isinstance(there, ItemRow) else ()
    return RefusedRow(letter, there, held)


async def _sweep(cursor: Cursor) -> bool:
    more = False
    for statement, kept in (
        (_SWEEP_ANSWERS, KEEP_ANSWERS_FOR),
        (_SWEEP_SESSIONS, KEEP_ANSWERS_FOR),
        (_SWEEP_LETTERS, KEEP_LETTERS_FOR),
        (_SPILL_LETTERS, KEEP_LETTERS),
    ):
        await cursor.execute(statement, (kept, MAX_SWEPT_ROWS))
        more = more or cursor.rowcount >= MAX_SWEPT_ROWS
    return more
