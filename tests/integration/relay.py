"""A way to a PostgreSQL server that can be cut at a moment of one's choice."""

from collections.abc import Callable
from enum import Enum

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXClientEndpoint, connectProtocol
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from mudserver.storage.dsn import Dsn
from mudserver.storage.socket_directory import SOCKET_NAME

#: What a client sends to commit (a simple query, in PostgreSQL's own protocol).
COMMIT = b"Q\0\0\0\x0bCOMMIT\0"


class Fate(Enum):
    """What becomes of something that a client sends."""

    PASS = "pass"
    #: It never arrives, and the client's connection breaks.
    LOSE = "lose"
    #: It arrives and is done, but the client's connection breaks before the answer.
    LOSE_ANSWER = "lose answer"


class Relay:
    """
    Listens on TCP, and leads to the server's Unix socket.

    Args:
        case: The test that it belongs to.
        server: Where the server is.

    Attributes:
        decide: Told of what a client sends; says what becomes of it.
        server: That.
        dsn: The same database, reached through the relay; known once it listens.
    """

    def __init__(self, case: TestCase, server: Dsn) -> None:
        self.decide: Callable[[bytes], Fate] = lambda _: Fate.PASS
        self.dsn = server
        self._case = case
        self.server = server
        self._socket = f"{server.host}/{SOCKET_NAME}"
        self._sides: set[_Side] = set()

    async def listen(self) -> None:
        """Begin; it ends with the test."""
        factory = Factory.forProtocol(lambda: _Client(self))
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self._case.addCleanup(port.stopListening)
        self._case.addCleanup(self._close)
        where = port.getHost()
        assert isinstance(where, IPv4Address)
        address = {"host": where.host, "port": str(where.port)}
        self.dsn = self.server.extended(address)

    def connect(self, client: "_Client") -> "Deferred[_Server]":
        """Connect to the server, for a client."""
        endpoint = UNIXClientEndpoint(reactor, self._socket)
        connecting: Deferred[_Server] = connectProtocol(endpoint, _Server(client, self))
        return connecting

    def opened(self, side: "_Side") -> None:
        """Note an open connection."""
        self._sides.add(side)

    def closed(self, side: "_Side") -> None:
        """Forget one."""
        self._sides.discard(side)

    def _close(self) -> None:
        for side in tuple(self._sides):
            side.cut()


class _Side(Protocol):
    """One of the two connections of a relayed one."""

    transport: ITCPTransport

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def connectionMade(self) -> None:
        self._relay.opened(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._relay.closed(self)
        self.ended()

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def close(self) -> None:
        self.transport.loseConnection()

    def cut(self) -> None:
        self.transport.abortConnection()

    def ended(self) -> None:
        """The connection is gone."""


class _Client(_Side):
    """The daemon's side."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(relay)
        self._server: _Server | None = None
        self._early = b""
        self._over = False

    def connectionMade(self) -> None:
        super().connectionMade()
        self._relay.connect(self).addCallbacks(self._connected, lambda _: self.close())

    def _connected(self, server: "_Server") -> None:
        self._server = server
        if self._over:
            server.close()
        else:
            server.write(self._early)

    def dataReceived(self, data: bytes) -> None:
        fate = self._relay.decide(data)
        if fate is not Fate.LOSE:
            if self._server is None:
                self._early += data
            else:
                self._server.write(data)
        if fate is Fate.LOSE_ANSWER and self._server is not None:
            # The server must not see the end of the connection before it is done.
            self._server.alone = True
        if fate is not Fate.PASS:
            self.cut()

    def ended(self) -> None:
        self._over = True
        if self._server is not None and not self._server.alone:
            self._server.close()


class _Server(_Side):
    """PostgreSQL's side."""

    def __init__(self, client: _Client, relay: Relay) -> None:
        super().__init__(relay)
        self.alone = False
        self._client = client

    def dataReceived(self, data: bytes) -> None:
        if self.alone:
            self.close()
        else:
            self._client.write(data)

    def ended(self) -> None:
        if not self.alone:
            self._client.close()
