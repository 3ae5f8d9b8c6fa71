"""What is stored, as stores return it."""

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from mudserver.ids import (
    AccountId,
    CharacterId,
    DoorId,
    ItemId,
    NpcId,
    RoomId,
    TokenHash,
)
from mudserver.interfaces.logins import LastLogin
from mudserver.world.applied import ChannelSilenceMade, FollowMade, MembershipMade, SilenceMade
from mudserver.world.bans import Ban
from mudserver.world.direction import Direction
from mudserver.world.role import Role


@frozen
class ExitRow:
    """An exit of a room; both sides of a door have the same ``door``, and are closed or not."""

    room: RoomId
    direction: Direction
    to: RoomId
    name: str
    closed: bool
    door: DoorId | None = None


@frozen
class RoomRow:
    """A room; ``area`` is the area's key; ``details`` maps keywords to what a look at them
    shows.
    """

    id: RoomId
    key: str
    area: str
    name: str
    description: str
    details: Mapping[str, str]


@frozen
class ItemRow:
    """
    An item, which is in exactly one place: a room, someone's hands or a container.

    Attributes:
        size: 0 for what holds nothing; what is in a container is smaller than that.
        capacity: How many things it holds.
        lid: Whether it can be opened and closed.
    """

    id: ItemId
    key: str
    name: str
    keywords: tuple[str, ...]
    description: str
    fixed: bool
    room: RoomId | None
    holder: CharacterId | None
    container: ItemId | None = None
    size: int = 0
    capacity: int = 0
    lid: bool = False
    closed: bool = False


@frozen
class NpcRow:
    """An inhabitant; ``topics`` maps keywords to answers. A leading colon in an answer or in the
    greeting means that it is done, not said; an empty greeting is none. An empty route is none.
    """

    id: NpcId
    key: str
    name: str
    keywords: tuple[str, ...]
    description: str
    greeting: str
    topics: Mapping[str, str]
    idle: tuple[str, ...]
    room: RoomId
    route: tuple[RoomId, ...] = ()


@frozen
class WorldRows:
    """
    All of the world that is not a character's.

    Attributes:
        items: What lies in rooms, and what is in that; containers before what they hold.
    """

    start: RoomId
    rooms: tuple[RoomRow, ...]
    exits: tuple[ExitRow, ...]
    items: tuple[ItemRow, ...]
    npcs: tuple[NpcRow, ...]
    silences: tuple[SilenceMade | ChannelSilenceMade, ...] = ()
    bans: tuple[Ban, ...] = ()
    follows: tuple[FollowMade, ...] = ()
    memberships: tuple[MembershipMade, ...] = ()


@frozen
class MuteRow:
    """
    A player no longer wants to hear another.

    Attributes:
        since: When it was made (UTC); None for when it is saved.
        until: When it ends (UTC); None for no end.
        why: The muter's own note; may be empty.
    """

    muter: CharacterId
    muted: CharacterId
    since: datetime | None = None
    until: datetime | None = None
    why: str = ""


@frozen
class MutedRow:
    """
    One whom a character mutes.

    Attributes:
        character: Who that is.
        name: What they are called.
        until: When it ends (UTC); None for no end.
    """

    character: CharacterId
    name: str
    until: datetime | None = None


@frozen
class IdentifiedRow:
    """Whom a name belongs to, and what its account may do."""

    character: CharacterId
    name: str
    account: AccountId
    role: Role


@frozen
class CharacterRow:
    """
    A character as stored.

    Attributes:
        room: Where it was last; None for one that has never played.
        items: What it carries, and what is in that; containers before what they hold.
        mutes: Whom it mutes, in the order of their ids; without what has ended.
        role: What its account may do.
        channels_off: The channels that it doesn't want to hear, in the order of their names.
    """

    id: CharacterId
    account: AccountId
    name: str
    room: RoomId | None
    items: tuple[ItemRow, ...]
    mutes: tuple[MutedRow, ...] = ()
    role: Role = Role.PLAYER
    channels_off: tuple[str, ...] = ()
    last_login: LastLogin | None = None

    @property
    def muted(self) -> frozenset[CharacterId]:
        """Whom it mutes."""
        return frozenset(mute.character for mute in self.mutes)


@frozen
class AccountRow:
    """An account as stored; the hash is argon2's own text form."""

    id: AccountId
    name: str
    password_hash: str = field(repr=False)
    role: Role
    disabled: bool
    created: datetime
    characters: tuple[str, ...]


@frozen
class TokenRow:
    """A token as stored: hashes only."""

    hash: TokenHash
    csrf_hash: str = field(repr=False)
    account: AccountId
    created: datetime
    expires: datetime
    revoked: bool


@frozen
class Standing:
    """
    What somebody may do who is here already.

    Attributes:
        role: What the account may do.
        disabled: Whether the account is closed.
        revoked: Those of its tokens that were revoked in the last five minutes, or more of them;
            but no more than 1,000.
    """

    role: Role
    disabled: bool
    revoked: tuple[TokenHash, ...]


@frozen
class Redeemed:
    """What a ticket stood for: the token that it rested on, and whose that is."""

    token: TokenRow
    account: AccountRow
