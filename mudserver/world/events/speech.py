"""What is said."""

from datetime import datetime
from enum import Enum

from attrs import frozen

from mudserver.ids import CharacterId, NpcId, RoomId
from mudserver.world.events.audience import Audience


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


class Means(Enum):
    """By what means a player speaks."""

    SAY = "say"
    TELL = "tell"
    EMOTE = "emote"
    CHANNEL = "channel"
    PARTY = "party"


@frozen
class Hushed:
    """
    Someone who is silenced tried to speak: only staff heard it.

    Attributes:
        channel: On which channel; None where they didn't use one.
        room: Where they are; None where they didn't speak to those there.
        target: To whom alone they spoke, if that is one of the staff.
        party: Who is in their party, if they spoke to that.
        until: When the silence ends (UTC); None for no end.
        why: Why they are silenced; may be empty.
    """

    speaker: CharacterId
    name: str
    means: Means
    text: str
    room: RoomId | None
    target: CharacterId | None
    until: datetime | None
    why: str
    channel: str | None = None
    party: frozenset[CharacterId] = frozenset()

    @property
    def audience(self) -> Audience:
        """Staff that would have heard it."""
        return Audience(
            actor=self.speaker,
            target=self.target,
            room=self.room,
            channel=self.channel,
            members=self.party,
            staff=True,
        )


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
