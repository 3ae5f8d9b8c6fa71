"""A town on rough links, whose worlds and hub die, and the players who come and go meanwhile."""

import os
import re
import signal
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mudserver.bus.outgoing import STOPPED
from mudserver.storage.dsn import Dsn
from tests.integration.daemon import mudctl
from tests.integration.postgres import connected, fresh_database
from tests.integration.town import Part, Town
from tests.integration.web_client import request
from tests.torture import launcher
from tests.torture.blows import TROUBLES, Blow
from tests.torture.ledger import Ledger
from tests.torture.players import TelnetTalker, WebTalker, play

#: The players, with what each by WebSocket takes and puts down, by gateway.
_BY_WEBSOCKET: Final = (
    (("Ann", "lamp"), ("Bob", "coin"), ("Cid", "rope")),
    (("Dee", "book"), ("Eve", "bell"), ("Fay", "mask")),
)
_BY_TELNET: Final = ("Tom", "Uma")

#: Commands aren't paced, and all players come from one address.
_OPTIONS: Final = (
    "--limits-commands=1000",
    "--limits-command-burst=1000",
    "--limits-tell=1000",
    "--limits-tell-burst=1000",
    "--limits-channel=1000",
    "--limits-channel-burst=1000",
    "--limits-exempt=127.0.0.0/8",
)

_AREA: Final = """
area: rough
name: The Square
description: Small.
start: square
rooms:
  square:
    name: The Square
    description: A place.
    items:
"""
_ITEM: Final = """
      {key}:
        name: a {key}
        description: A thing.
"""

#: Seconds between two blows, at least and at most.
_REST: Final = (2.0, 7.0)

#: Seconds between two players who go to the other gateway, or quit, at least and at most.
_STAY: Final = (0.5, 4.0)

#: Seconds after the last line within which all must be answered and shown.
PATIENCE: Final = 90.0

#: How often one looks whether it is.
_POLL: Final = 0.25

_HOLDERS: Final = """
    SELECT i.key, coalesce(c.name, '') FROM item i LEFT JOIN character c ON c.id = i.holder
"""
#: What a world has not delivered when it stops it buries; and the next
#: one says it.
_LETTERS: Final = "SELECT kind, subject, attempts, error FROM undelivered"


#: What a world says of itself that has a link to the bus.
_LINKED: Final = "bus          linked"

#: What a reload tells of the process that goes on.
_PROCESS: Final = re.compile(r"process (\d+) on")


