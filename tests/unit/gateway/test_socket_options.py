"""What the operating system is asked for, for each connection."""

import socket

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from mudserver.gateway import sockets


class SocketTransport(StringTransport):
    """A transport in memory that has a socket."""

    def __init__(self) -> None:
        super().__init__()
        directlyProvides(self, ITCPTransport)
        self.socket = socket.socket()
        self.no_delay = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def getHandle(self) -> socket.socket:
        return self.socket

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

    def option(self, name: str) -> int:
        return self.socket.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))


class PrepareTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.transport = SocketTransport()
        self.addCleanup(self.transport.socket.close)

    def expect_prepared(self) -> None:
        self.assertTrue(self.transport.no_delay)
        self.assertTrue(self.transport.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        options = [self.transport.option(name) for name in OPTIONS if hasattr(socket, name)]
        expected = [value for name, value in OPTIONS.items() if hasattr(socket, name)]
        self.assertEqual(options, expected)

    def test_tcp(self) -> None:
        """The kernel finds out within 120 s that a peer is dead, whether we send or are silent."""
        sockets.prepare(self.transport)
        self.expect_prepared()
        silence = sockets.KEEPALIVE_IDLE + sockets.KEEPALIVE_PROBES * sockets.KEEPALIVE_INTERVAL
        self.assertEqual(silence * 1_000, sockets.USER_TIMEOUT_MS)

    def test_below_others(self) -> None:
        """So it does under TLS."""
        factory = WrappingFactory(Factory.forProtocol(Protocol))
        wrapper = ProtocolWrapper(factory, Protocol())
        wrapper.makeConnection(self.transport)
        sockets.prepare(wrapper)
        self.expect_prepared()

    def test_nothing_else(self) -> None:
        """What is no TCP is left alone."""
        sockets.prepare(StringTransport())
        sockets.prepare(None)


OPTIONS = {
    "TCP_USER_TIMEOUT": 120_000,
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 20,
    "TCP_KEEPCNT": 3,
}
