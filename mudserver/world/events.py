"""
What happens in the world.

An event is a fact in the past tense, with all that is needed to tell it: names stand in it as
they were. Each names its audience. `World.apply` makes it true, `mudserver.view.render` tells it,
and both handle every event there is: mypy finds the place that doesn't.

To add one: write it here and into `Event`, then follow mypy.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from attrs import frozen

from mudserver.ids import AccountId, CharacterId, ItemId, NpcId, RoomId
from mudserver.world.direction import Direction
from mudserver.world.help import HelpPage
from mudserver.world.role import Role


@frozen
class Audience:
    """
    Who perceives an event.

    Attributes:
        actor: Whose deed it is; they see it as their own.
        target: To whom it is done.
        room: Where everyone else sees it too; None if nobody does.
        mutable: Whether those who mute the actor are spared it.
        staff: Whether of those in the room only staff perceives it.
    """

    actor: CharacterId | None = None
    target: CharacterId | None = None
    room: RoomId | None = None
    mutable: bool = False
    staff: bool = False


@frozen
class Thing:
    """An item, by the name that it had."""

    id: ItemId
    name: str


# ---------------------------------------------------------------- talking


@frozen
class Said:
    """Someone spoke to the room."""

    speaker: CharacterId
    name: str
    room: RoomId
    text: str

    @property
    def audience(self) -> Audience:
        """The speaker and the room."""
        return Audience(actor=self.speaker, room=self.room, mutable=True)


@frozen
class Told:
    """Someone spoke to one player alone."""

    speaker: CharacterId
    name: str
    target: CharacterId
    target_name: str
    text: str

    @property
    def audience(self) -> Audience:
        """The two."""
        return Audience(actor=self.speaker, target=self.target, mutable=True)


@frozen
class Emoted:
    """Someone acted in free words: ``text`` follows the name."""

    character: CharacterId
    name: str
    room: RoomId
    text: str

    @property
    def audience(self) -> Audience:
        """The actor and the room."""
        return Audience(actor=self.character, room=self.room, mutable=True)


class Channel(Enum):
    """By what means a player speaks."""

    SAY = "say"
    TELL = "tell"
    EMOTE = "emote"


@frozen
class Hushed:
    """
    Someone who is silenced tried to speak: only staff heard it.

    Attributes:
        room: Where they are; None where they spoke to one player alone.
        target: To whom alone they spoke, if that is one of the staff.
        until: When the silence ends (UTC); None for no end.
        why: Why they are silenced; may be empty.
    """

    speaker: CharacterId
    name: str
    channel: Channel
    text: str
    room: RoomId | None
    target: CharacterId | None
    until: datetime | None
    why: str

    @property
    def audience(self) -> Audience:
        """Staff that would have heard it."""
        return Audience(actor=self.speaker, target=self.target, room=self.room, staff=True)


@frozen
class NpcSaid:
    """An inhabitant spoke: to the room, or only to one who is there."""

    npc: NpcId
    name: str
    room: RoomId
    text: str
    target: CharacterId | None = None

    @property
    def audience(self) -> Audience:
        """The one spoken to, or the room."""
        return _npc_audience(self.room, self.target)


@frozen
class NpcEmoted:
    """An inhabitant did something, before the room or only before one who is there."""

    npc: NpcId
    name: str
    room: RoomId
    text: str
    target: CharacterId | None = None

    @property
    def audience(self) -> Audience:
        """The one it is meant for, or the room."""
        return _npc_audience(self.room, self.target)


def _npc_audience(room: RoomId, target: CharacterId | None) -> Audience:
    return Audience(room=room) if target is None else Audience(target=target)


# ---------------------------------------------------------------- coming and going


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


# ---------------------------------------------------------------- things


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


# ---------------------------------------------------------------- seeing and knowing


@frozen
class Looked:
    """Someone looked around: they are shown the whole room."""

    character: CharacterId
    room: RoomId

    @property
    def audience(self) -> Audience:
        """The one who looked."""
        return Audience(actor=self.character)


@frozen
class Examined:
    """
    Someone looked closely at something.

    Attributes:
        name: What it is; empty for a mere detail.
        text: What they see.
    """

    character: CharacterId
    name: str
    text: str

    @property
    def audience(self) -> Audience:
        """The one who looked."""
        return Audience(actor=self.character)


@frozen
class Way:
    """
    An exit, as one sees it.

    Attributes:
        name: What stands in the way, or else where it leads.
    """

    direction: Direction
    name: str
    closed: bool


@frozen
class ExitsListed:
    """Someone looked for the ways out."""

    character: CharacterId
    ways: tuple[Way, ...]

    @property
    def audience(self) -> Audience:
        """The one who looked."""
        return Audience(actor=self.character)


@frozen
class InventoryListed:
    """Someone looked through what they carry."""

    character: CharacterId
    things: tuple[Thing, ...]

    @property
    def audience(self) -> Audience:
        """The one who looked."""
        return Audience(actor=self.character)


@frozen
class Present:
    """A player who is in the world."""

    name: str
    linkdead: bool


@frozen
class WhoListed:
    """
    Someone asked who is in the world.

    Attributes:
        players: In order of their names; the first `mudserver.world.rules.MAX_WHO` of them.
        total: How many there are.
    """

    character: CharacterId
    players: tuple[Present, ...]
    total: int

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)


@frozen
class HelpShown:
    """Someone asked for help."""

    character: CharacterId
    page: HelpPage

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)


# ---------------------------------------------------------------- one's own settings


@frozen
class Muted:
    """
    Someone no longer wants to hear another player, who isn't told.

    Attributes:
        since: When that happened (UTC).
        until: When it ends by itself (UTC); None for no end.
        why: A note to themselves; may be empty.
    """

    character: CharacterId
    target: CharacterId
    target_name: str
    since: datetime
    until: datetime | None = None
    why: str = ""

    @property
    def audience(self) -> Audience:
        """The one who mutes, alone."""
        return Audience(actor=self.character)


@frozen
class Unmuted:
    """Someone wants to hear another player again, who isn't told."""

    character: CharacterId
    target: CharacterId
    target_name: str

    @property
    def audience(self) -> Audience:
        """The one who unmutes, alone."""
        return Audience(actor=self.character)


