"""What every subject of a measurement offers: a server, a crowd in its one room, and a voice."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from attrs import define

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
    """

    crowd: Crowd
    pids: Sequence[int]
    speak: Callable[[int, int], None]


class Subject(Protocol):
    """Something to measure."""

    @property
    def name(self) -> str:
        """As in the tables."""

    def fill(self, occupants: int) -> AbstractContextManager[Stage]:
        """
        Start a server, and bring so many into its one room.

        Raises:
            Absent: It can't be had here.
        """


class Absent(Exception):
    """Something can't be measured here, and why."""


def all_at_once(crowd: Crowd, line: bytes) -> Callable[[int, int], None]:
    """Return how a crowd speaks whose members each send the same line."""

    def speak(speakers: int, lines: int) -> None:
        for connection in crowd.connections[:speakers]:
            crowd.send(connection, line * lines)

    return speak
