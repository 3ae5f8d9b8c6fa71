"""Cost as the work grows: rooms where something happens, rooms there are, mutes."""

import sys
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from tests.bench.delivery import area, websocket
from tests.bench.delivery.commands import burst
from tests.bench.delivery.crowd import Crowd
from tests.bench.delivery.fanout import timed
from tests.bench.delivery.mudserver import CHAT, house, name_of
from tests.bench.delivery.rooms import entering, rooms
from tests.bench.delivery.stage import WORDS, Stage, all_at_once
from tests.bench.table import amount
from tests.bench.titled import titled

#: Who stand in each room.
_EACH: Final = 4

#: Lines that each says in a burst.
_LINES: Final = 10

_SAY: Final = websocket.frame({"type": "command", "text": f"say {WORDS}"})
_ACK: Final = b'"type":"ack"'

#: Commands that one sends ahead: what waits for its turn is bounded, too.
_AHEAD: Final = 20


def busy_rooms(runs: int, depth: int) -> str:
    """Return a table of commands in ever more rooms at once."""
    rows = []
    with rooms(depth) as (place, ways), Crowd((), CHAT) as crowd:
        speak = all_at_once(crowd, _SAY)
        stage = Stage(crowd, place.server.pids, speak, entering(place, ways, _EACH))
        for busy in (1, 10, 90):
            if busy <= len(ways):
                _progress(f"{busy} rooms at once")
                stage.grow(busy * _EACH)
                rows.append((f"{busy}", *_says(stage, runs)))
    return titled(
        f"Cost as more rooms speak at once, {_EACH} in each",
        ("rooms", "commands per s", "µs CPU each"),
        rows,
    )


def world(runs: int, deepest: int) -> str:
    """Return a table of commands in ten rooms of ever larger worlds."""
    rows = []
    for depth in range(1, deepest + 1):
        with rooms(depth) as (place, ways), Crowd((), CHAT) as crowd:
            there = sum(1 for level in range(depth + 1) for _ in area.ways(level))
            _progress(f"a world of {there} rooms")
            speak = all_at_once(crowd, _SAY)
            stage = Stage(crowd, place.server.pids, speak, entering(place, ways, _EACH))
            stage.grow(10 * _EACH)
            rows.append((f"{there}", *_says(stage, runs)))
    return titled(
        f"Cost as the world grows, 10 rooms speak, {_EACH} in each",
        ("rooms in the world", "commands per s", "µs CPU each"),
        rows,
    )


def mutes(runs: int, occupants: int) -> str:
    """Return a table of deliveries where everyone mutes ever more others."""
    rows = []
    with house() as place, Crowd((), CHAT) as crowd:
        absent = place.invite(occupants)
        stage = Stage(crowd, place.server.pids, all_at_once(crowd, _SAY), place.come)
        stage.grow(occupants)
        here = [name_of(occupants + number) for number in range(occupants)]
        near = occupants // 2
        for title, heard, muted in (
            ("nobody", occupants, lambda _: []),
            (f"{occupants} who are away", occupants, lambda _: absent),
            (
                f"… and {near} who are here",
                occupants - near,
                lambda me: [here[(me + 1 + place) % occupants] for place in range(near)],
            ),
        ):
            _progress(f"mutes: {title}")
            _mute(crowd, muted)
            rows.append((title, *_deliveries(stage, heard, runs)))
    return titled(
        f"Cost as mutes grow, {occupants} in one room",
        ("each mutes", "deliveries per s", "µs CPU each", "µs CPU a line"),
        rows,
    )


def _says(stage: Stage, runs: int) -> tuple[str, str]:
    taken = [burst(stage, _SAY, _EACH) for _ in range(runs + 1)][1:]
    rate, cost = (median(figures) for figures in zip(*taken, strict=True))
    return amount(rate), f"{cost:.0f}"


def _deliveries(stage: Stage, heard: int, runs: int) -> tuple[str, str, str]:
    """Have everyone speak at once, each line heard by so many."""
    lines = len(stage.crowd) * _LINES
    costs = []
    for _ in range(runs + 1):
        with timed(stage, lines * heard) as cost:
            stage.speak(len(stage.crowd), _LINES)
            stage.crowd.expect(lines * heard)
        costs.append(cost())
    rate = median(cost.rate for cost in costs[1:])
    cpu = median(cost.cpu for cost in costs[1:])
    return amount(rate), f"{cpu:.2f}", f"{cpu * heard:.0f}"


def _mute(crowd: Crowd, muted: Callable[[int], Sequence[str]]) -> None:
    """Have each mute some, a few at a time: what waits for its turn is bounded."""
    waiting = [list(muted(me)) for me in range(len(crowd))]
    crowd.listen_for(_ACK)
    while any(waiting):
        asked = 0
        for connection, names in zip(crowd.connections, waiting, strict=True):
            some, names[:] = names[:_AHEAD], names[_AHEAD:]
            for name in some:
                order = {"type": "command", "text": f"mute {name}", "id": f"mute {name}"}
                crowd.send(connection, websocket.frame(order))
            asked += len(some)
        crowd.expect(asked)
    crowd.listen_for(CHAT)


def _progress(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)
