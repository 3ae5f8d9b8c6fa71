"""The world and its characters in PostgreSQL."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mudserver.ids import AccountId, CharacterId, NpcId, PartyId, RoomId
from mudserver.interfaces.logins import LastLogin, LoginWay
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.rows import (
    CharacterRow,
    ExitRow,
    IdentifiedRow,
    ItemRow,
    MutedRow,
    NpcRow,
    RoomRow,
    WorldRows,
)
from mudserver.interfaces.stores import IWorldStore
from mudserver.storage.area_import import PAGE_ROWS, import_atlas
from mudserver.storage.loader import BatchLoader
from mudserver.storage.pool import Cursor, Pool
from mudserver.storage.stored import ITEM_COLUMNS, ban_row, item_row
from mudserver.storage.text import storable
from mudserver.world.applied import ChannelSilenceMade, FollowMade, MembershipMade, SilenceMade
from mudserver.world.area import Area
from mudserver.world.atlas import check
from mudserver.world.direction import Direction
from mudserver.world.role import Role

T = TypeVar("T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# ---------------------------------------------------------------- reading the world

# All pages of all tables show the same moment.
_ONE_SNAPSHOT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

_START: Final = "SELECT start FROM world"

_ROOMS: Final = """
    SELECT id, key, area, name, description, details FROM room
    WHERE id > %s ORDER BY id LIMIT %s
"""

_EXITS: Final = """
    SELECT e.room, e.direction, e.target, e.name,
        coalesce((SELECT d.closed FROM door d WHERE d.id = e.door), false), e.door
    FROM exit e WHERE (e.room, e.direction) > (%s, %s) ORDER BY e.room, e.direction LIMIT %s
"""

_ITEMS: Final = f"""
    SELECT {ITEM_COLUMNS} FROM item i
    WHERE i.id > %s AND i.room IS NOT NULL ORDER BY i.id LIMIT %s
"""  # noqa: S608 - a constant of ours

# Nothing is deeper than three containers, since each is larger than what is in it. What is in the
# hands of characters is loaded with them.
_CONTAINED: Final = f"""
    SELECT {ITEM_COLUMNS} FROM item i
    WHERE i.id > %s AND i.container IS NOT NULL AND (
        SELECT coalesce(a.room, b.room, c.room) FROM item a
        LEFT JOIN item b ON b.id = a.container LEFT JOIN item c ON c.id = b.container
        WHERE a.id = i.container) IS NOT NULL
    ORDER BY i.id LIMIT %s
"""  # noqa: S608 - a constant of ours

_NPCS: Final = """
    SELECT n.id, n.key, n.name, n.keywords, n.description, n.greeting, n.topics, n.idle, n.room,
        ARRAY(SELECT s.room FROM npc_stop s WHERE s.npc = n.id ORDER BY s.step)
    FROM npc n WHERE n.id > %s ORDER BY n.id LIMIT %s
"""

_SILENCES: Final = """
    SELECT s.account, s.by, s.since, s.until, s.why,
        (SELECT a.name FROM account a WHERE a.id = s.account),
        (SELECT a.name FROM account a WHERE a.id = s.by)
    FROM silence s
    WHERE s.account > %s AND (s.until IS NULL OR s.until > now()) ORDER BY s.account LIMIT %s
"""

_CHANNEL_SILENCES: Final = """
    SELECT s.account, s.channel, s.by, s.since, s.until, s.why,
        (SELECT a.name FROM account a WHERE a.id = s.account),
        (SELECT a.name FROM account a WHERE a.id = s.by)
    FROM channel_silence s
    WHERE (s.account, s.channel) > (%s, %s) AND (s.until IS NULL OR s.until > now())
    ORDER BY s.account, s.channel LIMIT %s
"""

_BANS: Final = """
    SELECT b.kind, b.key, b.name, b.by, coalesce(a.name, ''), b.since, b.until, b.why
    FROM ban b LEFT JOIN account a ON a.id = b.by
    WHERE (b.kind, b.key) > (%s, %s) AND (b.until IS NULL OR b.until > now())
    ORDER BY b.kind, b.key LIMIT %s
"""

_FOLLOWS: Final = """
    SELECT f.follower, f.leader, (SELECT c.name FROM character c WHERE c.id = f.leader)
    FROM follow f WHERE f.follower > %s ORDER BY f.follower LIMIT %s
