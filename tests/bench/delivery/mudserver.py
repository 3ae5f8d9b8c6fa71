"""Our server as a subject: a daemon of its own, with its database, its limits raised."""

import http.client
import json
import re
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from string import ascii_lowercase
from typing import Final

from attrs import define, field, frozen

from tests.bench.delivery import websocket
from tests.bench.delivery.crowd import Crowd, read_until
from tests.bench.delivery.stage import BRISK, WORDS, Pace, Stage, all_at_once
from tests.bench.server import Server

_PASSWORD = "a long sentence"
_DOOR = re.compile(r"(telnet|http) listens on 127\.0\.0\.1:(\d+)")
#: What a browser's `chat` message begins with, and no other message contains.
CHAT: Final = b'{"type":"chat"'

_MOST: Final = 2_000

#: Who come in at once: fewer than may wait for their passwords to be hashed.
AT_ONCE: Final = 40

#: Who register at once: enough that one's commit is waited for while the next is served.
_REGISTERING: Final = 4


@define
class House:
    """
    A running daemon.

    Attributes:
        server: Its process.
        ports: By ``telnet`` and ``http``.
        guests: How many have an account.
    """

    server: Server
    ports: dict[str, int]
    guests: int = field(default=0)

    def invite(self, amount: int) -> list[str]:
        """Make accounts; return their names."""
        numbers = range(self.guests, self.guests + amount)
        self.guests += amount
        with ThreadPoolExecutor(_REGISTERING) as pool:
            return list(pool.map(self._register, numbers))

    def open_websocket(self, inflates: bool = False) -> socket.socket:
        """Open a WebSocket that has not said hello yet."""
        return websocket.connect(self.ports["http"], inflates=inflates)

    def come(self, amount: int, inflates: bool = False) -> Iterator[socket.socket]:
        """Bring in new ones by WebSocket, some at once; each has its first state."""
        for some in _batches(amount):
            names = self.invite(some)
            yield from self.log_in([self.open_websocket(inflates) for _ in names], names)

    def log_in(
        self, connections: Sequence[socket.socket], names: Sequence[str]
    ) -> Sequence[socket.socket]:
        """Log in by open WebSockets, all at once, and wait for the end of the first states."""
        for connection, name in zip(connections, names, strict=True):
            login = {"type": "login", "name": name, "password": _PASSWORD}
            connection.sendall(websocket.frame(login))
        for connection in connections:
            read_until(connection, b'"type":"mark"')
        return connections

    def come_by_telnet(self, amount: int) -> Iterator[socket.socket]:
        """Bring in new ones by telnet, some at once; each has its prompt."""
        for some in _batches(amount):
            connections = []
            for name in self.invite(some):
                connection = socket.create_connection(("127.0.0.1", self.ports["telnet"]))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(f"connect {name} {_PASSWORD}\r\n".encode())
                connections.append(connection)
            for connection in connections:
                read_until(connection, b"> ")
            yield from connections

    def _register(self, number: int) -> str:
        name = name_of(number)
        # From ever other addresses, since a real one may make ten an hour.
        home = f"127.{1 + number // 60_000}.{number // 250 % 240}.{1 + number % 250}"
        api = http.client.HTTPConnection("127.0.0.1", self.ports["http"], source_address=(home, 0))
        body = json.dumps({"name": name, "password": _PASSWORD})
        api.request("POST", "/api/accounts", body, {"Content-Type": "application/json"})
        reply = api.getresponse()
        if reply.status != 201:
            raise ConnectionError(f"no account: {reply.status} {reply.read()!r}")
        reply.read()
        api.close()
        return name


@contextmanager
def house(*options: str) -> Iterator[House]:
    """Run a daemon with an embedded database in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mudserver-bench-") as folder:
        # PostgreSQL refuses to run as root: its own user must be able to pass through.
        Path(folder).chmod(0o711)
        command = [
            str(Path(sys.executable).with_name("twistd")),
            *("--nodaemon", "--pidfile=", "mudserver", f"--state-dir={folder}/state"),
            *("--telnet=tcp:0:interface=127.0.0.1", "--http=tcp:0:interface=127.0.0.1"),
            "--operations=",
            *("--password-time-cost=1", "--password-memory=8", "--password-parallelism=1"),
            *("--limits-exempt=127.0.0.0/8", "--limits-commands=100000"),
            # The crowd counts what it gets and reads no pings.
            *("--limits-command-burst=100000", "--limits-heartbeat=3600"),
            *options,
        ]
        with Server(command, r"is open\.", Path(__file__).parents[3]) as server:
            ports = {name: int(port) for name, port in _DOOR.findall(server.said)}
            yield House(server, ports)


@frozen
class ByWebSocket:
    """Players in a browser."""

    name: str = "mudserver, WebSocket"
    transport: str = "WebSocket"
    pace: Pace = BRISK
    most: int = _MOST

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """Implement `Subject.open`."""
        with house() as place, Crowd((), CHAT) as crowd:
            line = websocket.frame({"type": "command", "text": f"say {WORDS}"})
            yield Stage(crowd, place.server.pids, all_at_once(crowd, line), place.come)


@frozen
class ByTelnet:
    """Players with a MUD client."""

    name: str = "mudserver, telnet"
    transport: str = "telnet"
    pace: Pace = BRISK
    most: int = _MOST

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """Implement `Subject.open`."""
        with house() as place, Crowd((), WORDS.encode()) as crowd:
            line = f"say {WORDS}\r\n".encode()
            yield Stage(crowd, place.server.pids, all_at_once(crowd, line), place.come_by_telnet)


def _batches(amount: int) -> Iterator[int]:
    """Divide so many by those who may come at once."""
    for begun in range(0, amount, AT_ONCE):
        yield min(AT_ONCE, amount - begun)


def name_of(number: int) -> str:
    """Return what the one of that number is called: names have no digits."""
    letters = ""
    for _ in range(4):
        number, rest = divmod(number, 26)
        letters = ascii_lowercase[rest] + letters
    return f"Player{letters}"
