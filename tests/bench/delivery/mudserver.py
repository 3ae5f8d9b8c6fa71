"""Our server as a subject: a daemon of its own, with its database, its limits raised."""

import http.client
import json
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import ascii_lowercase

from attrs import define, field

from tests.bench.delivery import websocket
from tests.bench.delivery.crowd import Crowd, read_until
from tests.bench.delivery.server import Server
from tests.bench.delivery.stage import WORDS, Stage, all_at_once

_PASSWORD = "a long sentence"
_DOOR = re.compile(r"(telnet|http) listens on 127\.0\.0\.1:(\d+)")
#: What a browser's `chat` message begins with, and no other message contains.
_CHAT = b'{"type":"chat"'


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

    def invite(self) -> str:
        """Make an account; return its name."""
        name = f"Player{_letters(self.guests)}"
        self.guests += 1
        # From ever other addresses, since a real one may make ten an hour.
        home = f"127.{1 + self.guests // 60_000}.{self.guests // 250 % 240}.{1 + self.guests % 250}"
        api = http.client.HTTPConnection("127.0.0.1", self.ports["http"], source_address=(home, 0))
        body = json.dumps({"name": name, "password": _PASSWORD})
        api.request("POST", "/api/accounts", body, {"Content-Type": "application/json"})
        reply = api.getresponse()
        if reply.status != 201:
            raise ConnectionError(f"no account: {reply.status} {reply.read()!r}")
        reply.read()
        api.close()
        return name

    def open_websocket(self) -> socket.socket:
        """Open a WebSocket that has not said hello yet."""
        return websocket.connect(self.ports["http"])

    def enter(self, connection: socket.socket, name: str) -> None:
        """Log in by an open WebSocket, and wait for the end of the first state."""
        connection.sendall(websocket.frame({"type": "login", "name": name, "password": _PASSWORD}))
        read_until(connection, b'"type":"mark"')

    def come(self) -> socket.socket:
        """Bring someone new in, by WebSocket."""
        name = self.invite()
        connection = self.open_websocket()
        self.enter(connection, name)
        return connection

    def enter_by_telnet(self, name: str) -> socket.socket:
        """Log in by telnet, and wait for the prompt."""
        connection = socket.create_connection(("127.0.0.1", self.ports["telnet"]))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(f"connect {name} {_PASSWORD}\r\n".encode())
        read_until(connection, b"> ")
        return connection


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


@define
class ByWebSocket:
    """Players in a browser."""

    name: str = "mudserver, WebSocket"

    @contextmanager
    def fill(self, occupants: int) -> Iterator[Stage]:
        """Implement `Subject.fill`."""
        with house() as place:
            entering = (place.come() for _ in range(occupants))
            line = websocket.frame({"type": "command", "text": f"say {WORDS}"})
            with Crowd(entering, _CHAT) as crowd:
                crowd.settle()
                yield Stage(crowd, place.server.pids, all_at_once(crowd, line))


@define
class ByTelnet:
    """Players with a MUD client."""

    name: str = "mudserver, telnet"

    @contextmanager
    def fill(self, occupants: int) -> Iterator[Stage]:
        """Implement `Subject.fill`."""
        with house() as place:
            entering = (place.enter_by_telnet(place.invite()) for _ in range(occupants))
            with Crowd(entering, WORDS.encode()) as crowd:
                crowd.settle()
                line = f"say {WORDS}\r\n".encode()
                yield Stage(crowd, place.server.pids, all_at_once(crowd, line))


def _letters(number: int) -> str:
    """Spell a number with letters, since names have no digits."""
    letters = ""
    for _ in range(4):
        number, rest = divmod(number, 26)
        letters = ascii_lowercase[rest] + letters
    return letters
