"""Writing to a socket at once, on real sockets without a reactor."""

import socket
from typing import cast

from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway import sockets


class SendTests(SynchronousTestCase):
    """What is sent arrives in order; the reactor is asked only when the kernel is full."""

    def setUp(self) -> None:
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.theirs.settimeout(1.0)
        self.reactor = MemoryReactor()
        self.transport = Connection(ours, Protocol(), self.reactor)
        self.transport.connected = True
        self.addCleanup(ours.close)
        self.addCleanup(self.theirs.close)

    def send(self, data: bytes) -> None:
        sockets.send(cast(sockets.IStream, self.transport), data)

    def test_at_once(self) -> None:
        """An idle socket gets its bytes before the call returns, and nobody waits for it."""
        self.send(b"hello")
        self.assertEqual(b"hello", self.theirs.recv(100))
        self.assertEqual([], self.reactor.getWriters())

    def test_rest(self) -> None:
        """What the kernel doesn't take waits for the reactor, and so does what comes after it."""
        first = bytes(range(256)) * 1024
        self.send(first)
        self.assertEqual([self.transport], self.reactor.getWriters())
        got = self.theirs.recv(1 << 20)
        self.assertLess(len(got), len(first))
        self.send(b"last")
        while len(got) < len(first) + 4:
            self.transport.doWrite()
            got += self.theirs.recv(1 << 20)
        self.assertEqual(first + b"last", got)
        self.assertEqual([], self.reactor.getWriters())

    def test_reset(self) -> None:
        """A peer that is gone is left to the reactor to find."""
        self.theirs.close()
        self.send(b"hello")
        self.assertEqual([self.transport], self.reactor.getWriters())

    def test_after_the_end(self) -> None:
        """Nothing is sent on a transport that is closed."""
        self.transport.connected = False
        self.send(b"hello")
        self.theirs.setblocking(False)
        self.assertRaises(BlockingIOError, self.theirs.recv, 100)

    def test_other_transports(self) -> None:
        """What is no plain socket is written to as ever."""
        transport = StringTransport()
        sockets.send(cast(sockets.IStream, transport), b"hello")
        self.assertEqual(b"hello", transport.value())
