"""What every subject of a measurement offers: a server, a crowd in its one room, and a voice."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from socket import socket
from subprocess import SubprocessError
from typing import Final, Protocol

from attrs import define, frozen

from tests.bench.delivery.crowd import Crowd

#: What is said. The others in the room hear it; each who hears it is a delivery.
WORDS = "hello there, all of you"


@define
class Stage:
    """
    A server with everyone in one room.

    Attributes:
        crowd: Everyone; it counts what is heard.
        pids: The processes of the server.
        speak: Have so many of the crowd say so many lines each.
        enter: Bring so many more in, one after the other.
    """

    crowd: Crowd
    pids: Sequence[int]
    speak: Callable[[int, int], None]
    enter: Callable[[int], Iterable[socket]]

    def grow(self, occupants: int) -> None:
        """Bring in who is missing of so many, and wait until all is quiet."""
        for connection in self.enter(occupants - len(self.crowd)):
            self.crowd.join(connection)
        self.crowd.settle()


@frozen
class Pace:
    """
    How much of a subject is measured, since some take a hundred times as long.

    Attributes:
        most: Deliveries in one burst at most; crowded rooms speak less for it.
        least: Deliveries in one measurement at least, so that small rooms are measured as surely.
        alone: Messages that are sent alone, at most.
        warm_ups: Measurements before those that count.
    """

    most: int = 200_000
    least: int = 20_000
    alone: int = 200
    warm_ups: int = 1


#: For whatever is not slow.
BRISK: Final = Pace()


class Subject(Protocol):
    """Something to measure."""

    @property
    def name(self) -> str:
        """As in the tables."""

    @property
    def transport(self) -> str:
        """As in the tables: it is compared with ours by the same one."""

    @property
    def pace(self) -> Pace:
        """How much of it is measured."""

    @property
    def most(self) -> int:
        """How many it can be filled with in bearable time."""

    def open(self) -> AbstractContextManager[Stage]:
        """
        Start a server, with nobody in its room.

        Raises:
            Absent: It can't be had here.
        """


class Absent(Exception):
    """Something can't be measured here, and why."""


#: What may befall a subject; the others are measured all the same.
FAILURES = (Absent, OSError, SubprocessError)


def all_at_once(crowd: Crowd, line: bytes) -> Callable[[int, int], None]:
    """Return how a crowd speaks whose members each send the same line."""

    def speak(speakers: int, lines: int) -> None:
        for connection in crowd.connections[:speakers]:
            crowd.send(connection, line * lines)

    return speak
