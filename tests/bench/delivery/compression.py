"""What compressed messages cost, and what they save."""

import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from mudserver.gateway.deflate import deflated
from mudserver.wire.envelope import encode
from mudserver.wire.messages import (
    Chat,
    ExitView,
    FromServer,
    Occupant,
    OccupantsOfRoom,
    RoomState,
    RoomView,
)
from tests.bench.delivery import websocket
from tests.bench.delivery.crowd import Crowd
from tests.bench.delivery.mudserver import house, name_of
from tests.bench.delivery.stage import Stage, all_at_once
from tests.bench.figures import Stopwatch
from tests.bench.server import cpu_seconds
from tests.bench.titled import titled

#: Lines of a measurement; each is heard before the next is said.
_LINES: Final = 200

#: Words of prose that repeat as little as prose does, and how much of them is said.
_PROSE: Final = (
    "The tide went out one Tuesday, the way it does, and has not come in yet. On the quay the"
    " boats lie on their sides, each with its rope still made fast, as if the water had only gone"
    " round the corner for a moment. Mrs Pellow keeps the ticket office open. She sells singles"
    " and returns, writes each number into a book with a marbled cover, and never looks at the"
    " mud. Nobody has asked for their money back. At noon a bell is rung for the ferry; then the"
    " gulls get up, turn once over the empty basin, and settle again in the same order."
)
_LENGTHS: Final = (250, 550)

#: A short line, and what nothing but its message contains, and that once.
_SHORT: Final = "That is all."
_END: Final = b'"text":"That is all."'

_KINDS: Final = (("plain", False), ("compressed", True))

#: How often a message is compressed in one measurement.
_TIMES: Final = 2_000

_TIME: Final = "2026-01-01T00:00:00.000Z"

#: Seconds in which a server has let go of what a log-in took.
_SETTLING: Final = 2.0

#: Connections before the first look at the memory, so that what comes once is no part of it.
_FIRST: Final = 40


def once(runs: int) -> str:
    """Return a table of what it takes to compress a message: once for all who inflate."""
    rows = []
    for name, message in _messages():
        body = encode(message)
        small = deflated(body)
        took = []
        for _ in range(runs + 1):
            with Stopwatch() as watch:
                for _ in range(_TIMES):
                    deflated(body)
            took.append(watch.cpu / _TIMES * 1e6)
        rows.append((name, f"{len(body)}", f"{len(small)}", f"{median(took[1:]):.0f}"))
    heads = ("message", "bytes", "compressed", "µs CPU, once")
    return titled("To compress a message", heads, rows)


def _messages() -> Iterator[tuple[str, FromServer]]:
    for length in _LENGTHS:
        words = _PROSE[:length]
        line = f'{name_of(0)} says, "{words}"'
        said = Chat(channel="say", from_=name_of(0), text=words, line=line, time=_TIME)
        yield f"a line of {length} characters", said
    exits = {way: ExitView(f"Room {way}", closed=False) for way in ("north", "east", "down")}
    page = tuple(Occupant(1_000 + number, name_of(number), "player") for number in range(50))
    occupants = OccupantsOfRoom(2_000, page, page[-1].id)
    room = RoomView(1, "The Quay", _PROSE, exits, (), occupants)
    yield "a room with 2,000 in it", RoomState(version=9_999, room=room, time=_TIME)


def lines(listeners: int, runs: int) -> str:
    """
    Return a table of lines said to clients that inflate, and to clients that don't.

    After each comes a short one, which is never compressed: where it has come, all has.
    """
    rows = []
    for length in _LENGTHS:
        for kind, inflates in _KINDS:
            _progress(f"a line of {length} characters, {kind}")
            with _crowd(inflates) as stage:
                stage.grow(listeners)
                costs = [_said(stage, _PROSE[:length]) for _ in range(runs + 1)][1:]
            size, cpu = (median(figures) for figures in zip(*costs, strict=True))
            rows.append(
                (f"{length}, {kind}", f"{size:.0f}", f"{cpu:.0f}", f"{cpu / listeners:.2f}")
            )
    return titled(
        f"A line and a short one, to {listeners} WebSockets",
        ("characters of the line", "bytes to each", "µs CPU for both", "µs CPU each"),
        rows,
    )


def memory(sessions: int) -> str:
    """Return a table of what an idle session takes up, with compression and without."""
    rows = []
    for kind, inflates in _KINDS:
        _progress(f"{sessions} idle sessions, {kind}")
        with _crowd(inflates) as stage:
            stage.grow(_FIRST)
            stage.crowd.settle(_SETTLING)
            before = _resident(stage.pids)
            stage.grow(_FIRST + sessions)
            stage.crowd.settle(_SETTLING)
            taken = (_resident(stage.pids) - before) / sessions
        rows.append((kind, f"{taken / 1024:.1f}"))
    return titled(f"Memory of {sessions} idle sessions", ("messages", "KiB each"), rows)


@contextmanager
def _crowd(inflates: bool) -> Iterator[Stage]:
    with house() as place, Crowd((), _END) as crowd:
        yield Stage(
            crowd,
            place.server.pids,
            all_at_once(crowd, b""),
            partial(place.come, inflates=inflates),
        )


def _said(stage: Stage, words: str) -> tuple[float, float]:
    """Say it again and again; return bytes to each, and microseconds of CPU for each time."""
    crowd = stage.crowd
    line = b"".join(
        websocket.frame({"type": "command", "text": f"say {text}"}) for text in (words, _SHORT)
    )
    began, cpu = crowd.received, cpu_seconds(stage.pids)
    for _ in range(_LINES):
        crowd.send(crowd.connections[0], line)
        crowd.expect(len(crowd))
    size = (crowd.received - began) / _LINES / len(crowd)
    return size, (cpu_seconds(stage.pids) - cpu) / _LINES * 1e6


def _resident(pids: Sequence[int]) -> int:
    pages = (Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1] for pid in pids)
    return sum(map(int, pages)) * resource.getpagesize()


def _progress(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)
