"""A bare Autobahn broadcast: each message that comes is sent to all as a prepared message."""

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from tests.bench.delivery.peers import MESSAGE


class Broadcaster(WebSocketServerProtocol):
    """Tells everyone."""

    factory: "Room"

    def onOpen(self) -> None:
        """Come in."""
        self.factory.everyone.add(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803 - Autobahn's name
        """Send one prepared message to all."""
        prepared = self.factory.prepareMessage(MESSAGE.encode())
        for each in self.factory.everyone:
            each.sendPreparedMessage(prepared)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Go."""
        super().connectionLost(reason)
        self.factory.everyone.discard(self)


class Room(WebSocketServerFactory):
    """Knows everyone."""

    protocol = Broadcaster  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.everyone: set[Broadcaster] = set()
        self.setProtocolOptions(tcpNoDelay=True)


def _opened(port: IListeningPort) -> None:
    address = port.getHost()
    assert isinstance(address, IPv4Address)
    print(f"port {address.port}", flush=True)


if __name__ == "__main__":
    listening = TCP4ServerEndpoint(reactor, 0, backlog=4096, interface="127.0.0.1").listen(Room())
    listening.addCallback(_opened)
    reactor.run()
