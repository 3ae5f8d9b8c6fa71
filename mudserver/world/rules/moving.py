"""Entering the world, walking about in it, and leaving it."""

from mudserver.errors import PlayerError
from mudserver.ids import CharacterId
from mudserver.world import events
from mudserver.world.direction import Direction
from mudserver.world.events import Event
from mudserver.world.model import Character, Room
from mudserver.world.rules.sentences import capital
from mudserver.world.world import World


def enter(world: World, character: Character) -> tuple[Event, ...]:
    """
    Return what happens when a character enters the world.

    Args:
        world: That `World.add_character` has added it to.
        character: Whose ``room`` says where it was last. If that room is no more, or if it
            has never played, it begins at the start.
    """
    room = character.room if character.room in world.rooms else None
    room = world.start if room is None else room
    return (
        events.Arrived(character.id, character.name, room, None),
        events.Looked(character.id, room),
    )


def leave(world: World, character: CharacterId) -> tuple[Event, ...]:
    """
    Return what happens when a character leaves the world.

    Raises:
        KeyError: It isn't in the world.
    """
    leaver = world.character(character)
    room = room_of(world, leaver)
    return (events.Departed(character, leaver.name, room.id, None),)


def lose_link(world: World, character: CharacterId) -> tuple[Event, ...]:
    """
    Return what happens when a character's connection is lost; nothing if it is already.

    Raises:
        KeyError: It isn't in the world.
    """
    loser = world.character(character)
    room = room_of(world, loser)
    return () if loser.linkdead else (events.LostLink(character, loser.name, room.id),)


def regain_link(world: World, character: CharacterId) -> tuple[Event, ...]:
    """
    Return what happens when a lost connection comes back; nothing if it wasn't lost.

    Raises:
        KeyError: It isn't in the world.
    """
    gainer = world.character(character)
    room = room_of(world, gainer)
    return (events.Returned(character, gainer.name, room.id),) if gainer.linkdead else ()


def go(character: Character, room: Room, direction: Direction) -> tuple[Event, ...]:
    """Leave by an exit, and look about where it leads."""
    out = room.exits.get(direction)
    if out is None:
        raise no_exit(direction)
    if out.closed:
        raise PlayerError(f"{capital(out.name or 'the way')} is closed.", code="closed")
    return (
        events.Departed(character.id, character.name, room.id, direction),
        events.Arrived(character.id, character.name, out.to, direction.opposite()),
        events.Looked(character.id, out.to),
    )


def no_exit(direction: Direction) -> PlayerError:
    """Return the refusal to go where no way leads."""
    return PlayerError(f"There is no way {direction} from here.", code="no_exit")


def room_of(world: World, character: Character) -> Room:
    """Return the room that a character is in. KeyError: It is in none."""
    if character.room is None:
        raise KeyError(character.id)
    return world.room(character.room)
