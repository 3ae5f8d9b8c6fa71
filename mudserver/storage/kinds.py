"""
What a flush writes, kind by kind, and how to read back what it could not.

To add a kind: its statement, and its line in `KINDS`; a line in `_STORED` too, if the world shows
it and has to go back to what is stored.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
from attrs import frozen

from mudserver.errors import StorageRefused
from mudserver.ids import AccountId, CharacterId, ItemId, RoomId
from mudserver.interfaces.journal import AnswerRow, InputRow, JournalRow
from mudserver.interfaces.rows import ItemRow
from mudserver.storage.connection import Row
from mudserver.storage.retention import KEEP_ANSWERS
from mudserver.storage.transaction import Cursor
from mudserver.world.applied import (
    Change,
    ChannelOff,
    ChannelOn,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    CharacterPlaced,
    Entity,
    ItemPlaced,
    LidMoved,
    MuteLifted,
    MuteMade,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.bans import Ban, BanKind, BanLifted

#: The columns of an item ``i``, in the order of an `ItemRow`.
ITEM_COLUMNS: Final = (
    "i.id,i.key,i.name,i.keywords,i.description,i.fixed,i.room,i.holder,i.container,"
    "i.size,i.capacity,i.lid,i.closed"
)

# Each statement locks its rows in the order of their keys, and the statements always come in the
# order of `KINDS`, so that two who flush can't wait for each other. Parameters are arrays, one for
# each attribute of the row's class and of its name.

_PLACE: Final = """
    WITH locked AS (
        SELECT id FROM character WHERE id = ANY(%(character)s::bigint[])
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE character c SET room = v.room
    FROM unnest(%(character)s::bigint[], %(room)s::bigint[]) AS v (id, room)
    JOIN locked USING (id)
    WHERE c.id = v.id
"""

_MOVE: Final = """
    WITH locked AS (
        SELECT id FROM item WHERE id = ANY(%(item)s::bigint[]) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE item i SET room = v.room, holder = v.holder, container = v.container,
        container_size = (SELECT c.size FROM item c WHERE c.id = v.container)
    FROM unnest(%(item)s::bigint[], %(room)s::bigint[], %(holder)s::bigint[],
        %(container)s::bigint[]) AS v (id, room, holder, container)
    JOIN locked USING (id)
    WHERE i.id = v.id
"""

_SHUT: Final = """
    WITH locked AS (
        SELECT id FROM item WHERE id = ANY(%(item)s::bigint[]) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE item i SET closed = v.closed
    FROM unnest(%(item)s::bigint[], %(closed)s::boolean[]) AS v (id, closed)
    JOIN locked USING (id)
    WHERE i.id = v.id
"""

_UNMUTE: Final = """
    DELETE FROM mute m USING (
        SELECT muter, muted FROM mute
        JOIN unnest(%(muter)s::bigint[], %(muted)s::bigint[]) AS v (muter, muted)
            USING (muter, muted)
        ORDER BY muter, muted FOR UPDATE OF mute
    ) AS locked
    WHERE m.muter = locked.muter AND m.muted = locked.muted
"""

_MUTE: Final = """
    INSERT INTO mute (muter, muted, since, until, why)
    SELECT muter, muted, coalesce(since, now()), until, why
    FROM unnest(%(muter)s::bigint[], %(muted)s::bigint[], %(since)s::timestamptz[],
        %(until)s::timestamptz[], %(why)s::text[]) AS v (muter, muted, since, until, why)
    ORDER BY muter, muted
    ON CONFLICT (muter, muted) DO UPDATE
    SET since = excluded.since, until = excluded.until, why = excluded.why
"""

_FORGET_MUTES: Final = """
    DELETE FROM mute m USING (
        SELECT muter, muted FROM mute
        WHERE muter = ANY(%(muter)s::bigint[]) AND until <= now()
        ORDER BY muter, muted FOR UPDATE
    ) AS ended
    WHERE m.muter = ended.muter AND m.muted = ended.muted
"""

_UNSILENCE: Final = """
    DELETE FROM silence s USING (
        SELECT account FROM silence WHERE account = ANY(%(account)s::bigint[])
        ORDER BY account FOR UPDATE
    ) AS locked
    WHERE s.account = locked.account
"""

_FORGET_SILENCES: Final = """
    DELETE FROM silence s USING (
        SELECT account FROM silence WHERE until <= now() ORDER BY account FOR UPDATE
    ) AS ended
    WHERE s.account = ended.account
"""

_SILENCE: Final = """
    INSERT INTO silence (account, by, since, until, why)
    SELECT account, by, since, until, why
    FROM unnest(%(account)s::bigint[], %(by)s::bigint[], %(since)s::timestamptz[],
        %(until)s::timestamptz[], %(why)s::text[]) AS v (account, by, since, until, why)
    ORDER BY account
    ON CONFLICT (account) DO UPDATE
    SET by = excluded.by, since = excluded.since, until = excluded.until, why = excluded.why
"""

_UNSILENCE_CHANNEL: Final = """
    DELETE FROM channel_silence s USING (
        SELECT account, channel FROM channel_silence
        JOIN unnest(%(account)s::bigint[], %(channel)s::text[]) AS v (account, channel)
            USING (account, channel)
        ORDER BY account, channel FOR UPDATE OF channel_silence
    ) AS locked
    WHERE s.account = locked.account AND s.channel = locked.channel
"""

_FORGET_CHANNEL_SILENCES: Final = """
    DELETE FROM channel_silence s USING (
        SELECT account, channel FROM channel_silence WHERE until <= now()
        ORDER BY account, channel FOR UPDATE
    ) AS ended
    WHERE s.account = ended.account AND s.channel = ended.channel
"""

_SILENCE_CHANNEL: Final = """
    INSERT INTO channel_silence (account, channel, by, since, until, why)
    SELECT account, channel, by, since, until, why
    FROM unnest(%(account)s::bigint[], %(channel)s::text[], %(by)s::bigint[],
        %(since)s::timestamptz[], %(until)s::timestamptz[], %(why)s::text[])
        AS v (account, channel, by, since, until, why)
    ORDER BY account, channel
    ON CONFLICT (account, channel) DO UPDATE
    SET by = excluded.by, since = excluded.since, until = excluded.until, why = excluded.why
"""

_TURN_ON: Final = """
    DELETE FROM channel_off o USING (
        SELECT character, channel FROM channel_off
        JOIN unnest(%(character)s::bigint[], %(channel)s::text[]) AS v (character, channel)
            USING (character, channel)
        ORDER BY character, channel FOR UPDATE OF channel_off
    ) AS locked
    WHERE o.character = locked.character AND o.channel = locked.channel
"""

_TURN_OFF: Final = """
    INSERT INTO channel_off (character, channel)
    SELECT character, channel
    FROM unnest(%(character)s::bigint[], %(channel)s::text[]) AS v (character, channel)
    ORDER BY character, channel
    ON CONFLICT (character, channel) DO NOTHING
"""

_UNBAN: Final = """
    DELETE FROM ban b USING (
        SELECT kind, key FROM ban
        JOIN unnest(%(kind)s::text[], %(key)s::text[]) AS v (kind, key) USING (kind, key)
        ORDER BY kind, key FOR UPDATE OF ban
    ) AS locked
    WHERE b.kind = locked.kind AND b.key = locked.key
"""

_FORGET_BANS: Final = """
    DELETE FROM ban b USING (
        SELECT kind, key FROM ban WHERE until <= now() ORDER BY kind, key FOR UPDATE
    ) AS ended
    WHERE b.kind = ended.kind AND b.key = ended.key
"""

_BAN: Final = """
    INSERT INTO ban (kind, key, name, by, since, until, why)
    SELECT kind, key, name, by, since, until, why
    FROM unnest(%(kind)s::text[], %(key)s::text[], %(name)s::text[], %(by)s::bigint[],
        %(since)s::timestamptz[], %(until)s::timestamptz[], %(why)s::text[])
        AS v (kind, key, name, by, since, until, why)
    ORDER BY kind, key
    ON CONFLICT (kind, key) DO UPDATE
    SET name = excluded.name, by = excluded.by, since = excluded.since, until = excluded.until,
        why = excluded.why
"""

_INPUT: Final = """
    INSERT INTO session_input (session, character, number)
    SELECT session, character, number
    FROM unnest(%(session)s::text[], %(character)s::bigint[], %(number)s::bigint[])
        AS v (session, character, number)
    ORDER BY session
    ON CONFLICT (session) DO UPDATE
    SET character = excluded.character, number = excluded.number, at = excluded.at
"""

_ANSWER: Final = """
    INSERT INTO command_answer (session, command, ordinal, number, code, message)
    SELECT session, command, ordinal, number, code, message
    FROM unnest(%(session)s::text[], %(command)s::text[], %(ordinal)s::bigint[],
        %(number)s::bigint[], %(code)s::text[], %(message)s::text[])
        AS v (session, command, ordinal, number, code, message)
    ORDER BY session, command
    ON CONFLICT (session, command) DO UPDATE
    SET ordinal = excluded.ordinal, number = excluded.number, code = excluded.code,
        message = excluded.message, at = excluded.at
"""

_FORGET_ANSWERS: Final = f"""
    DELETE FROM command_answer a USING (
        SELECT session, max(ordinal) AS newest
        FROM unnest(%(session)s::text[], %(ordinal)s::bigint[]) AS v (session, ordinal)
        WHERE ordinal > {KEEP_ANSWERS} GROUP BY session
    ) AS v
    WHERE a.session = v.session AND a.ordinal <= v.newest - {KEEP_ANSWERS}
"""  # noqa: S608 - a constant of ours


@frozen
class Kind:
    """
    How rows of one class are written.

    Attributes:
        row: The class.
        statements: What writes many of them, in this order.
        entity: What each row must find to change, for the message if it finds none; None for
            rows that are new, or may have gone.
    """

    row: type[JournalRow]
    statements: tuple[str, ...]
    entity: str | None = None


#: In this order they are written: each after those that it refers to.
KINDS: Final = (
    Kind(CharacterPlaced, (_PLACE,), "a character"),
    Kind(ItemPlaced, (_MOVE,), "an item"),
    Kind(LidMoved, (_SHUT,), "a container"),
    Kind(MuteLifted, (_UNMUTE,)),
    Kind(MuteMade, (_FORGET_MUTES, _MUTE)),
    Kind(SilenceLifted, (_UNSILENCE,)),
    Kind(SilenceMade, (_FORGET_SILENCES, _SILENCE)),
    Kind(ChannelSilenceLifted, (_UNSILENCE_CHANNEL,)),
    Kind(ChannelSilenceMade, (_FORGET_CHANNEL_SILENCES, _SILENCE_CHANNEL)),
    Kind(ChannelOn, (_TURN_ON,)),
    Kind(ChannelOff, (_TURN_OFF,)),
    Kind(BanLifted, (_UNBAN,)),
    Kind(Ban, (_FORGET_BANS, _BAN)),
    Kind(InputRow, (_INPUT,)),
    Kind(AnswerRow, (_ANSWER, _FORGET_ANSWERS)),
)


def in_order(rows: Iterable[JournalRow]) -> list[JournalRow]:
    """Return rows so that each comes after those that it refers to."""
    by_class = _by_class(rows)
    return [row for kind in KINDS for row in by_class.get(kind.row, ())]


async def write(cursor: Cursor, rows: Iterable[JournalRow]) -> None:
    """
    Write rows in a transaction.

    Raises:
        StorageRefused: One of them can't be: of the schema, or since its entity is unknown or named
            twice.
    """
    by_class = _by_class(rows)
    for kind in KINDS:
        same = by_class.get(kind.row)
        if same:
            parameters = _columns(same)
            for statement in kind.statements:
                await cursor.execute(statement, parameters)
            if kind.entity is not None and cursor.rowcount != len(same):
                raise StorageRefused(f"flush: {kind.entity} is unknown or named twice")


def _by_class(rows: Iterable[JournalRow]) -> dict[type[JournalRow], list[JournalRow]]:
    by_class: dict[type[JournalRow], list[JournalRow]] = {}
    for row in rows:
        by_class.setdefault(type(row), []).append(row)
    return by_class


def _columns(rows: Sequence[JournalRow]) -> Mapping[str, list[object]]:
    names = [field.name for field in attrs.fields(type(rows[0]))]
    return {name: [getattr(row, name) for row in rows] for name in names}


# ---------------------------------------------------------------- reading back

_STORED_PLACES: Final = """
    SELECT id, room FROM character WHERE id = ANY(%(character)s::bigint[]) AND room IS NOT NULL
"""

_STORED_ITEMS: Final = f"""
    SELECT {ITEM_COLUMNS} FROM item i WHERE id = ANY(%(item)s::bigint[])
"""  # noqa: S608 - a constant of ours

# Sizes fall on the way in, so it ends.
_CONTENTS: Final = f"""
    WITH RECURSIVE inside AS (
        SELECT i.* FROM item i WHERE i.container = ANY(%s::bigint[])
        UNION
        SELECT i.* FROM inside c JOIN item i ON i.container = c.id
    )
    SELECT {ITEM_COLUMNS} FROM inside i ORDER BY i.size DESC, i.id
"""  # noqa: S608 - a constant of ours

_STORED_LIDS: Final = "SELECT id, closed FROM item WHERE id = ANY(%(item)s::bigint[])"

_STORED_MUTES: Final = """
    SELECT v.muter, v.muted, m.since, m.until, m.why, o.name
    FROM unnest(%(muter)s::bigint[], %(muted)s::bigint[]) AS v (muter, muted)
    LEFT JOIN mute m USING (muter, muted) LEFT JOIN character o ON o.id = v.muted
"""


_STORED_SILENCES: Final = """
    SELECT v.account, s.by, s.since, s.until, s.why
    FROM unnest(%(account)s::bigint[]) AS v (account) LEFT JOIN silence s USING (account)
"""

_STORED_BANS: Final = """
    SELECT v.kind, v.key, b.name, b.by, coalesce(a.name, ''), b.since, b.until, b.why
    FROM unnest(%(kind)s::text[], %(key)s::text[]) AS v (kind, key)
    LEFT JOIN ban b USING (kind, key) LEFT JOIN account a ON a.id = b.by
"""


_STORED_CHANNEL_SILENCES: Final = """
    SELECT v.account, v.channel, s.by, s.since, s.until, s.why
    FROM unnest(%(account)s::bigint[], %(channel)s::text[]) AS v (account, channel)
    LEFT JOIN channel_silence s USING (account, channel)
"""

_STORED_CHANNELS: Final = """
    SELECT v.character, v.channel, o.channel IS NOT NULL
    FROM unnest(%(character)s::bigint[], %(channel)s::text[]) AS v (character, channel)
    LEFT JOIN channel_off o USING (character, channel)
"""


def item_row(row: Sequence[Any]) -> ItemRow:
    """Make an item of `ITEM_COLUMNS`."""
    id, key, name, keywords, *others = row
    return ItemRow(ItemId(id), key, name, tuple(keywords), *others)


def _stored_item(row: Row) -> tuple[Entity, ItemRow]:
    item = item_row(row)
    return ItemPlaced(item.id, item.room, item.holder, item.container).entity, item


def _stored_lid(row: Row) -> tuple[Entity, Change]:
    lid = LidMoved(ItemId(row[0]), row[1])
    return lid.entity, lid


def _stored_place(row: Row) -> tuple[Entity, Change]:
    place = CharacterPlaced(CharacterId(row[0]), RoomId(row[1]))
    return place.entity, place


def _stored_mute(row: Row) -> tuple[Entity, Change]:
    muter, muted, since, until, why, name = row
    if since is None:
        lifted = MuteLifted(CharacterId(muter), CharacterId(muted))
        return lifted.entity, lifted
    made = MuteMade(CharacterId(muter), CharacterId(muted), since, until, why, name)
    return made.entity, made


def _stored_silence(row: Row) -> tuple[Entity, Change]:
    account, by, since, until, why = row
    if since is None:
        lifted = SilenceLifted(AccountId(account))
        return lifted.entity, lifted
    made = SilenceMade(AccountId(account), AccountId(by), since, until, why)
    return made.entity, made


def _stored_channel_silence(row: Row) -> tuple[Entity, Change]:
    account, channel, by, since, until, why = row
    if since is None:
        lifted = ChannelSilenceLifted(AccountId(account), channel)
        return lifted.entity, lifted
    made = ChannelSilenceMade(AccountId(account), channel, AccountId(by), since, until, why)
    return made.entity, made


def _stored_channel(row: Row) -> tuple[Entity, Change]:
    character, channel, off = row
    kind = ChannelOff if off else ChannelOn
    switched = kind(CharacterId(character), channel)
    return switched.entity, switched


def ban_row(row: Sequence[Any]) -> Ban:
    """Make a ban of its columns, with the name of the account that ordered it behind ``by``."""
    kind, key, name, by, orderer, since, until, why = row
    return Ban(BanKind(kind), key, name, by, orderer, since, until, why)


def _stored_ban(row: Row) -> tuple[Entity, Change]:
    kind, key, name = row[:3]
    if name is None:
        lifted = BanLifted(BanKind(kind), key)
        return lifted.entity, lifted
    ban = ban_row(row)
    return ban.entity, ban


_Read = Callable[[Row], tuple[Entity, Change | ItemRow]]

_STORED: Final[Mapping[Any, tuple[str, _Read]]] = {
    CharacterPlaced: (_STORED_PLACES, _stored_place),
    ItemPlaced: (_STORED_ITEMS, _stored_item),
    LidMoved: (_STORED_LIDS, _stored_lid),
    MuteMade: (_STORED_MUTES, _stored_mute),
    MuteLifted: (_STORED_MUTES, _stored_mute),
    SilenceMade: (_STORED_SILENCES, _stored_silence),
    SilenceLifted: (_STORED_SILENCES, _stored_silence),
    ChannelSilenceMade: (_STORED_CHANNEL_SILENCES, _stored_channel_silence),
    ChannelSilenceLifted: (_STORED_CHANNEL_SILENCES, _stored_channel_silence),
    ChannelOff: (_STORED_CHANNELS, _stored_channel),
    ChannelOn: (_STORED_CHANNELS, _stored_channel),
    Ban: (_STORED_BANS, _stored_ban),
    BanLifted: (_STORED_BANS, _stored_ban),
}


async def stored(cursor: Cursor, rows: Iterable[JournalRow]) -> dict[Entity, Change | ItemRow]:
    """Read what is stored of the entities of some rows, where the world shows them."""
    found: dict[Entity, Change | ItemRow] = {}
    for kind, same in _by_class(rows).items():
        if kind in _STORED:
            statement, read = _STORED[kind]
            await cursor.execute(statement, _columns(same))
            found.update(read(row) for row in cursor.fetchall())
    return found


async def contents(
    cursor: Cursor, items: Iterable[Change | ItemRow]
) -> dict[ItemId, tuple[ItemRow, ...]]:
    """Read what is stored in some items, by their ids; containers before what they hold."""
    outermost = {each.id: each.id for each in items if isinstance(each, ItemRow) and each.size}
    if not outermost:
        return {}
    await cursor.execute(_CONTENTS, (sorted(outermost),))
    found: dict[ItemId, list[ItemRow]] = {}
    for row in cursor.fetchall():
        item = item_row(row)
        assert item.container is not None
        found.setdefault(outermost[item.container], []).append(item)
        outermost[item.id] = outermost[item.container]
    return {id: tuple(inside) for id, inside in found.items()}
