"""Refusing to hear someone, and keeping someone from being heard."""

from datetime import datetime
from typing import Final

from mudserver.errors import PlayerError
from mudserver.ids import CharacterId
from mudserver.world import commands, events
from mudserver.world.events import Event
from mudserver.world.model import Character
from mudserver.world.names import name_key
from mudserver.world.rules.channels import channel_named
from mudserver.world.world import World

#: Players that one can mute.
MAX_MUTES: Final = 200


#: Silences that can be in force at once, those on one channel included.
MAX_SILENCES: Final = 10_000

#: Silences that a list shows.
SHOWN_SILENCES: Final = 30


def mute(world: World, character: Character, command: commands.Mute, now: datetime) -> Event:
    """Refuse to hear a player, for a while or until further notice."""
    target, name = _meant(world, command)
    if target == character.id:
        raise PlayerError("You can't mute yourself.")
    present = world.characters.get(target)
    role = command.role if present is None else present.role
    if role.moderates and not character.role.moderates:
        raise PlayerError(f"{name} keeps order here, and can't be muted.")
    until = None if command.lasting is None else now + command.lasting
    mute = character.mutes.get(target)
    muted = mute is not None and mute.in_force(now)
    if mute is not None and muted and mute.until == until:
        raise PlayerError(f"You mute {name} already.")
    if not muted and sum(each.in_force(now) for each in character.mutes.values()) >= MAX_MUTES:
        raise PlayerError(f"You can mute at most {MAX_MUTES} players.", code="too_much")
    return events.Muted(character.id, target, name, now, until, command.why)


def unmute(world: World, character: Character, command: commands.Unmute, now: datetime) -> Event:
    """Hear a player again."""
    target, name = _meant(world, command)
    mute = character.mutes.get(target)
    if mute is None or not mute.in_force(now):
        raise PlayerError(f"You don't mute {name}.")
    return events.Unmuted(character.id, target, name)


def list_mutes(character: Character, now: datetime) -> Event:
    """List whom the character mutes."""
    muted = sorted(
        (mute for mute in character.mutes.values() if mute.in_force(now)),
        key=lambda mute: name_key(mute.name),
    )
    players = (
        events.MutedPlayer(mute.name, None if mute.until is None else mute.until - now)
        for mute in muted
    )
    return events.MutesListed(character.id, tuple(players))


def silence(world: World, character: Character, command: commands.Silence, now: datetime) -> Event:
    """Keep a player from being heard by anyone but staff."""
    player = _in_charge_of(world, character, command)
    channel = None
    if command.channel is not None:
        channel = channel_named(world, character, command.channel).name
    in_force = sum(each.in_force(now) for each in world.silences.values())
    if in_force >= MAX_SILENCES and world.silences.get((player.account, channel)) is None:
        raise PlayerError(f"There can be at most {MAX_SILENCES} silences.", code="too_much")
    return events.Silenced(
        character=character.id,
        by=character.account,
        target=player.character,
        target_name=player.name,
        account=player.account,
        since=now,
        until=None if command.lasting is None else now + command.lasting,
        why=command.why,
        channel=channel,
    )


def unsilence(
    world: World, character: Character, command: commands.Unsilence, now: datetime
) -> Event:
    """Let a player be heard again."""
    player = _in_charge_of(world, character, command)
    where = "" if command.channel is None else f" on {command.channel}"
    silence = world.silences.get((player.account, command.channel))
    if silence is None or not silence.in_force(now):
        raise PlayerError(f"{player.name} isn't silenced{where}.")
    return events.Unsilenced(
        character.id, player.character, player.name, player.account, command.channel
    )


def list_silences(world: World, character: Character, now: datetime) -> Event:
    """List who is silenced, by name; those on one channel after one that is everywhere."""
    _check_keeps_order(character)
    silenced = sorted(
        (
            events.SilencedPlayer(each.name, channel, each.orderer, each.until, each.why)
            for (_, channel), each in world.silences.items()
            if each.in_force(now)
        ),
        key=lambda player: (name_key(player.name), player.channel or ""),
    )
    return events.SilencesListed(character.id, tuple(silenced[:SHOWN_SILENCES]), len(silenced))


def _check_keeps_order(character: Character) -> None:
    if not character.role.moderates:
        raise PlayerError("Only admins and owners can do that.")


def _in_charge_of(
    world: World, character: Character, command: commands.Silence | commands.Unsilence
) -> commands.Known:
    """Return the player that staff has to do with."""
    _check_keeps_order(character)
    player = command.player
    present = world.character_named(command.name) if player is None else None
    if present is not None:
        player = commands.Known(present.id, present.account, present.name, present.role)
    if player is None:
        raise PlayerError(f"There is no player called {command.name}.", code="not_here")
    if not character.role.outranks(player.role):
        raise PlayerError(f"{player.name} doesn't stand below you.")
    return player


def _meant(world: World, command: commands.Mute | commands.Unmute) -> tuple[CharacterId, str]:
    if command.character is not None:
        return command.character, command.name
    present = world.character_named(command.name)
    if present is None:
        raise PlayerError(f"There is no player called {command.name}.", code="not_here")
    return present.id, present.name
