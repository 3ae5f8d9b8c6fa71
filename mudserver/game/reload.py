"""Another world in place of this one, while players stay connected."""

from collections.abc import Callable
from typing import Final, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mudserver.errors import Unavailable
from mudserver.interfaces.bus import WORLD, IBus
from mudserver.interfaces.operations import Reloaded
from mudserver.interfaces.standby import (
    EVERY_STANDBY,
    Resumption,
    ResumptionWanted,
    Standby,
    StandbyWanted,
    Whereabouts,
)

#: Seconds between two looks whether something has come about.
LOOK_SECONDS: Final = 0.1

#: Seconds for which a world that stands by already is looked for.
FIND_SECONDS: Final = 1.0

#: Seconds within which a world that was started stands by.
WARM_SECONDS: Final = 60.0

#: Seconds within which a world that stands by says so.
ANSWER_SECONDS: Final = 2.0

#: Seconds for which gateways are waited for, once the next world is open.
RESUME_SECONDS: Final = 15.0


class ISummoned(Protocol):
    """A world that was started in a process of its own."""

    @property
    def problem(self) -> str:
        """How it ended before it could stand by; empty as long as it may still come."""

    def give_up(self, process: int | None = None) -> None:
        """
        Have it end.

        Args:
            process: Its id, as far as it has told; it may have gone into the background.
        """


@frozen
class ReloadPorts:
    """
    All that it needs from outside.

    Attributes:
        bus: What leads to other worlds.
        clock: What all waiting is measured by.
        check: Raises `Unavailable` where ours is not open.
        hand_over: Closes ours, and fires when the one of that name, or another, is open.
        summon: Starts a world; it is given what that one shall answer with.
        token: Makes such a word.
        handed_over: Told who was asked to take over, and whether we had started it: this process
            may end. Where another one was faster, that one stands by in place of ours.
    """

    bus: IBus
    clock: IReactorTime
    check: Callable[[], None]
    hand_over: Callable[[str], Deferred[None]]
    summon: Callable[[str], ISummoned]
    token: Callable[[], str]
    handed_over: Callable[[Standby, bool], None]


class Reload:
    """
    Finds a world that stands by or starts one, and hands over to it.

    Args:
        ports: What it needs from outside.
    """

    _log = Logger()

    def __init__(self, ports: ReloadPorts) -> None:
        self._ports = ports
        self._busy = False

    def run(self, fresh: bool) -> Deferred[Reloaded]:
        """
        Hand over.

        Args:
            fresh: Whether to start a world even where one stands by, which may be of older code.

        Returns:
            Fires when players go on in the other world. Fails with `Unavailable`, which says why
            not, and whether ours goes on.
        """
        return Deferred.fromCoroutine(self._exclusively(fresh))

    async def _exclusively(self, fresh: bool) -> Reloaded:
        if self._busy:
            raise Unavailable("The world is being handed over already.")
        self._ports.check()
        self._busy = True
        there: set[str] = set()

        def changed(subjects: frozenset[str]) -> None:
            there.clear()
            there.update(subjects)

        unwatch = self._ports.bus.watch(EVERY_STANDBY, changed)
        try:
            return await self._run(there, fresh)
        finally:
            unwatch()
            self._busy = False

    async def _run(self, there: set[str], fresh: bool) -> Reloaded:
        found = None if fresh else await self._find(there)
        summoned: ISummoned | None = None
        if found is None:
            summoned, found = await self._summon(there)
        self._log.info(
            "Handing over to {peer}, process {process} on {host}.",
            peer=found.peer,
            process=found.process,
            host=found.host,
        )
        try:
            await self._ports.hand_over(found.peer)
        except Exception:
            if summoned is not None and not await self._has_opened(found):
                summoned.give_up(found.process)
            raise
        resumption = await self._resumption()
        self._ports.handed_over(found, summoned is not None)
        opened = resumption.world or Whereabouts(found.peer, found.host, found.process)
        if opened.peer != found.peer:
            self._log.warn(
                "Not {asked}, but {peer} has taken over, process {process} on {host}.",
                asked=found.peer,
                peer=opened.peer,
                process=opened.process,
                host=opened.host,
            )
        return Reloaded(
            peer=opened.peer,
            host=opened.host,
            process=opened.process,
            waiting=resumption.waiting,
            gateways=resumption.gateways,
            sessions=resumption.sessions,
            pause=resumption.pause,
        )

    async def _has_opened(self, standby: Standby) -> bool:
        """Find out whether that one is the world all the same."""
        try:
            told = await self._ports.bus.request(WORLD, ResumptionWanted(), ANSWER_SECONDS)
        except Unavailable:
            return False
        return told.world is not None and told.world.peer == standby.peer

    async def _find(self, there: set[str]) -> Standby | None:
        """Return the one that has stood by for the shortest time: its code is the newest."""
        deadline = self._ports.clock.seconds() + FIND_SECONDS
        while True:
            standbys = await self._ask(there)
            if standbys:
                return min(standbys, key=lambda each: each.seconds)
            if self._ports.clock.seconds() >= deadline:
                return None
            await deferLater(self._ports.clock, LOOK_SECONDS)

    async def _summon(self, there: set[str]) -> tuple[ISummoned, Standby]:
        """Start one, and wait until it stands by."""
        word = self._ports.token()
        summoned = self._ports.summon(word)
        found = None
        try:
            found = await self._summoned(there, summoned, word)
        finally:
            if found is None:
                summoned.give_up()
        return summoned, found

    async def _summoned(self, there: set[str], summoned: ISummoned, word: str) -> Standby:
        deadline = self._ports.clock.seconds() + WARM_SECONDS
        while True:
            for standby in await self._ask(there):
                if standby.summons == word:
                    return standby
            if summoned.problem:
                raise Unavailable(
                    f"The new world {summoned.problem} before it stood by; its log says why."
                    " This one goes on."
                )
            if self._ports.clock.seconds() >= deadline:
                raise Unavailable(
                    f"The new world did not stand by within {WARM_SECONDS:g} s. This one goes on."
                )
            await deferLater(self._ports.clock, LOOK_SECONDS)

    async def _ask(self, there: set[str]) -> tuple[Standby, ...]:
        """Ask all who stand by who they are; who doesn't answer is left out."""
        answers = await gatherResults(
            [Deferred.fromCoroutine(self._ask_one(subject)) for subject in sorted(there)]
        )
        return tuple(each for each in answers if each is not None)

    async def _ask_one(self, subject: str) -> Standby | None:
        try:
            return await self._ports.bus.request(subject, StandbyWanted(), ANSWER_SECONDS)
        except Unavailable:
            return None

    async def _resumption(self) -> Resumption:
        """Ask the world that is open now how the sessions came over."""
        known = Resumption(0, 0, 0, 0.0)
        deadline = self._ports.clock.seconds() + RESUME_SECONDS
        while self._ports.clock.seconds() < deadline:
            try:
                known = await self._ports.bus.request(WORLD, ResumptionWanted(), ANSWER_SECONDS)
                if not known.waiting:
                    break
            except Unavailable as error:
                self._log.info("The new world does not tell yet: {error}", error=error)
            await deferLater(self._ports.clock, LOOK_SECONDS)
        return known
