"""What copies must learn of what an event has changed."""

from attrs import frozen

from mudserver.ids import CharacterId, ItemId, RoomId
from mudserver.world.direction import Direction


@frozen
class OccupantAdded:
    """Someone now stands at that index of the first page of occupants."""

    index: int
    id: int
    name: str
    player: bool


@frozen
class OccupantRemoved:
    """Whoever stood at that index of the first page no longer does."""

    index: int


@frozen
class TotalChanged:
    """So many are in the room now."""

    total: int


@frozen
class NextChanged:
    """
    The id behind which the second page begins is another.

    Attributes:
        before: What it was; None where there was no second page.
        after: What it is; None where there is none any more.
    """

    before: int | None
    after: int | None


@frozen
class ItemAdded:
    """An item now stands at that index of the list, of the room or of the inventory."""

    index: int
    id: ItemId
    name: str


@frozen
class ItemRemoved:
    """The item at that index of the list is gone."""

    index: int


@frozen
class ExitShut:
    """The exit in that direction is closed or open now."""

    direction: Direction
    closed: bool


RoomOperation = (
    OccupantAdded
    | OccupantRemoved
    | TotalChanged
    | NextChanged
    | ItemAdded
    | ItemRemoved
    | ExitShut
)
CharacterOperation = ItemAdded | ItemRemoved


@frozen
class RoomDelta:
    """
    The step from one version of a room to the next.

    Attributes:
        room: Which.
        from_version: The version that the operations apply to.
        to_version: The one they make: always one more.
        operations: In the order in which they apply.
        newcomer: Who came by this very change. They know no earlier version, get the whole
            room, and so don't get the delta.
    """

    room: RoomId
    from_version: int
    to_version: int
    operations: tuple[RoomOperation, ...]
    newcomer: CharacterId | None = None


@frozen
class CharacterDelta:
    """The step from one version of a character to the next, for its own player."""

    character: CharacterId
    from_version: int
    to_version: int
    operations: tuple[CharacterOperation, ...]


Delta = RoomDelta | CharacterDelta
