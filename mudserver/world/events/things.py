"""What becomes of things."""

from attrs import frozen

from mudserver.ids import CharacterId, ItemId, RoomId
from mudserver.world.events.audience import Audience


@frozen
class Thing:
    """An item, by the name that it had."""

    id: ItemId
    name: str


@frozen
class Took:
    """Someone picked up things that lay there; at least one."""

    character: CharacterId
    name: str
    room: RoomId
    things: tuple[Thing, ...]

    @property
    def audience(self) -> Audience:
        """The one who took, and the room."""
        return Audience(actor=self.character, room=self.room)


@frozen
class Dropped:
    """Someone put down things that they carried; at least one."""

    character: CharacterId
    name: str
    room: RoomId
    things: tuple[Thing, ...]

    @property
    def audience(self) -> Audience:
        """The one who dropped, and the room."""
        return Audience(actor=self.character, room=self.room)


@frozen
class PutIn:
    """
    Someone put things that they carried into a container; at least one.

    Attributes:
        container: At hand: it lies in the room, or they carry it.
    """

    character: CharacterId
    name: str
    room: RoomId
    container: Thing
    things: tuple[Thing, ...]

    @property
    def audience(self) -> Audience:
        """The one who did it, and the room."""
        return Audience(actor=self.character, room=self.room)


@frozen
class TookOut:
    """
    Someone took things out of a container; at least one.

    Attributes:
        container: At hand: it lies in the room, or they carry it.
    """

    character: CharacterId
    name: str
    room: RoomId
    container: Thing
    things: tuple[Thing, ...]

    @property
    def audience(self) -> Audience:
        """The one who did it, and the room."""
        return Audience(actor=self.character, room=self.room)


@frozen
class ContainerShut:
    """
    Someone closed a container, or opened it.

    Attributes:
        closed: Whether it is closed now.
    """

    character: CharacterId
    name: str
    room: RoomId
    container: Thing
    closed: bool

    @property
    def audience(self) -> Audience:
        """The one who did it, and the room."""
        return Audience(actor=self.character, room=self.room)


@frozen
class InventoryListed:
    """Someone looked through what they carry."""

    character: CharacterId
    things: tuple[Thing, ...]

    @property
    def audience(self) -> Audience:
        """The one who looked."""
        return Audience(actor=self.character)
