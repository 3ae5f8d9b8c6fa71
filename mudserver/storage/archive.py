"""Characters that travel from world to world, in PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.errors import BadDocument, NameTaken, StorageRefused, UnknownKeys
from mudserver.ids import AccountId, CharacterId, RoomId
from mudserver.interfaces.archive import (
    CarriedItem,
    CharacterRecord,
    ICharacterArchive,
    ImportedCharacter,
)
from mudserver.interfaces.audit import AuditRow
from mudserver.storage.kinds import write
from mudserver.storage.pool import Cursor, Pool
from mudserver.storage.text import storable

#: What stands between the key of the thing that was copied and the number of the copy. Area files
#: have no such keys.
COPY: Final = "#"

#: No password has this hash.
NO_PASSWORD: Final = "!"

#: PostgreSQL's code unique_violation.
_UNIQUE_VIOLATION: Final = "23505"

#: The constraint that a container is larger than what is in it, and how its violation is told.
FITS: Final = "item_fits"
DOES_NOT_FIT: Final = "The document has things in others that here don't hold them."

_EXPORT: Final = """
    SELECT c.name, c.created, (SELECT r.key FROM room r WHERE r.id = c.room),
        ARRAY(
            WITH RECURSIVE carried AS (
                SELECT i.id, i.key, i.closed, i.size, i.container FROM item i
                WHERE i.holder = c.id
                UNION ALL
                SELECT i.id, i.key, i.closed, i.size, i.container
                FROM carried h JOIN item i ON i.container = h.id AND h.size > 0
            )
            SELECT jsonb_build_array(i.id, i.key, i.closed, i.container)
            FROM carried i ORDER BY i.size, i.id),
        ARRAY(
            SELECT o.name FROM mute m JOIN character o ON o.id = m.muted
            WHERE m.muter = c.id AND m.until IS NULL ORDER BY o.key),
        ARRAY(SELECT f.channel FROM channel_off f WHERE f.character = c.id ORDER BY f.channel)
    FROM character c WHERE c.key = %s
"""

_ROOM: Final = "SELECT id FROM room WHERE key = %s"

_CARRIED: Final = "SELECT key FROM item WHERE key = ANY(%s) AND NOT fixed"

# Three rows that refer to one another; foreign keys are checked at the end of the statement.
_NEW_ACCOUNT: Final = """
    WITH made AS (
        INSERT INTO account (name, password_hash) VALUES (%s, %s) RETURNING id, name, key
    ), named AS (
        INSERT INTO name (key, account) SELECT key, id FROM made
    ), entered AS (
        INSERT INTO character (account, name, created, room) SELECT id, name, %s, %s FROM made
        RETURNING id
    )
    SELECT m.name, e.id FROM made m, entered e
"""

# The name may be the account's already; if it is another's, a foreign key refuses the character.
_NAME: Final = "INSERT INTO name (key, account) VALUES (lower(%s), %s) ON CONFLICT DO NOTHING"

_NAME_OWNER: Final = "SELECT account FROM name WHERE key = lower(%s)"

_NEW_CHARACTER: Final = """
    WITH entered AS (
        INSERT INTO character (account, name, created, room) VALUES (%s, %s, %s, %s)
        RETURNING id, account
    )
    SELECT a.name, e.id FROM entered e JOIN account a ON a.id = e.account
"""

_IDS: Final = "SELECT nextval('entity_id') FROM generate_series(1, %s)"

# Each with the size of the one that its container is a copy of.
_COPY_ITEMS: Final = """
    WITH v AS (
        SELECT * FROM unnest(%(ids)s::bigint[], %(keys)s::text[], %(closed)s::boolean[],
            %(containers)s::bigint[]) AS v (id, key, closed, container)
    )
    INSERT INTO item (id, key, name, keywords, description, size, capacity, lid, closed, holder,
        container, container_size)
    SELECT v.id, i.key || %(copy)s || v.id, i.name, i.keywords, i.description, i.size, i.capacity,
        i.lid, v.closed AND i.lid, CASE WHEN v.container IS NULL THEN %(holder)s END, v.container,
        larger.size
    FROM v JOIN item i ON i.key = v.key
    LEFT JOIN v outer_v ON outer_v.id = v.container
    LEFT JOIN item larger ON larger.key = outer_v.key
"""

_MUTE: Final = """
    INSERT INTO mute (muter, muted)
    SELECT %s, id FROM character WHERE key = ANY(%s) AND id <> %s
"""

_TURN_OFF: Final = "INSERT INTO channel_off (character, channel) SELECT %s, unnest(%s::text[])"


def original(key: str) -> str:
    """Return the key of the item that an item is a copy of; its own if it is none."""
    return key.partition(COPY)[0]


def texts(record: CharacterRecord) -> tuple[str, ...]:
    """Return all texts of a record."""
    room = record.room or ""
    return (record.name, room, *record.item_keys, *record.muted, *record.channels_off)


@frozen
class _Newcomer:
    """A character that was just made."""

    account: str
    id: CharacterId


@implementer(ICharacterArchive)
class PostgresCharacterArchive:
    """
    Implements `ICharacterArchive`.

    Args:
        pool: Runs the queries.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def export(self, name: str) -> Deferred[CharacterRecord | None]:
        """Implement `ICharacterArchive.export`."""
        return Deferred.fromCoroutine(self._export(name))

    async def _export(self, name: str) -> CharacterRecord | None:
        rows = await self._pool.run_query(_EXPORT, (storable(name).casefold(),))
        if not rows:
            return None
        written, created, room, items, muted, channels_off = rows[0]
        return CharacterRecord(
            name=written,
            created=created.astimezone(UTC),
            room=room,
            items=_nested(items),
            muted=tuple(muted),
            channels_off=tuple(channels_off),
        )

    def admit(
        self, record: CharacterRecord, account: AccountId | None, audit: AuditRow | None = None
    ) -> Deferred[ImportedCharacter]:
        """Implement `ICharacterArchive.admit`."""
        return Deferred.fromCoroutine(self._admit(record, account, audit))

    async def _admit(
        self, record: CharacterRecord, account: AccountId | None, audit: AuditRow | None
    ) -> ImportedCharacter:
        for text in texts(record):
            storable(text)
        return await self._pool.run_interaction(_admit, record, account, audit)


