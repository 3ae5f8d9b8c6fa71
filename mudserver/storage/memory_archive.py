"""Characters that travel from world to world, in memory."""

from collections.abc import Iterable

from attrs import evolve
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.errors import BadDocument, NameTaken, UnknownKeys
from mudserver.ids import AccountId, CharacterId, ItemId, RoomId
from mudserver.interfaces.archive import (
    CarriedItem,
    CharacterRecord,
    ICharacterArchive,
    ImportedCharacter,
)
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.rows import ItemRow, MuteRow
from mudserver.storage.archive import (
    COPY,
    DOES_NOT_FIT,
    NO_PASSWORD,
    Copy,
    copies,
    original,
    texts,
)
from mudserver.storage.memory_database import (
    CHANNEL,
    NAME,
    MemoryAccount,
    MemoryCharacter,
    MemoryDatabase,
    check_key,
    check_row,
    key_of,
)
from mudserver.storage.text import storable
from mudserver.world.names import name_look
from mudserver.world.role import Role


@implementer(ICharacterArchive)
class MemoryCharacterArchive:
    """
    Implements `ICharacterArchive`.

    Args:
        database: Shared with the stores.
    """

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def export(self, name: str) -> Deferred[CharacterRecord | None]:
        """Implement `ICharacterArchive.export`."""

        def work() -> CharacterRecord | None:
            character = self._named(storable(name))
            return None if character is None else self._record(character)

        return self._db.answer(work)

    def admit(
        self, record: CharacterRecord, account: AccountId | None, audit: AuditRow | None = None
    ) -> Deferred[ImportedCharacter]:
        """Implement `ICharacterArchive.admit`."""

        def work() -> ImportedCharacter:
            imported = self._admit(record, account)
            if audit is not None:
                self._db.record(audit)
            return imported

        return self._db.answer(work)

    def _record(self, character: MemoryCharacter) -> CharacterRecord:
        held = [item for item in self._db.items.values() if item.holder == character.id]
        muted = sorted(
            (
                self._db.characters[mute.muted]
                for mute in self._db.mutes.values()
                if mute.muter == character.id and mute.until is None
            ),
            key=key_of,
        )
        return CharacterRecord(
            name=character.name,
            created=character.created,
            room=None if character.room is None else self._room_keys()[character.room],
            items=self._nested(held),
            muted=tuple(each.name for each in muted),
            channels_off=tuple(
                sorted(name for id, name in self._db.channels_off if id == character.id)
            ),
        )

    def _admit(self, record: CharacterRecord, account: AccountId | None) -> ImportedCharacter:
        for text in texts(record):
            storable(text)
        rooms = {key: id for id, key in self._room_keys().items()}
        things = {item.key: item for item in self._db.items.values() if not item.fixed}
        unknown = {key for key in record.item_keys if key not in things}
        missing = () if record.room is None or record.room in rooms else (record.room,)
        if missing or unknown:
            raise UnknownKeys(missing, tuple(sorted(unknown)))
        room = None if record.room is None else rooms[record.room]
        ids = iter(self._db.next_entities(len(record.item_keys)))
        made = tuple(copies(record.items, ids))
        sizes = {copy.id: things[copy.item.key].size for copy in made}
        for copy in made:
            fits = copy.container is None or sizes[copy.id] < sizes[copy.container]
            if not fits:
                raise BadDocument(DOES_NOT_FIT)
        for channel in record.channels_off:
            check_row(CHANNEL.match(channel), "channel_off_channel_check")
        character = self._enter(record, account, room)
        for copy in made:
            self._copy(things[copy.item.key], copy, character.id)
        keys = {name.casefold() for name in record.muted}
        found = [
            each.id
            for each in self._db.characters.values()
            if key_of(each) in keys and each.id != character.id
        ]
        for id in found:
            self._db.mute(MuteRow(character.id, id))
        self._db.channels_off |= {(character.id, channel) for channel in record.channels_off}
        return ImportedCharacter(
            record.name, self._db.accounts[character.account].name, len(keys) - len(found)
        )

    def _enter(
        self, record: CharacterRecord, account: AccountId | None, room: RoomId | None
    ) -> MemoryCharacter:
        key = record.name.lower() if record.name.isascii() else record.name
        check_row(NAME.match(key), "name_key_check")
        owner = self._db.names.get(key)
        if owner is not None and (owner != account or self._named(record.name) is not None):
            raise NameTaken(f"The name {record.name} is taken, or reads like one that is.")
        self._db.claim_look(record.name, account)
        if account is None:
            account = self._db.next_account()
            self._db.accounts[account] = MemoryAccount(
                account, record.name, NO_PASSWORD, Role.PLAYER, False, self._db.now()
            )
        check_key(account in self._db.accounts, "name_account_fkey")
        self._db.names[key] = account
        character = MemoryCharacter(
            CharacterId(self._db.next_entities(1)[0]), account, record.name, room, record.created
        )
        self._db.characters[character.id] = character
        self._db.looks.setdefault(name_look(record.name), character.account)
        return character

    def _nested(self, items: Iterable[ItemRow]) -> tuple[CarriedItem, ...]:
        return tuple(
            CarriedItem(
                original(item.key),
                item.closed,
                self._nested(each for each in self._db.items.values() if each.container == item.id),
            )
            for item in sorted(items, key=lambda item: item.id)
        )

    def _copy(self, item: ItemRow, copy: Copy, holder: CharacterId) -> None:
        self._db.items[ItemId(copy.id)] = evolve(
            item,
            id=ItemId(copy.id),
            key=f"{item.key}{COPY}{copy.id}",
            room=None,
            holder=holder if copy.container is None else None,
            container=None if copy.container is None else ItemId(copy.container),
            closed=copy.item.closed and item.lid,
        )

    def _named(self, name: str) -> MemoryCharacter | None:
        key = name.casefold()
        return next((each for each in self._db.characters.values() if key_of(each) == key), None)

    def _room_keys(self) -> dict[RoomId, str]:
        world = self._db.world
        return {} if world is None else {room.id: room.key for room in world.rooms}
