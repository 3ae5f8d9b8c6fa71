"""What an idle session takes up, beside a bare Autobahn connection."""

import re
import sys
from functools import partial
from pathlib import Path
from typing import Final

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.integration.program import Program
from tests.soak.sessions import Player, Tally, open_websocket
from tests.soak.stage import Stage, few_at_once
from tests.soak.vitals import Vitals

#: Connections before the first look, so that what comes once is no part of it.
FIRST: Final = 50

#: Seconds until everything has settled.
SETTLING: Final = 5.0

_PORT: Final = re.compile(r"listens on (\d+)")


@frozen
class Idle:
    """
    Bytes of resident memory for each more.

    Attributes:
        ours: Of an authenticated session in the world, nothing of which is left out.
        bare: Of a connection to a server of Autobahn's alone.
    """

    ours: float
    bare: float

    @property
    def ratio(self) -> float:
        """How many times the bare one ours is."""
        return self.ours / self.bare


async def measure(case: TestCase, folder: Path, sessions: int) -> Idle:
    """Open so many of each, and look."""
    return Idle(await _ours(case, sessions), await _bare(case, folder, sessions))


async def _ours(case: TestCase, sessions: int) -> float:
    stage = Stage(case, FIRST + sessions)
    await stage.start()
    tally = Tally()
    players = await stage.admit(FIRST, 0, tally)
    await deferLater(reactor, SETTLING)
    before = stage.vitals().rss
    players += await stage.admit(sessions, 0, tally)
    await deferLater(reactor, SETTLING)
    after = stage.vitals().rss
    _leave(players)
    await stage.daemon.stop()
    assert not tally.closes, tally.closes
    return (after - before) / sessions


async def _bare(case: TestCase, folder: Path, sessions: int) -> float:
    command = [sys.executable, "-m", "tests.soak.bare"]
    server = Program(case, "bare", command, environment={}, directory=folder)
    port = int((await server.said.expect(_PORT)).group(1))
    tally = Tally()
    opening = partial(open_websocket, port, "/", tally)
    players: list[Player] = list(await few_at_once([opening] * FIRST))
    await deferLater(reactor, SETTLING)
    before = Vitals.of(server.pid).rss
    players += await few_at_once([opening] * sessions)
    await deferLater(reactor, SETTLING)
    after = Vitals.of(server.pid).rss
    _leave(players)
    await server.kill()
    return (after - before) / sessions


def _leave(players: list[Player]) -> None:
    for player in players:
        player.leave()
