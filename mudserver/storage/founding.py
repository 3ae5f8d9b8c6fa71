"""The first rows of a world, made from its area files."""

from collections.abc import Iterable, Iterator

from mudserver.ids import DoorId, ItemId, NpcId, RoomId
from mudserver.interfaces.rows import ExitRow, ItemRow, NpcRow, RoomRow, WorldRows
from mudserver.world.area import Inhabitant, Item, Key, Utterance
from mudserver.world.atlas import Atlas
from mudserver.world.direction import Direction


def entities(atlas: Atlas) -> int:
    """Count the ids that `found` takes: one for each room, door, item and inhabitant."""
    return len(atlas.rooms) + sum(
        1 for things in (atlas.doors, atlas.items, atlas.inhabitants) for _ in things
    )


def found(atlas: Atlas, ids: Iterable[int]) -> WorldRows:
    """
    Turn checked areas into rows.

    Args:
        atlas: The areas.
        ids: At least as many as `entities` counts, in rising order.

    Returns:
        The rows, each kind in the order of its ids; exits by room, then as the area lists them.
    """
    take = iter(ids)
    by_key = {room.key: RoomId(next(take)) for room in atlas.rooms}
    doors: dict[tuple[Key, Direction], DoorId] = {}
    for sides in atlas.doors:
        id = DoorId(next(take))
        doors.update(((room.key, way.direction), id) for room, way in sides)
    return WorldRows(
        start=by_key[atlas.start],
        rooms=tuple(
            RoomRow(
                id=by_key[room.key],
                key=room.key,
                area=area.key,
                name=room.name,
                description=room.description,
                details={word: detail.text for detail in room.details for word in detail.keywords},
            )
            for area in atlas.areas
            for room in area.rooms
        ),
        exits=tuple(
            ExitRow(
                by_key[room.key],
                way.direction,
                by_key[way.to],
                way.name,
                way.closed,
                doors.get((room.key, way.direction)),
            )
            for room in atlas.rooms
            for way in room.exits
        ),
        items=tuple(
            row
            for room in atlas.rooms
            for item in room.items
            for row in _items(take, item, by_key[room.key], None)
        ),
        npcs=tuple(
            _npc(
                NpcId(next(take)),
                someone,
                tuple(by_key[key] for key in (room.key, *someone.route)),
            )
            for room, someone in atlas.inhabitants
        ),
    )


def _items(
    ids: Iterator[int], item: Item, room: RoomId | None, container: ItemId | None
) -> Iterator[ItemRow]:
    """Make rows of a thing and of all that is in it."""
    row = ItemRow(
        id=ItemId(next(ids)),
        key=item.key,
        name=item.name,
        keywords=item.keywords,
        description=item.description,
        fixed=item.fixed,
        room=room,
        holder=None,
        container=container,
        size=item.size,
        capacity=item.capacity,
        lid=item.lid,
        closed=item.closed,
    )
    yield row
    for inside in item.contents:
        yield from _items(ids, inside, None, row.id)


def _npc(id: NpcId, someone: Inhabitant, stops: tuple[RoomId, ...]) -> NpcRow:
    return NpcRow(
        id=id,
        key=someone.key,
        name=someone.name,
        keywords=someone.keywords,
        description=someone.description,
        greeting=_text(someone.greeting) if someone.greeting else "",
        topics={word: _text(topic.answer) for topic in someone.topics for word in topic.keywords},
        idle=someone.idle,
        room=stops[0],
        route=stops if someone.route else (),
    )


def _text(utterance: Utterance) -> str:
    """Write an utterance as area files do: a colon means that it is done, not said."""
    return f":{utterance.text}" if utterance.emote else utterance.text