async def _admit(
    cursor: Cursor, record: CharacterRecord, account: AccountId | None, audit: AuditRow | None
) -> ImportedCharacter:
    room = await _find(cursor, record)
    newcomer = await _enter(cursor, record, account, room)
    if record.items:
        await _copy_items(cursor, record.items, newcomer.id)
    keys = sorted({name.casefold() for name in record.muted})
    muted = 0
    if keys:
        await cursor.execute(_MUTE, (newcomer.id, keys, newcomer.id))
        muted = cursor.rowcount
    if record.channels_off:
        channels = sorted(set(record.channels_off))
        await cursor.execute(_TURN_OFF, (newcomer.id, channels))
    if audit is not None:
        await write(cursor, (audit,))
    return ImportedCharacter(record.name, newcomer.account, strangers=len(keys) - muted)


def _nested(rows: Sequence[tuple[int, str, bool, int | None]]) -> tuple[CarriedItem, ...]:
    """Put items into their containers; what is smaller comes first."""
    inside: dict[int | None, list[tuple[int, CarriedItem]]] = {}
    for id, key, closed, container in rows:
        contents = _in_order(inside.pop(id, []))
        item = CarriedItem(original(key), closed, contents)
        inside.setdefault(container, []).append((id, item))
    return _in_order(inside.get(None, []))


def _in_order(items: list[tuple[int, CarriedItem]]) -> tuple[CarriedItem, ...]:
    return tuple(item for _, item in sorted(items, key=lambda each: each[0]))


@frozen
class Copy:
    """A copy of an item, to be made; ``container`` is the copy that it is in."""

    id: int
    item: CarriedItem
    container: int | None


def copies(
    items: Iterable[CarriedItem], ids: Iterator[int], container: int | None = None
) -> Iterator[Copy]:
    """Number copies of items and of what is in them, containers before what they hold."""
    for item in items:
        copy = Copy(next(ids), item, container)
        yield copy
        yield from copies(item.contents, ids, copy.id)


async def _copy_items(cursor: Cursor, items: Sequence[CarriedItem], holder: CharacterId) -> None:
    await cursor.execute(_IDS, (sum(1 for item in items for _ in item.everything),))
    made = tuple(copies(items, iter(sorted(id for (id,) in cursor.fetchall()))))
    parameters = {
        "ids": [each.id for each in made],
        "keys": [each.item.key for each in made],
        "closed": [each.item.closed for each in made],
        "containers": [each.container for each in made],
        "copy": COPY,
        "holder": holder,
    }
    try:
        await cursor.execute(_COPY_ITEMS, parameters)
    except StorageRefused as error:
        if error.constraint == FITS:
            raise BadDocument(DOES_NOT_FIT) from error
        raise


async def _find(cursor: Cursor, record: CharacterRecord) -> RoomId | None:
    """Find what the character needs; raises `UnknownKeys`."""
    room: RoomId | None = None
    missing: tuple[str, ...] = ()
    if record.room is not None:
        await cursor.execute(_ROOM, (record.room,))
        rows = cursor.fetchall()
        room = RoomId(rows[0][0]) if rows else None
        missing = () if rows else (record.room,)
    await cursor.execute(_CARRIED, (sorted(set(record.item_keys)),))
    unknown = set(record.item_keys) - {key for (key,) in cursor.fetchall()}
    if missing or unknown:
        raise UnknownKeys(missing, tuple(sorted(unknown)))
    return room


async def _enter(
    cursor: Cursor, record: CharacterRecord, account: AccountId | None, room: RoomId | None
) -> _Newcomer:
    """Make the character, and its account if need be; raises `NameTaken`."""
    try:
        if account is None:
            parameters = (record.name, NO_PASSWORD, record.created, room)
            return await _made(cursor, _NEW_ACCOUNT, parameters)
        await cursor.execute(_NAME, (record.name, account))
        await cursor.execute(_NAME_OWNER, (record.name,))
        if cursor.fetchall() != [(account,)]:
            raise NameTaken(f"The name {record.name} is taken.")
        return await _made(cursor, _NEW_CHARACTER, (account, record.name, record.created, room))
    except StorageRefused as error:
        if error.sqlstate == _UNIQUE_VIOLATION:
            taken = f"The name {record.name} is taken, or reads like one that is."
            raise NameTaken(taken) from error
        raise


async def _made(cursor: Cursor, statement: str, parameters: Sequence[object]) -> _Newcomer:
    await cursor.execute(statement, parameters)
    ((account, id),) = cursor.fetchall()
    return _Newcomer(account, CharacterId(id))
