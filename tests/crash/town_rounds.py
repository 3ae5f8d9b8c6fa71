"""Rounds in a town of several processes: the world is killed, and the next one plays on."""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mudserver.storage.dsn import Dsn
from tests.crash.company import Company
from tests.crash.faults import LONGEST_PLAY, pause
from tests.crash.ground import WAYS, read, write_area
from tests.crash.history import Outcome, Stored
from tests.crash.oracle import differences
from tests.crash.rounds import LONGEST_ENCORE
from tests.crash.stage import OPTIONS
from tests.integration.daemon import Daemon
from tests.integration.postgres import fresh_database, superuser
from tests.integration.town import Part, Town
from tests.integration.web_client import request


class _TownStage:
    """
    A hub, a gateway, and two worlds that take turns.

    Args:
        case: The test that it belongs to.
        folder: A new folder, for the area.
    """

    def __init__(self, case: TestCase, folder: Path) -> None:
        self._dsn: Dsn = fresh_database(case)
        write_area(folder)
        self._town = Town(case, self._dsn, *OPTIONS, f"--areas={folder}")
        self._gateway: Part
        self._worlds: list[Part] = []

    async def start(self) -> None:
        """Start all of them."""
        (self._gateway,), self._worlds = await self._town.start(1, 2)
        while (await request(self._gateway.operations, "GET", "/readyz")).status != 200:
            pass

    @property
    def daemon(self) -> Daemon:
        """Where players come in."""
        return self._gateway

    async def kill_world(self) -> Part:
        """Kill the world, and wait until the next one is open; returns the dead one."""
        dead, alive = self._worlds
        await dead.kill()
        await alive.opens()
        self._worlds = [alive, dead]
        return dead

    @property
    def tracebacks(self) -> list[str]:
        """The processes that have one in their logs."""
        parts = (self._gateway, *self._worlds, self._town.hub)
        return [part.peer for part in parts if "Traceback" in part.log.text]

    def read(self) -> Stored:
        """Return what is stored."""
        return read(superuser(self._dsn))


class TownRounds:
    """
    Plays rounds, as `Rounds` does; nobody is cut off, so that every command has its answer.

    By telnet nobody plays: that a room is shown again when a world is back looks like an answer.

    Args:
        case: The test that they belong to.
        seed: Decides what players do, and when the world is killed.
        report: Told of each round in one line.
    """

    def __init__(self, case: TestCase, seed: int, report: Callable[[str], None]) -> None:
        self._case = case
        self._seed = seed
        self._report = report
        self._over = False
        self._stage: _TownStage
        self._company: Company

    async def begin(self) -> None:
        """Start everything; all come in."""
        self._stage = _TownStage(self._case, _new_folder(self._case))
        await self._stage.start()
        self._company = Company(self._case, self._stage)
        await self._company.found()

    async def play(self, number: int) -> None:
        """
        Play one round.

        Args:
            number: Which, from 1.

        Raises:
            AssertionError: A promise was broken; says the seed, and what is wrong.
        """
        if number == 1:
            await self.begin()
        began = time.monotonic()
        random = Random(f"{self._seed} round {number}")
        company, stage = self._company, self._stage
        before = stage.read()
        company.begin()
        self._over = False
        playing = Deferred.fromCoroutine(
            company.play(before, random, lambda: self._over, entering=False, by_telnet=False)
        )
        await pause(random, LONGEST_PLAY)
        dead = await stage.kill_world()
        await pause(random, LONGEST_ENCORE)
        self._over = True
        await playing
        await company.answered()
        after = stage.read()
        problems = company.strange(cut_off=False)
        problems += differences(WAYS, before, company.histories, after)
        problems += [f"There is a traceback in the log of {peer}." for peer in stage.tracebacks]
        await company.leave()
        problems += await company.look_around(after)
        if problems:
            histories = map(str, company.histories)
            lines = [*problems, "Before:", str(before), *histories, "After:", str(after)]
            raise AssertionError("\n".join([f"round {number} of seed {self._seed}:", *lines]))
        await dead.start()
        await company.enter()
        commands = [each for history in company.histories for each in history.commands]
        acknowledged = sum(1 for each in commands if each.outcome is Outcome.ACKNOWLEDGED)
        self._report(
            f"round {number} (seed {self._seed}): world killed, another one plays on:"
            f" {len(commands)} commands, {acknowledged} acknowledged;"
            f" right, {time.monotonic() - began:.1f} s"
        )


def _new_folder(case: TestCase) -> Path:
    folder = Path(case.mktemp()).absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder
