"""Many clients in one thread: raw sockets, so that the load costs less than what is measured."""

import selectors
import socket
import time
from collections.abc import Callable, Iterable
from typing import Final, Self

#: Seconds after which what is awaited will not come.
PATIENCE: Final = 120.0

_CHUNK = 1 << 20


class Crowd:
    """
    Connections whose output is counted, not understood.

    Args:
        connections: Sockets in play; they join one by one, as they come out of it.
        marker: Bytes that each message to be counted contains once.

    Attributes:
        connections: Their sockets.
        received: Bytes that have come so far.
    """

    def __init__(self, connections: Iterable[socket.socket], marker: bytes) -> None:
        self.connections: list[socket.socket] = []
        self.received = 0
        self._marker = marker
        self._tails: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        for connection in connections:
            self.join(connection)

    def join(self, connection: socket.socket) -> None:
        """
        Let one more in, and have the others read what they are told of it.

        Whoever reads nothing while a thousand come in is taken for a slow reader.
        """
        connection.setblocking(False)
        self.connections.append(connection)
        self._tails[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ)
        self._take(0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for connection in self.connections:
            connection.close()

    def __len__(self) -> int:
        return len(self.connections)

    def listen_for(self, marker: bytes) -> None:
        """Count something else from now on."""
        self._marker = marker
        self._tails = dict.fromkeys(self.connections, b"")

    def send(
        self,
        connection: socket.socket,
        data: bytes,
        got: Callable[[socket.socket, int], None] | None = None,
    ) -> None:
        """Send all of it; while it doesn't go, take what comes, and tell of it."""
        view = memoryview(data)
        while view:
            try:
                view = view[connection.send(view) :]
            except BlockingIOError:
                self._take(0.01, got)

    def expect(self, messages: int, got: Callable[[socket.socket, int], None] | None = None) -> int:
        """
        Wait for so many messages, of all connections together.

        Args:
            messages: How many.
            got: Told of each connection that got some, and how many.

        Returns:
            How many came.

        Raises:
            TimeoutError: They don't come.
        """
        came = 0
        until = time.monotonic() + PATIENCE
        while came < messages:
            came += self._take(0.5, got)
            if time.monotonic() > until:
                raise TimeoutError(f"{came} of {messages} messages came")
        return came

    def watch(self, seconds: float, got: Callable[[socket.socket, int], None]) -> None:
        """Take what comes within so many seconds, at most what comes at once."""
        self._take(seconds, got)

    def settle(self, seconds: float = 0.5) -> None:
        """Take what comes until nothing has come for so long."""
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < seconds:
            for key, _ in self._selector.select(seconds):
                assert isinstance(key.fileobj, socket.socket)
                if key.fileobj.recv(_CHUNK):
                    quiet_since = time.monotonic()
        self._tails = dict.fromkeys(self.connections, b"")

    def _take(self, seconds: float, got: Callable[[socket.socket, int], None] | None = None) -> int:
        came = 0
        keep = len(self._marker) - 1
        for key, _ in self._selector.select(seconds):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            data = connection.recv(_CHUNK)
            if not data:
                raise ConnectionError("the server hung up")
            self.received += len(data)
            data = self._tails[connection] + data
            count = data.count(self._marker)
            self._tails[connection] = data[-keep:]
            came += count
            if count and got is not None:
                got(connection, count)
        return came


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """
    Read from a blocking socket until those bytes have come.

    Raises:
        TimeoutError: They don't come within `PATIENCE`, or the socket's own patience.
        ConnectionError: The other side hung up.
    """
    if connection.gettimeout() is None:
        connection.settimeout(PATIENCE)
    data = b""
    while end not in data:
        more = connection.recv(_CHUNK)
        if not more:
            raise ConnectionError(f"hung up after {data[-300:]!r}")
        data += more
    return data
