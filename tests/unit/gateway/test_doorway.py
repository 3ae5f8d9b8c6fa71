"""What stands before the protocols: room, introductions, turns."""

from ipaddress import ip_network
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway.arrivals import ArrivalLimits, Arrivals
from mudserver.gateway.doorway import HEADER_SECONDS, Doorkeeper, Doorway
from mudserver.gateway.incidents import Incidents
from mudserver.gateway.origin import ForwardedAddress, host_of, origin_of
from mudserver.gateway.turnstile import Room, Turnstile
from mudserver.interfaces.authority import Origin
from mudserver.session.bucket import Rate
from tests.unit.gateway.bench import StrictMeter

PROXY = "192.0.2.99"
ANN = "198.51.100.7"
LINE = b"PROXY TCP4 198.51.100.7 192.0.2.1 50000 4000\r\n"


class Guest(Protocol):
    """Remembers what it got."""

    def __init__(self, addr: object) -> None:
        self.addr = addr
        self.got = b""
        self.ended = False

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended = True


class Guests(Factory):
    """Makes guests, as long as there is room."""

    noisy = False

    def __init__(self) -> None:
        self.guests: list[Guest] = []
        self.full = False

    def buildProtocol(self, addr: IAddress | None) -> Guest | None:
        if self.full:
            return None
        self.guests.append(Guest(addr))
        return self.guests[-1]


class DoorwayTestCase(SynchronousTestCase):
    proxied = False
    crowds = False

    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = StrictMeter()
        self.room = Room(1_000, 900)
        self.arrivals = Arrivals(ArrivalLimits(rate=Rate(10.0, 2.0), waiting=2))
        self.guests = Guests()
        keeper = Doorkeeper(
            clock=self.clock,
            meter=self.meter,
            incidents=Incidents(self.clock),
            arrivals=self.arrivals,
            turnstile=Turnstile(self.clock, lambda: 0.5, self.meter, look=lambda: self.room),
            trusted=(ip_network(PROXY),),
        )
        self.addCleanup(keeper.turnstile.close)
        self.doorway = Doorway(
            "telnet", self.guests, keeper, proxied=self.proxied, crowds=self.crowds
        )
        self.doorway.doStart()

    def tearDown(self) -> None:
        self.doorway.doStop()

    def knock(self, host: str = ANN) -> tuple[Any, StringTransport]:
        addr = IPv4Address("TCP", host, 50_000)
        transport = StringTransport(peerAddress=addr)
        connection: Any = self.doorway.buildProtocol(addr)
        if connection is not None:
            connection.makeConnection(transport)
        return connection, transport


class RoomTest(DoorwayTestCase):
    def test_no_room(self) -> None:
        """Where there is no descriptor to spare, nobody comes in, and that is counted."""
        self.room = Room(1_000, 3)
        self.assertIsNone(self.knock()[0])
        self.assertEqual(self.meter.counts["refusals no_descriptors"], 1)
        self.assertEqual(self.guests.guests, [])

    def test_no_header_wanted(self) -> None:
        """Where no proxy introduces anybody, what looks so is input like any other."""
        connection, _ = self.knock(PROXY)
        connection.dataReceived(LINE)
        self.assertEqual(self.guests.guests[0].got, LINE)


class TurnTest(DoorwayTestCase):
    def test_turns(self) -> None:
        """Two come at once, two wait, unread, and the fifth is refused and counted."""
        knocks = [self.knock() for _ in range(5)]
        self.assertEqual(len(self.guests.guests), 2)
        self.assertEqual(self.meter.counts["arrivals_delayed"], 2)
        self.assertIsNone(knocks[4][0])
        self.assertEqual(self.meter.counts["refusals too_many_arrivals"], 1)
        for connection, transport in knocks[2:4]:
            self.assertEqual(transport.producerState, "paused")
            connection.dataReceived(b"look")
        self.clock.advance(0.1)
        self.assertEqual(len(self.guests.guests), 3)
        self.assertEqual(knocks[2][1].producerState, "producing")
        self.assertEqual(self.guests.guests[2].got, b"look")
        self.clock.advance(0.1)
        self.assertEqual(len(self.guests.guests), 4)
        self.assertEqual(self.arrivals.waiting, 0)

    def test_all_passes_through(self) -> None:
        """Once it had its turn, a connection is the protocol's."""
        connection, _ = [self.knock() for _ in range(3)][2]
        self.clock.advance(0.1)
        connection.dataReceived(b"look")
        connection.connectionLost(Failure(RuntimeError("gone")))
        guest = self.guests.guests[2]
        self.assertEqual((guest.got, guest.ended), (b"look", True))
        self.assertEqual(self.arrivals.waiting, 0)

    def test_gone(self) -> None:
        """Who goes while waiting is waited for no longer."""
        connection, _ = [self.knock() for _ in range(3)][2]
        connection.connectionLost(Failure(RuntimeError("gone")))
        self.assertEqual(self.arrivals.waiting, 0)
        self.clock.advance(1.0)
        self.assertEqual(len(self.guests.guests), 2)

    def test_full_meanwhile(self) -> None:
        """Who can't come in when it has its turn is dropped."""
        _, transport = [self.knock() for _ in range(3)][2]
        self.guests.full = True
        self.clock.advance(0.1)
        self.assertTrue(transport.disconnected)

    def test_closed(self) -> None:
        """When the door closes, those who wait are dropped."""
        connection, transport = [self.knock() for _ in range(3)][2]
        self.doorway.doStop()
        self.assertTrue(transport.disconnected)
        connection.connectionLost(Failure(RuntimeError("gone")))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.doorway.doStart()


