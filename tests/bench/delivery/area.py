"""A world with as many small rooms as are wanted: a hall with wings, each with rooms."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from textwrap import indent

from mudserver.world.area import MAX_ROOMS

#: Directions and those that lead back.
_WAYS = {
    "north": "south",
    "south": "north",
    "east": "west",
    "west": "east",
    "northeast": "southwest",
    "southwest": "northeast",
    "northwest": "southeast",
    "southeast": "northwest",
    "up": "down",
    "down": "up",
}


def ways(depth: int) -> Iterator[tuple[str, ...]]:
    """Yield the way from the hall to each room of that depth."""
    if depth == 0:
        yield ()
        return
    for way in ways(depth - 1):
        for direction in _WAYS:
            if not way or direction != _WAYS[way[-1]]:
                yield (*way, direction)


def write(folder: Path, depth: int) -> None:
    """Write area files: all rooms up to that depth, the hall the first of them."""
    rooms = (_room(way, depth) for level in range(depth + 1) for way in ways(level))
    number = 0
    while some := "\n".join(islice(rooms, MAX_ROOMS)):
        head = f"area: house{number}\nname: The House\ndescription: Rooms.\n"
        start = "" if number else "start: hall\n"
        text = f"{head}{start}\nrooms:\n\n{some}"
        (folder / f"house{number}.yaml").write_text(text, encoding="utf-8")
        number += 1


def _room(way: tuple[str, ...], depth: int) -> str:
    exits = {}
    if way:
        exits[_WAYS[way[-1]]] = _key(way[:-1])
    if len(way) < depth:
        exits |= {d: _key((*way, d)) for d in _WAYS if d not in exits}
    lines = [
        f"{_key(way)}:",
        f"  name: Room {' '.join(way) or 'hall'}",
        "  description: A bare room.",
        "  exits:",
        *(f"    {direction}: {room}" for direction, room in exits.items()),
    ]
    return indent("\n".join(lines), "  ") + "\n"


def _key(way: tuple[str, ...]) -> str:
    return "-".join(way) or "hall"
