"""Mutes and silences."""

from datetime import timedelta

from attrs import frozen

from mudserver.ids import AccountId, CharacterId
from mudserver.world.role import Role


@frozen
class Mute:
    """
    Hear no more of a player.

    Attributes:
        lasting: For how long; None for no end.
        why: A note to oneself; may be empty.
        character: Who that is, once the name is known to be theirs.
        role: What their account may do, once that is known.
    """

    name: str
    lasting: timedelta | None = None
    why: str = ""
    character: CharacterId | None = None
    role: Role = Role.PLAYER


@frozen
class Unmute:
    """
    Hear a player again.

    Attributes:
        character: Who that is, once the name is known to be theirs.
    """

    name: str
    character: CharacterId | None = None


@frozen
class ListMutes:
    """Whom do I mute?"""


@frozen
class Known:
    """
    A player, who may be absent.

    Attributes:
        role: What their account may do.
    """

    character: CharacterId
    account: AccountId
    name: str
    role: Role


@frozen
class Silence:
    """
    Let only staff hear a player.

    Attributes:
        lasting: For how long; None for no end.
        why: The reason, as the player is told; may be empty.
        channel: Where; None for everywhere.
        player: Who that is, once it is known.
    """

    name: str
    lasting: timedelta | None = None
    why: str = ""
    channel: str | None = None
    player: Known | None = None


@frozen
class Unsilence:
    """
    Let everyone hear a player again.

    Attributes:
        channel: Where; None for wherever they are not silenced on that channel alone.
        player: Who that is, once it is known.
    """

    name: str
    channel: str | None = None
    player: Known | None = None


@frozen
class ListSilences:
    """Staff asks who is silenced."""