class CrowdTest(DoorwayTestCase):
    crowds = True

    def test_trusted(self) -> None:
        """Those behind a trusted proxy of HTTP don't wait for each other here."""
        for _ in range(20):
            self.knock(PROXY)
        self.assertEqual(len(self.guests.guests), 20)
        for _ in range(20):
            self.knock()
        self.assertEqual(len(self.guests.guests), 22)


class IntroductionTest(DoorwayTestCase):
    proxied = True

    def test_introduced(self) -> None:
        """A trusted proxy's word counts, however it is cut; what follows it is the client's."""
        for cut in range(1, len(LINE), 7):
            connection, _ = self.knock(PROXY)
            connection.dataReceived(LINE[:cut])
            self.assertEqual(self.guests.guests, [])
            connection.dataReceived(LINE[cut:] + b"look")
            (guest,) = self.guests.guests
            self.assertEqual(guest.addr, ForwardedAddress(ANN, 50_000, tls=False))
            connection.dataReceived(b" around")
            self.assertEqual(guest.got, b"look around")
            self.guests.guests.clear()
            self.clock.advance(1.0)

    def test_untrusted(self) -> None:
        """From anyone else it is input like any other, and the connection is theirs."""
        connection, _ = self.knock()
        connection.dataReceived(LINE)
        (guest,) = self.guests.guests
        self.assertEqual((host_of(guest.addr), guest.got), (ANN, LINE))

    def test_itself(self) -> None:
        """A proxy that speaks for nobody is taken as itself."""
        connection, _ = self.knock(PROXY)
        connection.dataReceived(b"PROXY UNKNOWN\r\n")
        self.assertEqual(host_of(self.guests.guests[0].addr), PROXY)

    def test_no_header(self) -> None:
        """A trusted proxy that begins with anything else is dropped, and counted."""
        connection, transport = self.knock(PROXY)
        connection.dataReceived(b"connect Ann secret\r\n")
        self.assertTrue(transport.disconnected)
        connection.dataReceived(LINE)
        self.assertEqual(self.guests.guests, [])
        self.assertEqual(self.meter.counts["refusals bad_proxy_header"], 1)

    def test_too_late(self) -> None:
        """So is one that doesn't finish in time."""
        connection, transport = self.knock(PROXY)
        connection.dataReceived(LINE[:-1])
        self.clock.advance(HEADER_SECONDS)
        self.assertTrue(transport.disconnected)
        self.assertEqual(self.meter.counts["refusals bad_proxy_header"], 1)
        connection.connectionLost(Failure(RuntimeError("gone")))

    def test_turns(self) -> None:
        """It is the client that waits its turn, not the proxy; nothing it sent is lost."""
        knocks = [self.knock(PROXY) for _ in range(3)]
        for connection, _ in knocks:
            connection.dataReceived(LINE + b"look")
        connection, transport = knocks[2]
        self.assertEqual(len(self.guests.guests), 2)
        self.assertEqual(transport.producerState, "paused")
        connection.dataReceived(b" around")
        self.clock.advance(0.1)
        self.assertEqual(self.guests.guests[2].got, b"look around")

    def test_too_many(self) -> None:
        """A client that comes too often is dropped, whichever proxy it comes by."""
        knocks = [self.knock(PROXY) for _ in range(5)]
        for connection, _ in knocks:
            connection.dataReceived(LINE)
        self.assertTrue(knocks[4][1].disconnected)


class OriginTest(SynchronousTestCase):
    def test_secure(self) -> None:
        """By a proxy it is secure where TLS is spoken, with it or with us; loopback is not."""
        for host, tls, with_us, secure in (
            (ANN, True, False, True),
            (ANN, False, True, True),
            (ANN, False, False, False),
            ("127.0.0.1", False, False, False),
        ):
            address = ForwardedAddress(host, 50_000, tls)
            self.assertEqual(origin_of(address, with_us), Origin(host, secure))
