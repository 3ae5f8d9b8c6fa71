"""The journal in memory: fenced, sifted and committed as in PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from attrs import evolve
from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from mudserver.errors import Fenced, StorageRefused, StorageUnavailable
from mudserver.ids import Epoch, RoomId, SessionId
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.history import ChatLine, TellLine
from mudserver.interfaces.journal import (
    MAX_REFUSED,
    AnswerRow,
    Committed,
    DeadLetter,
    Flush,
    IJournalStore,
    InputRow,
    JournalRow,
    RefusedRow,
)
from mudserver.interfaces.rows import ItemRow, MuteRow
from mudserver.storage.failures import is_of_rows
from mudserver.storage.kinds import in_order
from mudserver.storage.memory_database import (
    CHANNEL,
    MemoryAnswer,
    MemoryDatabase,
    MemoryInput,
    MemoryLease,
    MemoryLetter,
    check_key,
    check_row,
)
from mudserver.storage.retention import (
    KEEP_ANSWERS,
    KEEP_ANSWERS_FOR,
    KEEP_LETTERS,
    KEEP_LETTERS_FOR,
)
from mudserver.storage.sieve import Reject, sieve
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
    MuteLifted,
    MuteMade,
    NpcPlaced,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.bans import Ban, BanLifted

_MAX_SESSION: Final = 200
_MAX_COMMAND: Final = 64


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
            with _all_or_nothing(self._db):
                _write(self._db, flush.rows)
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
                with _all_or_nothing(self._db):
                    _write(self._db, some)
            except StorageRefused as error:
                if not is_of_rows(error):
                    raise
                return error
            return None

        before = _snapshot(self._db)
        try:
            rejects = await sieve(in_order(rows), attempt, MAX_REFUSED)
        finally:
            _restore(self._db, before)
        return tuple(_refused(self._db, each) for each in rejects)

    def committed(self, session: SessionId) -> Deferred[Committed | None]:
        """Implement `IJournalStore.committed`."""

        def work() -> Committed | None:
            done = self._db.inputs.get(SessionId(storable(session)))
            if done is None:
                return None
            oldest = self._db.now() - KEEP_ANSWERS_FOR
            answers = sorted(
                (
                    answer.row
                    for answer in self._db.answers.values()
                    if answer.row.session == session and answer.at > oldest
                ),
                key=lambda row: row.ordinal,
            )
            return Committed(done.row.character, done.row.number, tuple(answers[-KEEP_ANSWERS:]))

        return self._db.answer(work)

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


# ---------------------------------------------------------------- transactions

_TABLES: Final = (
    "characters",
    "items",
    "doors",
    "npcs",
    "follows",
    "mutes",
    "silences",
    "channel_silences",
    "channels_off",
    "bans",
    "lines",
    "audit",
    "inputs",
    "answers",
    "letters",
)


def _snapshot(db: MemoryDatabase) -> dict[str, Any]:
    return {name: getattr(db, name).copy() for name in _TABLES}


def _restore(db: MemoryDatabase, tables: Mapping[str, Any]) -> None:
    for name, table in tables.items():
        setattr(db, name, table)


@contextmanager
def _all_or_nothing(db: MemoryDatabase) -> Iterator[None]:
    before = _snapshot(db)
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            _restore(db, before)


# ---------------------------------------------------------------- rows


#: Rows of which two may be of the same entity: the later kind has the last word.
_MADE_OR_LIFTED: Final = (
    FollowLifted,
    FollowMade,
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


def _write(db: MemoryDatabase, rows: Sequence[JournalRow]) -> None:
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
    there = _stored(db, reject.row)
    contents = tuple(db.contents((there,))) if isinstance(there, ItemRow) else ()
    return RefusedRow(letter, there, contents)


def _stored(db: MemoryDatabase, row: JournalRow) -> "Change | ItemRow | None":
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
            return db.silences.get(account, SilenceLifted(account))
        case ChannelSilenceMade(account=account) | ChannelSilenceLifted(account=account):
            lifted = ChannelSilenceLifted(account, row.channel)
            return db.channel_silences.get((account, row.channel), lifted)
        case ChannelOff(character=id, channel=name) | ChannelOn(character=id, channel=name):
            off = (id, name) in db.channels_off
            return ChannelOff(id, name) if off else ChannelOn(id, name)
        case Ban(kind=kind, key=key) | BanLifted(kind=kind, key=key):
            return db.stored_ban(kind, key) or BanLifted(kind, key)
        case _:
            return None


def _is_room(db: MemoryDatabase, room: RoomId) -> bool:
    return db.world is not None and any(each.id == room for each in db.world.rooms)