@define(eq=False)
class Ordeal:
    """
    One ordeal.

    Attributes:
        case: The test that it belongs to.
        seed: Decides what happens. When exactly one thing happens before another is decided by
            the machine, too: the same seed makes a similar ordeal, not the same.
        seconds: How long the players play.
        blows: What strikes them.
        report: Told what happens, in one line each.
    """

    case: TestCase
    seed: int
    seconds: float
    blows: Sequence[Blow]
    report: Callable[[str], None]
    _random: Random = field(init=False)
    _dsn: Dsn = field(init=False)
    _calm: Path = field(init=False)
    _town: Town = field(init=False)
    _gateways: list[Part] = field(factory=list, init=False)
    _worlds: list[Part] = field(factory=list, init=False)
    _talkers: list[WebTalker | TelnetTalker] = field(factory=list, init=False)
    _moves: list[Deferred[None]] = field(factory=list, init=False)
    _logs: list[str] = field(factory=list, init=False)
    _problems: list[str] = field(factory=list, init=False)
    _ends: list[float] = field(factory=list, init=False)
    _overs: list[float] = field(factory=list, init=False)
    _hub_ends: list[float] = field(factory=list, init=False)

    async def endure(self) -> None:
        """
        Endure it.

        Raises:
            AssertionError: A promise was broken; says the seed, and what is wrong.
        """
        self._random = Random(self.seed)
        await self._begin()
        self._calm.unlink()
        over = reactor.seconds() + self.seconds
        playing = _together(
            play(talker, Random(f"{self.seed} {talker.page.player}"), over)
            for talker in self._talkers
        )
        await _together((self._strike_until(over), self._trouble_until(over)))
        await playing
        self._calm.touch()
        for move in self._moves:
            await move
        await self._settle()
        problems = [*self._missing(), *self._ledger.wrong(), *self._buried(), *self._stored()]
        await self._end()
        problems += self._problems
        problems += [f"in a log: {line}" for log in self._logs for line in _bad_lines(log)]
        if problems:
            raise AssertionError("\n".join([f"seed {self.seed}:", *problems]))
        self.report(self._counts())
        for talker in self._talkers:
            if isinstance(talker, TelnetTalker):
                self.report(f"{talker.page.player} was told by telnet, too: {talker.told()}")

    # ------------------------------------------------------------ the beginning

    async def _begin(self) -> None:
        folder = _prepared(self.case)
        self._calm = folder / "calm"
        self._calm.touch()
        self._dsn = fresh_database(self.case)
        self._town = Town(
            self.case,
            self._dsn,
            *_OPTIONS,
            f"--areas={folder / 'area'}",
            environment={launcher.SEED: str(self.seed), launcher.CALM: str(self._calm)},
            through=launcher.__name__,
        )
        self._gateways, self._worlds = await self._town.start(2, 2)
        names = [name for each in _BY_WEBSOCKET for name, _ in each] + list(_BY_TELNET)
        for gateway, web, telnet in zip(self._gateways, _BY_WEBSOCKET, _BY_TELNET, strict=True):
            await _ready(gateway)
            for name, thing in web:
                talker = WebTalker(name, thing, _without(names, name))
                await talker.enter(self.case, gateway)
                self._talkers.append(talker)
            terminal = TelnetTalker(telnet, _without(names, telnet))
            await terminal.enter(self.case, gateway)
            self._talkers.append(terminal)

    # ------------------------------------------------------------ blows

    async def _trouble_until(self, over: float) -> None:
        """Have players go on at the other gateway, or quit, one after the other, until then."""
        random = Random(f"{self.seed} moves")
        troubles = [blow for blow in self.blows if blow in TROUBLES]
        while troubles:
            await deferLater(reactor, random.uniform(*_STAY))
            if reactor.seconds() > over:
                break
            here = [each for each in self._web if not each.away and not each.page.lost]
            if here:
                (trouble,) = random.choices(troubles, [TROUBLES[each] for each in troubles])
                talker = random.choice(here)
                other = random.choice((True, False))
                moving = self._trouble(trouble, talker, other=other)
                self._moves.append(Deferred.fromCoroutine(moving))

    async def _trouble(self, trouble: Blow, talker: WebTalker, *, other: bool) -> None:
        began = reactor.seconds()
        (there,) = [each for each in self._gateways if each is not talker.gateway]
        if trouble is Blow.MOVE_PLAYERS:
            await talker.move(self.case, there)
        else:
            await talker.quit(self.case, there if other else talker.gateway)
        seconds = reactor.seconds() - began
        how = "recovered" if talker.page.back_whole else "not recovered"
        what = f"{talker.page.player} to {talker.gateway.peer}, {how}"
        self.report(f"{began:.3f} {trouble.value}: {seconds:.1f} s: {what}")

    @property
    def _web(self) -> list[WebTalker]:
        return [each for each in self._talkers if isinstance(each, WebTalker)]

    async def _strike_until(self, over: float) -> None:
        blows = [blow for blow in self.blows if blow not in TROUBLES]
        while True:
            rest = self._random.uniform(*_REST)
            if reactor.seconds() + rest > over:
                await deferLater(reactor, max(0.0, over - reactor.seconds()))
                return
            await deferLater(reactor, rest)
            if not blows:
                continue
            blow = self._random.choice(blows)
            struck = reactor.seconds()
            await self._strike(blow)
            self.report(f"{struck:.3f} {blow.value}: {reactor.seconds() - struck:.1f} s")

    def _strike(self, blow: Blow) -> Coroutine[Any, Any, None]:
        match blow:
            case Blow.KILL_WORLD:
                return self._kill_world()
            case Blow.STOP_WORLD:
                return self._stop_world()
            case Blow.RELOAD_WORLD:
                return self._reload_world()
            case Blow.KILL_HUB:
                return self._kill_hub()
            case Blow.KILL_BOTH:
                return self._kill_both()
            case Blow.MOVE_PLAYERS | Blow.QUIT_PLAYERS:
                raise ValueError(f"{blow} strikes all the time")

    def _turn(self) -> tuple[Part, Part]:
        """Return the world that is open, and the one that stands by; they swap."""
        self._worlds.reverse()
        self._ends.append(reactor.seconds())
        return self._worlds[1], self._worlds[0]

    async def _kill_world(self) -> None:
        old, new = self._turn()
        await old.kill()
        self._overs.append(reactor.seconds())
        await new.opens()
        await self._again(old)

    async def _stop_world(self) -> None:
        old, new = self._turn()
        old.program.signal(signal.SIGTERM)
        await new.opens()
        await self._stopped(old)

    async def _reload_world(self) -> None:
        """Reload the world, on whole links: where the other one isn't found, a third is started."""
        old, new = self._turn()
        self._calm.touch()
        for world in (old, new):
            await self._linked(world)
        told = await mudctl(self.case, old, "world", "reload")
        self._calm.unlink()
        found = _PROCESS.search(told.output)
        if found is None:
            self._problems.append(f"a reload failed: {told.output}")
        elif int(found[1]) != new.program.pid:
            os.kill(int(found[1]), signal.SIGTERM)
            raise AssertionError(f"the world that stands by was not found: {told.output}")
        await self._stopped(old)

    async def _stopped(self, world: Part) -> None:
        """Wait until a world has ended that stops, and start it again."""
        await self._ended(world)
        self._overs.append(reactor.seconds())
        await self._again(world)

    async def _linked(self, world: Part) -> None:
        """Wait until a world's link to the bus is there."""
        while _LINKED not in (await mudctl(self.case, world, "status")).output:
            await deferLater(reactor, _POLL)

    async def _kill_hub(self) -> None:
        hub = self._town.hub
        self._hub_ends.append(reactor.seconds())
        await hub.kill()
        await deferLater(reactor, self._random.uniform(0.0, 2.0))
        await self._again(hub)

    async def _kill_both(self) -> None:
        hub, (old, new) = self._town.hub, self._turn()
        self._hub_ends.append(reactor.seconds())
        await hub.kill()
        await old.kill()
        self._overs.append(reactor.seconds())
        await new.opens()
        await self._again(hub)
        await self._again(old)

    async def _again(self, part: Part) -> None:
        self._logs.append(part.log.text)
        await part.start()

    async def _ended(self, part: Part) -> None:
        status = (await part.program.ended()).status
        if status:
            self._problems.append(f"{part.peer} ended with {status}")

    # ------------------------------------------------------------ the end

    @property
    def _ledger(self) -> Ledger:
        for talker in self._talkers:
            talker.note()
        pages = [talker.page for talker in self._talkers]
        return Ledger(pages, self._ends, self._hub_ends, self._overs)

    async def _settle(self) -> None:
        """Wait until all is answered and shown; what is late for ever is told later."""
        over = reactor.seconds() + PATIENCE
        began = reactor.seconds()
        while self._missing() and reactor.seconds() < over:
            await deferLater(reactor, _POLL)
        self.report(f"settled after {reactor.seconds() - began:.1f} s")

    async def _end(self) -> None:
        for part in (*reversed(self._worlds), *self._gateways, self._town.hub):
            part.program.signal(signal.SIGTERM)
            await self._ended(part)
            self._logs.append(part.log.text)

    def _missing(self) -> list[str]:
        return self._ledger.missing()

    def _buried(self) -> list[str]:
        """Return what became a dead letter, though nobody stays away for so long."""
        return [
            f"a dead letter: {kind} to {subject}, after {attempts} attempts: {error}"
            for kind, subject, attempts, error in self._letters()
            if not error.startswith(STOPPED)
        ]

    def _letters(self) -> list[tuple[str, str, int, str]]:
        with connected(self._dsn) as connection, connection.cursor() as cursor:
            cursor.execute(_LETTERS)
            return list(cursor.fetchall())

    def _stored(self) -> list[str]:
        """Return where what is stored differs from what was acknowledged."""
        with connected(self._dsn) as connection, connection.cursor() as cursor:
            cursor.execute(_HOLDERS)
            holders = dict(cursor.fetchall())
        found = []
        for talker in self._talkers:
            if isinstance(talker, WebTalker) and talker.page.holds is not None:
                wanted = talker.page.player if talker.page.holds else ""
                if holders[talker.thing] != wanted:
                    found.append(f"{talker.thing} is stored with {holders[talker.thing]!r}")
        return found

    def _counts(self) -> str:
        pages = self._ledger.pages
        answers = sum(len(page.answers) for page in pages)
        shown = sum(len(page.shown) for page in pages)
        absences = [each for page in pages for each in page.absences]
        return (
            f"seed {self.seed}, {self.seconds:g} s: right; {answers} answers,"
            f" {self._ledger.owed} showings that had to be, {shown} that were,"
            f" {self._ledger.refused} commands refused; {len(self._letters())} dead letters;"
            f" {len(absences)} absences, {sum(each.recovered for each in absences)} recovered"
        )


async def _ready(part: Part) -> None:
    """Wait until a process says that it is ready: its link to the bus is there."""
    while (await request(part.operations, "GET", "/readyz")).status != 200:
        await deferLater(reactor, _POLL)


def _prepared(case: TestCase) -> Path:
    """Make a folder with the area in it."""
    folder = Path(case.mktemp()).absolute()
    (folder / "area").mkdir(parents=True)
    things = [thing for each in _BY_WEBSOCKET for _, thing in each]
    text = _AREA + "".join(_ITEM.format(key=thing) for thing in things)
    (folder / "area" / "rough.yaml").write_text(text)
    return folder


def _bad_lines(log: str) -> Iterable[str]:
    return (line for line in log.splitlines() if "Traceback" in line or "Unhandled" in line)


def _without(names: Iterable[str], name: str) -> tuple[str, ...]:
    return tuple(each for each in names if each != name)


def _together(work: Iterable[Coroutine[Any, Any, None]]) -> "Deferred[list[None]]":
    return gatherResults([Deferred.fromCoroutine(each) for each in work], consumeErrors=True)
