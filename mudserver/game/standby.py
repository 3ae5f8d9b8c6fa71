"""A world that stands by until it is its turn, plays, and hands over to the next."""

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import MudError, Unavailable
from mudserver.game.cut_off import CutOff
from mudserver.interfaces.bus import WORLD, IBus, Request
from mudserver.interfaces.standby import Standby, StandbyWanted, standby_subject
from mudserver.interfaces.succession import ISuccession

#: Seconds before another try to open, where the database is in the way.
RETRY_SECONDS: Final = 1.0

#: Seconds that the next world gets to open once its turn has come; loading a large one takes some.
OPEN_SECONDS: Final = 60.0


class Phase(Enum):
    """What a world is about, as operators are told."""

    STOPPED = "stopped"
    WAITING = "standing by"
    OPENING = "opening"
    OPEN = "open"
    CLOSING = "handing over"


class IPlayable(Protocol):
    """A `WorldService`, as far as it is opened and closed here."""

    @property
    def open(self) -> bool:
        """Whether players can enter."""

    def startService(self) -> Deferred[None]:
        """Open."""

    def stopService(self) -> Deferred[None]:
        """Save, and close."""


@frozen
class StandbyPorts:
    """
    All that standing by needs from outside.

    Attributes:
        world: What opens when its turn has come; it may be opened again after it was closed.
        succession: Says when that is.
        bus: What leads to the other worlds, and tells when another one has opened.
        clock: What all waiting is measured by.
        myself: Tells who stands by, for so many seconds now.
        broken: Told what the world could not open for, and won't.
        linked: Tells whether this process has its link to the bus.
    """

    world: IPlayable
    succession: ISuccession
    bus: IBus
    clock: IReactorTime
    myself: Callable[[float], Standby]
    broken: Callable[[Exception], None]
    linked: Callable[[], bool]


