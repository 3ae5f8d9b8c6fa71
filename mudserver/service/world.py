"""The world as a service of a process: by itself, or one of several that take turns."""

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.game.service import WorldService
from mudserver.game.standby import Phase, StandbyPorts, StandbyWorld
from mudserver.interfaces.succession import ISuccession


class WorldHost(Service):
    """
    Runs the world of a process; when it opens is for those who derive from this.

    Args:
        world: Makes the world, once the database has started.
    """

    def __init__(self, world: Callable[[], WorldService]) -> None:
        self._make_world = world
        self._world: WorldService | None = None

    @property
    def world(self) -> WorldService:
        """
        The world; there once the service has started.

        Raises:
            RuntimeError: It has not.
        """
        if self._world is None:
            raise RuntimeError("the game has not started")
        return self._world

    @property
    def busy(self) -> bool:
        """Whether the world has more to do in the very next turn."""
        return self._world is not None and self._world.busy


class GameService(WorldHost):
    """
    Runs the world of a process by itself: at once, whoever else had it until now.

    It takes a place among those who could be the world, so that they know; it doesn't wait for its
    turn.

    Args:
        world: Makes the world, once the database has started.
        succession: Gives the place.
    """

    _log = Logger()

    def __init__(
        self, world: Callable[[], WorldService], succession: Callable[[], ISuccession]
    ) -> None:
        super().__init__(world)
        self._make_succession = succession
        self._succession: ISuccession | None = None

    @property
    def phase(self) -> Phase:
        """What the world is about."""
        return Phase.OPEN if self._world is not None and self._world.open else Phase.STOPPED

    def startService(self) -> Deferred[None]:
        """
        Load the world and open it; make one of the area files where there is none yet.

        Returns:
            Fires when players can enter. Fails with `CorruptArea`, `StartupError`,
            `StorageUnavailable` or `StorageRefused`.
        """
        Service.startService(self)
        return Deferred.fromCoroutine(self._start())

    def stopService(self) -> Deferred[None]:
        """Let everyone leave, and save; fires when all is committed."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _start(self) -> None:
        world = self._make_world()
        await world.startService()
        self._world = world
        self._succession = self._make_succession()
        self._succession.turn().addErrback(self._no_turn)

    async def _stop(self) -> None:
        try:
            if self._world is not None:
                await self._world.stopService()
        finally:
            if self._succession is not None:
                await self._succession.leave()

    def _no_turn(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("This world has no place among the others.", failure)


class StandbyService(WorldHost):
    """
    Runs the world of a process that is one of several, when its turn has come.

    Args:
        world: Makes the world, once the database has started.
        ports: Gives what standing by needs.
    """

    def __init__(
        self, world: Callable[[], WorldService], ports: Callable[[WorldService], StandbyPorts]
    ) -> None:
        super().__init__(world)
        self._make_ports = ports
        self._standby: StandbyWorld | None = None

    @property
    def phase(self) -> Phase:
        """What the world is about."""
        return Phase.STOPPED if self._standby is None else self._standby.phase

    def startService(self) -> None:
        """Prepare what can be prepared, and stand by."""
        Service.startService(self)
        self._world = self._make_world()
        self._standby = StandbyWorld(self._make_ports(self._world))
        self._standby.startService()

    def stopService(self) -> Deferred[None]:
        """Save, and let another world go on; fires when all is committed."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    def check(self) -> None:
        """Make sure that there is something to hand over, as `StandbyWorld.check`."""
        assert self._standby is not None
        self._standby.check()

    def hand_over(self, to: str) -> Deferred[None]:
        """Let another world open, as `StandbyWorld.hand_over`."""
        assert self._standby is not None
        return self._standby.hand_over(to)

    async def _stop(self) -> None:
        if self._standby is not None:
            await self._standby.stopService()
