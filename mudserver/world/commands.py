"""
What players ask for, as values.

`mudserver.world.grammar.parse` makes them from what is typed, `mudserver.world.rules.decide` turns
them into events. Names in them are as typed.

To add one: write it here and into `Command`, say in `changes_state` whether it changes anything,
give it a row in `mudserver.world.verbs.VERBS`, and a rule in `decide`; mypy finds what is forgotten
but the row.
"""

from typing import Protocol, assert_never

from attrs import evolve, field, frozen

from mudserver.ids import CharacterId
from mudserver.world.direction import Direction


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
    """Pick up what is called so; None for all there is."""

    item: str | None


@frozen
class Drop:
    """Put down what is called so; None for all one carries."""

    item: str | None


@frozen
class Go:
    """Walk."""

    direction: Direction


@frozen
class Mute:
    """
    Hear no more of a player.

    Attributes:
        character: Who that is, once the name is known to be theirs.
    """

    name: str
    character: CharacterId | None = None


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
    | Go
    | Mute
    | Unmute
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
        case Get() | Drop() | Go() | Mute() | Unmute() | ChangePassword():
            return True
        case Look() | Exits() | Who() | Inventory() | Help():
            return False
        case Say() | Tell() | Emote() | Quit():
            return False
        case _:
            assert_never(command)


class Roll(Protocol):
    """Knows who is present: a `mudserver.world.world.World`."""

    def character_named(self, name: str) -> object | None:
        """Find who is present by that whole name."""
        ...


def unresolved(command: Command, world: Roll) -> str | None:
    """
    Name the player that must be looked up before the command can be decided.

    Returns:
        A name to look for among all characters, absent ones too; None where nothing is missing.
    """
    if not isinstance(command, Mute | Unmute) or command.character is not None:
        return None
    return command.name if world.character_named(command.name) is None else None


def resolved(command: Command, character: CharacterId, name: str) -> Command:
    """Return the command with the player that `unresolved` asked for; others as they are."""
    if isinstance(command, Mute | Unmute):
        return evolve(command, character=character, name=name)
    return command
