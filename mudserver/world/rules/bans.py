"""Keeping accounts, names and networks out."""

from datetime import datetime
from typing import Final

from mudserver.errors import BadName, PlayerError
from mudserver.world import commands, events
from mudserver.world.bans import Ban, BanKind
from mudserver.world.model import Character
from mudserver.world.names import check_name
from mudserver.world.networks import overlapping, read_network
from mudserver.world.world import World

#: Bans that can be in force at once.
MAX_BANS: Final = 10_000

#: Bans that a list shows, for the longest reasons still one message; operators have longer ones.
SHOWN_BANS: Final = 30


def ban(
    world: World, by: Character | None, command: commands.Ban, now: datetime, *, force: bool = False
) -> events.Banned:
    """
    Keep an account, a name or a network out.

    Args:
        world: As it is now.
        by: Who orders it; None for an operator, who stands above everyone.
        command: What, for how long, and why.
        now: The moment (UTC).
        force: Whether networks may be banned that those who run the server come from.
    """
    _check_keeps_order(by)
    kind, key, name = _meant(world, by, command, force)
    if len(world.bans) >= MAX_BANS and world.bans.get(kind, key, now) is None:
        in_force = sum(each.in_force(now) for each in world.bans)
        if in_force >= MAX_BANS:
            raise PlayerError(f"There can be at most {MAX_BANS:,} bans.", code="too_much")
    ordered = Ban(
        kind=kind,
        key=key,
        name=name,
        by=None if by is None else by.account,
        orderer="" if by is None else by.name,
        since=now,
        until=None if command.lasting is None else now + command.lasting,
        why=command.why,
    )
    return events.Banned(None if by is None else by.id, ordered)


def unban(
    world: World, by: Character | None, command: commands.Unban, now: datetime
) -> tuple[events.Unbanned, ...]:
    """Take back all bans of what is called so; arguments as of `ban`."""
    _check_keeps_order(by)
    target = command.target
    network = read_network(target)
    found: list[Ban | None] = []
    if network is not None:
        found.append(world.bans.get(BanKind.NETWORK, str(network), now))
    else:
        found.append(world.bans.get(BanKind.NAME, target.casefold(), now))
        player = _known(world, command)
        if player is not None:
            found.append(world.bans.get(BanKind.ACCOUNT, str(player.account), now))
    lifted = [each for each in found if each is not None]
    if not lifted:
        raise PlayerError(f"{target} isn't banned.")
    return tuple(events.Unbanned(None if by is None else by.id, each) for each in lifted)


def list_bans(world: World, character: Character, now: datetime) -> events.BansListed:
    """List who is banned."""
    _check_keeps_order(character)
    bans = [each for each in world.bans if each.in_force(now)]
    return events.BansListed(character.id, tuple(bans[:SHOWN_BANS]), len(bans))


def _meant(
    world: World, by: Character | None, command: commands.Ban, force: bool
) -> tuple[BanKind, str, str]:
    """Return what is to be banned: kind, key and name."""
    network = read_network(command.target)
    if command.kind is BanKind.NETWORK or (command.kind is None and network is not None):
        if network is None:
            raise PlayerError(f"{command.target} is no network.", code="bad_command")
        near = overlapping(network, world.bans.protected)
        if near is not None and not force:
            raise PlayerError(
                f"That would lock out {near}, from where this server is run: mudctl can force it."
            )
        return BanKind.NETWORK, str(network), str(network)
    player = _known(world, command)
    if player is None:
        if command.kind is BanKind.ACCOUNT:
            raise PlayerError(f"There is no player called {command.target}.", code="not_here")
        return _name(command.target)
    if by is not None and not by.role.outranks(player.role):
        raise PlayerError(f"{player.name} doesn't stand below you.")
    if command.kind is BanKind.NAME:
        return _name(command.target)
    return BanKind.ACCOUNT, str(player.account), player.name


def _name(target: str) -> tuple[BanKind, str, str]:
    try:
        name = check_name(target, ())
    except BadName:
        raise PlayerError(f"Nobody can be called {target}.", code="bad_name") from None
    return BanKind.NAME, name.casefold(), name


def _known(world: World, command: commands.Ban | commands.Unban) -> commands.Known | None:
    if command.player is not None:
        return command.player
    present = world.character_named(command.target)
    if present is None:
        return None
    return commands.Known(present.id, present.account, present.name, present.role)


def _check_keeps_order(by: Character | None) -> None:
    if by is not None and not by.role.moderates:
        raise PlayerError("Only admins and owners can do that.")
