"""What was said, in memory."""

from datetime import UTC, datetime, time, timedelta

from attrs import evolve
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.errors import Fenced
from mudserver.ids import Epoch
from mudserver.interfaces.history import (
    ChatLine,
    IHistoryStore,
    LogLine,
    LogWanted,
    Retention,
    TellLine,
    Upkeep,
)
from mudserver.storage.history import AHEAD_DAYS
from mudserver.storage.memory_database import MemoryDatabase
from mudserver.storage.text import storable
from mudserver.world.history import TELLS, HistoryWanted, PastLine


@implementer(IHistoryStore)
class MemoryHistoryStore:
    """
    What was said, in memory.

    Args:
        database: Shared with the journal, which writes it down.
    """

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def recent(self, wanted: HistoryWanted) -> Deferred[tuple[PastLine, ...]]:
        """Implement `IHistoryStore.recent`."""

        def is_wanted(line: ChatLine | TellLine) -> bool:
            if line.at < wanted.since:
                return False
            if isinstance(line, ChatLine):
                return line.channel in wanted.channels and not line.hushed
            return wanted.tells and wanted.reader in (line.speaker, line.target)

        def work() -> tuple[PastLine, ...]:
            for channel in wanted.channels:
                storable(channel)
            found = [each for each in self._db.lines.values() if is_wanted(each)]
            found.sort(key=lambda each: (each.at, each.session, each.number, each.index))
            return tuple(_past(each) for each in found[-wanted.limit :])

        return self._db.answer(work)

    def search(self, wanted: LogWanted) -> Deferred[tuple[LogLine, ...]]:
        """Implement `IHistoryStore.search`."""
        name = None if wanted.name is None else wanted.name.lower()

        def is_wanted(line: ChatLine | TellLine) -> bool:
            if not wanted.since <= line.at < wanted.before:
                return False
            if isinstance(line, TellLine):
                names = {line.name.lower(), line.target_name.lower()}
                return wanted.channel == TELLS and (name is None or name in names)
            return wanted.channel in (None, line.channel) and name in (None, line.name.lower())

        def work() -> tuple[LogLine, ...]:
            found = sorted(
                (each for each in self._db.lines.values() if is_wanted(each)),
                key=lambda each: each.at,
            )
            return tuple(self._logged(each) for each in found[-wanted.limit :])

        return self._db.answer(work)

    def maintain(self, epoch: Epoch, now: datetime, retention: Retention) -> Deferred[Upkeep]:
        """Implement `IHistoryStore.maintain`."""

        def work() -> Upkeep:
            if self._db.lease is None or self._db.lease.epoch != epoch:
                raise Fenced("another world has taken over")
            made = dropped = 0
            today = now.astimezone(UTC).date()
            for kind, keep in ((ChatLine, retention.lines), (TellLine, retention.tells)):
                days = self._db.days.setdefault(kind, set())
                ahead = {today + timedelta(days=each) for each in range(AHEAD_DAYS + 1)}
                made += len(ahead - days)
                oldest = today - timedelta(days=keep)
                over = {day for day in days if day < oldest}
                dropped += len(over)
                self._db.days[kind] = (days | ahead) - over
                midnight = datetime.combine(oldest, time(), UTC)
                for entity, line in list(self._db.lines.items()):
                    if isinstance(line, kind) and line.at < midnight:
                        del self._db.lines[entity]
            return Upkeep(made, dropped)

        return self._db.answer(work)

    def _logged(self, line: ChatLine | TellLine) -> LogLine:
        if isinstance(line, TellLine):
            return LogLine(_past(line))
        rooms = () if self._db.world is None else self._db.world.rooms
        room = next((each.key for each in rooms if each.id == line.room), "")
        return LogLine(_past(line), line.hushed, room)


def _past(line: ChatLine | TellLine) -> PastLine:
    if isinstance(line, ChatLine):
        return PastLine(line.at, line.channel, line.speaker, line.name, line.text)
    past = PastLine(line.at, TELLS, line.speaker, line.name, line.text)
    return evolve(past, target=line.target, target_name=line.target_name)
