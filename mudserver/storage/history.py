"""What was said, in PostgreSQL: read by day, and kept by the day."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.errors import Fenced
from mudserver.ids import CharacterId, Epoch
from mudserver.interfaces.history import (
    IHistoryStore,
    LogLine,
    LogWanted,
    Retention,
    Upkeep,
)
from mudserver.storage.pool import Cursor, Pool
from mudserver.storage.text import storable
from mudserver.world.history import TELLS, HistoryWanted, PastLine

#: Days that are prepared ahead: a long week-end without a world.
AHEAD_DAYS: Final = 3

#: The advisory lock that orders those who keep the days; the number means nothing.
LOCK: Final = 7_305_440_110_023

#: Seconds that upkeep waits for a table; meanwhile flushes wait behind it.
LOCK_SECONDS: Final = 1

# Each part is read from its newest line backwards, by its own index, no more than are wanted.
# BETWEEN one value and itself is an equality that says nothing about the order, so that the order
# asked for is that of this index alone: the planner might else read all lines of days by the key,
# in search of a channel where hardly anything is said.
_RECENT: Final = """
    SELECT * FROM (
        SELECT l.* FROM unnest(%(channels)s::text[]) AS c (channel), LATERAL (
            SELECT at, session, number, index, channel, speaker, name, text,
                NULL::bigint AS target, '' AS target_name
            FROM chat_line
            WHERE channel BETWEEN c.channel AND c.channel AND at >= %(since)s AND NOT hushed
            ORDER BY channel DESC, at DESC LIMIT %(limit)s
        ) AS l
        UNION ALL (
            SELECT at, session, number, index, 'tell', speaker, name, text, target, target_name
            FROM tell_line WHERE speaker BETWEEN %(teller)s AND %(teller)s AND at >= %(since)s
            ORDER BY speaker DESC, at DESC LIMIT %(limit)s
        ) UNION ALL (
            SELECT at, session, number, index, 'tell', speaker, name, text, target, target_name
            FROM tell_line WHERE target BETWEEN %(teller)s AND %(teller)s AND at >= %(since)s
            ORDER BY target DESC, at DESC LIMIT %(limit)s
        )
    ) AS line ORDER BY at DESC, session DESC, number DESC, index DESC LIMIT %(limit)s
"""

_SEARCH: Final = """
    SELECT at, channel, speaker, name, text, NULL, '', hushed,
        coalesce((SELECT key FROM room WHERE id = chat_line.room), '')
    FROM chat_line WHERE at >= %(since)s AND at < %(before)s
        AND (%(channel)s::text IS NULL OR channel = %(channel)s)
        AND (%(name)s::text IS NULL OR lower(name COLLATE "C") = %(name)s)
    ORDER BY at DESC LIMIT %(limit)s
"""

_SEARCH_TELLS: Final = """
    SELECT at, 'tell', speaker, name, text, target, target_name, false, ''
    FROM tell_line WHERE at >= %(since)s AND at < %(before)s
        AND (%(name)s::text IS NULL OR lower(name COLLATE "C") = %(name)s
            OR lower(target_name COLLATE "C") = %(name)s)
    ORDER BY at DESC LIMIT %(limit)s
