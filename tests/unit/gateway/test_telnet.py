"""The telnet protocol: bytes from a socket, lines for a link."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from mudserver.errors import CloseCode
from mudserver.gateway.admission import AdmissionLimits
from mudserver.gateway.telnet import BANNER_DELAY, TelnetConnection, TelnetFactory, TurnedAway
from mudserver.interfaces.authority import LookUpName, NameState, Origin
from mudserver.interfaces.play import Attach
from mudserver.wire.lines import MAX_LINE_BYTES
from tests.unit.gateway.bench import GatewayTestCase

BANNER = "Welcome."
GREETING = b"Welcome.\r\nName: \xff\xf9"

IAC, DONT, DO, WONT, WILL = b"\xff", b"\xfe", b"\xfd", b"\xfc", b"\xfb"
SB, GA, AYT, SE = b"\xfa", b"\xf9", b"\xf6", b"\xf0"
ECHO, SGA, TIMING_MARK, TTYPE, EOR = b"\x01", b"\x03", b"\x06", b"\x18", b"\x19"


class TelnetTestCase(GatewayTestCase):
    """Telnet connections over transports in memory."""

    admission = AdmissionLimits(connections=3, unauthenticated=3, total=4)

    def setUp(self) -> None:
        super().setUp()
        self.factory = TelnetFactory(self.shared, BANNER)
        self.connections: list[TelnetConnection] = []

    def tearDown(self) -> None:
        for connection in self.connections:
            self.lose(connection)
        super().tearDown()

    def lose(self, connection: TelnetConnection) -> None:
        connection.connectionLost(Failure(ConnectionDone()))

    def connect(
        self, host: str = "192.0.2.1", greeted: bool = True
    ) -> tuple[TelnetConnection, StringTransport]:
        address = IPv4Address("TCP", host, 50_000)
        connection = self.factory.buildProtocol(address)
        assert isinstance(connection, TelnetConnection)
        self.connections.append(connection)
        transport = StringTransport(peerAddress=address)
        connection.makeConnection(transport)
        if greeted:
            self.clock.advance(BANNER_DELAY)
            transport.clear()
        return connection, transport

    def take(self, transport: StringTransport) -> bytes:
        data = bytes(transport.value())
        transport.clear()
        return data


class TelnetTest(TelnetTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.connection, self.transport = self.connect()

    def receive(self, data: bytes) -> bytes:
        """What is written when that comes in."""
        self.connection.dataReceived(data)
        return self.take(self.transport)

    def test_greeting(self) -> None:
        """Whoever says nothing gets the banner a moment later."""
        _, transport = self.connect(greeted=False)
        self.assertEqual(transport.value(), b"")
        self.clock.advance(BANNER_DELAY)
        self.assertEqual(transport.value(), GREETING)

    def test_greeting_at_once(self) -> None:
        """Whoever speaks first gets it at once, and once."""
        connection, transport = self.connect(greeted=False)
        connection.dataReceived(IAC + WILL + TTYPE)
        self.assertEqual(self.take(transport), GREETING + IAC + DONT + TTYPE)
        self.clock.advance(BANNER_DELAY)
        self.assertEqual(transport.value(), b"")

    def test_lines(self) -> None:
        """CR LF, CR NUL and LF end lines, wherever the bytes are parted."""
        for end in (b"\r\n", b"\r\0", b"\n"):
            for byte in b"Ann" + end:
                self.connection.dataReceived(bytes((byte,)))
            request = self.world.answer(NameState.KNOWN)
            self.assertEqual(request, LookUpName("Ann", Origin("192.0.2.1", secure=False)))
            self.lose(self.connection)
            self.connection, self.transport = self.connect()

    def test_password_is_hidden(self) -> None:
        """ECHO is on from the question for a password to its answer."""
        self.connection.dataReceived(b"Ann\r\n")
        self.world.answer(NameState.KNOWN)
        self.assertEqual(self.take(self.transport), IAC + WILL + ECHO + b"Password: " + IAC + GA)
        self.assertEqual(self.receive(IAC + DO + ECHO), b"")
        self.assertEqual(self.receive(b"a long sentence\r\n"), IAC + WONT + ECHO + b"\r\n")
        self.assertEqual(self.receive(IAC + DONT + ECHO), b"")
        self.world.admit()

    def test_a_client_that_refuses_everything(self) -> None:
        """Whoever refuses each option can play all the same."""
        self.connection.dataReceived(b"Ann\r\n")
        self.world.answer(NameState.KNOWN)
        self.take(self.transport)
        self.assertEqual(self.receive(IAC + DONT + ECHO), b"")
        self.assertEqual(self.receive(b"a long sentence\r\n"), b"\r\n")
        session = self.world.admit().session
        self.world.show("The hall.", session)
        self.turn()
        self.assertEqual(self.take(self.transport), b"The hall.\r\n> " + IAC + GA)

    def test_prompt_marks(self) -> None:
        """A client that likes EOR gets EOR; one that suppresses go-aheads gets none."""
        self.assertEqual(self.receive(IAC + DO + EOR), IAC + WILL + EOR)
        self.assertEqual(self.receive(b"\r\n"), b"Name: " + IAC + b"\xef")
        self.connection, self.transport = self.connect()
        self.assertEqual(self.receive(IAC + DO + SGA), IAC + WILL + SGA)
        self.assertEqual(self.receive(b"\r\n"), b"Name: ")

    def test_options_are_refused_politely(self) -> None:
        """What we don't know is refused; what changes nothing is not answered."""
        for option in (0, 24, 31, 42, 86, 201, 255):
            byte = bytes((option,))
            self.assertEqual(self.receive(IAC + WILL + byte), IAC + DONT + byte)
            self.assertEqual(self.receive(IAC + DO + byte), IAC + WONT + byte)
            self.assertEqual(self.receive(IAC + WONT + byte), b"")
            self.assertEqual(self.receive(IAC + DONT + byte), b"")

    def test_timing_mark(self) -> None:
        """A peer that wants a timing mark gets it (RFC 860)."""
        self.assertEqual(self.receive(IAC + DO + TIMING_MARK), IAC + WILL + TIMING_MARK)

    def test_probe(self) -> None:
        """Silence is probed by a timing mark, whose answer proves life."""
        self.connection.dataReceived(b"connect Ann a long sentence\r\n")
        self.world.admit()
        self.take(self.transport)
        self.pass_time(60.0)
        self.assertEqual(self.take(self.transport), IAC + DO + TIMING_MARK)
        self.assertEqual(self.receive(IAC + WONT + TIMING_MARK), b"")
        self.pass_time(60.0)
        self.assertEqual(self.take(self.transport), IAC + DO + TIMING_MARK)
        self.pass_time(61.0)
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.meter.counts["closes telnet 3012"], 0)
        self.lose(self.connection)
        self.assertEqual(self.meter.counts["closes telnet 3012"], 1)

    def test_are_you_there(self) -> None:
        """AYT is answered on a row of its own, and the prompt stands again."""
        self.assertEqual(self.receive(IAC + AYT), b"\r\n[Yes, here.]\r\nName: " + IAC + GA)

    def test_other_commands(self) -> None:
        """Other commands, and subnegotiations of what we didn't agree to, are passed over."""
        self.assertEqual(self.receive(IAC + b"\xf1" + IAC + b"\xf4"), b"")
        self.assertEqual(self.receive(IAC + SB + TTYPE + b"\0xterm" + IAC + SE), b"")

    def test_a_flood_of_commands(self) -> None:
        """They are charged: a client that sends nothing else is closed, and written no more to."""
        for flood in (IAC + AYT, IAC + DO + TIMING_MARK, IAC + SB + TTYPE + IAC + SE):
            connection, transport = self.connect()
            connection.dataReceived(flood * 300)
            self.assertTrue(transport.disconnecting)
            written = len(transport.value())
            connection.dataReceived(flood * 1_000)
            self.assertEqual(len(transport.value()), written)
            self.lose(connection)
        self.assertEqual(self.meter.counts["closes telnet 3013"], 3)

    def test_a_flood_of_bytes(self) -> None:
        """Beyond the hard limit it is told so, once, and heard no more; later it is dropped."""
        connection, transport = self.connect()
        for _ in range(65):
            connection.dataReceived(b"x" * 65_536)
        self.assertEqual(self.meter.counts["refusals flood"], 1)
        self.assertTrue(transport.value().endswith(b"Too much at once.\r\n"))
        self.assertTrue(transport.disconnecting)
        self.pass_time(2.5)
        self.assertTrue(transport.disconnected)

    def test_a_flood_of_reads(self) -> None:
        """Single bytes are charged for the work that each is, not for their size alone."""
        connection, transport = self.connect()
        for _ in range(1_001):
            connection.dataReceived(b"x")
        self.assertEqual(self.meter.counts["refusals flood"], 1)
        self.assertTrue(transport.disconnecting)

    def test_option_replies_wait(self) -> None:
        """Where the peer doesn't read, answers to options wait, too, and come first."""
        connection, transport = self.connect()
        connection.pauseProducing()
        connection.dataReceived(IAC + DO + TTYPE)
        self.assertEqual(transport.value(), b"")
        connection.resumeProducing()
        self.assertEqual(transport.value(), IAC + WONT + TTYPE)

    def test_a_megabyte_without_an_end(self) -> None:
        """A line of 1 MB is refused once, and none of it kept; the next line is read."""
        for _ in range(16):
            self.connection.dataReceived(b"x" * 65_536)
        self.assertEqual(
            self.take(self.transport),
            b"That line is too long: %d bytes at most.\r\nName: " % MAX_LINE_BYTES + IAC + GA,
        )
        self.assertLessEqual(self.connection._lines.buffered, MAX_LINE_BYTES)
        self.assertEqual(self.meter.counts["refusals too_long"], 1)
        self.connection.dataReceived(b"\r\nAnn\r\n")
        self.assertEqual(len(self.world.requests), 1)
        self.world.answer(NameState.KNOWN)

    def test_long_subnegotiation(self) -> None:
        """A subnegotiation beyond its limit is refused and counted."""
        self.assertEqual(self.receive(IAC + SB + TTYPE + b"x" * 10_000 + IAC + SE), b"")
        self.assertEqual(self.meter.counts["refusals telnet_too_long"], 1)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.binary(max_size=300), max_size=6))
    def test_rubbish(self, pieces: list[bytes]) -> None:
        """Whatever the bytes: there is no error, and the answer is bounded."""
        connection, transport = self.connect()
        for piece in pieces:
            connection.dataReceived(piece)
            while self.world.asked:
                self.world.answer(NameState.FREE)
        self.assertLess(len(transport.value()), 20_000)
        self.lose(connection)

    def test_http(self) -> None:
        """An HTTP request is told in HTTP what this port is, and closed."""
        for request in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /api/session HTTP/1.1\r\n"):
            connection, transport = self.connect(greeted=False)
            connection.dataReceived(request)
            head, _, body = self.take(transport).partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 400 "))
            self.assertIn(b"Content-Type: text/plain", head)
            self.assertIn(b"telnet", body)
            self.assertTrue(transport.disconnecting)
            self.clock.advance(BANNER_DELAY)
            connection.dataReceived(b"more\r\n")
            self.assertEqual(transport.value(), b"")
            self.lose(connection)
        self.assertEqual(self.meter.counts["refusals http_on_telnet"], 2)
        self.assertEqual(self.meter.counts["closes telnet 3501"], 2)
        self.assertEqual(self.meter.counts["connections telnet"], 1)

    def test_get_is_no_http(self) -> None:
        """A line that only begins like a request is a line."""
        connection, transport = self.connect(greeted=False)
        connection.dataReceived(b"get lamp\r\n")
        self.assertTrue(transport.value().startswith(GREETING))
        self.world.answer(NameState.FREE)

    def test_our_own_fault(self) -> None:
        """A failure of ours costs this connection, and no other."""
        other, other_transport = self.connect()

        def fail(text: str) -> None:
            raise ZeroDivisionError

        self.connection._link.line = fail  # type: ignore[method-assign]
        self.connection.dataReceived(b"Ann\r\n")
        self.assertTrue(self.transport.disconnecting)
        self.assertIn(b"Something went wrong here.", self.transport.value())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        other.dataReceived(b"\r\n")
        self.assertFalse(other_transport.disconnecting)

    def test_full(self) -> None:
        """While the peer doesn't read, it isn't read from, and nothing is written to it."""
        self.connection.dataReceived(b"connect Ann a long sentence\r\n")
        session = self.world.admit().session
        self.take(self.transport)
        assert self.transport.producer is not None
        self.transport.producer.pauseProducing()
        self.assertEqual(self.transport.producerState, "paused")
        self.world.show("The hall.", session)
        self.turn()
        self.assertEqual(self.transport.value(), b"")
        self.transport.producer.resumeProducing()
        self.assertEqual(self.transport.producerState, "producing")
        self.turn()
        self.assertEqual(self.take(self.transport), b"The hall.\r\n> " + IAC + GA)

    def test_abort(self) -> None:
        """A peer that doesn't go after our goodbye is dropped."""
        self.connection._link.close(CloseCode.RESTART, "Later.")
        self.assertTrue(self.transport.disconnecting)
        self.assertIsNone(self.transport.producer)
        self.assertFalse(self.transport.disconnected)
        self.pass_time(2.5)
        self.assertTrue(self.transport.disconnected)

    def test_lost_before_the_greeting(self) -> None:
        """A connection that is gone before the banner leaves nothing behind."""
        connection, transport = self.connect(greeted=False)
        self.lose(connection)
        self.clock.advance(BANNER_DELAY)
        self.assertEqual(transport.value(), b"")


