"""Commands: how long an answer takes, and how many a second can be carried out."""

import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench.delivery import area, websocket
from tests.bench.delivery.crowd import Crowd, read_until
from tests.bench.delivery.evennia import Evennia
from tests.bench.delivery.mudserver import House, house
from tests.bench.delivery.server import cpu_seconds
from tests.bench.delivery.stage import WORDS, Absent
from tests.bench.delivery.titled import titled
from tests.bench.figures import percentile
from tests.bench.table import amount

_ASK = websocket.frame({"type": "command", "text": "inventory"})
_ANSWER = b"You carry"

#: Lines that everyone sends at once, at saturation.
_LINES = 10


def round_trips(seconds: float, players: int, evennia: bool) -> str:
    """Return a table: one player alone, and many who send a command a second each."""
    rows = []
    missing = []
    with house() as place, _players(place, 1) as crowd:
        rows.append(_row("mudserver, alone", _one_by_one(crowd, _ASK, 1000)))
    with house() as place, _players(place, players) as crowd:
        rows.append(_row(f"mudserver, {players} players", _each_second(crowd, _ASK, seconds)))
    if evennia:
        try:
            with Evennia().fill(1) as stage:
                heard = Crowd(stage.crowd.connections, b"carrying")
                rows.append(_row("Evennia, alone", _one_by_one(heard, b"inventory\r\n", 100)))
        except Absent as absent:
            missing.append(f"(Evennia: {absent})")
    headings = ("round trip", "p50 ms", "p99 ms", "p99.9 ms", "most ms")
    return "\n".join((titled("Round trips of a command", headings, rows), *missing))


def saturation(runs: int, depth: int = 2, each: int = 4) -> str:
    """Return a table of what many in small rooms can do at once."""
    with tempfile.TemporaryDirectory(prefix="mudserver-bench-area-") as folder:
        area.write(Path(folder), depth)
        with house(f"--areas={folder}") as place:
            found = list(area.ways(depth))
            everyone = []
            for way in found * each:
                connection = place.come()
                for direction in way:
                    connection.sendall(
                        websocket.frame({"type": "command", "text": direction, "id": direction})
                    )
                    read_until(connection, b'"ack"')
                everyone.append(connection)
            with Crowd(everyone, b'{"type":"chat"') as crowd:
                say = websocket.frame({"type": "command", "text": f"say {WORDS}"})
                figures = _burst(crowd, place.server.pids, say, each, runs)
                rows = [(f"say, {each} in each of {len(found)} rooms", *figures)]
        with house() as place, _players(place, 100) as crowd:
            figures = _burst(crowd, place.server.pids, _ASK, 1, runs)
            rows.append(("inventory, 100 players", *figures))
    headings = ("commands at saturation", "commands per s", "µs CPU each")
    return titled("Saturation", headings, rows)


def accepting(connections: int, runs: int) -> str:
    """Return a table of how long it takes to take so many connections in."""
    opened, entered = [], []
    for _ in range(runs):
        with house() as place:
            names = [place.invite() for _ in range(connections)]
            began = time.monotonic()
            sockets = [place.open_websocket() for _ in range(connections)]
            opened.append(time.monotonic() - began)
            began = time.monotonic()
            for connection, name in zip(sockets, names, strict=True):
                place.enter(connection, name)
            entered.append(time.monotonic() - began)
            for connection in sockets:
                connection.close()
    rows = [
        ("opened, one after the other", f"{median(opened):.2f}"),
        ("logged in, one after the other", f"{median(entered):.2f}"),
    ]
    return titled(f"{connections} connections", ("", "seconds"), rows)


def _burst(
    crowd: Crowd, pids: Sequence[int], line: bytes, heard: int, runs: int
) -> tuple[str, str]:
    """Have everyone send ten lines at once, each of which so many hear."""
    commands = len(crowd) * _LINES
    rates, costs = [], []
    for run in range(runs + 1):
        cpu, began = cpu_seconds(pids), time.monotonic()
        for connection in crowd.connections:
            crowd.send(connection, line * _LINES)
        crowd.expect(commands * heard)
        if run:  # the first warms up
            rates.append(commands / (time.monotonic() - began))
            costs.append((cpu_seconds(pids) - cpu) / commands * 1e6)
    return amount(median(rates)), f"{median(costs):.0f}"


@contextmanager
def _players(place: House, players: int) -> Iterator[Crowd]:
    with Crowd((place.come() for _ in range(players)), _ANSWER) as crowd:
        crowd.settle()
        yield crowd


def _one_by_one(crowd: Crowd, line: bytes, commands: int) -> list[float]:
    (connection,) = crowd.connections
    trips = []
    for _ in range(commands):
        began = time.monotonic()
        crowd.send(connection, line)
        crowd.expect(1)
        trips.append(time.monotonic() - began)
    return trips


def _each_second(crowd: Crowd, line: bytes, seconds: float) -> list[float]:
    """Everyone sends one line a second, evenly spread."""
    trips: list[float] = []
    asked: dict[socket.socket, float] = {}

    def got(connection: socket.socket, _: int) -> None:
        trips.append(time.monotonic() - asked[connection])

    began = time.monotonic()
    players = len(crowd)
    for number in range(int(seconds * players)):
        due = began + number / players
        while (now := time.monotonic()) < due:
            crowd.watch(due - now, got)
        connection = crowd.connections[number % players]
        asked[connection] = time.monotonic()
        crowd.send(connection, line)
    crowd.expect(int(seconds * players) - len(trips), got)
    return trips


def _row(name: str, trips: Sequence[float]) -> tuple[str, ...]:
    figures = (*(percentile(trips, percent) for percent in (50, 99, 99.9)), max(trips))
    return (name, *(f"{seconds * 1e3:.2f}" for seconds in figures))