"""

_HOLDS: Final = "SELECT 1 FROM lease WHERE epoch = %s"

_PARTITIONS: Final = """
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = %s::regclass
"""


@frozen
class UpkeepLimits:
    """
    How much one look at the days does.

    Attributes:
        moved: Lines of one day that are moved out of the rest; flushes wait for that. A day that
            has more there stays there, and is forgotten there.
        swept: Lines of the rest that one transaction forgets.
        portions: How many such transactions; what is left waits for the next look.
    """

    moved: int = 20_000
    swept: int = 5_000
    portions: int = 20


_LIMITS: Final = UpkeepLimits()


@implementer(IHistoryStore)
class PostgresHistoryStore:
    """
    What was said, in PostgreSQL.

    Args:
        pool: Runs the queries.
        limits: How much one look at the days does.
    """

    def __init__(self, pool: Pool, limits: UpkeepLimits = _LIMITS) -> None:
        self._pool = pool
        self._limits = limits

    def recent(self, wanted: HistoryWanted) -> Deferred[tuple[PastLine, ...]]:
        """Implement `IHistoryStore.recent`."""
        return Deferred.fromCoroutine(self._recent(wanted))

    async def _recent(self, wanted: HistoryWanted) -> tuple[PastLine, ...]:
        rows = await self._pool.run_query(
            _RECENT,
            {
                "channels": [storable(channel) for channel in wanted.channels],
                "teller": wanted.reader if wanted.tells else None,
                "since": wanted.since,
                "limit": wanted.limit,
            },
        )
        return tuple(
            PastLine(
                at,
                channel,
                CharacterId(speaker),
                name,
                text,
                None if target is None else CharacterId(target),
                target_name,
            )
            for at, _, _, _, channel, speaker, name, text, target, target_name in reversed(rows)
        )

    def search(self, wanted: LogWanted) -> Deferred[tuple[LogLine, ...]]:
        """Implement `IHistoryStore.search`."""
        return Deferred.fromCoroutine(self._search(wanted))

    async def _search(self, wanted: LogWanted) -> tuple[LogLine, ...]:
        statement = _SEARCH_TELLS if wanted.channel == TELLS else _SEARCH
        rows = await self._pool.run_query(
            statement,
            {
                "since": wanted.since,
                "before": wanted.before,
                "channel": None if wanted.channel is None else storable(wanted.channel),
                "name": None if wanted.name is None else storable(wanted.name).lower(),
                "limit": wanted.limit,
            },
        )
        return tuple(_log_line(row) for row in reversed(rows))

    def maintain(self, epoch: Epoch, now: datetime, retention: Retention) -> Deferred[Upkeep]:
        """Implement `IHistoryStore.maintain`."""
        return Deferred.fromCoroutine(self._maintain(epoch, now, retention))

    async def _maintain(self, epoch: Epoch, now: datetime, retention: Retention) -> Upkeep:
        today = now.astimezone(UTC).date()
        made = dropped = 0
        tables = (("chat_line", retention.lines), ("tell_line", retention.tells))
        # First for both, since to forget a day may fail for as long as somebody reads it.
        for table, _ in tables:
            made += await self._pool.run_interaction(
                _prepare, epoch, table, today, self._limits.moved
            )
        for table, days in tables:
            oldest = today - timedelta(days=days)
            dropped += await self._pool.run_interaction(_forget, epoch, table, oldest)
            for _ in range(self._limits.portions):
                if not await self._pool.run_interaction(
                    _forget_rest, epoch, table, oldest, self._limits.swept
                ):
                    break
        return Upkeep(made, dropped)


def _log_line(row: Sequence[Any]) -> LogLine:
    at, channel, speaker, name, text, target, target_name, hushed, room = row
    told = None if target is None else CharacterId(target)
    line = PastLine(at, channel, CharacterId(speaker), name, text, told, target_name)
    return LogLine(line, hushed, room)


# ---------------------------------------------------------------- days

# The names of tables that stand in statements here are ours, and dates have only digits.


async def _begin(cursor: Cursor, epoch: Epoch, table: str) -> set[str]:
    """Begin upkeep, unless another world does it now; returns the partitions."""
    await cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    await cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    await cursor.execute(_HOLDS, (epoch,))
    if not cursor.fetchall():
        raise Fenced("another world has taken over")
    await cursor.execute(_PARTITIONS, (table,))
    return {name for (name,) in cursor.fetchall()}


async def _prepare(cursor: Cursor, epoch: Epoch, table: str, today: date, most: int) -> int:
    """
    Make the partitions of today and of the days ahead; returns how many.

    A day that has more lines than ``most`` in the rest gets none.
    """
    there = await _begin(cursor, epoch, table)
    days = (today + timedelta(days=ahead) for ahead in range(AHEAD_DAYS + 1))
    missing = [day for day in days if partition(table, day) not in there]
    if missing:
        # So that nothing gets into the rest while we look whether there is something in it.
        await cursor.execute(f"LOCK TABLE {table}_rest IN ACCESS EXCLUSIVE MODE")
    made = 0
    for day in missing:
        name, begin, end = partition(table, day), _midnight(day), _midnight(day + _A_DAY)
        await cursor.execute(
            f"SELECT FROM {table}_rest WHERE at >= %s AND at < %s OFFSET %s LIMIT 1",
            (begin, end, most),
        )
        if cursor.rowcount:
            continue
        await cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
        await cursor.execute(
            f"WITH moved AS (DELETE FROM {table}_rest WHERE at >= %s AND at < %s RETURNING *)"  # noqa: S608
            f" INSERT INTO {name} SELECT * FROM moved",
            (begin, end),
        )
        # To attach it locks the table less than to make it in its place would.
        await cursor.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
            (begin, end),
        )
        made += 1
    return made


async def _forget(cursor: Cursor, epoch: Epoch, table: str, oldest: date) -> int:
    """Drop the partitions of days before that one; returns how many."""
    there = await _begin(cursor, epoch, table)
    limit = partition(table, oldest)
    over = sorted(name for name in there if name < limit and name != f"{table}_rest")
    for name in over:
        await cursor.execute(f"DROP TABLE {name}")
    return len(over)


async def _forget_rest(cursor: Cursor, epoch: Epoch, table: str, oldest: date, most: int) -> bool:
    """
    Delete so many lines of the rest of days before that one; returns whether there may be more.

    In a transaction of its own: to drop a partition locks the table against flushes.
    """
    await _begin(cursor, epoch, table)
    await cursor.execute(
        f"DELETE FROM {table}_rest WHERE ctid = ANY(ARRAY("  # noqa: S608
        f"SELECT ctid FROM {table}_rest WHERE at < %s ORDER BY at LIMIT %s))",
        (_midnight(oldest), most),
    )
    return cursor.rowcount >= most


_A_DAY: Final = timedelta(days=1)


def partition(table: str, day: date) -> str:
    """Return what the partition of a day is called; names sort as days do."""
    return f"{table}_{day:%Y%m%d}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
