"""
How long players who play on wait when the world is killed, or reloaded: ``make bench-steady``.

Processes as in production: a hub, two gateways, two worlds; the players come by WebSocket, half to
each gateway, ten in a room. Each sends a command a second all the time, not all at the same moment;
half of the commands change what is stored. What counts is the longest wait of each player for an
answer around the kill or the reload. No connection may be lost, each command must be answered
once, and what was acknowledged must be in the database.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import LoopingCall, deferLater
from twisted.trial.unittest import TestCase

from tests.bench.figures import percentile
from tests.bench.steady import Record, SteadyPlayer
from tests.integration.daemon import mudctl
from tests.integration.postgres import connected, fresh_database
from tests.integration.program import until
from tests.integration.town import PAUSE, Part, Town
from tests.integration.web_client import request
from tests.soak.ground import PASSWORD, ROOMS, settle
from tests.soak.sessions import PATIENCE
from tests.soak.stage import few_at_once

#: Say otherwise in the environment: MUD_BENCH_PLAYERS (up to 10,000), MUD_BENCH_ROUNDS.
PLAYERS = int(os.environ.get("MUD_BENCH_PLAYERS", "200"))
ROUNDS = int(os.environ.get("MUD_BENCH_ROUNDS", "3"))

#: Seconds between two bursts of commands; each player is in one of them each second.
BURST = 0.05

#: Seconds of play before each event, and after the world is open again.
BEFORE = 5.0
AFTER = 8.0

_HEAD = "area: moor\nname: The Moor\ndescription: Wide.\nstart: place-0\nrooms:\n"
_ROOM = (
    "  place-{here}:\n    name: Place {here}\n    description: Heather.\n"
    "    exits: {{east: place-{east}, west: place-{west}}}\n    items:\n"
)
_ITEM = "      {thing}:\n        name: a {thing}\n        description: It is grey.\n"
_HELD = "SELECT key FROM item WHERE holder IS NOT NULL"


def thing(number: int) -> str:
    """Return the name of the thing of a player, by the player's place in the list."""
    return "stone" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:04}")


def write_area(parent: str, players: int) -> Path:
    """Write a world of rooms with things for all players; returns the folder."""
    folder = Path(parent).absolute() / "moor"
    folder.mkdir(parents=True)
    parts = [_HEAD]
    in_each = -(-players // ROOMS)
    for here in range(ROOMS):
        east, west = (here + 1) % ROOMS, (here - 1) % ROOMS
        parts.append(_ROOM.format(here=here, east=east, west=west))
        parts += [_ITEM.format(thing=thing(here + ROOMS * place)) for place in range(in_each)]
    (folder / "moor.yaml").write_text("".join(parts))
    return folder


class SteadyTakeover(TestCase):
    """Measures, and prints."""

    timeout = 3_600

    async def setUp(self) -> None:  # type: ignore[override]
        self.dsn = fresh_database(self)
        areas = write_area(self.mktemp(), PLAYERS)
        town = Town(self, self.dsn, "--limits-exempt=127.0.0.0/8", f"--areas={areas}")
        self.gateways, self.worlds = await town.start(2, 2)
        for gateway in self.gateways:
            while (await request(gateway.operations, "GET", "/readyz")).status != 200:
                pass
        settle(self.dsn, PLAYERS)
        self.record = Record()
        works = [partial(self.come, number, name) for number, name in enumerate(self.names())]
        self.players = await few_at_once(works)
        self.turn = 0
        self.play = LoopingCall.withCount(self.act)
        self.play.clock = reactor

    def names(self) -> list[tuple[str, str]]:
        """Return who was settled, by the room that they are in, with the thing that lies there."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT character.name, room.key FROM character JOIN room"
                " ON room.id = character.room ORDER BY character.id"
            )
            met: dict[str, int] = {}
            found = []
            for name, room in cursor.fetchall():
                here = int(room.rpartition("-")[2])
                among = met.get(room, 0)
                met[room] = among + 1
                found.append((name, thing(here + ROOMS * among)))
            return found

    async def come(self, number: int, who: tuple[str, str]) -> SteadyPlayer:
        """Enter the world at one of the gateways."""
        name, mine = who
        port = self.gateways[number % 2].http
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        player: SteadyPlayer = await connectProtocol(
            endpoint, SteadyPlayer(reactor, self.record, mine)
        )
        self.addCleanup(player.leave)
        await player.enter(port, name, PASSWORD).addTimeout(PATIENCE, reactor)
        return player

    def act(self, bursts: int) -> None:
        """Have those act whose turn it is."""
        every = round(1 / BURST)
        for _ in range(min(bursts, every)):
            for player in self.players[self.turn % every :: every]:
                player.act()
            self.turn += 1

    async def open_world(self) -> tuple[Part, Part]:
        """Return the world that is open, and the other one."""
        one, other = self.worlds
        status = await mudctl(self, one, "status")
        return (one, other) if "world        open" in status.output else (other, one)

    async def rounds(self, what: str, event: Callable[[], Deferred[None]]) -> None:
        """Play through a number of events; print what came of it."""
        waits: list[float] = []
        stopped = self.play.start(BURST)
        for _ in range(ROUNDS):
            await deferLater(reactor, BEFORE)
            for player in self.players:
                player.begin_round()
            await event()
            await deferLater(reactor, AFTER)
            waits += [player.longest for player in self.players]
        self.play.stop()
        await stopped
        await until(
            lambda: not any(player.waiting for player in self.players),
            lambda: f"{sum(player.waiting for player in self.players)} were never answered",
        )
        figures = (percentile(waits, 50), percentile(waits, 99), max(waits))
        shown = ", ".join(f"{each:.2f}" for each in figures)
        self.say(f"{PLAYERS} players, {ROUNDS} {what}")
        self.say(f"longest wait of each for an answer, p50, p99, longest: {shown} s")
        self.say(f"{self.record}")
        self.check()

    def check(self) -> None:
        """Nothing was lost, answered twice or forgotten."""
        self.assertEqual(self.record.lost, 0)
        self.assertEqual(self.record.strays, 0)
        self.assertEqual(self.record.answers, self.record.sent)
        self.assertFalse(self.record.errors)
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(_HELD)
            held = {key.rpartition("/")[2] for (key,) in cursor.fetchall()}
        self.assertEqual(held, {player.thing for player in self.players if player.holds})

    def say(self, line: str) -> None:
        """Print a line beside what trial prints."""
        print(line, file=sys.__stdout__, flush=True)

    async def test_killed(self) -> None:
        """The world is killed, again and again."""

        async def kill() -> None:
            dead, other = await self.open_world()
            await dead.kill()
            await other.opens()
            await dead.start()

        await self.rounds("kills of the world", lambda: Deferred.fromCoroutine(kill()))

    async def test_reloaded(self) -> None:
        """The world is reloaded, again and again."""
        pauses: list[float] = []

        async def reload() -> None:
            old, _ = await self.open_world()
            told = await mudctl(self, old, "world", "reload")
            found = PAUSE.search(told.output)
            assert found is not None, told.output
            pauses.append(float(found[1]))
            await old.program.ended()
            await old.start()

        await self.rounds("reloads", lambda: Deferred.fromCoroutine(reload()))
        self.say(f"longest pause that gateways saw, of each: {pauses} s")
