"""Rounds: play, strike, start again, compare."""

import time
from collections.abc import Callable
from random import Random

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.crash.company import Company
from tests.crash.faults import FAULTS, Fault, pause
from tests.crash.ground import WAYS
from tests.crash.history import Outcome, Stored
from tests.crash.oracle import differences
from tests.crash.stage import Stage, own_server

#: Seconds that players go on after their database was struck, at most.
LONGEST_ENCORE = 2.0


@frozen
class _World:
    """One stage with its players."""

    stage: Stage
    company: Company


class Rounds:
    """
    Plays rounds.

    Args:
        case: The test that they belong to.
        seed: Decides what players do and how they are struck. When exactly one thing happens
            before another is decided by the machine, too: the same seed makes a similar round,
            not the same.
        report: Told of each round in one line.
    """

    def __init__(self, case: TestCase, seed: int, report: Callable[[str], None]) -> None:
        self._case = case
        self._seed = seed
        self._report = report
        self._worlds: dict[bool, _World] = {}

    async def play(self, number: int) -> None:
        """
        Play one round; each ten in a row strike in ten ways, in an order of the seed's.

        Args:
            number: Which, from 1.

        Raises:
            AssertionError: A promise was broken; says the seed, what was done and what is wrong.
        """
        series, place = divmod(number - 1, len(FAULTS))
        order = Random(f"{self._seed} {series}").sample(FAULTS, len(FAULTS))
        fault = order[place]
        began = time.monotonic()
        world = await self._world(external=fault.external)
        try:
            counts = await _Round(world, fault, Random(f"{self._seed} round {number}")).play()
        except AssertionError as problem:
            raise AssertionError(
                f"round {number} of seed {self._seed}: {fault}\n{problem}\n"
                f"The state is in {world.stage.daemon.directory}"
            ) from problem
        self._report(
            f"round {number} (seed {self._seed}): {fault}: {counts};"
            f" right, {time.monotonic() - began:.1f} s"
        )

    async def _world(self, *, external: bool) -> _World:
        if external not in self._worlds:
            if external:
                server, dsn = await own_server(self._case)
                stage = Stage(self._case, dsn, server=server)
            else:
                stage = Stage(self._case)
            await stage.daemon.start()
            company = Company(self._case, stage)
            await company.found()
            self._worlds[external] = _World(stage, company)
        return self._worlds[external]


class _Round:
    """
    One round.

    Args:
        world: Where, and who.
        fault: How they are struck.
        random: Chance.
    """

    def __init__(self, world: _World, fault: Fault, random: Random) -> None:
        self._stage = world.stage
        self._company = world.company
        self._fault = fault
        self._random = random
        self._over = False

    async def play(self) -> str:
        """
        Play it to its end, with all players in the world again.

        Returns:
            How much was done, in words.

        Raises:
            AssertionError: A promise was broken.
        """
        if self._fault.at_start:
            await self._company.leave()
            await self._stage.kill_daemon()
            await self._stage.start_daemon()
        before = self._stage.read()
        connections = self._stage.connections()
        self._company.begin()
        playing = Deferred.fromCoroutine(
            self._company.play(
                before, self._random, lambda: self._over, entering=self._fault.at_start
            )
        )
        await self._fault.strike(self._stage, self._random)
        if self._fault.kills_daemon:
            await self._company.cut_off()
            await playing
            await self._stage.start_daemon()
            await self._stage.ended(connections)
        else:
            await pause(self._random, LONGEST_ENCORE)
            self._over = True
            await playing
            await self._company.answered()
        self._stage.clean_up()
        after = self._stage.read()
        self._check(before, after)
        if not self._fault.kills_daemon:
            await self._company.leave()
        self._judge(await self._company.look_around(after), before, after)
        await self._company.enter()
        return self._counts()

    def _check(self, before: Stored, after: Stored) -> None:
        problems = self._company.strange(cut_off=self._fault.kills_daemon)
        problems += differences(WAYS, before, self._company.histories, after)
        if "Traceback" in self._stage.daemon.log.text:
            problems.append("There is a traceback in the log.")
        self._judge(problems, before, after)

    def _judge(self, problems: list[str], before: Stored, after: Stored) -> None:
        if problems:
            parts = [
                *problems,
                "Before:",
                str(before),
                *map(str, self._company.histories),
                "After:",
                str(after),
            ]
            raise AssertionError("\n".join(parts))

    def _counts(self) -> str:
        commands = [each for history in self._company.histories for each in history.commands]
        counts = {
            outcome: sum(1 for each in commands if each.outcome is outcome) for outcome in Outcome
        }
        return (
            f"{len(commands)} commands, {counts[Outcome.ACKNOWLEDGED]} acknowledged,"
            f" {counts[Outcome.UNKNOWN]} without an answer"
        )
