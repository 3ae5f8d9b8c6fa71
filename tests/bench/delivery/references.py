"""The bare servers as subjects."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from attrs import frozen

from tests.bench.delivery import websocket
from tests.bench.delivery.crowd import Crowd
from tests.bench.delivery.server import Server, python
from tests.bench.delivery.stage import WORDS, Absent, Stage, all_at_once

_PORT = re.compile(r"port (\d+)")
_CHAT = b'{"type":"chat"'


@frozen
class BareSend:
    """A loop of ``socket.send``."""

    name: str = "bare socket.send loop"

    @contextmanager
    def fill(self, occupants: int) -> Iterator[Stage]:
        """Implement `Subject.fill`."""
        with python(
            "tests.bench.delivery.peers.bare_send", str(occupants), ready=_PORT.pattern
        ) as server:
            address = ("127.0.0.1", _port(server))
            connections = [socket.create_connection(address) for _ in range(occupants)]
            with Crowd(connections, _CHAT) as crowd:

                def speak(speakers: int, lines: int) -> None:
                    crowd.send(crowd.connections[0], f"{speakers * lines}\n".encode())

                yield Stage(crowd, server.pids, speak)


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

    @contextmanager
    def fill(self, occupants: int) -> Iterator[Stage]:
        """Implement `Subject.fill`."""
        if find_spec(self.needs) is None:
            raise Absent(f"{self.needs} is not installed")
        with python(self.module, ready=_PORT.pattern) as server:
            port = _port(server)
            connections = [websocket.connect(port) for _ in range(occupants)]
            line = websocket.frame({"type": "command", "text": f"say {WORDS}"})
            with Crowd(connections, _CHAT) as crowd:
                yield Stage(crowd, server.pids, all_at_once(crowd, line))


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
