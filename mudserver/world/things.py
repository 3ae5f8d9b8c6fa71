"""All things there are, each in its place."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mudserver.ids import CharacterId, ItemId, RoomId
from mudserver.world import events
from mudserver.world.applied import (
    Applied,
    CharacterOperation,
    ItemAdded,
    ItemPlaced,
    ItemRemoved,
    LidMoved,
    RoomOperation,
)
from mudserver.world.by_id import ById
from mudserver.world.model import Character, Item, Room
from mudserver.world.steps import character_delta, room_delta


class Things:
    """
    Items that lie in rooms or are carried by someone in the world, and what is in them.

    Args:
        rooms: Where they may lie.
        characters: Who may carry them.

    Attributes:
        by_id: All of them; only to be read.
    """

    def __init__(
        self, rooms: Mapping[RoomId, Room], characters: Mapping[CharacterId, Character]
    ) -> None:
        self._rooms = rooms
        self._characters = characters
        self._by_id: dict[ItemId, Item] = {}
        self.by_id: Mapping[ItemId, Item] = MappingProxyType(self._by_id)

    def add(self, item: Item) -> None:
        """
        Add an item where it says that it is.

        Raises:
            KeyError: Its room, holder or container isn't there.
            ValueError: There is one with that id, it isn't in exactly one place, or doesn't fit.
        """
        if item.id in self._by_id:
            raise ValueError(f"item {item.id} is in the world already")
        self._place_for(item).items.insert(item)
        self._by_id[item.id] = item

    def forget(self, character: Character) -> None:
        """Let go what a character carries that leaves the world."""
        for carried in character.items:
            for item in carried.everything:
                del self._by_id[item.id]

    # ------------------------------------------------------------ events

    def took(self, event: events.Took) -> Applied:
        """Apply that somebody picked things up."""
        room = self._rooms[event.room]
        character = self._characters[event.character]
        items = _all_in(event.things, room.items)
        removed: list[RoomOperation] = []
        added: list[CharacterOperation] = []
        for item in items:
            removed.append(ItemRemoved(room.items.remove(item.id)))
            added.append(ItemAdded(character.items.insert(item), item.id, item.name))
            item.room, item.holder = None, character.id
        return Applied(
            changes=tuple(ItemPlaced(item.id, None, character.id) for item in items),
            deltas=(room_delta(room, removed), character_delta(character, added)),
        )

    def dropped(self, event: events.Dropped) -> Applied:
        """Apply that somebody put things down."""
        room = self._rooms[event.room]
        character = self._characters[event.character]
        items = _all_in(event.things, character.items)
        removed: list[CharacterOperation] = []
        added: list[RoomOperation] = []
        for item in items:
            removed.append(ItemRemoved(character.items.remove(item.id)))
            added.append(ItemAdded(room.items.insert(item), item.id, item.name))
            item.room, item.holder = room.id, None
        return Applied(
            changes=tuple(ItemPlaced(item.id, room.id, None) for item in items),
            deltas=(room_delta(room, added), character_delta(character, removed)),
        )

    def put_in(self, event: events.PutIn) -> Applied:
        """Apply that somebody put things into a container."""
        character = self._characters[event.character]
        container = self._by_id[event.container.id]
        items = _all_in(event.things, character.items)
        if any(item.size >= container.size for item in items):
            raise KeyError(container.id)
        removed: list[CharacterOperation] = []
        for item in items:
            removed.append(ItemRemoved(character.items.remove(item.id)))
            container.items.insert(item)
            item.holder, item.container = None, container.id
        return Applied(
            changes=tuple(ItemPlaced(item.id, None, None, container.id) for item in items),
            deltas=(character_delta(character, removed),),
        )

    def took_out(self, event: events.TookOut) -> Applied:
        """Apply that somebody took things out of a container."""
        character = self._characters[event.character]
        container = self._by_id[event.container.id]
        items = _all_in(event.things, container.items)
        added: list[CharacterOperation] = []
        for item in items:
            container.items.remove(item.id)
            added.append(ItemAdded(character.items.insert(item), item.id, item.name))
            item.holder, item.container = character.id, None
        return Applied(
            changes=tuple(ItemPlaced(item.id, None, character.id) for item in items),
            deltas=(character_delta(character, added),),
        )

    def shut(self, event: events.ContainerShut) -> Applied:
        """Apply that somebody closed or opened a container."""
        self._by_id[event.container.id].closed = event.closed
        return Applied(changes=(LidMoved(event.container.id, event.closed),))

    # ------------------------------------------------------------ back to what is stored

    def put(self, item: Item) -> None:
        """
        Put an item where it says that it is, from where it was, with all that is in it.

        Raises:
            KeyError: Its room, holder or container isn't there; nothing was changed.
            ValueError: It isn't in exactly one place, or doesn't fit; nothing was changed.
        """
        place = self._place_for(item)
        there = self._by_id.pop(item.id, None)
        if there is not None:
            self._place_of(there).items.remove(item.id)
            self._stale(there)
            item.items, item.closed = there.items, there.closed
        place.items.insert(item)
        self._by_id[item.id] = item
        self._stale(item)

    def remove(self, item: ItemId) -> None:
        """
        Take an item out of the world, with all that is in it.

        Raises:
            KeyError: It isn't there.
        """
        gone = self._by_id[item]
        self._place_of(gone).items.remove(item)
        self._stale(gone)
        for each in gone.everything:
            del self._by_id[each.id]

    def put_lid(self, item: ItemId, *, closed: bool) -> None:
        """Have a container closed or open; nothing where it isn't in the world."""
        there = self._by_id.get(item)
        if there is not None:
            there.closed = closed

    def _stale(self, item: Item) -> None:
        """Count the version of an item's place up; what is in a container is in no copy."""
        place = self._place_of(item)
        if not isinstance(place, Item):
            place.version += 1

    def _place_for(self, item: Item) -> Room | Character | Item:
        """Return where an item says that it is, if it may be there."""
        if sum(place is not None for place in (item.room, item.holder, item.container)) != 1:
            raise ValueError(f"item {item.id} isn't in exactly one place")
        place = self._place_of(item)
        if isinstance(place, Item) and item.size >= place.size:
            raise ValueError(f"item {item.id} doesn't fit into item {place.id}")
        return place

    def _place_of(self, item: Item) -> Room | Character | Item:
        if item.room is not None:
            return self._rooms[item.room]
        if item.holder is not None:
            return self._characters[item.holder]
        assert item.container is not None
        return self._by_id[item.container]


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
