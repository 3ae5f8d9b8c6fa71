"""The process that a world or a gateway is in, as operators see it."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, fail

from mudserver.errors import Unavailable
from mudserver.game.game import Game
from mudserver.interfaces.operations import Reloaded


def _cannot_reload(fresh: bool) -> Deferred[Reloaded]:
    del fresh
    return fail(
        Unavailable(
            "This process can't hand a world over: that is for processes of role world, which take"
            " turns."
        )
    )


@frozen
class Process:
    """
    What is told of it, and done to it as a whole.

    Attributes:
        version: Of mudserver.
        running_since: When it started (UTC).
        drain: Makes it end; may be called more than once.
        role: What it is, as in the settings.
        peer: What it is called on the bus; empty for one by itself.
        phase: Tells what its world is about; empty where it has none.
        linked: Tells whether it has its link to the bus.
        connections: Counts the open connections of players.
        reload: Has another world take over, from one that is started where that is wanted; fails
            with `Unavailable`.
    """

    version: str
    running_since: datetime
    drain: Callable[[], None]
    role: str = "all"
    peer: str = ""
    phase: Callable[[], str] = str
    linked: Callable[[], bool] = lambda: True
    connections: Callable[[], int] = int
    reload: Callable[[bool], Deferred[Reloaded]] = _cannot_reload


class IGameHost(Protocol):
    """What has a game, some of the time."""

    @property
    def open(self) -> bool:
        """Whether players can enter."""

    @property
    def game(self) -> Game:
        """The game that runs. Raises `Unavailable` where none does."""


class NoGame:
    """
    Where there is never a game.

    Args:
        reason: Why not, and where else to look.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    @property
    def open(self) -> bool:
        """Implement `IGameHost.open`."""
        return False

    @property
    def game(self) -> Game:
        """
        Implement `IGameHost.game`.

        Raises:
            Unavailable: Always.
        """
        raise Unavailable(self._reason)
