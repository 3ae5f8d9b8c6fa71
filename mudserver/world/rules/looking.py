"""Looking about, and asking who is there and how things are done."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from attrs import frozen

from mudserver.errors import PlayerError
from mudserver.ids import CharacterId
from mudserver.world import events, handbook
from mudserver.world.direction import Direction
from mudserver.world.events import Event
from mudserver.world.matching import find
from mudserver.world.model import Character, Exit, Item, Room
from mudserver.world.rules.moving import no_exit
from mudserver.world.rules.sentences import capital, listed
from mudserver.world.world import World

#: Players that ``who`` names; it counts the others.
MAX_WHO: Final = 100


_SELF: Final = frozenset({"me", "myself", "self"})


def look(world: World, character: Character, room: Room, target: str | None) -> Event:
    """Look about in the room, or at whatever the words mean."""
    if target is None:
        return events.Looked(character.id, room.id)
    if target.lower() in _SELF:
        return events.Examined(character.id, character.name, _description(character))
    sight = find(target, _sights(world, character, room, target))
    if sight is not None:
        return events.Examined(character.id, sight.name, sight.text)
    direction = Direction.parse(target)
    if direction is not None:
        return events.Examined(character.id, "", _view_of(world, room, direction))
    raise PlayerError(f"You see no {target} here.", code="not_here")


@frozen
class _Sight:
    """Something that can be looked at: what it may be called, what it is, what one sees."""

    keywords: Sequence[str]
    name: str
    text: str


def _sights(world: World, character: Character, room: Room, target: str) -> Iterator[_Sight]:
    """All that a character can look at and that may be meant: a crowd isn't searched one by one."""
    for other in world.characters_beginning(target):
        if other.room == room.id:
            yield _Sight(other.keywords, other.name, _description(other))
    for npc in room.occupants.npcs:
        yield _Sight(npc.keywords, npc.name, npc.description)
    for item in (*room.items, *character.items):
        yield _Sight(item.keywords, item.name, _sight_of(item))
    for keyword, text in room.details.items():
        yield _Sight((keyword,), "", text)
    for direction, out in _exits(room):
        if out.name:
            yield _Sight((out.name.lower(),), "", _view_of(world, room, direction))


def _sight_of(item: Item) -> str:
    """What one sees of a thing, and in it."""
    if not item.capacity:
        return item.description
    holds = listed([each.name for each in item.items])
    contents = f"It holds {holds}." if holds else "It is empty."
    return f"{item.description}\n\n{'It is closed.' if item.closed else contents}"


def _description(character: Character) -> str:
    carried = listed([item.name for item in character.items]) or "nothing"
    lost = " The link is lost: nobody is behind those eyes." if character.linkdead else ""
    return f"A traveller, who carries {carried}.{lost}"


def _view_of(world: World, room: Room, direction: Direction) -> str:
    out = room.exits.get(direction)
    if out is None:
        raise no_exit(direction)
    way = _way(world, direction, out)
    return f"{capital(direction)}: {way.name}{', closed' if way.closed else ''}."


def list_exits(world: World, character: Character, room: Room) -> Event:
    """Tell the ways out of the room."""
    ways = tuple(_way(world, direction, out) for direction, out in _exits(room))
    return events.ExitsListed(character.id, ways)


def _exits(room: Room) -> Iterator[tuple[Direction, Exit]]:
    """The exits of a room in the order of directions."""
    return (
        (direction, room.exits[direction]) for direction in Direction if direction in room.exits
    )


def _way(world: World, direction: Direction, out: Exit) -> events.Way:
    return events.Way(direction, out.name or world.room(out.to).name, out.closed)


def who(world: World, actor: CharacterId) -> Event:
    """List the players in the world."""
    present = [
        events.Present(each.name, each.linkdead)
        for each in islice(world.characters_beginning(""), MAX_WHO)
    ]
    return events.WhoListed(actor, tuple(present), len(world.characters))


def help_on(world: World, actor: CharacterId, topic: str | None) -> Event:
    """Show a page of the handbook; None for the overview."""
    lexicon = world.lexicon
    page = handbook.overview(lexicon) if topic is None else handbook.page(topic, lexicon)
    if page is None:
        raise PlayerError(f"There is no help on {topic}. Type help alone.", code="not_here")
    return events.HelpShown(actor, page)
