"""
How long players wait when the world is killed, and when it is reloaded: ``make bench-takeover``.

Processes as in production: a hub, two gateways, two worlds; the players come by WebSocket, half to
each gateway. At the moment of the kill each sends a command; what counts is the time until its
`ack`. Of a reload it is what `mudctl` tells, and the same of commands sent when it begins.
"""

import os
import sys
from collections.abc import Sequence

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from tests.bench.figures import percentile
from tests.integration.daemon import mudctl
from tests.integration.postgres import fresh_database
from tests.integration.town import PAUSE, Part, Town
from tests.integration.web_client import WebSocketPlayer, enter, register, request

#: Say otherwise in the environment: MUD_BENCH_PLAYERS, MUD_BENCH_ROUNDS.
PLAYERS = int(os.environ.get("MUD_BENCH_PLAYERS", "100"))
ROUNDS = int(os.environ.get("MUD_BENCH_ROUNDS", "5"))

#: How many come in at a time.
AT_ONCE = 10

PASSWORD = "correct horse battery"


class Takeover(TestCase):
    """Measures, and prints."""

    timeout = 1_800

    async def setUp(self) -> None:  # type: ignore[override]
        town = Town(self, fresh_database(self), "--limits-exempt=127.0.0.1", "--limits-http=10000")
        self.gateways, self.worlds = await town.start(2, 2)
        for gateway in self.gateways:
            while (await request(gateway.operations, "GET", "/readyz")).status != 200:
                pass
        self.players: list[WebSocketPlayer] = []
        for start in range(0, PLAYERS, AT_ONCE):
            coming = [self.come(number) for number in range(start, min(start + AT_ONCE, PLAYERS))]
            self.players += await gatherResults([Deferred.fromCoroutine(each) for each in coming])

    async def come(self, number: int) -> WebSocketPlayer:
        name = "Bencher" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:03}")
        gateway = self.gateways[number % 2]
        return await enter(self, await register(gateway.http, name, PASSWORD))

    async def answers(self, word: str) -> list[float]:
        """Have all players send a command; returns the seconds until each was acknowledged."""
        began = reactor.seconds()

        async def one(player: WebSocketPlayer) -> float:
            await player.acknowledged("inventory", word)
            return float(reactor.seconds() - began)

        waits = [Deferred.fromCoroutine(one(player)) for player in self.players]
        return list(await gatherResults(waits))

    async def open_world(self) -> tuple[Part, Part]:
        """Return the world that is open, and the other one."""
        one, other = self.worlds
        status = await mudctl(self, one, "status")
        return (one, other) if "world        open" in status.output else (other, one)

    def show(self, what: str, waits: Sequence[float]) -> None:
        figures = (percentile(waits, 50), percentile(waits, 99), max(waits))
        shown = ", ".join(f"{each:.2f}" for each in figures)
        print(f"{what}: p50, p99, longest: {shown} s", file=sys.__stdout__, flush=True)

    async def test_killed(self) -> None:
        """The world is killed, again and again."""
        waits: list[float] = []
        for turn in range(ROUNDS):
            dead, other = await self.open_world()
            await dead.kill()
            waits += await self.answers(f"k{turn}")
            await other.opens()
            await dead.start()
        self.assertTrue(all(player.code is None for player in self.players))
        self.show(f"{PLAYERS} players, {ROUNDS} kills of the world, command to ack", waits)

    async def test_reloaded(self) -> None:
        """The world is reloaded, again and again."""
        waits: list[float] = []
        pauses: list[float] = []
        for turn in range(ROUNDS):
            old, _ = await self.open_world()
            reloading = Deferred.fromCoroutine(mudctl(self, old, "world", "reload"))
            for number in range(10_000):
                if reloading.called:
                    break
                waits += await self.answers(f"r{turn}-{number}")
            told = await reloading
            found = PAUSE.search(told.output)
            assert found is not None, told.output
            pauses.append(float(found[1]))
            await old.program.ended()
            await old.start()
        self.assertTrue(all(player.code is None for player in self.players))
        self.show(f"{PLAYERS} players, {ROUNDS} reloads, pause that gateways saw", pauses)
        self.show("… command to ack, while it was reloaded", waits)
