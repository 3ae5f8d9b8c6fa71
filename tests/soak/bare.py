"""A bare Autobahn server, to compare with: ``python -m tests.soak.bare``; it prints its port."""

import sys

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor
from twisted.internet.address import IPv4Address


def main() -> None:
    """Serve until killed."""
    factory = WebSocketServerFactory(reactor=reactor)
    factory.protocol = WebSocketServerProtocol
    # As in the daemon: no timers of Autobahn's.
    factory.setProtocolOptions(
        openHandshakeTimeout=0, closeHandshakeTimeout=0, autoPingInterval=0, tcpNoDelay=True
    )
    port = reactor.listenTCP(0, factory, backlog=1024, interface="127.0.0.1")
    address = port.getHost()
    assert isinstance(address, IPv4Address)
    sys.stdout.write(f"listens on {address.port}\n")
    sys.stdout.flush()
    reactor.run()


if __name__ == "__main__":
    main()
