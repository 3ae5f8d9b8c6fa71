"""Rows of the journal in memory: how each is written, and what is stored of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from mudserver.errors import StorageRefused
from mudserver.ids import RoomId
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.history import ChatLine, TellLine
from mudserver.interfaces.journal import (
    AnswerRow,
    InputRow,
    JournalRow,
)
from mudserver.interfaces.rows import ItemRow, MuteRow
from mudserver.storage.kinds import in_order
from mudserver.storage.memory_database import (
    CHANNEL,
    MemoryAnswer,
    MemoryDatabase,
    MemoryInput,
    check_key,
    check_row,
    check_unique,
)
from mudserver.storage.retention import (
    KEEP_ANSWERS,
)
from mudserver.storage.text import storable
from mudserver.world.applied import (
    Change,
    ChannelOff,
    ChannelOn,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    CharacterPlaced,
    DoorMoved,
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
from mudserver.world.bans import Ban, BanLifted

_MAX_SESSION: Final = 200
_MAX_COMMAND: Final = 64

#: Rows of which two may be of the same entity: the later kind has the last word.
_MADE_OR_LIFTED: Final = (
    FollowLifted,
    FollowMade,
    MembershipEnded,
    MembershipMade,
    MuteMade,
    MuteLifted,
    SilenceMade,
    SilenceLifted,
    ChannelSilenceMade,
    ChannelSilenceLifted,
    ChannelOff,
    ChannelOn,
    Ban,
    BanLifted,
)


def write(db: MemoryDatabase, rows: Sequence[JournalRow]) -> None:
    """
    Write rows into their tables.

    Raises:
        StorageRefused: The schema refuses one of them.
    """
    entities = set()
    for row in in_order(rows):
        if db.refuses(row):
            raise StorageRefused("refused on purpose", "23514", "refused")
        if row.entity in entities and not isinstance(row, _MADE_OR_LIFTED):
            raise StorageRefused(f"flush: {row.entity[0]} is named twice")
        entities.add(row.entity)
        _WRITE[type(row)](db, row)


def _place(db: MemoryDatabase, row: CharacterPlaced) -> None:
    if row.character not in db.characters:
        raise StorageRefused("flush: a character is unknown or named twice")
    check_key(_is_room(db, row.room), "character_room_fkey")
    db.characters[row.character] = evolve(db.characters[row.character], room=row.room)


def _move(db: MemoryDatabase, row: ItemPlaced) -> None:
    item = db.items.get(row.item)
    if item is None:
        raise StorageRefused("flush: an item is unknown or named twice")
    places = (row.room, row.holder, row.container)
    container = None if row.container is None else db.items.get(row.container)
    check_row((row.container is None) == (container is None), "item_container_whole")
    check_row(container is None or item.size < container.size, "item_fits")
    check_row(not item.fixed or row.room is not None, "item_fixed_in_room")
    check_row(sum(place is not None for place in places) == 1, "item_in_one_place")
    check_key(row.room is None or _is_room(db, row.room), "item_room_fkey")
    check_key(row.holder is None or row.holder in db.characters, "item_holder_fkey")
    db.items[row.item] = evolve(item, room=row.room, holder=row.holder, container=row.container)


def _shut(db: MemoryDatabase, row: LidMoved) -> None:
    item = db.items.get(row.item)
    if item is None:
        raise StorageRefused("flush: a container is unknown or named twice")
    check_row(item.lid or not row.closed, "item_closed_by_lid")
    db.items[row.item] = evolve(item, closed=row.closed)


def _swing(db: MemoryDatabase, row: DoorMoved) -> None:
    if row.door not in db.doors:
        raise StorageRefused("flush: a door is unknown or named twice")
    db.doors[row.door] = row.closed


def _walk(db: MemoryDatabase, row: NpcPlaced) -> None:
    if row.npc not in db.npcs:
        raise StorageRefused("flush: an inhabitant is unknown or named twice")
    check_key(_is_room(db, row.room), "npc_room_fkey")
    db.npcs[row.npc] = row.room


def _unfollow(db: MemoryDatabase, row: FollowLifted) -> None:
    db.follows.pop(row.follower, None)


def _follow(db: MemoryDatabase, row: FollowMade) -> None:
    check_row(row.follower != row.leader, "follow_another")
    check_key(row.follower in db.characters, "follow_follower_fkey")
    check_key(row.leader in db.characters, "follow_leader_fkey")
    db.follows[row.follower] = evolve(row, name=db.characters[row.leader].name)


def _leave_party(db: MemoryDatabase, row: MembershipEnded) -> None:
    db.members.pop(row.character, None)


def _join_party(db: MemoryDatabase, row: MembershipMade) -> None:
    check_row(row.number > 0, "party_member_number_check")
    check_key(row.character in db.characters, "party_member_character_fkey")
    others = (each for each in db.members.values() if each.character != row.character)
    taken = {(each.party, each.number) for each in others}
    check_unique((row.party, row.number) not in taken, "party_member_in_order")
    db.members[row.character] = evolve(row, name=db.characters[row.character].name)


def _unmute(db: MemoryDatabase, row: MuteLifted) -> None:
    db.mutes.pop((row.muter, row.muted), None)


def _mute(db: MemoryDatabase, row: MuteMade) -> None:
    for key, mute in list(db.mutes.items()):
        if mute.muter == row.muter and mute.until is not None and mute.until <= db.now():
            del db.mutes[key]
    db.mute(MuteRow(row.muter, row.muted, row.since, row.until, row.why))


def _unsilence(db: MemoryDatabase, row: SilenceLifted) -> None:
    db.silences.pop(row.account, None)


def _silence(db: MemoryDatabase, row: SilenceMade) -> None:
    db.forget_silences()
    db.silence(row)


def _unsilence_channel(db: MemoryDatabase, row: ChannelSilenceLifted) -> None:
    db.channel_silences.pop((row.account, row.channel), None)


def _silence_channel(db: MemoryDatabase, row: ChannelSilenceMade) -> None:
    for key, other in list(db.channel_silences.items()):
        if other.until is not None and other.until <= db.now():
            del db.channel_silences[key]
    db.silence_channel(row)


def _turn_on(db: MemoryDatabase, row: ChannelOn) -> None:
    db.channels_off.discard((row.character, row.channel))


def _turn_off(db: MemoryDatabase, row: ChannelOff) -> None:
    check_row(CHANNEL.match(row.channel), "channel_off_channel_check")
    check_key(row.character in db.characters, "channel_off_character_fkey")
    db.channels_off.add((row.character, row.channel))


def _unban(db: MemoryDatabase, row: BanLifted) -> None:
    db.bans.pop((row.kind, row.key), None)


def _ban(db: MemoryDatabase, row: Ban) -> None:
    db.forget_bans()
    db.ban(row)


def _say(db: MemoryDatabase, row: ChatLine | TellLine) -> None:
    for text in (row.session, row.name, row.text):
        storable(text)
    done = db.inputs.get(row.session)
    if done is None or done.row.number < row.number:
        db.lines.setdefault(row.entity, row)


def _input(db: MemoryDatabase, row: InputRow) -> None:
    check_row(1 <= len(storable(row.session)) <= _MAX_SESSION, "session_input_session_check")
    check_row(row.number > 0, "session_input_number_check")
    check_key(row.character in db.characters, "session_input_character_fkey")
    db.inputs[row.session] = MemoryInput(row, db.now())


def _answer(db: MemoryDatabase, row: AnswerRow) -> None:
    check_row(1 <= len(storable(row.command)) <= _MAX_COMMAND, "command_answer_command_check")
    check_row(row.ordinal > 0, "command_answer_ordinal_check")
    check_row((row.code is None) == (row.message is None), "command_answer_whole")
    check_key(row.session in db.inputs, "command_answer_session_fkey")
    db.answers[row.session, row.command] = MemoryAnswer(row, db.now())
    if row.ordinal <= KEEP_ANSWERS:
        return
    for key, other in list(db.answers.items()):
        if key[0] == row.session and other.row.ordinal <= row.ordinal - KEEP_ANSWERS:
            del db.answers[key]


#: What writes one row of each class.
_WRITE: Final[Mapping[Any, Callable[[MemoryDatabase, Any], None]]] = {
    CharacterPlaced: _place,
    ItemPlaced: _move,
    LidMoved: _shut,
    DoorMoved: _swing,
    NpcPlaced: _walk,
    FollowLifted: _unfollow,
    FollowMade: _follow,
    MembershipEnded: _leave_party,
    MembershipMade: _join_party,
    MuteLifted: _unmute,
    MuteMade: _mute,
    SilenceLifted: _unsilence,
    SilenceMade: _silence,
    ChannelSilenceLifted: _unsilence_channel,
    ChannelSilenceMade: _silence_channel,
    ChannelOn: _turn_on,
    ChannelOff: _turn_off,
    BanLifted: _unban,
    Ban: _ban,
    ChatLine: _say,
    TellLine: _say,
    AuditRow: MemoryDatabase.record,
    InputRow: _input,
    AnswerRow: _answer,
}


def stored(db: MemoryDatabase, row: JournalRow) -> Change | ItemRow | None:
    """Return what is stored of what a row concerns; None where there is nothing."""
    match row:
        case CharacterPlaced(character=id):
            character = db.characters.get(id)
            if character is None or character.room is None:
                return None
            return CharacterPlaced(id, character.room)
        case ItemPlaced(item=id):
            return db.items.get(id)
        case LidMoved(item=id):
            lid = db.items.get(id)
            return None if lid is None else LidMoved(id, lid.closed)
        case DoorMoved(door=door):
            closed = db.doors.get(door)
            return None if closed is None else DoorMoved(door, closed)
        case FollowMade(follower=follower) | FollowLifted(follower=follower):
            return db.follows.get(follower, FollowLifted(follower))
        case MembershipMade(character=member) | MembershipEnded(character=member):
            return db.members.get(member, MembershipEnded(member))
        case NpcPlaced(npc=npc):
            room = db.npcs.get(npc)
            return None if room is None else NpcPlaced(npc, room)
        case MuteMade(muter=muter, muted=muted) | MuteLifted(muter=muter, muted=muted):
            made = db.mutes.get((muter, muted))
            if made is None:
                return MuteLifted(muter, muted)
            name = db.characters[muted].name
            return MuteMade(muter, muted, made.since, made.until, made.why, name)
        case SilenceMade(account=account) | SilenceLifted(account=account):
            return db.stored_silence(account) or SilenceLifted(account)
        case ChannelSilenceMade(account=account) | ChannelSilenceLifted(account=account):
            lifted = ChannelSilenceLifted(account, row.channel)
            return db.stored_silence(account, row.channel) or lifted
        case ChannelOff(character=id, channel=name) | ChannelOn(character=id, channel=name):
            off = (id, name) in db.channels_off
            return ChannelOff(id, name) if off else ChannelOn(id, name)
        case Ban(kind=kind, key=key) | BanLifted(kind=kind, key=key):
            return db.stored_ban(kind, key) or BanLifted(kind, key)
        case _:
            return None


def _is_room(db: MemoryDatabase, room: RoomId) -> bool:
    return db.world is not None and any(each.id == room for each in db.world.rooms)