"""

_MEMBERSHIPS: Final = """
    SELECT m.character, m.party, m.number,
        (SELECT c.name FROM character c WHERE c.id = m.character)
    FROM party_member m WHERE m.character > %s ORDER BY m.character LIMIT %s
"""

# ---------------------------------------------------------------- reading characters

# One statement, so that a character, its items and its mutes show the same moment.
_CHARACTERS: Final = f"""
    SELECT c.id, c.account, c.name, c.room,
        (SELECT a.role FROM account a WHERE a.id = c.account),
        (SELECT jsonb_build_array((extract(epoch FROM l.at) * 1000000)::bigint, l.address, l.way)
            FROM login l
            WHERE l.account = c.account AND l.outcome = 'accepted' AND l.way <> 'http'
            ORDER BY l.at DESC LIMIT 1),
        ARRAY(
            SELECT jsonb_build_array(
                o.id, o.name, (extract(epoch FROM m.until) * 1000000)::bigint)
            FROM mute m JOIN character o ON o.id = m.muted
            WHERE m.muter = c.id AND (m.until IS NULL OR m.until > now()) ORDER BY o.id),
        ARRAY(SELECT f.channel FROM channel_off f WHERE f.character = c.id ORDER BY f.channel),
        ARRAY(
            WITH RECURSIVE carried AS (
                SELECT i.* FROM item i WHERE i.holder = c.id
                UNION ALL
                SELECT i.* FROM carried h JOIN item i ON i.container = h.id AND h.size > 0
            )
            SELECT jsonb_build_array({ITEM_COLUMNS}) FROM carried i ORDER BY i.size DESC, i.id)
    FROM character c WHERE c.account = ANY(%s) ORDER BY c.created, c.id
"""  # noqa: S608 - a constant of ours

_IDENTIFY: Final = """
    SELECT c.key, c.id, c.name, a.id, a.role
    FROM character c JOIN account a ON a.id = c.account WHERE c.key = ANY(%s)