class FactoryTest(TelnetTestCase):
    """Who comes in, and as what."""

    def turned_away(self, host: str) -> bytes:
        protocol = self.factory.buildProtocol(IPv4Address("TCP", host, 50_000))
        self.assertIsInstance(protocol, TurnedAway)
        transport = StringTransport()
        protocol.makeConnection(transport)
        self.assertTrue(transport.disconnecting)
        return bytes(transport.value())

    def test_too_many_of_one_address(self) -> None:
        """One address has so many connections; the next is told so in one line."""
        for _ in range(3):
            self.connect()
        self.assertEqual(
            self.turned_away("192.0.2.1"),
            b"There are too many connections from your address.\r\n",
        )
        self.connect("192.0.2.2")
        self.assertEqual(self.meter.counts["refusals too_many_connections"], 1)

    def test_too_many_in_all(self) -> None:
        """So has the whole gateway."""
        for host in range(4):
            self.connect(f"192.0.2.{host}")
        self.assertIn(b"full", self.turned_away("192.0.2.9"))

    def test_places_are_given_back(self) -> None:
        """Who leaves makes room."""
        for _ in range(10):
            connection, _ = self.connect()
            self.lose(connection)

    def test_secure(self) -> None:
        """TLS is secure, and loopback is; plain telnet from elsewhere is not."""
        for host, tls, secure in (
            ("127.0.0.1", False, True),
            ("192.0.2.1", False, False),
            ("192.0.2.1", True, True),
        ):
            self.factory = TelnetFactory(self.shared, BANNER, tls=tls)
            connection, _ = self.connect(host)
            connection.dataReceived(b"connect Ann a long sentence\r\n")
            attach = self.world.admit()
            self.assertIsInstance(attach, Attach)
            self.assertEqual(attach.origin, Origin(host, secure))
            self.lose(connection)
