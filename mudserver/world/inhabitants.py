"""
What inhabitants do: greet newcomers, answer to words that matter to them, pass their time, walk.

They answer to players alone, never to each other, so that no talk of theirs feeds itself.
"""

import re
from collections.abc import Iterator
from typing import Final

from mudserver.ids import CharacterId, NpcId, RoomId
from mudserver.world import events
from mudserver.world.direction import Direction
from mudserver.world.events import Event
from mudserver.world.model import Npc
from mudserver.world.world import World

#: Inhabitants of one room who greet one newcomer.
MAX_GREETINGS: Final = 2

#: Inhabitants of one room who answer to one sentence.
MAX_ANSWERS: Final = 2

_WORD: Final = re.compile(r"[a-z0-9']+")


def react(world: World, event: Event) -> tuple[Event, ...]:
    """
    Return how inhabitants react to an event.

    Ask once all events of a command were applied and shown, so that nobody is greeted before
    they see where they are. One who has walked on by then is not greeted any more.
    """
    match event:
        case events.Arrived():
            return _greet(world, event)
        case events.Said():
            return _answer(world, event)
        case _:
            return ()


def idle(world: World, npc: NpcId, pick: float) -> tuple[Event, ...]:
    """
    Return what an inhabitant does to pass the time: nothing where no player would see it.

    Args:
        world: As it is now.
        npc: Who.
        pick: Chooses among the things it does: at least 0, less than 1.

    Raises:
        KeyError: There is no such inhabitant.
    """
    idler = world.npcs[npc]
    if not idler.idle or not world.occupants(idler.room).characters:
        return ()
    text = idler.idle[int(pick * len(idler.idle))]
    return (events.NpcEmoted(npc, idler.name, idler.room, text),)


def wander(world: World, npc: NpcId, pick: float) -> tuple[Event, ...]:
    """
    Return how an inhabitant walks on along its route, or back: not where no player would see it,
    and through no closed door.

    Args:
        world: As it is now.
        npc: Who.
        pick: Chooses where to, if there is a choice: at least 0, less than 1.

    Raises:
        KeyError: There is no such inhabitant.
    """
    walker = world.npcs[npc]
    if not is_watched(world, walker):
        return ()
    ways = tuple(_ways(world, walker))
    if not ways:
        return ()
    direction, to = ways[int(pick * len(ways))]
    return (
        events.NpcDeparted(npc, walker.name, walker.room, direction),
        events.NpcArrived(npc, walker.name, to, direction.opposite()),
    )


def is_watched(world: World, npc: Npc) -> bool:
    """Tell whether a player is anywhere on an inhabitant's route."""
    return any(world.occupants(stop).characters for stop in npc.route)


def _ways(world: World, npc: Npc) -> Iterator[tuple[Direction, RoomId]]:
    """Find the open ways to the stops before and after the one where an inhabitant is."""
    if npc.room not in npc.route:
        return
    here = npc.route.index(npc.room)
    for stop in npc.route[max(here - 1, 0) : here + 2]:
        for direction, out in world.room(npc.room).exits.items():
            if out.to == stop and not out.closed:
                yield direction, stop
                break


def _greet(world: World, event: events.Arrived) -> tuple[Event, ...]:
    """Greet a newcomer, to their ears alone: in a crowd, everyone would hear it all the time."""
    here = world.occupants(event.room)
    if event.character not in here:
        return ()
    greeting = [npc for npc in here.npcs if npc.greeting]
    return tuple(_utter(npc, npc.greeting, event.character) for npc in greeting[:MAX_GREETINGS])


def _answer(world: World, event: events.Said) -> tuple[Event, ...]:
    npcs = world.occupants(event.room).npcs
    if not npcs:
        return ()
    said = _words(event.text)
    found = ((npc, _topic(npc, said)) for npc in npcs)
    answers = [_utter(npc, answer) for npc, answer in found if answer is not None]
    return tuple(answers[:MAX_ANSWERS])


def _topic(npc: Npc, said: str) -> str | None:
    """Find what an inhabitant answers; of several words that were said, the longest counts."""
    heard = [keyword for keyword in npc.topics if _words(keyword) in said]
    return npc.topics[max(heard, key=len)] if heard else None


def _words(text: str) -> str:
    """Return the words of a text with one space around each, so that only whole words match."""
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _utter(npc: Npc, utterance: str, target: CharacterId | None = None) -> Event:
    if utterance.startswith(":"):
        text = utterance[1:].strip()
        return events.NpcEmoted(npc.id, npc.name, npc.room, text, target)
    return events.NpcSaid(npc.id, npc.name, npc.room, utterance, target)
