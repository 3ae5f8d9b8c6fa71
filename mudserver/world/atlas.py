"""Areas joined into one world that closes."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

from attrs import Factory, field, frozen

from mudserver.errors import CorruptArea
from mudserver.world.area import Area, Exit, Inhabitant, Item, Key, Room
from mudserver.world.document import Source


def _rooms_by_key(atlas: "Atlas") -> dict[Key, Room]:
    return {room.key: room for area in atlas.areas for room in area.rooms}


@frozen
class Atlas:
    """
    A world as its area files describe it; `check` makes one.

    Attributes:
        areas: In the order in which they were given.
        start: Where new characters begin.
    """

    areas: tuple[Area, ...]
    start: Key
    _by_key: dict[Key, Room] = field(
        init=False, eq=False, repr=False, default=Factory(_rooms_by_key, takes_self=True)
    )

    @property
    def rooms(self) -> tuple[Room, ...]:
        """All rooms, area by area, in the order of the files."""
        return tuple(self._by_key.values())

    @property
    def items(self) -> Iterator[tuple[Room, Item]]:
        """All things, each with the room where it lies when the world begins, itself or by what it
        is in; containers before what they hold.
        """
        return (
            (room, item) for room in self.rooms for lying in room.items for item in lying.everything
        )

    @property
    def inhabitants(self) -> Iterator[tuple[Room, Inhabitant]]:
        """All inhabitants, each with the room where they live."""
        return ((room, someone) for room in self.rooms for someone in room.inhabitants)

    @property
    def doors(self) -> Iterator[tuple[tuple[Room, Exit], ...]]:
        """All doors, each with its one or two sides."""
        for room in self.rooms:
            for way in room.exits:
                if not way.door:
                    continue
                target = self.room(way.to)
                back = target.exit(way.direction.opposite())
                if back is None or back.to != room.key or not back.door:
                    yield ((room, way),)
                elif (room.key, way.direction) < (target.key, back.direction):
                    yield ((room, way), (target, back))

    def room(self, key: Key) -> Room:
        """
        Find a room.

        Raises:
            KeyError: There is none of that key.
        """
        return self._by_key[key]

    def reserved_names(self) -> frozenset[str]:
        """The names and keywords of all inhabitants, in lower case, that no player may take."""
        return frozenset(word for _, someone in self.inhabitants for word in someone.keywords)


def check(areas: Iterable[Area]) -> Atlas:
    """
    Join areas into a world, and see that it closes.

    Every key is unique, one area has the start room, each exit leads to a room that exists and
    (unless it is one way) back again, a door is closed on both sides or on none, routes go from
    room to room, and every room can be reached from the start.

    Raises:
        CorruptArea: One of these doesn't hold. Names the file and line of the first offender.
    """
    areas = tuple(areas)
    if not areas:
        raise CorruptArea("areas", 1, "expected at least one area file, found none")
    _check_keys(areas)
    atlas = Atlas(areas, _start(areas))
    for room in atlas.rooms:
        for way in room.exits:
            _check_exit(atlas, room, way)
    for room, someone in atlas.inhabitants:
        _check_route(atlas, room, someone)
    _check_reachable(atlas)
    return atlas


def _check_keys(areas: tuple[Area, ...]) -> None:
    seen: dict[Key, Source] = {}
    for thing in _all(areas):
        first = seen.setdefault(thing.key, thing.source)
        if first is not thing.source:
            raise thing.source.error(
                f"{thing.key}: expected a key of its own, found one in use since {first}"
            )


def _all(areas: tuple[Area, ...]) -> Iterator[Area | Room | Item | Inhabitant]:
    for area in areas:
        yield area
        for room in area.rooms:
            yield room
            for item in room.items:
                yield from item.everything
            yield from room.inhabitants


def _start(areas: tuple[Area, ...]) -> Key:
    starts = [(area, area.start) for area in areas if area.start is not None]
    if not starts:
        raise areas[0].source.error("expected a start room in one of the area files, found none")
    if len(starts) > 1:
        area, first = starts[1][0], starts[0][0]
        raise area.source.error(
            f"start: expected one start room in the world, found another in {first.source.file}"
        )
    return starts[0][1]


def _check_exit(atlas: Atlas, room: Room, way: Exit) -> None:
    place = f"{room.key}.exits.{way.direction}"
    try:
        target = atlas.room(way.to)
    except KeyError:
        raise way.source.error(
            f"{place}: expected the key of a room, found {way.to}, which is none"
        ) from None
    if way.oneway:
        return
    back = target.exit(way.direction.opposite())
    if back is None or back.to != room.key:
        found = f"one to {back.to}" if back else "none"
        raise way.source.error(
            f"{place}: expected an exit {way.direction.opposite()} from {target.key} back to "
            f"{room.key} (or oneway: true here), found {found}"
        )
    if back.closed != way.closed:
        open_side = room.key if back.closed else target.key
        raise way.source.error(
            f"{place}: expected a door that is closed on both sides or on none, found it open "
            f"from {open_side}"
        )
    if back.door != way.door:
        raise way.source.error(
            f"{place}: expected a door on both sides (closed: true or false) or on none"
        )


def _check_route(atlas: Atlas, home: Room, someone: Inhabitant) -> None:
    """See that each stop is next to the one before, both ways, and that none comes twice."""
    place = f"{someone.key}.route"
    stops = [home.key, *someone.route]
    if len(set(stops)) < len(stops):
        raise someone.source.error(f"{place}: expected each room once, and not the first one")
    rooms = {room.key: room for room in atlas.rooms}
    for before, after in pairwise(stops):
        if after not in rooms:
            raise someone.source.error(f"{place}: expected rooms, found {after}, which is none")
        for one, other in ((rooms[before], after), (rooms[after], before)):
            if all(way.to != other for way in one.exits):
                raise someone.source.error(
                    f"{place}: expected an exit from {one.key} to {other}, found none"
                )


def _check_reachable(atlas: Atlas) -> None:
    reached = {atlas.start}
    waiting = deque(reached)
    while waiting:
        for way in atlas.room(waiting.popleft()).exits:
            if way.to not in reached:
                reached.add(way.to)
                waiting.append(way.to)
    for room in atlas.rooms:
        if room.key not in reached:
            raise room.source.error(
                f"{room.key}: expected a room that can be reached from {atlas.start}, found no way"
            )
