"""What must be stored of what an event has changed."""

from datetime import datetime

from attrs import field, frozen

from mudserver.ids import AccountId, CharacterId, DoorId, ItemId, NpcId, PartyId, RoomId
from mudserver.world.bans import Ban, BanLifted

#: What a change is the newest state of: a kind, and its keys. Of two changes with the same entity
#: the later one stands for both.
Entity = tuple[str | int, ...]


@frozen
class CharacterPlaced:
    """A character is in that room now."""

    character: CharacterId
    room: RoomId

    @property
    def entity(self) -> Entity:
        """Where that character is."""
        return ("character", self.character)


@frozen
class ItemPlaced:
    """An item lies in a room, somebody carries it, or it is in a container; the others are None."""

    item: ItemId
    room: RoomId | None
    holder: CharacterId | None
    container: ItemId | None = None

    @property
    def entity(self) -> Entity:
        """Where that item is."""
        return ("item", self.item)


@frozen
class LidMoved:
    """A container is open or closed now."""

    item: ItemId
    closed: bool

    @property
    def entity(self) -> Entity:
        """Whether that container is closed."""
        return ("lid", self.item)


@frozen
class DoorMoved:
    """A door is open or closed now, on both sides."""

    door: DoorId
    closed: bool

    @property
    def entity(self) -> Entity:
        """Whether that door is closed."""
        return ("door", self.door)


@frozen
class NpcPlaced:
    """An inhabitant is in that room now."""

    npc: NpcId
    room: RoomId

    @property
    def entity(self) -> Entity:
        """Where that inhabitant is."""
        return ("npc", self.npc)


@frozen
class FollowMade:
    """One character follows another, who is called so."""

    follower: CharacterId
    leader: CharacterId
    name: str = ""

    @property
    def entity(self) -> Entity:
        """Whom that one follows."""
        return ("follow", self.follower)


@frozen
class FollowLifted:
    """A character follows nobody any more."""

    follower: CharacterId

    @property
    def entity(self) -> Entity:
        """Whom that one follows."""
        return ("follow", self.follower)


@frozen
class MembershipMade:
    """
    A character, who is called so, is in a party.

    Attributes:
        number: Of all memberships there are, that which was made later has the greater one.
    """

    character: CharacterId
    party: PartyId
    number: int
    name: str = ""

    @property
    def entity(self) -> Entity:
        """In which party that character is."""
        return ("membership", self.character)


@frozen
class MembershipEnded:
    """A character is in no party any more."""

    character: CharacterId

    @property
    def entity(self) -> Entity:
        """In which party that character is."""
        return ("membership", self.character)


@frozen
class MuteMade:
    """
    A player no longer wants to hear another.

    Attributes:
        since: When it was made (UTC); None for when it is saved.
        until: When it ends (UTC); None for no end.
        why: The muter's own note; may be empty.
        name: What the muted one is called.
    """

    muter: CharacterId
    muted: CharacterId
    since: datetime | None = None
    until: datetime | None = None
    why: str = ""
    name: str = ""

    @property
    def entity(self) -> Entity:
        """Whether the one mutes the other."""
        return ("mute", self.muter, self.muted)


@frozen
class MuteLifted:
    """A player wants to hear another again."""

    muter: CharacterId
    muted: CharacterId

    @property
    def entity(self) -> Entity:
        """Whether the one mutes the other."""
        return ("mute", self.muter, self.muted)


@frozen
class SilenceMade:
    """
    Nobody but staff hears the characters of an account.

    Attributes:
        by: The account of whoever ordered it.
        since: When it was ordered (UTC).
        until: When it ends (UTC); None for no end.
        why: The reason, as the silenced are told; may be empty.
        name: What staff calls the silenced; only for show, here and below.
        orderer: The name of whoever ordered it.
    """

    account: AccountId
    by: AccountId
    since: datetime
    until: datetime | None
    why: str
    name: str = field(default="", eq=False)
    orderer: str = field(default="", eq=False)

    @property
    def entity(self) -> Entity:
        """Whether that account is silenced."""
        return ("silence", self.account)


@frozen
class SilenceLifted:
    """The characters of an account are heard again."""

    account: AccountId

    @property
    def entity(self) -> Entity:
        """Whether that account is silenced."""
        return ("silence", self.account)


@frozen
class ChannelSilenceMade:
    """Nobody but staff hears the characters of an account on one channel; as `SilenceMade`."""

    account: AccountId
    channel: str
    by: AccountId
    since: datetime
    until: datetime | None
    why: str
    name: str = field(default="", eq=False)
    orderer: str = field(default="", eq=False)

    @property
    def entity(self) -> Entity:
        """Whether that account is silenced there."""
        return ("channel silence", self.account, self.channel)


@frozen
class ChannelSilenceLifted:
    """The characters of an account are heard on a channel again."""

    account: AccountId
    channel: str

    @property
    def entity(self) -> Entity:
        """Whether that account is silenced there."""
        return ("channel silence", self.account, self.channel)


@frozen
class ChannelOff:
    """A player doesn't want to hear a channel."""

    character: CharacterId
    channel: str

    @property
    def entity(self) -> Entity:
        """Whether that player hears it."""
        return ("channel", self.character, self.channel)


@frozen
class ChannelOn:
    """A player wants to hear a channel again."""

    character: CharacterId
    channel: str

    @property
    def entity(self) -> Entity:
        """Whether that player hears it."""
        return ("channel", self.character, self.channel)


#: Everything that an event may change and that must be stored. To add a kind: write it here, and
#: follow what `mudserver.interfaces.journal.JournalRow` says.
Change = (
    CharacterPlaced
    | ItemPlaced
    | LidMoved
    | DoorMoved
    | NpcPlaced
    | FollowMade
    | FollowLifted
    | MembershipMade
    | MembershipEnded
    | MuteMade
    | MuteLifted
    | SilenceMade
    | SilenceLifted
    | ChannelSilenceMade
    | ChannelSilenceLifted
    | ChannelOff
    | ChannelOn
    | Ban
    | BanLifted
)
