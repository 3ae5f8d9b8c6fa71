"""File descriptors are few, and some are for others than players: when to stop accepting."""

import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import frozen
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IReactorTime
from twisted.logger import Logger

from mudserver.interfaces.meter import IMeter

#: Seconds until it is tried again to accept, at first and at most; each time it is doubled, and
#: moved at random by up to a half.
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0

#: Of the limit: the largest part that is kept free, however much is asked for.
LARGEST_SHARE: Final = 0.25

#: More than is kept free, by that factor, must be left before it is accepted again.
ENOUGH: Final = 1.5

_OPEN: Final = Path("/dev/fd")
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE})


@frozen
class Room:
    """
    Room for file descriptors.

    Attributes:
        limit: How many the process may have.
        free: How many are left below the limit.
    """

    limit: int
    free: int


def glance() -> Room:
    """
    See at little cost how many file descriptors are left at most.

    The system gives out the lowest number that is free (POSIX, ``open``). So while there are gaps
    it sees too much room; but each who is accepted fills one, and then it sees how things are.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in _EXHAUSTED:
            raise
        return Room(limit, 0)
    os.close(descriptor)
    return Room(limit, max(0, limit - descriptor))


def count() -> Room:
    """See how many file descriptors are left; where the system doesn't tell, as `glance` does."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        return Room(limit, max(0, limit - sum(1 for _ in _OPEN.iterdir())))
    except OSError as error:
        return Room(limit, 0) if error.errno in _EXHAUSTED else glance()


def widen(wanted: int) -> None:
    """Let the process have so many file descriptors, or as many as the system lets it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < min(wanted, hard):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


class Turnstile:
    """
    Stops all doors before file descriptors run out, and opens them again when there are some.

    Without it, accepting would go on to fail for each who waits, and neither the database nor the
    operators could connect. Who waits at a door that is stopped waits in the kernel's queue.

    Args:
        clock: Measures pauses.
        pick: A source of fractions from 0 to 1.
        meter: Gets ``accepting`` (gauge) and ``accept_pauses`` (counter).
        reserve: File descriptors that are kept free.
        look: Tells how many are left, at each who comes.
        count: Tells the same precisely.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        pick: Callable[[], float],
        meter: IMeter,
        reserve: int = 64,
        *,
        look: Callable[[], Room] = glance,
        count: Callable[[], Room] = count,
    ) -> None:
        self._clock = clock
        self._pick = pick
        self._meter = meter
        self._reserve = reserve
        self._look = look
        self._count = count
        self._ports: list[FileDescriptor] = []
        self._pause = FIRST_PAUSE
        self._trying: IDelayedCall | None = None
        meter.gauge("accepting", 1.0)

    def watch(self, port: IListeningPort) -> None:
        """Stop and open that port with the others."""
        if isinstance(port, FileDescriptor):
            self._ports.append(port)

    def let_in(self) -> bool:
        """
        Somebody was accepted; return whether there is room for them.

        Nobody else is accepted while there is too little. Those who were accepted in the same turn
        of the reactor still find room: half of the reserve is for them.
        """
        room = self._look()
        reserve = self._kept(room)
        if room.free < reserve and self._trying is None:
            self._stop(room)
        return room.free >= reserve / 2

    def close(self) -> None:
        """Watch no port any more: they are closed."""
        self._meter.gauge("accepting", 0.0)
        self._ports.clear()
        if self._trying is not None:
            self._trying.cancel()
            self._trying = None

    def _kept(self, room: Room) -> float:
        return min(self._reserve, room.limit * LARGEST_SHARE)

    def _stop(self, room: Room) -> None:
        self._log.warn(
            "Nobody is accepted for now: {free} file descriptors of {limit} are left.",
            free=room.free,
            limit=room.limit,
        )
        self._meter.count("accept_pauses")
        self._meter.gauge("accepting", 0.0)
        for port in self._ports:
            port.stopReading()
        self._pause = FIRST_PAUSE
        self._wait()

    def _wait(self) -> None:
        seconds = self._pause * (0.5 + self._pick())
        self._trying = self._clock.callLater(seconds, self._try)

    def _try(self) -> None:
        self._trying = None
        room = self._count()
        if room.free < self._kept(room) * ENOUGH:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._wait()
            return
        self._log.info("Connections are accepted again.")
        self._meter.gauge("accepting", 1.0)
        for port in self._ports:
            port.startReading()
