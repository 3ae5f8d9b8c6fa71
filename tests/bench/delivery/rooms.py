"""Our server with many small rooms, and players who walk there."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket

from tests.bench.delivery import area, websocket
from tests.bench.delivery.crowd import read_until
from tests.bench.delivery.mudserver import House, house

Way = tuple[str, ...]


@contextmanager
def rooms(depth: int) -> Iterator[tuple[House, list[Way]]]:
    """Run a daemon with all rooms up to that depth; tell the ways to the deepest, too."""
    with tempfile.TemporaryDirectory(prefix="mudserver-bench-area-") as folder:
        area.write(Path(folder), depth)
        with house(f"--areas={folder}") as place:
            yield place, list(area.ways(depth))


def entering(
    place: House, ways: Sequence[Way], each: int, by_telnet: bool = False
) -> Callable[[int], Iterator[socket]]:
    """Return what brings so many more in, each of whom walks to the next place that is free."""
    free = iter([way for way in ways for _ in range(each)])

    def enter(amount: int) -> Iterator[socket]:
        come = place.come_by_telnet if by_telnet else place.come
        for connection in come(amount):
            (_walk_by_telnet if by_telnet else _walk)(connection, next(free))
            yield connection

    return enter


def _walk(connection: socket, way: Way) -> None:
    for step, direction in enumerate(way):
        connection.sendall(
            websocket.frame({"type": "command", "text": direction, "id": f"step{step}"})
        )
    if way:
        read_until(connection, f'"type":"ack","id":"step{len(way) - 1}"'.encode())


def _walk_by_telnet(connection: socket, way: Way) -> None:
    connection.sendall("".join(f"{direction}\r\n" for direction in way).encode())
    if way:
        read_until(connection, f"Room {' '.join(way)}\r\n".encode())
