"""Coming, going, and links that are lost and found."""

from attrs import frozen

from mudserver.ids import CharacterId, NpcId, RoomId
from mudserver.world.direction import Direction
from mudserver.world.events.audience import Audience


@frozen
class Departed:
    """
    Someone left a room.

    Attributes:
        direction: By which exit; None where they left the world.
    """

    character: CharacterId
    name: str
    room: RoomId
    direction: Direction | None

    @property
    def audience(self) -> Audience:
        """The one who went, and those who stay."""
        return Audience(actor=self.character, room=self.room)


@frozen
class Arrived:
    """
    Someone came into a room.

    Attributes:
        direction: From where; None where they entered the world.
    """

    character: CharacterId
    name: str
    room: RoomId
    direction: Direction | None

    @property
    def audience(self) -> Audience:
        """The one who came, and those who were there."""
        return Audience(actor=self.character, room=self.room)


@frozen
class LostLink:
    """Someone's connection was lost, and may come back."""

    character: CharacterId
    name: str
    room: RoomId

    @property
    def audience(self) -> Audience:
        """The one concerned, and those around."""
        return Audience(actor=self.character, room=self.room)


@frozen
class Returned:
    """Someone's lost connection came back."""

    character: CharacterId
    name: str
    room: RoomId

    @property
    def audience(self) -> Audience:
        """The one concerned, and those around."""
        return Audience(actor=self.character, room=self.room)


@frozen
class Quitted:
    """
    Someone asked to leave the world.

    The session is over; `mudserver.world.rules.leave` says what the world then sees.
    """

    character: CharacterId

    @property
    def audience(self) -> Audience:
        """The one who leaves."""
        return Audience(actor=self.character)


@frozen
class NpcDeparted:
    """
    An inhabitant left a room.

    Attributes:
        direction: By which exit.
    """

    npc: NpcId
    name: str
    room: RoomId
    direction: Direction

    @property
    def audience(self) -> Audience:
        """Those who stay."""
        return Audience(room=self.room)


@frozen
class NpcArrived:
    """
    An inhabitant came into a room.

    Attributes:
        direction: From where.
    """

    npc: NpcId
    name: str
    room: RoomId
    direction: Direction

    @property
    def audience(self) -> Audience:
        """Those who were there."""
        return Audience(room=self.room)
