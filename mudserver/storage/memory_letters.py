"""The journal's dead letters in memory."""

from datetime import datetime

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from mudserver.errors import NotReplayable
from mudserver.interfaces.letters import ILetterBox, Letter, OpenedLetter
from mudserver.storage.letters import JOURNAL, WHY_NOT, reason, written
from mudserver.storage.memory_database import MemoryDatabase, MemoryLetter


@implementer(ILetterBox)
class MemoryLetterBox:
    """
    The dead letters of a journal in memory.

    Args:
        database: The journal's.
    """

    name = JOURNAL

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def page(self, after: int, limit: int) -> Deferred[tuple[Letter, ...]]:
        """Implement `ILetterBox.page`."""

        def work() -> tuple[Letter, ...]:
            following = sorted(
                (each for each in self._db.letters.values() if each.number > after),
                key=lambda each: each.number,
            )
            return tuple(_letter(each) for each in following[: max(limit, 0)])

        return self._db.answer(work)

    def open(self, number: int) -> Deferred[OpenedLetter | None]:
        """Implement `ILetterBox.open`."""

        def work() -> OpenedLetter | None:
            for each in self._db.letters.values():
                if each.number == number:
                    return OpenedLetter(_letter(each), written(each.letter.row))
            return None

        return self._db.answer(work)

    def prune(self, before: datetime) -> Deferred[int]:
        """Implement `ILetterBox.prune`."""

        def work() -> int:
            old = [row for row, each in self._db.letters.items() if each.last_at < before]
            for row in old:
                del self._db.letters[row]
            return len(old)

        return self._db.answer(work)

    def replay(self, number: int) -> Deferred[bool]:
        """Implement `ILetterBox.replay`."""
        del number
        return fail(NotReplayable(WHY_NOT))


def _letter(each: MemoryLetter) -> Letter:
    letter = each.letter
    return Letter(
        number=each.number,
        what=type(letter.row).__name__,
        reason=reason(letter.error, letter.sqlstate, letter.constraint),
        attempts=each.attempts,
        first_at=each.first_at,
        last_at=each.last_at,
    )
