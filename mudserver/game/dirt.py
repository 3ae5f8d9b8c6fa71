"""What has changed and isn't saved: the newest state of each entity, once."""

from collections.abc import Iterable
from typing import assert_never

from attrs import define, field

from mudserver.ids import CharacterId, ItemId, RoomId
from mudserver.interfaces import MuteRow, WorldChanges
from mudserver.world.applied import Change, CharacterPlaced, ItemPlaced, MuteLifted, MuteMade


@define(eq=False)
class Dirt:
    """
    Changes, coalesced by entity: the newest wins.

    What moved twice between two cuts is written once, and a mute that was lifted again as
    lifted (which is nothing, where it was never written).

    Attributes:
        places: Where characters are.
        items: Where items are: in a room, or held by someone.
        mutes: Whether each was made or lifted.
    """

    places: dict[CharacterId, RoomId] = field(factory=dict, init=False)
    items: dict[ItemId, tuple[RoomId | None, CharacterId | None]] = field(factory=dict, init=False)
    mutes: dict[MuteRow, bool] = field(factory=dict, init=False)

    def __len__(self) -> int:
        """Return how many entities it holds."""
        return len(self.places) + len(self.items) + len(self.mutes)

    def add(self, changes: Iterable[Change]) -> None:
        """Note newer changes."""
        for change in changes:
            match change:
                case CharacterPlaced(character=character, room=room):
                    self.places[character] = room
                case ItemPlaced(item=item, room=place, holder=holder):
                    self.items[item] = (place, holder)
                case MuteMade(muter=muter, muted=muted):
                    self.mutes[MuteRow(muter, muted)] = True
                case MuteLifted(muter=muter, muted=muted):
                    self.mutes[MuteRow(muter, muted)] = False
                case _:
                    assert_never(change)

    def overlay(self, newer: "Dirt") -> None:
        """Note all that another holds, as newer."""
        self.places.update(newer.places)
        self.items.update(newer.items)
        self.mutes.update(newer.mutes)

    def cut(self) -> WorldChanges:
        """Return all of it as one consistent cut; it stays here."""
        return WorldChanges(
            places=tuple(self.places.items()),
            items=tuple((item, *where) for item, where in self.items.items()),
            muted=tuple(row for row, made in self.mutes.items() if made),
            unmuted=tuple(row for row, made in self.mutes.items() if not made),
        )