class StandbyWorld(Service):
    """
    Stands by from its start; opens the world when its turn has come.

    Args:
        ports: What it needs from outside.

    Attributes:
        phase: What it is about.
    """

    _log = Logger()

    def __init__(self, ports: StandbyPorts) -> None:
        self._ports = ports
        self._running: Deferred[None] | None = None
        self._withdraw: Callable[[], None] | None = None
        self._since = 0.0
        self._opened: Deferred[bool] | None = None
        self._handing: Deferred[None] | None = None
        self.phase = Phase.STOPPED
        self._cut_off = CutOff(
            bus=ports.bus,
            clock=ports.clock,
            linked=ports.linked,
            waits=lambda: self.phase is Phase.WAITING,
            claim=ports.succession.claim,
        )

    def startService(self) -> None:
        """Begin to stand by."""
        Service.startService(self)
        self._ports.succession.heed(self._claimed)
        self._cut_off.start()
        self._run()

    def stopService(self) -> Deferred[None]:
        """
        Close the world if it is open, and let another have its turn.

        Returns:
            Fires when all is committed. Fails as the world does; another has its turn then, too.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    def check(self) -> None:
        """
        Make sure that there is something to hand over.

        Raises:
            Unavailable: Our world is not open; says what it is about.
        """
        if self.phase is not Phase.OPEN:
            raise Unavailable(
                f"This world is {self.phase.value}, and has nothing to hand over: ask the one that"
                " is open."
            )

    def hand_over(self, to: str) -> Deferred[None]:
        """
        Close the world, and let another one open.

        Args:
            to: What that one is called on the bus.

        Returns:
            Fires when a world is open again that isn't ours. Fails with `Unavailable` where ours
            is not open, is stopped meanwhile, or has opened again since the other one did not, or
            where nothing is open after `OPEN_SECONDS`; then ours stands by. Fails as the world
            does, where it can't be closed in good order; then, too, another may open.
        """
        return Deferred.fromCoroutine(self._hand_over(to))

    # ------------------------------------------------------------ standing by

    def _run(self) -> None:
        self._running = Deferred.fromCoroutine(self._serve())
        self._running.addErrback(self._failed)

    async def _serve(self) -> None:
        """Wait for the turn, and open."""
        self._await_turn()
        await self._ports.succession.turn()
        while True:
            self._come_forward()
            try:
                await self._ports.world.startService()
            except Unavailable as error:
                self._log.warn("The world can't be opened yet: {error}", error=error)
            else:
                break
            await deferLater(self._ports.clock, RETRY_SECONDS)
            if not self._ports.succession.held:  # it may be another's turn by now
                self._await_turn()
            await self._ports.succession.turn()
        self.phase = Phase.OPEN
        if self._opened is not None and not self._opened.called:
            self._opened.callback(False)

    def _await_turn(self) -> None:
        self.phase = Phase.WAITING
        self._since = self._ports.clock.seconds()
        me = self._ports.myself(0.0)
        self._withdraw = self._ports.bus.respond(standby_subject(me.peer), self._answer)
        self._log.info("This world stands by.")

    def _come_forward(self) -> None:
        self.phase = Phase.OPENING
        withdraw, self._withdraw = self._withdraw, None
        if withdraw is not None:
            withdraw()

    def _answer(self, request: Request[object]) -> Deferred[object]:
        async def answer() -> object:
            if not isinstance(request, StandbyWanted):
                raise Unavailable("This world only stands by.")
            return self._ports.myself(self._ports.clock.seconds() - self._since)

        return Deferred.fromCoroutine(answer())

    def _failed(self, failure: Failure) -> None:
        self._come_forward()
        self.phase = Phase.STOPPED
        if not failure.check(CancelledError):
            error = failure.value
            if not isinstance(error, MudError):
                self._log.failure("The world could not be opened.", failure)
            self._ports.broken(error if isinstance(error, Exception) else RuntimeError(str(error)))

    async def _stop(self) -> None:
        self._cut_off.stop()
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
        try:
            if self._handing is not None:
                await self._handing
            elif self._ports.world.open:
                await self._ports.world.stopService()
        finally:
            self.phase = Phase.STOPPED
            await self._ports.succession.leave()

    # ------------------------------------------------------------ handing over

    def _claimed(self, by: str) -> None:
        """Another one, which can be reached, wants our turn: it has it where we can't be."""
        if self.phase is Phase.OPEN and self._cut_off.complete:
            self._log.warn(
                "This world has no link to the bus, and makes room for {by}, which has.", by=by
            )
            Deferred.fromCoroutine(self._hand_over(by)).addErrback(self._not_handed_over)

    def _not_handed_over(self, failure: Failure) -> None:
        """Without a link we may not see that another world is open: that is none of our faults."""
        if failure.check(Unavailable):
            self._log.info("{problem}", problem=failure.getErrorMessage())
        else:
            self._log.failure("This world could not be closed in good order.", failure)

    async def _hand_over(self, to: str) -> None:
        self.check()
        self.phase = Phase.CLOSING
        # Whether it is another's.
        opened: Deferred[bool] = Deferred()
        self._opened = opened
        handing = self._handing = Deferred()
        try:
            await self._ports.world.stopService()
        finally:
            await self._ports.succession.leave(to)
            self._handing = None
            if self.running:
                self._run()
            handing.callback(None)
        if not self.running:
            raise Unavailable("This process stops; the next world opens without it.")
        unwatch = self._ports.bus.watch(WORLD, self._seen)
        try:
            opened.addTimeout(OPEN_SECONDS, self._ports.clock)
            if not await opened:
                raise Unavailable("The next world did not open; this one has opened again.")
        except TimeoutError:
            raise Unavailable("No world has opened yet; this one stands by.") from None
        finally:
            unwatch()
            self._opened = None

    def _seen(self, there: frozenset[str]) -> None:
        """Somebody's world is open, or none is; ours isn't while we stand by."""
        opened = self._opened
        if there and self.phase is Phase.WAITING and opened is not None and not opened.called:
            opened.callback(True)
