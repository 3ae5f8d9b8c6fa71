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
    RoomOperation,
)
from mudserver.world.by_id import ById
from mudserver.world.model import Character, Item, Room
from mudserver.world.steps import character_delta, room_delta


class Things:
    """
    Items that lie in rooms or are carried by someone in the world.

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
            KeyError: Its room or holder isn't there.
            ValueError: There is one with that id, or it isn't in exactly one place.
        """
        if item.id in self._by_id:
            raise ValueError(f"item {item.id} is in the world already")
        if (item.room is None) == (item.holder is None):
            raise ValueError(f"item {item.id} isn't in exactly one place")
        self._place_of(item).items.insert(item)
        self._by_id[item.id] = item

    def forget(self, character: Character) -> None:
        """Let go what a character carries that leaves the world."""
        for item in character.items:
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

    # ------------------------------------------------------------ back to what is stored

    def put(self, item: Item) -> None:
        """Put an item, which is not in the world, where it says that it is; raises as `add`."""
        self.add(item)
        self._place_of(item).version += 1

    def remove(self, item: ItemId) -> None:
        """
        Take an item out of the world.

        Raises:
            KeyError: It isn't there.
        """
        gone = self._by_id.pop(item)
        place = self._place_of(gone)
        place.items.remove(item)
        place.version += 1

    def _place_of(self, item: Item) -> Room | Character:
        if item.room is not None:
            return self._rooms[item.room]
        assert item.holder is not None
        return self._characters[item.holder]


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
