"""All doors, each with both its sides."""

from collections.abc import Mapping

from attrs import evolve

from mudserver.ids import DoorId, RoomId
from mudserver.world import events
from mudserver.world.applied import Applied, DoorMoved, ExitShut
from mudserver.world.direction import Direction
from mudserver.world.model import Exit, Room
from mudserver.world.steps import room_delta


class Doors:
    """
    Doors: a door's one or two sides are always all closed or all open.

    Args:
        rooms: Where they are.
    """

    def __init__(self, rooms: Mapping[RoomId, Room]) -> None:
        self._rooms = rooms
        self._sides: dict[DoorId, list[tuple[RoomId, Direction]]] = {}

    def add(self, room: RoomId, direction: Direction, out: Exit) -> None:
        """
        Note an exit that has just been made.

        Raises:
            ValueError: Its door is closed on one side only.
        """
        if out.door is None:
            return
        sides = self._sides.setdefault(out.door, [])
        if any(self._rooms[where].exits[way].closed != out.closed for where, way in sides):
            raise ValueError(f"door {out.door} is closed on one side only")
        sides.append((room, direction))

    def shut(self, event: events.DoorShut) -> Applied:
        """Apply that somebody closed or opened a door."""
        deltas = []
        for where, way in self._sides[event.id]:
            room = self._rooms[where]
            room.exits[way] = evolve(room.exits[way], closed=event.closed)
            deltas.append(room_delta(room, (ExitShut(way, event.closed),)))
        return Applied(changes=(DoorMoved(event.id, event.closed),), deltas=tuple(deltas))

    def put(self, door: DoorId, *, closed: bool) -> frozenset[RoomId]:
        """Have a door closed or open, without a word; returns the rooms that it is in."""
        sides = self._sides.get(door, ())
        for where, way in sides:
            room = self._rooms[where]
            room.exits[way] = evolve(room.exits[way], closed=closed)
            room.version += 1
        return frozenset(where for where, _ in sides)
