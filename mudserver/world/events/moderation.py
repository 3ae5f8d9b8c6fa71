"""Whom one no longer wants to hear, or nobody shall; and what accounts may do."""

from datetime import datetime, timedelta

from attrs import frozen

from mudserver.ids import AccountId, CharacterId
from mudserver.world.events.audience import Audience
from mudserver.world.role import Role


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
        channel: Where; None for everywhere.
    """

    character: CharacterId
    by: AccountId
    target: CharacterId
    target_name: str
    account: AccountId
    since: datetime
    until: datetime | None
    why: str
    channel: str | None = None

    @property
    def audience(self) -> Audience:
        """The two."""
        return Audience(actor=self.character, target=self.target)


@frozen
class Unsilenced:
    """
    Staff ordered that the characters of an account are heard again. Told when it is saved.

    Attributes:
        channel: Where; None for wherever they are not silenced on that channel alone.
    """

    character: CharacterId
    target: CharacterId
    target_name: str
    account: AccountId
    channel: str | None = None

    @property
    def audience(self) -> Audience:
        """The two."""
        return Audience(actor=self.character, target=self.target)


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


@frozen
class SilencedPlayer:
    """
    A silence, in a list of them.

    Attributes:
        name: Of whom.
        channel: Where; None for everywhere.
        orderer: Who ordered it.
        until: When it ends (UTC); None for no end.
        why: The reason; may be empty.
    """

    name: str
    channel: str | None
    orderer: str
    until: datetime | None
    why: str


@frozen
class SilencesListed:
    """
    Staff asked who is silenced.

    Attributes:
        character: Who asked.
        players: The first of them, by name.
        total: How many there are.
    """

    character: CharacterId
    players: tuple[SilencedPlayer, ...]
    total: int

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)
