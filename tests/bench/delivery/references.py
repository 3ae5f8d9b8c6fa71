"""The bare servers as subjects."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final

from attrs import frozen

from tests.bench.delivery import websocket
from tests.bench.delivery.crowd import Crowd
from tests.bench.delivery.stage import BRISK, WORDS, Absent, Pace, Stage, all_at_once
from tests.bench.server import Server, python

_PORT = re.compile(r"port (\d+)")
_CHAT = b'{"type":"chat"'
_MOST: Final = 2_000


@frozen
class BareSend:
    """A loop of ``socket.send``."""

    name: str = "bare socket.send loop"
    transport: str = "WebSocket"
    pace: Pace = BRISK
    most: int = _MOST

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """Implement `Subject.open`."""
        with python("tests.bench.delivery.peers.bare_send", ready=_PORT.pattern) as server:
            address = ("127.0.0.1", _port(server))
            with socket.create_connection(address) as orders, Crowd((), _CHAT) as crowd:

                def enter(amount: int) -> Iterator[socket.socket]:
                    orders.sendall(f"take {amount}\n".encode())
                    for _ in range(amount):
                        yield socket.create_connection(address)

                def speak(speakers: int, lines: int) -> None:
                    orders.sendall(f"send {speakers * lines}\n".encode())

                yield Stage(crowd, server.pids, speak, enter)


@frozen
class Broadcast:
    """
    A server that passes each WebSocket message on to all.

    Attributes:
        name: As in the tables.
        module: What runs it.
        needs: The package that it needs.
    """

    name: str
    module: str
    needs: str
    transport: str = "WebSocket"
    pace: Pace = BRISK
    most: int = _MOST

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """Implement `Subject.open`."""
        if find_spec(self.needs) is None:
            raise Absent(f"{self.needs} is not installed")
        with python(self.module, ready=_PORT.pattern) as server:
            port = _port(server)

            def enter(amount: int) -> Iterator[socket.socket]:
                for _ in range(amount):
                    yield websocket.connect(port)

            line = websocket.frame({"type": "command", "text": f"say {WORDS}"})
            with Crowd((), _CHAT) as crowd:
                yield Stage(crowd, server.pids, all_at_once(crowd, line), enter)


AUTOBAHN = Broadcast(
    "bare Autobahn, prepared messages", "tests.bench.delivery.peers.autobahn_broadcast", "autobahn"
)
WEBSOCKETS = Broadcast(
    "websockets, broadcast()", "tests.bench.delivery.peers.websockets_broadcast", "websockets"
)


def _port(server: Server) -> int:
    match = _PORT.search(server.said)
    assert match is not None
    return int(match[1])