@frozen
class MutedPlayer:
    """
    One whom somebody mutes.

    Attributes:
        left: How long it still lasts; None for no end.
    """

    name: str
    left: timedelta | None


@frozen
class MutesListed:
    """Someone asked whom they mute; in order of the names."""

    character: CharacterId
    players: tuple[MutedPlayer, ...]

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)


# ---------------------------------------------------------------- keeping order


@frozen
class Silenced:
    """
    Staff ordered that only staff hears the characters of an account. Told when it is saved.

    Attributes:
        character: Who ordered it.
        by: Their account.
        target: Of whose account; they may be absent.
        since: When (UTC).
        until: When it ends (UTC); None for no end.
        why: The reason; may be empty.
    """

    character: CharacterId
    by: AccountId
    target: CharacterId
    target_name: str
    account: AccountId
    since: datetime
    until: datetime | None
    why: str

    @property
    def audience(self) -> Audience:
        """The two."""
        return Audience(actor=self.character, target=self.target)


@frozen
class Unsilenced:
    """Staff ordered that the characters of an account are heard again. Told when it is saved."""

    character: CharacterId
    target: CharacterId
    target_name: str
    account: AccountId

    @property
    def audience(self) -> Audience:
        """The two."""
        return Audience(actor=self.character, target=self.target)


#: Events that are shown when what they change is committed, and not before.
TOLD_WHEN_SAVED: Final = (Silenced, Unsilenced)


@frozen
class Appointed:
    """Someone may do more, or less, from now on."""

    character: CharacterId
    role: Role

    @property
    def audience(self) -> Audience:
        """The one concerned."""
        return Audience(actor=self.character)


@frozen
class PasswordAsked:
    """Someone wants a new password; it is asked for, unseen where the terminal can."""

    character: CharacterId

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)


Event = (
    Said
    | Told
    | Emoted
    | NpcSaid
    | NpcEmoted
    | Departed
    | Arrived
    | LostLink
    | Returned
    | Quitted
    | Took
    | Dropped
    | Looked
    | Examined
    | ExitsListed
    | InventoryListed
    | WhoListed
    | HelpShown
    | Muted
    | Unmuted
    | MutesListed
    | Appointed
    | Hushed
    | Silenced
    | Unsilenced
    | PasswordAsked
)
