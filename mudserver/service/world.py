"""The game as a service: on its first start it brings a world along."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from mudserver.errors import Fenced, StartupError
from mudserver.game.game import GamePorts
from mudserver.game.limits import GameLimits
from mudserver.game.service import WorldService
from mudserver.world.area import Area, parse
from mudserver.world.lexicon import Lexicon

_STARTER_AREA = "mudserver.areas"
_SUFFIX = ".yaml"


def read_areas(directory: Path | None) -> tuple[Area, ...]:
    """
    Read all area files of a directory, or those of the starter area.

    Raises:
        CorruptArea: One can't be understood; says which, and the line.
        StartupError: The directory can't be read.
    """
    folder: Traversable = files(_STARTER_AREA) if directory is None else directory
    try:
        return tuple(_parsed(folder))
    except OSError as error:
        raise StartupError(f"the areas in {folder} can't be read: {error}") from None


def _parsed(folder: Traversable) -> Iterator[Area]:
    found = sorted(
        (file for file in folder.iterdir() if file.name.endswith(_SUFFIX)),
        key=lambda file: file.name,
    )
    for file in found:
        yield parse(file.name, file.read_bytes())


class GameService(Service):
    """
    Runs the world.

    Args:
        ports: Gives what the game needs from outside, once the database has started.
        limits: How much, how many, how long.
        areas: A directory of area files for a new world; None for the starter area.
        fenced: Told that another world has taken over: this one has stopped without saving.
        lexicon: What can be typed in the world, and which channels there are.
    """

    def __init__(
        self,
        ports: Callable[[], GamePorts],
        limits: GameLimits,
        areas: Path | None,
        fenced: Callable[[Fenced], None],
        lexicon: Lexicon,
    ) -> None:
        self._ports = ports
        self._limits = limits
        self._areas = areas
        self._fenced = fenced
        self._lexicon = lexicon
        self._world: WorldService | None = None

    @property
    def world(self) -> WorldService:
        """The world; there once the service has started."""
        if self._world is None:
            raise RuntimeError("the game has not started")
        return self._world

    @property
    def ready(self) -> bool:
        """Whether players can enter."""
        return self._world is not None and self._world.open

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
        world = WorldService(
            self._ports(),
            self._limits,
            lambda: read_areas(self._areas),
            self._fenced,
            self._lexicon,
        )
        await world.startService()
        self._world = world

    async def _stop(self) -> None:
        if self._world is not None:
            await self._world.stopService()
