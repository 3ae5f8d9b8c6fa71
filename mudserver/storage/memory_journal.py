"""The journal in memory: fenced, sifted and committed as in PostgreSQL."""

from collections.abc import Sequence

from attrs import evolve
from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from mudserver.errors import Fenced, StorageRefused, StorageUnavailable
from mudserver.ids import CommandId, Epoch, InputNumber, SessionId
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
from mudserver.interfaces.rows import ItemRow
from mudserver.storage.failures import is_of_rows
from mudserver.storage.kinds import in_order
from mudserver.storage.memory_database import (
    MemoryDatabase,
    MemoryLease,
    MemoryLetter,
    check_row,
)
from mudserver.storage.memory_rows import stored, write
from mudserver.storage.memory_transaction import all_or_nothing, restore, snapshot
from mudserver.storage.retention import (
    KEEP_ANSWERS,
    KEEP_ANSWERS_FOR,
    KEEP_LETTERS,
    KEEP_LETTERS_FOR,
)
from mudserver.storage.sieve import Reject, sieve
from mudserver.storage.text import storable


@implementer(IJournalStore)
class MemoryJournalStore:
    """
    A journal in memory.

    Args:
        database: Shared with the stores of accounts and of the world.
    """

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def take_lease(self, holder: str) -> Deferred[Epoch]:
        """Implement `IJournalStore.take_lease`."""

        def work() -> Epoch:
            check_row(storable(holder), "lease_holder_check")
            epoch = Epoch(1 if self._db.lease is None else self._db.lease.epoch + 1)
            self._db.lease = MemoryLease(epoch, 0, holder)
            return epoch

        return self._db.answer(work)

    def flush(self, epoch: Epoch, number: int, flush: Flush) -> Deferred[None]:
        """Implement `IJournalStore.flush`."""

        def work() -> bool:
            lease = self._db.lease
            if lease is not None and (lease.epoch, lease.flush) == (epoch, number):
                return False
            if lease is None or (lease.epoch, lease.flush) != (epoch, number - 1):
                raise Fenced("another world has taken over, or the database is not as we left it")
            with all_or_nothing(self._db):
                write(self._db, flush.rows)
                for letter in flush.letters:
                    _bury(self._db, letter)
            self._db.lease = evolve(lease, flush=number)
            lost = self._db.lost_commits > 0
            self._db.lost_commits -= lost
            return lost

        def break_off(lost: bool) -> Deferred[None] | None:
            return fail(StorageUnavailable("the connection was lost at COMMIT")) if lost else None

        return self._db.answer(work).addCallback(break_off)

    def sift(self, rows: Sequence[JournalRow]) -> Deferred[tuple[RefusedRow, ...]]:
        """Implement `IJournalStore.sift`."""
        return self._db.answer(lambda: None).addCallback(lambda _: self._sifted(rows))

    def _sifted(self, rows: Sequence[JournalRow]) -> Deferred[tuple[RefusedRow, ...]]:
        return Deferred.fromCoroutine(self._sift(rows))

    async def _sift(self, rows: Sequence[JournalRow]) -> tuple[RefusedRow, ...]:
        async def attempt(some: Sequence[JournalRow]) -> StorageRefused | None:
            try:
                with all_or_nothing(self._db):
                    write(self._db, some)
            except StorageRefused as error:
                if not is_of_rows(error):
                    raise
                return error
            return None

        before = snapshot(self._db)
        try:
            rejects = await sieve(in_order(rows), attempt, MAX_REFUSED)
            return tuple(_refused(self._db, each) for each in rejects)
        finally:
            restore(self._db, before)

    def committed(self, session: SessionId) -> Deferred[Committed | None]:
        """Implement `IJournalStore.committed`."""

        def work() -> Committed | None:
            done = self._db.inputs.get(SessionId(storable(session)))
            if done is None:
                return None
            return Committed(done.row.character, done.row.number, tuple(self._answers(session)))

        return self._db.answer(work)

    def progress(self, session: SessionId, settled: InputNumber) -> Deferred[Progress | None]:
        """Implement `IJournalStore.progress`."""

        def work() -> Progress | None:
            done = self._db.inputs.get(SessionId(storable(session)))
            if done is None:
                return None
            every = [each.row for each in self._db.answers.values() if each.row.session == session]
            return Progress(
                done.row.character,
                done.row.number,
                max((row.ordinal for row in every), default=0),
                tuple(row for row in self._answers(session) if row.number > settled),
            )

        return self._db.answer(work)

    def answer(self, session: SessionId, command: CommandId) -> Deferred[AnswerRow | None]:
        """Implement `IJournalStore.answer`."""

        def work() -> AnswerRow | None:
            key = (SessionId(storable(session)), CommandId(storable(command)))
            return next(
                (row for row in self._answers(session) if (row.session, row.command) == key), None
            )

        return self._db.answer(work)

    def _answers(self, session: SessionId) -> list[AnswerRow]:
        """Return the newest answers of a session, in their order."""
        oldest = self._db.now() - KEEP_ANSWERS_FOR
        answers = (
            each.row
            for each in self._db.answers.values()
            if each.row.session == session and each.at > oldest
        )
        return sorted(answers, key=lambda row: row.ordinal)[-KEEP_ANSWERS:]

    def sweep(self) -> Deferred[bool]:
        """Implement `IJournalStore.sweep`."""

        def work() -> bool:
            oldest = self._db.now() - KEEP_ANSWERS_FOR
            gone = {session for session, each in self._db.inputs.items() if each.at < oldest}
            for key, answer in list(self._db.answers.items()):
                if answer.at < oldest or answer.row.session in gone:
                    del self._db.answers[key]
            for session in gone:
                del self._db.inputs[session]
            self._forget_letters()
            return False

        return self._db.answer(work)

    def _forget_letters(self) -> None:
        oldest = self._db.now() - KEEP_LETTERS_FOR
        newest = sorted(self._db.letters.items(), key=lambda each: each[1].last_at, reverse=True)
        for place, (row, letter) in enumerate(newest):
            if place >= KEEP_LETTERS or letter.last_at < oldest:
                del self._db.letters[row]


def _bury(db: MemoryDatabase, letter: DeadLetter) -> None:
    known = db.letters.get(letter.row)
    now = db.now()
    if known is None:
        db.letters[letter.row] = MemoryLetter(db.next_letter(), letter, 1, now, now)
    else:
        db.letters[letter.row] = evolve(
            known, letter=letter, attempts=known.attempts + 1, last_at=now
        )


def _refused(db: MemoryDatabase, reject: Reject[JournalRow]) -> RefusedRow:
    error = reject.error
    letter = DeadLetter(reject.row, str(error), error.sqlstate, error.constraint)
    there = stored(db, reject.row)
    contents = tuple(db.contents((there,))) if isinstance(there, ItemRow) else ()
    return RefusedRow(letter, there, contents)