"""


@implementer(IWorldStore)
class PostgresWorldStore:
    """
    The world in PostgreSQL.

    What is looked up by key in one reactor turn is looked up in one query.

    Args:
        pool: Runs the queries.
        clock: Ends the turns.
        meter: Gets ``database_batch_keys`` (histogram).
    """

    def __init__(self, pool: Pool, clock: IReactorTime, meter: IMeter) -> None:
        self._pool = pool
        self._characters = BatchLoader(clock, self._fetch_characters, meter, "characters")
        self._identified = BatchLoader(clock, self._fetch_identified, meter, "names")

    def load(self) -> Deferred[WorldRows | None]:
        """Implement `IWorldStore.load`."""
        return self._pool.run_interaction(_load)

    def import_areas(self, areas: Iterable[Area]) -> Deferred[bool]:
        """Implement `IWorldStore.import_areas`."""
        return Deferred.fromCoroutine(self._import_areas(areas))

    async def _import_areas(self, areas: Iterable[Area]) -> bool:
        atlas = check(areas)
        return await self._pool.run_interaction(import_atlas, atlas)

    def characters(self, account: AccountId) -> Deferred[tuple[CharacterRow, ...]]:
        """Implement `IWorldStore.characters`."""
        return self._characters.load(account).addCallback(lambda rows: rows or ())

    async def _fetch_characters(
        self, accounts: list[AccountId]
    ) -> Mapping[AccountId, tuple[CharacterRow, ...]]:
        characters: dict[AccountId, tuple[CharacterRow, ...]] = {}
        for row in await self._pool.run_query(_CHARACTERS, (accounts,)):
            character = _character(row)
            characters[character.account] = (
                *characters.get(character.account, ()),
                character,
            )
        return characters

    def identify(self, names: Iterable[str]) -> Deferred[Mapping[str, IdentifiedRow]]:
        """Implement `IWorldStore.identify`."""
        return Deferred.fromCoroutine(self._identify(names))

    async def _identify(self, names: Iterable[str]) -> Mapping[str, IdentifiedRow]:
        keys = {storable(name).casefold() for name in names}
        return await self._identified.load_all(keys)

    async def _fetch_identified(self, keys: list[str]) -> Mapping[str, IdentifiedRow]:
        rows = await self._pool.run_query(_IDENTIFY, (keys,))
        return {
            key: IdentifiedRow(CharacterId(id), name, AccountId(account), Role(role))
            for key, id, name, account, role in rows
        }


async def _load(cursor: Cursor) -> WorldRows | None:
    await cursor.execute(_ONE_SNAPSHOT)
    await cursor.execute(_START)
    world = cursor.fetchall()
    if not world:
        return None
    return WorldRows(
        start=RoomId(world[0][0]),
        rooms=await _read(cursor, _ROOMS, (0,), _room),
        exits=await _read(cursor, _EXITS, (0, ""), _exit),
        items=await _items(cursor),
        npcs=await _read(cursor, _NPCS, (0,), _npc),
        silences=(
            *await _read(cursor, _SILENCES, (0,), _silence),
            *await _read(cursor, _CHANNEL_SILENCES, (0, ""), _channel_silence),
        ),
        bans=await _read(cursor, _BANS, ("", ""), ban_row),
        follows=await _read(cursor, _FOLLOWS, (0,), _follow),
        memberships=await _read(cursor, _MEMBERSHIPS, (0,), _membership),
    )


async def _items(cursor: Cursor) -> tuple[ItemRow, ...]:
    lying = await _read(cursor, _ITEMS, (0,), item_row)
    contained = await _read(cursor, _CONTAINED, (0,), item_row)
    return (*lying, *sorted(contained, key=lambda item: -item.size))


async def _read(
    cursor: Cursor, statement: str, after: Sequence[object], make: Callable[[Sequence[Any]], T]
) -> tuple[T, ...]:
    """Read a table page by page, in the order of its first columns: those of ``after``."""
    read: list[T] = []
    while True:
        await cursor.execute(statement, (*after, PAGE_ROWS))
        page = cursor.fetchall()
        read.extend(make(row) for row in page)
        if len(page) < PAGE_ROWS:
            return tuple(read)
        after = page[-1][: len(after)]


def _silence(row: Sequence[Any]) -> SilenceMade:
    account, by, *order = row
    return SilenceMade(AccountId(account), AccountId(by), *order)


def _channel_silence(row: Sequence[Any]) -> ChannelSilenceMade:
    account, channel, by, *order = row
    return ChannelSilenceMade(AccountId(account), channel, AccountId(by), *order)


def _follow(row: Sequence[Any]) -> FollowMade:
    follower, leader, name = row
    return FollowMade(CharacterId(follower), CharacterId(leader), name)


def _membership(row: Sequence[Any]) -> MembershipMade:
    character, party, number, name = row
    return MembershipMade(CharacterId(character), PartyId(party), number, name)


def _room(row: Sequence[Any]) -> RoomRow:
    id, key, area, name, description, details = row
    return RoomRow(RoomId(id), key, area, name, description, details)


def _exit(row: Sequence[Any]) -> ExitRow:
    room, direction, target, name, closed, door = row
    return ExitRow(RoomId(room), Direction(direction), RoomId(target), name, closed, door)


def _npc(row: Sequence[Any]) -> NpcRow:
    id, key, name, keywords, description, greeting, topics, idle, room, route = row
    return NpcRow(
        id=NpcId(id),
        key=key,
        name=name,
        keywords=tuple(keywords),
        description=description,
        greeting=greeting,
        topics=topics,
        idle=tuple(idle),
        room=RoomId(room),
        route=tuple(RoomId(stop) for stop in route),
    )


def _character(row: Sequence[Any]) -> CharacterRow:
    id, account, name, room, role, login, mutes, channels_off, items = row
    return CharacterRow(
        id=CharacterId(id),
        account=AccountId(account),
        name=name,
        room=room,
        items=tuple(item_row(item) for item in items),
        mutes=tuple(_muted(mute) for mute in mutes),
        role=Role(role),
        channels_off=tuple(channels_off),
        last_login=None if login is None else _last_login(login),
    )


def _last_login(row: Sequence[Any]) -> LastLogin:
    at, address, way = row
    return LastLogin(_EPOCH + timedelta(microseconds=at), address, LoginWay(way))


def _muted(row: Sequence[Any]) -> MutedRow:
    id, name, until = row
    end = None if until is None else _EPOCH + timedelta(microseconds=until)
    return MutedRow(CharacterId(id), name, end)
