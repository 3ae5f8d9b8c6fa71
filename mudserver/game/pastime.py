"""What inhabitants do while nobody speaks to them."""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.game.stage import Stage
from mudserver.world.inhabitants import is_watched
from mudserver.world.world import World

#: Seconds between two looks at who might do something.
TICK_SECONDS: Final = 5.0

#: Seconds after which an inhabitant does something, on average.
MEAN_SECONDS: Final = 90.0

#: Seconds after which one who has a route walks on, on average.
MEAN_WALK_SECONDS: Final = 60.0

#: Inhabitants who walk on at one tick; the others stay for now.
MAX_WALKS: Final = 20


class Pastime:
    """
    Lets inhabitants do something now and then, and walk, where a player sees it.

    Args:
        world: Where they live.
        stage: What lets it happen.
        clock: What the time between is measured by.
        pick: Chance: at least 0, less than 1.
    """

    _log = Logger()

    def __init__(
        self, *, world: World, stage: Stage, clock: IReactorTime, pick: Callable[[], float]
    ) -> None:
        self._world = world
        self._stage = stage
        self._pick = pick
        self._ticks = LoopingCall(self._tick)
        self._ticks.clock = clock

    def start(self) -> None:
        """Begin."""
        self._ticks.start(TICK_SECONDS, now=False).addErrback(self._failed)

    def stop(self) -> None:
        """End."""
        if self._ticks.running:
            self._ticks.stop()

    def _tick(self) -> None:
        for npc in self._world.npcs.values():
            watched = npc.idle and self._world.occupants(npc.room).characters
            if watched and self._pick() < TICK_SECONDS / MEAN_SECONDS:
                self._stage.pass_time(npc.id, self._pick())
        walks = 0
        for npc in self._world.npcs.values():
            if walks == MAX_WALKS:
                break
            if is_watched(self._world, npc) and self._pick() < TICK_SECONDS / MEAN_WALK_SECONDS:
                self._stage.walk(npc.id, self._pick())
                walks += 1

    def _failed(self, failure: Failure) -> None:
        self._log.failure("The inhabitants have stopped to pass their time.", failure)
