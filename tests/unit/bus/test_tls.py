"""Entrances of the hub by TLS."""

from datetime import UTC, datetime
from pathlib import Path

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.credentials import Credentials, Identity
from mudserver.bus.issuing import Subject, issue
from mudserver.bus.tls import by_tls

ADDRESS = IPv4Address("TCP", "192.0.2.1", 40_000)


class Rooms(Factory):
    """Has room for so many."""

    noisy = False

    def __init__(self, room: int) -> None:
        self._room = room

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        del addr
        self._room -= 1
        return Protocol() if self._room >= 0 else None


class EntranceTest(SynchronousTestCase):
    """What stands between a connection and the hub."""

    def listen(self, factory: IProtocolFactory) -> IProtocolFactory:
        """Return what listens."""
        folder = Path(self.mktemp())
        issue(folder, (Subject("bus"),), datetime.now(UTC))
        identity = Identity(folder / "ca.pem", folder / "bus.pem", folder / "bus.pem")
        reactor = MemoryReactorClock()
        entrance = by_tls(reactor, "127.0.0.1", 0, Credentials(identity, lambda: datetime.now(UTC)))
        self.successResultOf(entrance.endpoint.listen(factory))
        listening: IProtocolFactory = reactor.tcpServers[0][1]
        return listening

    def test_no_room(self) -> None:
        """A connection that the hub has no room for is closed at once, as without TLS."""
        factory = self.listen(Rooms(1))
        let_in = factory.buildProtocol(ADDRESS)
        assert let_in is not None
        transport = StringTransport()
        let_in.makeConnection(transport)
        self.assertFalse(transport.disconnecting)
        self.assertIsNone(factory.buildProtocol(ADDRESS))
