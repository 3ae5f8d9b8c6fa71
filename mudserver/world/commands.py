"""
What players ask for, as values.

`mudserver.world.grammar.parse` makes them from what is typed, `mudserver.world.rules.decide` turns
them into events. Names in them are as typed.

To add one: write it here and into `Command`, say in `changes_state` whether it changes anything,
give it a row in `mudserver.world.verbs.VERBS` with a function in `mudserver.world.reading`, and a
rule in `decide`; mypy finds what is forgotten but the row.
"""

from datetime import timedelta
from typing import assert_never

from attrs import field, frozen

from mudserver.ids import AccountId, CharacterId
from mudserver.world.bans import BanKind
from mudserver.world.direction import Direction
from mudserver.world.history import HISTORY_LINES, PastLine
from mudserver.world.role import Role


@frozen
class Look:
    """Look around, or at something."""

    target: str | None = None


@frozen
class Exits:
    """List the ways out."""


@frozen
class Say:
    """Speak to everyone here."""

    text: str


@frozen
class Tell:
    """Speak to one player, wherever they are."""

    name: str
    text: str


@frozen
class Emote:
    """Act in free words; they follow one's name."""

    text: str


@frozen
class Who:
    """Who is in the world?"""


@frozen
class Inventory:
    """What do I carry?"""


@frozen
class Get:
    """
    Pick up what is called so; None for all there is.

    Attributes:
        container: Out of what; None for what lies in the room.
    """

    item: str | None
    container: str | None = None


@frozen
class Drop:
    """Put down what is called so; None for all one carries."""

    item: str | None


@frozen
class Put:
    """Put what is called so into a container; None for all one carries."""

    item: str | None
    container: str


@frozen
class Open:
    """Open what is called so."""

    target: str


@frozen
class Close:
    """Close what is called so."""

    target: str


@frozen
class Go:
    """Walk."""

    direction: Direction


@frozen
class Follow:
    """Go wherever a player goes who is here."""

    name: str


@frozen
class Unfollow:
    """Go one's own ways again."""


@frozen
class ListParty:
    """Who is in one's party?"""


@frozen
class InviteToParty:
    """Invite a player into one's party, or to make one."""

    name: str


@frozen
class JoinParty:
    """Join the party of a player by whom one was invited."""

    name: str


@frozen
class LeaveParty:
    """Leave one's party."""


@frozen
class KickFromParty:
    """Send a member out of the party that one leads."""

    name: str


@frozen
class SpeakToParty:
    """Speak to one's party."""

    text: str


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
class ListMutes:
    """Whom do I mute?"""


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
class ListSilences:
    """Staff asks who is silenced."""


@frozen
class SpeakOnChannel:
    """Speak on a channel."""

    channel: str
    text: str


@frozen
class SwitchChannel:
    """Turn a channel on or off for oneself."""

    channel: str
    on: bool


@frozen
class ListChannels:
    """Which channels are there?"""


@frozen
class ReadHistory:
    """
    Read again what was said.

    Attributes:
        channel: Where; `mudserver.world.history.TELLS` for one's own tells, None for all of it.
        count: How many lines.
        lines: What was found, once it was looked up.
    """

    channel: str | None = None
    count: int = HISTORY_LINES
    lines: tuple[PastLine, ...] | None = None


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
class Ban:
    """
    Keep an account, a name or a network out.

    Attributes:
        target: A name, or a network such as 192.0.2.0/24.
        lasting: For how long; None for no end.
        why: The reason, as the banned are told; may be empty.
        kind: What to ban; None where that follows from the target: a network, or the account that
            the name belongs to, or else the name.
        player: Whose name that is, once it is known.
    """

    target: str
    lasting: timedelta | None = None
    why: str = ""
    kind: BanKind | None = None
    player: Known | None = None


@frozen
class Unban:
    """
    Take back all bans of what is called so.

    Attributes:
        target: As for `Ban`.
        player: Whose name that is, once it is known.
    """

    target: str
    player: Known | None = None


@frozen
class ListBans:
    """Who is banned?"""


@frozen
class ChangePassword:
    """Change one's password; without the two, be asked for them unseen."""

    old: str | None = field(default=None, repr=False)
    new: str | None = field(default=None, repr=False)


@frozen
class Help:
    """Explain the commands, or one topic."""

    topic: str | None = None


@frozen
class Quit:
    """Leave the world."""


Command = (
    Look
    | Exits
    | Say
    | Tell
    | Emote
    | Who
    | Inventory
    | Get
    | Drop
    | Put
    | Open
    | Close
    | Go
    | Follow
    | Unfollow
    | ListParty
    | InviteToParty
    | JoinParty
    | LeaveParty
    | KickFromParty
    | SpeakToParty
    | Mute
    | ListMutes
    | Unmute
    | Silence
    | Unsilence
    | ListSilences
    | SpeakOnChannel
    | SwitchChannel
    | ListChannels
    | Ban
    | Unban
    | ListBans
    | ReadHistory
    | ChangePassword
    | Help
    | Quit
)


def changes_state(command: Command) -> bool:
    """
    Tell whether a command may change anything that is saved.

    While nothing can be saved, these are refused, and all others go on.
    """
    match command:
        case Say() | Tell() | Emote() | SpeakOnChannel() | ListChannels() | ReadHistory() | Quit():
            return False
        case Get() | Drop() | Put() | Open() | Close() | Go() | Follow() | Unfollow():
            return True
        case JoinParty() | LeaveParty() | KickFromParty():
            return True
        case Mute() | Unmute() | ChangePassword():
            return True
        case Silence() | Unsilence() | SwitchChannel() | Ban() | Unban():
            return True
        case Look() | Exits() | Who() | Inventory() | ListMutes() | Help():
            return False
        case ListSilences() | ListBans():
            return False
        case ListParty() | InviteToParty() | SpeakToParty():
            return False
        case _:
            assert_never(command)


def speaks_afar(command: Command) -> bool:
    """
    Tell whether a command only says something, to others wherever they are.

    It may be carried out again, for those who were not shown it.
    """
    return isinstance(command, Tell | SpeakOnChannel | SpeakToParty)
