"""Doors that open and close."""

from attrs import frozen

from mudserver.ids import CharacterId, DoorId, RoomId
from mudserver.world.direction import Direction
from mudserver.world.events.audience import Audience


@frozen
class DoorShut:
    """
    Someone closed a door, or opened it.

    Attributes:
        direction: Where it is, from the room.
        door: What its name is; empty for none.
        id: Which it is.
        closed: Whether it is closed now.
    """

    character: CharacterId
    name: str
    room: RoomId
    direction: Direction
    door: str
    id: DoorId
    closed: bool

    @property
    def audience(self) -> Audience:
        """The one who did it, and the room."""
        return Audience(actor=self.character, room=self.room)


@frozen
class DoorSwung:
    """
    A door was closed or opened from its other side.

    Attributes:
        room: On this side.
        direction: Where it is, from there.
        door: What its name is there; empty for none.
        closed: Whether it is closed now.
    """

    room: RoomId
    direction: Direction
    door: str
    closed: bool

    @property
    def audience(self) -> Audience:
        """The room on this side."""
        return Audience(room=self.room)
