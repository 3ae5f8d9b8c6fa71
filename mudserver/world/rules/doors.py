"""Opening and closing: doors, and containers that have a lid."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from mudserver.errors import PlayerError
from mudserver.world import events
from mudserver.world.direction import Direction
from mudserver.world.events import Event
from mudserver.world.matching import find
from mudserver.world.model import Character, Exit, Room
from mudserver.world.rules import containers
from mudserver.world.rules.sentences import capital
from mudserver.world.world import World


def shut(
    world: World, character: Character, room: Room, words: str, *, closed: bool
) -> tuple[Event, ...]:
    """Close whatever is called so, or open it: by its direction, or by its name."""
    direction = Direction.parse(words)
    if direction is not None and direction in room.exits:
        return _shut_door(world, character, room, direction, closed)
    thing = find(words, (*room.items, *character.items))
    door = None if thing is not None else find(words, _doors(room))
    if door is not None:
        return _shut_door(world, character, room, door.direction, closed)
    return (containers.shut(character, room, words, closed=closed),)


@frozen
class _Side:
    """A door, as seen from a room, and what it may be called."""

    keywords: Sequence[str]
    direction: Direction


def _doors(room: Room) -> Iterator[_Side]:
    for direction in Direction:
        out = room.exits.get(direction)
        if out is not None and out.name:
            yield _Side((out.name.lower(),), direction)


def _shut_door(
    world: World, character: Character, room: Room, direction: Direction, closed: bool
) -> tuple[Event, ...]:
    out = room.exits[direction]
    name = capital(out.name or f"the way {direction}")
    if out.door is None:
        raise PlayerError(f"{name} can't be {'closed' if closed else 'opened'}.")
    if out.closed == closed:
        raise PlayerError(f"{name} is {'closed' if closed else 'open'} already.")
    shut = events.DoorShut(
        character.id, character.name, room.id, direction, out.name, out.door, closed
    )
    back = _back(world, direction, out)
    if back is None:
        return (shut,)
    name_there = world.room(out.to).exits[back].name
    return (shut, events.DoorSwung(out.to, back, name_there, closed))


def _back(world: World, direction: Direction, out: Exit) -> Direction | None:
    """Find the other side of a door."""
    back = direction.opposite()
    other = world.room(out.to).exits.get(back)
    return back if other is not None and other.door == out.door else None
