"""The state of the world, and the one place that changes it."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import assert_never

from mudserver.ids import AccountId, CharacterId, ItemId, NpcId, RoomId
from mudserver.world import events
from mudserver.world.applied import (
    Applied,
    CharacterDelta,
    CharacterOperation,
    CharacterPlaced,
    ItemAdded,
    ItemPlaced,
    ItemRemoved,
    MuteLifted,
    MuteMade,
    RoomDelta,
    RoomOperation,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.by_id import ById
from mudserver.world.direction import Direction
from mudserver.world.model import Character, Exit, Item, Mute, Npc, Occupants, Room, Silence
from mudserver.world.names import name_key

_NOTHING = Applied()
_NOBODY: frozenset[CharacterId] = frozenset()


class World:
    """
    Rooms, items, inhabitants, and the characters that are in the world now.

    Fill it by the ``add_`` methods, rooms first; from then on it changes by `apply` alone, but
    that a character is added just before it enters, and that what can't be saved is put back by
    the ``put_`` methods.

    Args:
        start: The room where new characters begin.
    """

    def __init__(self, start: RoomId) -> None:
        self.start = start
        self._rooms: dict[RoomId, Room] = {}
        self._items: dict[ItemId, Item] = {}
        self._npcs: dict[NpcId, Npc] = {}
        self._characters: dict[CharacterId, Character] = {}
        self._by_name: dict[str, Character] = {}
        self._names: list[str] = []
        self._muters: dict[CharacterId, set[CharacterId]] = {}
        self._silences: dict[AccountId, Silence] = {}

    # ------------------------------------------------------------ building

    def add_room(self, room: Room) -> None:
        """
        Add a room.

        Raises:
            ValueError: There is one with that id.
        """
        if room.id in self._rooms:
            raise ValueError(f"room {room.id} is in the world already")
        self._rooms[room.id] = room

    def add_exit(self, room: RoomId, direction: Direction, out: Exit) -> None:
        """
        Add an exit to a room, or replace it.

        Raises:
            KeyError: One of its two rooms isn't there.
        """
        if out.to not in self._rooms:
            raise KeyError(out.to)
        self._rooms[room].exits[direction] = out

    def add_item(self, item: Item) -> None:
        """
        Add an item where it says that it is; its holder must be in the world.

        Raises:
            KeyError: Its room or holder isn't there.
            ValueError: There is one with that id, or it isn't in exactly one place.
        """
        if item.id in self._items:
            raise ValueError(f"item {item.id} is in the world already")
        if (item.room is None) == (item.holder is None):
            raise ValueError(f"item {item.id} isn't in exactly one place")
        if item.room is not None:
            self._rooms[item.room].items.insert(item)
        if item.holder is not None:
            self._characters[item.holder].items.insert(item)
        self._items[item.id] = item

    def add_npc(self, npc: Npc) -> None:
        """
        Add an inhabitant to the room it says.

        Raises:
            KeyError: That room isn't there.
            ValueError: There is one with that id.
        """
        if npc.id in self._npcs:
            raise ValueError(f"inhabitant {npc.id} is in the world already")
        self._rooms[npc.room].occupants.join(npc)
        self._npcs[npc.id] = npc

    def add_character(self, character: Character) -> None:
        """
        Add a character that is about to enter, with whom it mutes; its items are added next.

        It is in no room until the `Arrived` that `mudserver.world.rules.enter` returns is
        applied; its ``room`` says where it was last.

        Raises:
            ValueError: It is in the world, or another one of its name.
        """
        key = name_key(character.name)
        if character.id in self._characters or key in self._by_name:
            raise ValueError(f"character {character.id} is in the world already")
        self._characters[character.id] = character
        self._by_name[key] = character
        insort(self._names, key)
        for muted in character.mutes:
            self._muters.setdefault(muted, set()).add(character.id)

    # ------------------------------------------------------------ queries

    @property
    def rooms(self) -> Mapping[RoomId, Room]:
        """All rooms, by their ids."""
        return MappingProxyType(self._rooms)

    @property
    def items(self) -> Mapping[ItemId, Item]:
        """All items that lie in rooms or are carried by someone in the world."""
        return MappingProxyType(self._items)

    @property
    def npcs(self) -> Mapping[NpcId, Npc]:
        """All inhabitants, by their ids."""
        return MappingProxyType(self._npcs)

    @property
    def characters(self) -> Mapping[CharacterId, Character]:
        """All characters in the world, by their ids."""
        return MappingProxyType(self._characters)

    def room(self, id: RoomId) -> Room:
        """
        Return a room.

        Raises:
            KeyError: There is none with that id.
        """
        return self._rooms[id]

    def character(self, id: CharacterId) -> Character:
        """
        Return a character that is in the world.

        Raises:
            KeyError: It isn't.
        """
        return self._characters[id]

    def character_named(self, name: str) -> Character | None:
        """Find a character that is in the world by its whole name; case doesn't matter."""
        return self._by_name.get(name_key(name))

    def characters_beginning(self, prefix: str) -> Iterator[Character]:
        """Find the characters whose names begin so, in order of their names."""
        key = name_key(prefix)
        for name in islice(self._names, bisect_left(self._names, key), None):
            if not name.startswith(key):
                return
            yield self._by_name[name]

    def occupants(self, room: RoomId) -> Occupants:
        """
        Return who is in a room.

        Raises:
            KeyError: There is no such room.
        """
        return self._rooms[room].occupants

    def is_deaf_to(self, listener: Character, speaker: CharacterId, now: datetime) -> bool:
        """Tell whether a character mutes another: players can't mute those who moderate."""
        mute = listener.mutes.get(speaker)
        if mute is None or not mute.in_force(now):
            return False
        other = self._characters.get(speaker)
        return listener.role.moderates or other is None or not other.role.moderates

    def muters(self, character: CharacterId, now: datetime) -> frozenset[CharacterId]:
        """Return who in the world doesn't want to hear that character."""
        muters = self._muters.get(character)
        if muters is None:
            return _NOBODY
        return frozenset(
            muter for muter in muters if self.is_deaf_to(self._characters[muter], character, now)
        )

    @property
    def silences(self) -> Mapping[AccountId, Silence]:
        """Who is silenced, wherever they are; some may have ended."""
        return MappingProxyType(self._silences)

    def silence_of(self, account: AccountId, now: datetime) -> Silence | None:
        """Return the silence that is in force for an account."""
        silence = self._silences.get(account)
        return silence if silence is not None and silence.in_force(now) else None

    # ------------------------------------------------------------ the one place that changes it

    def apply(self, event: events.Event) -> Applied:
        """
        Make an event true.

        Args:
            event: One that the rules returned, for the world as it is now.

        Returns:
            What must be stored, and what viewers' copies must learn.

        Raises:
            KeyError: It speaks of what isn't there; nothing was changed.
        """
        match event:
            case events.Departed():
                return self._departed(event)
            case events.Arrived():
                return self._arrived(event)
            case events.LostLink():
                self._characters[event.character].linkdead = True
            case events.Returned():
                self._characters[event.character].linkdead = False
            case events.Took():
                return self._took(event)
            case events.Dropped():
                return self._dropped(event)
            case events.Muted():
                return self._muted(event)
            case events.Unmuted():
                return self._unmuted(event)
            case events.Silenced():
                return self._silenced(event)
            case events.Unsilenced(account=account):
                self._silences.pop(account, None)
                return Applied(changes=(SilenceLifted(account),))
            case events.Appointed():
                self._characters[event.character].role = event.role
            case (
                events.Said()
                | events.Told()
                | events.Emoted()
                | events.Hushed()
                | events.NpcSaid()
                | events.NpcEmoted()
                | events.Quitted()
                | events.Looked()
                | events.Examined()
                | events.ExitsListed()
                | events.InventoryListed()
                | events.WhoListed()
                | events.MutesListed()
                | events.HelpShown()
                | events.PasswordAsked()
            ):
                pass
            case _:
                assert_never(event)
        return _NOTHING

    # ------------------------------------------------------------ back to what is stored

    def put_character(self, character: CharacterId, room: RoomId) -> None:
        """
        Put a character into another room, without a word. Its copies, and those of both rooms, are
        stale then: whoever has one is shown the whole.

        Raises:
            KeyError: It isn't in a room, or there is no such room.
        """
        who, to = self._characters[character], self._rooms[room]
        if who.room is None:
            raise KeyError(character)
        left = self._rooms[who.room]
        left.occupants.leave(who)
        to.occupants.join(who)
        who.room = room
        for stale in (left, to, who):
            stale.version += 1

    def put_item(self, item: Item) -> None:
        """
        Put an item, which is not in the world, where it says that it is; copies as above.

        Raises:
            KeyError: Its room or holder isn't there.
            ValueError: It is in the world, or says that it is in two places or none.
        """
        self.add_item(item)
        self._place_of(item).version += 1

    def remove_item(self, item: ItemId) -> None:
        """
        Take an item out of the world; copies as above.

        Raises:
            KeyError: It isn't there.
        """
        gone = self._items.pop(item)
        place = self._place_of(gone)
        place.items.remove(item)
        place.version += 1

    def put_mute(self, muter: CharacterId, muted: CharacterId, mute: Mute | None) -> None:
        """Have a character mute another, or not (None); nothing where it isn't in the world."""
        who = self._characters.get(muter)
        if who is None:
            return
        if mute is None:
            who.mutes.pop(muted, None)
            self._no_longer_mutes(muter, muted)
        else:
            who.mutes[muted] = mute
            self._muters.setdefault(muted, set()).add(muter)

    def put_silence(self, account: AccountId, silence: Silence | None) -> None:
        """Have an account silenced, or not (None)."""
        if silence is None:
            self._silences.pop(account, None)
        else:
            self._silences[account] = silence

    def _place_of(self, item: Item) -> Room | Character:
        if item.room is not None:
            return self._rooms[item.room]
        assert item.holder is not None
        return self._characters[item.holder]

    # ------------------------------------------------------------ events

    def _departed(self, event: events.Departed) -> Applied:
        character = self._characters[event.character]
        room = self._rooms[event.room]
        operations = room.occupants.leave(character)
        if event.direction is None:
            self._forget(character)
        else:
            character.room = None
        return Applied(deltas=(_room_delta(room, operations),))

    def _arrived(self, event: events.Arrived) -> Applied:
        character = self._characters[event.character]
        room = self._rooms[event.room]
        operations = room.occupants.join(character)
        stored = character.room == room.id
        character.room = room.id
        return Applied(
            changes=() if stored else (CharacterPlaced(character.id, room.id),),
            deltas=(_room_delta(room, operations, newcomer=character.id),),
        )

    def _took(self, event: events.Took) -> Applied:
        room = self._rooms[event.room]
        character = self._characters[event.character]
        items = self._all_in(event.things, room.items)
        removed: list[RoomOperation] = []
        added: list[CharacterOperation] = []
        for item in items:
            removed.append(ItemRemoved(room.items.remove(item.id)))
            added.append(ItemAdded(character.items.insert(item), item.id, item.name))
            item.room, item.holder = None, character.id
        return Applied(
            changes=tuple(ItemPlaced(item.id, None, character.id) for item in items),
            deltas=(_room_delta(room, removed), _character_delta(character, added)),
        )

    def _dropped(self, event: events.Dropped) -> Applied:
        room = self._rooms[event.room]
        character = self._characters[event.character]
        items = self._all_in(event.things, character.items)
        removed: list[CharacterOperation] = []
        added: list[RoomOperation] = []
        for item in items:
            removed.append(ItemRemoved(character.items.remove(item.id)))
            added.append(ItemAdded(room.items.insert(item), item.id, item.name))
            item.room, item.holder = room.id, None
        return Applied(
            changes=tuple(ItemPlaced(item.id, room.id, None) for item in items),
            deltas=(_room_delta(room, added), _character_delta(character, removed)),
        )

    def _muted(self, event: events.Muted) -> Applied:
        mutes = self._characters[event.character].mutes
        for ended in [id for id, mute in mutes.items() if not mute.in_force(event.since)]:
            del mutes[ended]
            self._no_longer_mutes(event.character, ended)
        mutes[event.target] = Mute(event.target_name, event.until)
        self._muters.setdefault(event.target, set()).add(event.character)
        made = MuteMade(
            event.character, event.target, event.since, event.until, event.why, event.target_name
        )
        return Applied(changes=(made,))

    def _silenced(self, event: events.Silenced) -> Applied:
        ended = [id for id, each in self._silences.items() if not each.in_force(event.since)]
        for account in ended:
            del self._silences[account]
        self._silences[event.account] = Silence(event.until, event.why)
        made = SilenceMade(event.account, event.by, event.since, event.until, event.why)
        return Applied(changes=(made,))

    def _unmuted(self, event: events.Unmuted) -> Applied:
        self._characters[event.character].mutes.pop(event.target, None)
        self._no_longer_mutes(event.character, event.target)
        return Applied(changes=(MuteLifted(event.character, event.target),))

    def _no_longer_mutes(self, muter: CharacterId, muted: CharacterId) -> None:
        muters = self._muters.get(muted)
        if muters is not None:
            muters.discard(muter)
            if not muters:
                del self._muters[muted]

    def _forget(self, character: Character) -> None:
        """Let a character out of the world, with what it carries."""
        for item in character.items:
            del self._items[item.id]
        for muted in character.mutes:
            self._no_longer_mutes(character.id, muted)
        key = name_key(character.name)
        del self._by_name[key]
        del self._names[bisect_left(self._names, key)]
        del self._characters[character.id]

    @staticmethod
    def _all_in(things: Iterable[events.Thing], place: ById[Item]) -> list[Item]:
        """
        Return the items that an event names.

        Raises:
            KeyError: One of them isn't in that place.
        """
        items: list[Item] = []
        for thing in things:
            item = place.get(thing.id)
            if item is None:
                raise KeyError(thing.id)
            items.append(item)
        return items


def _room_delta(
    room: Room, operations: Iterable[RoomOperation], newcomer: CharacterId | None = None
) -> RoomDelta:
    room.version += 1
    return RoomDelta(room.id, room.version - 1, room.version, tuple(operations), newcomer)


def _character_delta(
    character: Character, operations: Iterable[CharacterOperation]
) -> CharacterDelta:
    character.version += 1
    return CharacterDelta(character.id, character.version - 1, character.version, tuple(operations))
