"""How what a flush could not write is stored: what the world goes back to."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from mudserver.ids import AccountId, CharacterId, DoorId, ItemId, NpcId, PartyId, RoomId
from mudserver.interfaces.journal import JournalRow
from mudserver.interfaces.rows import ItemRow
from mudserver.storage.connection import Row
from mudserver.storage.kinds import by_class_of, columns
from mudserver.storage.transaction import Cursor
from mudserver.world.applied import (
    Change,
    ChannelOff,
    ChannelOn,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    CharacterPlaced,
    DoorMoved,
    Entity,
    FollowLifted,
    FollowMade,
    ItemPlaced,
    LidMoved,
    MembershipEnded,
    MembershipMade,
    MuteLifted,
    MuteMade,
    NpcPlaced,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.bans import Ban, BanKind, BanLifted

#: The columns of an item ``i``, in the order of an `ItemRow`.
ITEM_COLUMNS: Final = (
    "i.id,i.key,i.name,i.keywords,i.description,i.fixed,i.room,i.holder,i.container,"
    "i.size,i.capacity,i.lid,i.closed"
)

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

_STORED_DOORS: Final = "SELECT id, closed FROM door WHERE id = ANY(%(door)s::bigint[])"

_STORED_NPCS: Final = "SELECT id, room FROM npc WHERE id = ANY(%(npc)s::bigint[])"

_STORED_FOLLOWS: Final = """
    SELECT v.follower, f.leader, (SELECT c.name FROM character c WHERE c.id = f.leader)
    FROM unnest(%(follower)s::bigint[]) AS v (follower) LEFT JOIN follow f USING (follower)
"""

_STORED_MEMBERSHIPS: Final = """
    SELECT v.character, m.party, m.number, (SELECT c.name FROM character c WHERE c.id = m.character)
    FROM unnest(%(character)s::bigint[]) AS v (character) LEFT JOIN party_member m USING (character)
"""

_STORED_MUTES: Final = """
    SELECT v.muter, v.muted, m.since, m.until, m.why, o.name
    FROM unnest(%(muter)s::bigint[], %(muted)s::bigint[]) AS v (muter, muted)
    LEFT JOIN mute m USING (muter, muted) LEFT JOIN character o ON o.id = v.muted
"""


_STORED_SILENCES: Final = """
    SELECT v.account, s.by, s.since, s.until, s.why,
        (SELECT a.name FROM account a WHERE a.id = v.account),
        (SELECT a.name FROM account a WHERE a.id = s.by)
    FROM unnest(%(account)s::bigint[]) AS v (account) LEFT JOIN silence s USING (account)
"""

_STORED_BANS: Final = """
    SELECT v.kind, v.key, b.name, b.by, coalesce(a.name, ''), b.since, b.until, b.why
    FROM unnest(%(kind)s::text[], %(key)s::text[]) AS v (kind, key)
    LEFT JOIN ban b USING (kind, key) LEFT JOIN account a ON a.id = b.by
"""


_STORED_CHANNEL_SILENCES: Final = """
    SELECT v.account, v.channel, s.by, s.since, s.until, s.why,
        (SELECT a.name FROM account a WHERE a.id = v.account),
        (SELECT a.name FROM account a WHERE a.id = s.by)
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


def _stored_door(row: Row) -> tuple[Entity, Change]:
    door = DoorMoved(DoorId(row[0]), row[1])
    return door.entity, door


def _stored_npc(row: Row) -> tuple[Entity, Change]:
    npc = NpcPlaced(NpcId(row[0]), RoomId(row[1]))
    return npc.entity, npc


def _stored_follow(row: Row) -> tuple[Entity, Change]:
    follower, leader, name = row
    if leader is None:
        lifted = FollowLifted(CharacterId(follower))
        return lifted.entity, lifted
    made = FollowMade(CharacterId(follower), CharacterId(leader), name)
    return made.entity, made


def _stored_membership(row: Row) -> tuple[Entity, Change]:
    character, party, number, name = row
    if party is None:
        ended = MembershipEnded(CharacterId(character))
        return ended.entity, ended
    made = MembershipMade(CharacterId(character), PartyId(party), number, name)
    return made.entity, made


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
    account, by, *order = row
    if by is None:
        lifted = SilenceLifted(AccountId(account))
        return lifted.entity, lifted
    made = SilenceMade(AccountId(account), AccountId(by), *order)
    return made.entity, made


def _stored_channel_silence(row: Row) -> tuple[Entity, Change]:
    account, channel, by, *order = row
    if by is None:
        lifted = ChannelSilenceLifted(AccountId(account), channel)
        return lifted.entity, lifted
    made = ChannelSilenceMade(AccountId(account), channel, AccountId(by), *order)
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
    DoorMoved: (_STORED_DOORS, _stored_door),
    FollowLifted: (_STORED_FOLLOWS, _stored_follow),
    FollowMade: (_STORED_FOLLOWS, _stored_follow),
    MembershipEnded: (_STORED_MEMBERSHIPS, _stored_membership),
    MembershipMade: (_STORED_MEMBERSHIPS, _stored_membership),
    NpcPlaced: (_STORED_NPCS, _stored_npc),
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
    for kind, same in by_class_of(rows).items():
        if kind in _STORED:
            statement, read = _STORED[kind]
            await cursor.execute(statement, columns(same))
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
