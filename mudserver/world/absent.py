"""Players whom a command names and who aren't here: they are looked up before it is decided."""

from typing import Protocol

from attrs import evolve

from mudserver.world.commands import Ban, Command, Known, Mute, Silence, Unban, Unmute, Unsilence
from mudserver.world.networks import read_network


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
    match command:
        case Mute(name=name, character=None) | Unmute(name=name, character=None):
            return name if world.character_named(name) is None else None
        case Silence(name=name, player=None) | Unsilence(name=name, player=None):
            return name if world.character_named(name) is None else None
        case Ban(target=target, player=None) | Unban(target=target, player=None):
            known = read_network(target) is not None or world.character_named(target) is not None
            return None if known else target
        case _:
            return None


def resolved(command: Command, player: Known) -> Command:
    """Return the command with the player that `unresolved` asked for; others as they are."""
    match command:
        case Mute():
            return evolve(command, character=player.character, name=player.name, role=player.role)
        case Unmute():
            return evolve(command, character=player.character, name=player.name)
        case Silence() | Unsilence() | Ban() | Unban():
            return evolve(command, player=player)
        case _:
            return command
