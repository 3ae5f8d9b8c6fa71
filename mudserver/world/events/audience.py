"""Who perceives an event."""

from attrs import frozen

from mudserver.ids import CharacterId, RoomId


@frozen
class Audience:
    """
    Who perceives an event.

    Attributes:
        actor: Whose deed it is; they see it as their own.
        target: To whom it is done.
        room: Where everyone else sees it too; None if nobody does.
        channel: On which channel everyone else hears it; None if on none.
        members: Of which party everyone else perceives it; empty for none.
        mutable: Whether those who mute the actor are spared it.
        staff: Whether of those in the room, on the channel or in the party only staff perceives it.
    """

    actor: CharacterId | None = None
    target: CharacterId | None = None
    room: RoomId | None = None
    channel: str | None = None
    members: frozenset[CharacterId] = frozenset()
    mutable: bool = False
    staff: bool = False
