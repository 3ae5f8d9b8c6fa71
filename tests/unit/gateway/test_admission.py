"""How many connections there may be at once."""

from ipaddress import ip_network

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import Overloaded, TooManyTries
from mudserver.gateway.admission import Admission, AdmissionLimits
from mudserver.gateway.origin import host_of, is_loopback
from mudserver.gateway.telnet import TelnetConnection, TelnetFactory, TurnedAway
from tests.unit.gateway.web_bench import Bench

ANN = "192.0.2.1"
BETH = "192.0.2.2"


class AdmissionTests(SynchronousTestCase):
    """Counts of connections."""

    def test_connections(self) -> None:
        """One address has so many; others are not concerned, and who leaves makes room."""
        admission = Admission(AdmissionLimits(connections=2))
        first, _ = admission.admit(ANN), admission.admit(ANN)
        error = self.assertRaises(TooManyTries, admission.admit, ANN)
        self.assertEqual(error.code, "too_many_connections")
        self.assertGreater(error.retry_after or 0, 0)
        admission.admit(BETH)
        first.leave()
        admission.admit(ANN)
        self.assertRaises(TooManyTries, admission.admit, ANN)

    def test_leave_twice(self) -> None:
        """A place is given back once, however often that is said."""
        admission = Admission(AdmissionLimits(connections=2))
        first, _ = admission.admit(ANN), admission.admit(ANN)
        for _ in range(3):
            first.leave()
        admission.admit(ANN)
        self.assertRaises(TooManyTries, admission.admit, ANN)

    def test_unauthenticated(self) -> None:
        """Fewer may be logging in than may play; who has said who it is counts there no more."""
        admission = Admission(AdmissionLimits(connections=3, unauthenticated=1))
        first = admission.admit(ANN)
        self.assertRaises(TooManyTries, admission.admit, ANN)
        first.authenticated()
        first.authenticated()
        second = admission.admit(ANN)
        self.assertRaises(TooManyTries, admission.admit, ANN)
        second.leave()
        third = admission.admit(ANN)
        third.authenticated()
        admission.admit(ANN).authenticated()
        self.assertRaises(TooManyTries, admission.admit, ANN)

    def test_ipv6(self) -> None:
        """All addresses of a /64 count as one."""
        admission = Admission(AdmissionLimits(connections=1))
        admission.admit("2001:db8:0:1::1")
        self.assertRaises(TooManyTries, admission.admit, "2001:db8:0:1:ffff::9")
        admission.admit("2001:db8:0:2::1")

    def test_mapped(self) -> None:
        """IPv4 written as IPv6 is IPv4: not everyone is one customer then."""
        admission = Admission(AdmissionLimits(connections=1))
        admission.admit("::ffff:192.0.2.1")
        admission.admit("::ffff:192.0.2.2")
        self.assertRaises(TooManyTries, admission.admit, ANN)

    def test_exempt(self) -> None:
        """Networks that are exempt have as many as they like, up to what the gateway takes."""
        limits = AdmissionLimits(
            connections=1, http=1, total=3, exempt=(ip_network("10.0.0.0/8"), ip_network("::1"))
        )
        admission = Admission(limits)
        addresses = ("10.1.1.1", "10.1.1.1", "::1")
        for address in addresses:
            admission.admit_http(address)
        places = [admission.admit(address) for address in addresses]
        self.assertRaises(Overloaded, admission.admit, "10.1.1.1")
        self.assertRaises(Overloaded, admission.admit, ANN)
        places[0].leave()
        admission.admit(ANN)

    def test_http(self) -> None:
        """HTTP connections are counted apart."""
        admission = Admission(AdmissionLimits(connections=1, http=1))
        place = admission.admit_http(ANN)
        admission.admit(ANN)
        self.assertRaises(TooManyTries, admission.admit_http, ANN)
        place.leave()
        admission.admit_http(ANN)

    def test_pending(self) -> None:
        """Only so many may be coming in, from wherever, exempt or not; HTTP counts throughout."""
        admission = Admission(AdmissionLimits(pending=3, exempt=(ip_network(ANN),)))
        player, web = admission.admit(ANN), admission.admit_http(BETH)
        admission.admit_http(None)
        for refuse in (admission.admit, admission.admit_http):
            self.assertRaises(Overloaded, refuse, ANN)
        self.assertRaises(Overloaded, admission.admit_http, None)
        player.authenticated()
        admission.admit(ANN).authenticated()
        admission.admit(ANN)
        self.assertRaises(Overloaded, admission.admit, ANN)
        web.leave()
        admission.admit(BETH)

    def test_refusals_count_nothing(self) -> None:
        """Who was refused has not taken a place."""
        admission = Admission(AdmissionLimits(connections=1, total=2))
        place = admission.admit(ANN)
        for _ in range(5):
            self.assertRaises(TooManyTries, admission.admit, ANN)
        admission.admit(BETH)
        place.leave()
        admission.admit(ANN)


class TelnetTests(SynchronousTestCase):
    """The same at the telnet port."""

    def setUp(self) -> None:
        self.bench = Bench(admission=AdmissionLimits(connections=1))
        self.factory = TelnetFactory(self.bench.shared, "Welcome!")
        self.transport = StringTransport()

    def connect(self) -> TelnetConnection | TurnedAway:
        connection = self.factory.buildProtocol(IPv4Address("TCP", ANN, 50_000))
        assert isinstance(connection, TelnetConnection | TurnedAway)
        self.transport = StringTransport()
        connection.makeConnection(self.transport)
        return connection

    def test_turned_away(self) -> None:
        """One too many reads why, and the connection closes."""
        self.connect()
        self.assertIsInstance(self.connect(), TurnedAway)
        self.assertEqual(
            self.transport.value(), b"There are too many connections from your address.\r\n"
        )
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.bench.meter.counts["refusals too_many_connections"], 1)

    def test_given_back(self) -> None:
        """A connection that ends makes room."""
        first = self.connect()
        first.connectionLost()
        self.assertIsInstance(self.connect(), TelnetConnection)


class PeerTests(SynchronousTestCase):
    """Addresses of peers."""

    def test_unix(self) -> None:
        """Who comes by a Unix socket is on this machine."""
        self.assertTrue(is_loopback(host_of(UNIXAddress(b"/run/mud.sock"))))

    def test_forms(self) -> None:
        """An address has one form, whatever the socket calls it."""
        self.assertEqual(host_of(IPv4Address("TCP", "::ffff:192.0.2.1", 1)), "192.0.2.1")
        self.assertEqual(host_of(None), "")
        self.assertFalse(is_loopback(""))
