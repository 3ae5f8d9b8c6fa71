"""Who perceives an event."""

from collections.abc import Set
from datetime import datetime
from enum import Enum

from mudserver.ids import CharacterId
from mudserver.world.applied import CharacterDelta, Delta
from mudserver.world.events import Audience, Event
from mudserver.world.world import World

_NOBODY: frozenset[CharacterId] = frozenset()


class Viewer(Enum):
    """A kind of viewer: all of one kind are shown the same."""

    ACTOR = "actor"
    TARGET = "target"
    OTHERS = "others"


def resolve(
    world: World, event: Event, now: datetime
) -> tuple[tuple[Viewer, tuple[CharacterId, ...]], ...]:
    """
    Find who perceives an event, by kind of viewer.

    Args:
        world: As it is right before or right after.
        event: What happens.
        now: When (UTC); mutes may have ended by then.

    Right before and right after the event is applied, the answer is the same, but that one
    who has left the world is no longer among them.

    Returns:
        Each kind that has anyone, with all of that kind. Nobody is in two of them.
    """
    audience = event.audience
    spared: frozenset[CharacterId] = frozenset()
    if audience.mutable and audience.actor:
        spared = world.muters(audience.actor, now)
    kinds: list[tuple[Viewer, tuple[CharacterId, ...]]] = []
    if audience.actor is not None and audience.actor in world.characters:
        kinds.append((Viewer.ACTOR, (audience.actor,)))
    target = audience.target
    if target is not None and target in world.characters and target not in spared:
        kinds.append((Viewer.TARGET, (target,)))
    there = _bystanders(world, audience)
    if there:
        others = set(there)
        others -= spared
        if audience.actor is not None:
            others.discard(audience.actor)
        if target is not None:
            others.discard(target)
        if audience.staff:
            others = {id for id in others if world.character(id).role.moderates}
        if others:
            kinds.append((Viewer.OTHERS, tuple(others)))
    return tuple(kinds)


def _bystanders(world: World, audience: Audience) -> Set[CharacterId]:
    """Find those in the room, on the channel, or in the party, of an event."""
    if audience.room is not None:
        return world.occupants(audience.room).characters
    if audience.members:
        return audience.members & world.characters.keys()
    return _NOBODY if audience.channel is None else world.listeners(audience.channel)


def watching(world: World, delta: Delta) -> tuple[CharacterId, ...]:
    """
    Find whose copy a delta brings up to date.

    Returns:
        The character itself, or all who are in the room now but a newcomer.
    """
    if isinstance(delta, CharacterDelta):
        return (delta.character,) if delta.character in world.characters else ()
    return tuple(world.occupants(delta.room).characters - {delta.newcomer})
