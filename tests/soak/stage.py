"""A daemon for crowds, and the ways in."""

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon
from tests.integration.postgres import fresh_database
from tests.soak.ground import settle, write_area
from tests.soak.sessions import Player, Tally, enter_by_telnet, enter_by_websocket
from tests.soak.vitals import Vitals

#: How many come in at once: each password is hashed, and only so many may wait for that.
AT_ONCE: Final = 20

#: Nobody is limited by the address that all share; passwords are hashed as cheaply as can be, which
#: `Daemon` sees to.
_OPTIONS: Final = ("--limits-exempt=127.0.0.0/8", "--areas=moor")

T = TypeVar("T")


class Stage:
    """
    A daemon of its own with a real database of its own.

    Args:
        case: The test that it belongs to.
        people: How many may come in.

    Attributes:
        daemon: The daemon.
    """

    def __init__(self, case: TestCase, people: int) -> None:
        self._dsn = fresh_database(case)
        self.daemon = Daemon(case, self._dsn, *_OPTIONS)
        self._people = people
        self._names: list[str] = []
        write_area(self.daemon.directory / "moor")

    async def start(self) -> None:
        """Start it, and settle the people."""
        await self.daemon.start()
        self._names = settle(self._dsn, self._people)

    def vitals(self) -> Vitals:
        """Look at the daemon's process."""
        return Vitals.of(self.daemon.program.pid)

    async def admit(self, websockets: int, telnets: int, tally: Tally) -> list[Player]:
        """Have players come in, those over WebSocket first."""
        names, self._names = (
            self._names[: websockets + telnets],
            self._names[websockets + telnets :],
        )
        http, telnet = self.daemon.http, self.daemon.telnet
        works = [partial(enter_by_websocket, http, name, tally) for name in names[:websockets]]
        works += [partial(enter_by_telnet, telnet, name, tally) for name in names[websockets:]]
        return await few_at_once(works)


async def few_at_once(works: Iterable[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
    """Do all of it, some at a time; returns what it gave, in order."""
    semaphore = DeferredSemaphore(AT_ONCE)

    def begin(work: Callable[[], Coroutine[Any, Any, T]]) -> Deferred[T]:
        return Deferred.fromCoroutine(work())

    return await gatherResults([semaphore.run(begin, work) for work in works], consumeErrors=True)
