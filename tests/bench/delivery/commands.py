"""Commands: how long an answer takes, and how many a second can be carried out."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from socket import socket
from statistics import median
from typing import Final

from attrs import frozen

from tests.bench.delivery import websocket
from tests.bench.delivery.crowd import Crowd
from tests.bench.delivery.evennia import EACH, Evennia
from tests.bench.delivery.mudserver import AT_ONCE, CHAT, house
from tests.bench.delivery.rooms import entering, rooms
from tests.bench.delivery.stage import FAILURES, WORDS, Stage, all_at_once
from tests.bench.figures import percentile
from tests.bench.server import cpu_seconds
from tests.bench.table import amount
from tests.bench.titled import titled

#: Lines that everyone sends at once, at saturation.
_LINES: Final = 10

#: Such bursts in one measurement; of a slow server, one.
BURSTS: Final = 10

#: Players at saturation, four to a room: as many as can be waited for with Evennia, too.
_BUSY: Final = 100

#: Commands that a lone player gives, one after the other; of Evennia, which takes 40 ms for each.
_ALONE: Final = 1_000
_ALONE_EVENNIA: Final = 100

_ASK: Final = websocket.frame({"type": "command", "text": "inventory"})
_SAY: Final = websocket.frame({"type": "command", "text": f"say {WORDS}"})
_CARRIED: Final = b"You carry"

#: Percentiles of round trips, and what they are called.
_PERCENTILES: Final = ((50.0, "p50 ms"), (99.0, "p99 ms"), (99.9, "p99.9 ms"), (100.0, "most ms"))


@frozen
class Asking:
    """
    Players of one server who give one command.

    Attributes:
        name: As in the tables.
        transport: What it is compared by.
        line: The command, in its wire form.
        heard: How often each answer is counted.
        fill: Starts the server with so many of them.
        alone: Commands that one gives, one after the other.
        bursts: In one measurement of what many can do at once.
    """

    name: str
    transport: str
    line: bytes
    heard: int
    fill: Callable[[int], AbstractContextManager[Stage]]
    alone: int = _ALONE
    bursts: int = BURSTS


def round_trips(seconds: float, players: int, runs: int, evennia: Evennia | None) -> Iterator[str]:
    """Yield tables: one player alone, and many who send a command a second each."""
    asking = _inventory(evennia)
    yield _trips(asking, 1, lambda each, crowd: _one_by_one(crowd, each.line, each.alone), runs)
    yield _trips(asking, players, lambda each, crowd: _each_second(crowd, each.line, seconds), runs)


def saturation(runs: int, evennia: Evennia | None) -> Iterator[str]:
    """Yield tables of what many can do at once."""
    rows, missing = _rates(_saying(evennia), _BUSY, runs)
    headings = ("commands at once", "per s", "µs CPU each", "our rate / its")
    title = f"Saturation: say, by {_BUSY} players, {EACH} to a room"
    yield "\n".join((titled(title, headings, rows), *missing))
    rows, missing = _rates(_inventory(evennia), _BUSY, runs)
    yield "\n".join(
        (titled(f"Saturation: inventory, by {_BUSY} players", headings, rows), *missing)
    )


def accepting(connections: int, runs: int) -> str:
    """Return a table of how long it takes to take so many connections in."""
    opened = []
    with house() as place:
        print(f"… {connections} connections", file=sys.stderr, flush=True)
        names = place.invite(connections)
        sockets: list[socket] = []
        for _ in range(runs):
            for connection in sockets:
                connection.close()
            began = time.monotonic()
            sockets = [place.open_websocket() for _ in range(connections)]
            opened.append(time.monotonic() - began)
        for connection in sockets:
            connection.close()
        began = time.monotonic()
        with Crowd((), CHAT) as crowd:
            for first in range(0, connections, AT_ONCE):
                some = names[first : first + AT_ONCE]
                for connection in place.log_in([place.open_websocket() for _ in some], some):
                    crowd.join(connection)
            entered = time.monotonic() - began
    rows = [
        ("opened, one after the other", f"{median(opened):.2f}"),
        (f"opened and logged in, {AT_ONCE} at once, into one room; in one run", f"{entered:.2f}"),
    ]
    return titled(f"{connections} connections", ("", "seconds"), rows)


def burst(stage: Stage, line: bytes, heard: int, bursts: int = BURSTS) -> tuple[float, float]:
    """
    Have everyone send ten lines at once, and again when all of them are answered.

    Args:
        stage: Who.
        line: What.
        heard: How often each is counted.
        bursts: How often.

    Returns:
        Commands a second, and microseconds of CPU for each.
    """
    each = len(stage.crowd) * _LINES
    commands = each * bursts
    cpu, began = cpu_seconds(stage.pids), time.monotonic()
    for _ in range(bursts):
        for connection in stage.crowd.connections:
            stage.crowd.send(connection, line * _LINES)
        stage.crowd.expect(each * heard)
    took = time.monotonic() - began
    return commands / took, (cpu_seconds(stage.pids) - cpu) / commands * 1e6


# ---------------------------------------------------------------- who asks


def _inventory(evennia: Evennia | None) -> list[Asking]:
    """Those who ask what they carry, all of ours in one room."""
    asking = [
        Asking("mudserver, WebSocket", "WebSocket", _ASK, 1, partial(_together, False)),
        Asking("mudserver, telnet", "telnet", b"inventory\r\n", 1, partial(_together, True)),
    ]
    if evennia is not None:
        spread = partial(evennia.spread, marker=b"carrying")
        line = b"inventory\r\n"
        asking.append(Asking("Evennia", "telnet", line, 1, spread, _ALONE_EVENNIA, 1))
    return asking


def _saying(evennia: Evennia | None) -> list[Asking]:
    """Those who say something, four to a room."""
    line = f"say {WORDS}\r\n".encode()
    asking = [
        Asking("mudserver, WebSocket", "WebSocket", _SAY, EACH, partial(_apart, False)),
        Asking("mudserver, telnet", "telnet", line, EACH, partial(_apart, True)),
    ]
    if evennia is not None:
        spread = partial(evennia.spread, marker=WORDS.encode())
        asking.append(Asking("Evennia", "telnet", line, EACH, spread, bursts=1))
    return asking


@contextmanager
def _together(by_telnet: bool, players: int) -> Iterator[Stage]:
    with house() as place, Crowd((), _CARRIED) as crowd:
        enter = place.come_by_telnet if by_telnet else place.come
        stage = Stage(crowd, place.server.pids, all_at_once(crowd, b""), enter)
        stage.grow(players)
        yield stage


@contextmanager
def _apart(by_telnet: bool, players: int) -> Iterator[Stage]:
    marker = WORDS.encode() if by_telnet else CHAT
    with rooms(2) as (place, ways), Crowd((), marker) as crowd:
        enter = entering(place, ways, EACH, by_telnet)
        stage = Stage(crowd, place.server.pids, all_at_once(crowd, b""), enter)
        stage.grow(players)
        yield stage


# ---------------------------------------------------------------- what is measured


def _trips(
    asking: Sequence[Asking],
    players: int,
    trips: Callable[[Asking, Crowd], list[float]],
    runs: int,
) -> str:
    rows: list[tuple[str, ...]] = []
    missing: list[str] = []
    ours: dict[str, float] = {}
    for each in asking:
        print(f"… round trips: {each.name}: {players}", file=sys.stderr, flush=True)
        try:
            with each.fill(players) as stage:
                taken = [trips(each, stage.crowd) for _ in range(runs)]
        except FAILURES as failure:
            missing.append(f"({each.name}: {failure})")
            continue
        figures = [median(percentile(run, percent) for run in taken) for percent, _ in _PERCENTILES]
        base = ours.setdefault(each.transport, figures[0])
        shown = (f"{seconds * 1e3:.2f}" for seconds in figures)
        rows.append((each.name, *shown, amount(figures[0] / base)))
    headings = (f"{players} playing", *(name for _, name in _PERCENTILES), "its p50 / ours")
    return "\n".join((titled("Round trips of a command", headings, rows), *missing))


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
    asked: dict[socket, list[float]] = {connection: [] for connection in crowd.connections}

    def got(connection: socket, answers: int) -> None:
        now = time.monotonic()
        # Answers come in the order of the questions.
        trips.extend(now - asked[connection].pop(0) for _ in range(answers))

    began = time.monotonic()
    players = len(crowd)
    for number in range(int(seconds * players)):
        due = began + number / players
        while (now := time.monotonic()) < due:
            crowd.watch(due - now, got)
        connection = crowd.connections[number % players]
        asked[connection].append(time.monotonic())
        crowd.send(connection, line, got)
    crowd.expect(int(seconds * players) - len(trips), got)
    return trips


def _rates(
    asking: Sequence[Asking], players: int, runs: int
) -> tuple[list[tuple[str, ...]], list[str]]:
    """Measure what they can do at once; the first burst warms up."""
    rows: list[tuple[str, ...]] = []
    missing: list[str] = []
    ours: dict[str, float] = {}
    for each in asking:
        print(f"… saturation: {each.name}: {players}", file=sys.stderr, flush=True)
        try:
            with each.fill(players) as stage:
                taken = [burst(stage, each.line, each.heard, each.bursts) for _ in range(runs + 1)][
                    1:
                ]
        except FAILURES as failure:
            missing.append(f"({each.name}: {failure})")
            continue
        rate, cost = (median(figures) for figures in zip(*taken, strict=True))
        base = ours.setdefault(each.transport, rate)
        rows.append((each.name, amount(rate), f"{cost:.0f}", amount(base / rate)))
    return rows, missing
