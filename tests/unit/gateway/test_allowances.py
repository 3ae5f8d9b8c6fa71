"""What may be sent is counted by character and by address, and a reconnect fills no bucket."""

from ipaddress import ip_network

from attrs import evolve

from mudserver.errors import CloseCode
from mudserver.gateway.allowances import AllowanceLimits, Allowances
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.telnet import TelnetFactory
from mudserver.interfaces.authority import Origin
from mudserver.interfaces.play import Refusal
from mudserver.session.bucket import Rate
from tests.unit.gateway.bench import FakeWire
from tests.unit.gateway.json_links import HELLO, JsonLinkTestCase
from tests.unit.gateway.test_telnet import TelnetTestCase

IAC_NOP = b"\xff\xf1"


class ReconnectTest(JsonLinkTestCase):
    """A player who comes back finds the buckets as they were left."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, self.welcome = self.enter()

    def again(self) -> tuple[JsonLink, FakeWire]:
        """Leave for good, and log in anew."""
        self.link.lost("reset")
        link, wire, _, _ = self.enter()
        return link, wire

    def passed(self) -> int:
        """How many commands the world got since the last time."""
        amount = len(self.world.inputs)
        self.world.messages.clear()
        return amount

    def test_no_fresh_burst_of_commands(self) -> None:
        """Whoever has used up the burst of commands and logs in again has none."""
        for _ in range(30):
            self.command(self.link, "look")
        self.assertEqual(self.passed(), 30)
        link, _ = self.again()
        for _ in range(30):
            self.command(link, "look")
        self.assertEqual(self.passed(), 0)
        self.clock.advance(1.0)
        self.assertEqual(self.passed(), 10)

    def test_no_fresh_burst_by_resume(self) -> None:
        """Nor has who resumes."""
        for _ in range(30):
            self.command(self.link, "look")
        for number in range(30):
            self.world.settle(self.session, number + 1)
        self.link.lost("reset")
        self.passed()
        link, _ = self.come_back(self.welcome, seq=0)
        self.world.admit(generation=2, recovered=True)
        self.command(link, "look")
        self.assertEqual(self.passed(), 0)

    def test_no_fresh_burst_of_other_messages(self) -> None:
        """The same goes for all that is no command."""
        for _ in range(200):
            self.send(self.link, {"type": "ping"})
        link, wire = self.again()
        self.send(link, {"type": "ping"})
        self.turn()
        (error,) = wire.messages()
        self.assertEqual(error["code"], "rate_limited")

    def test_abuse_is_remembered(self) -> None:
        """Whoever was closed 3013 and goes on is closed at once, until it has calmed down."""
        for _ in range(51):
            self.send(self.link, "rubbish")
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)
        link, wire = self.again()
        self.send(link, "rubbish")
        self.assertIs(wire.code, CloseCode.TOO_MANY_MESSAGES)
        link.lost("gone")
        self.pass_time(30.0)
        link, wire, _, _ = self.enter()
        self.send(link, "rubbish")
        self.assertIsNone(wire.closed)

    def test_what_the_world_refuses(self) -> None:
        """What the world refuses as too much is charged like what the gateway refuses."""
        self.typed(self.session, 52)
        refusal = Refusal("rate_limited", "Too many tells.", retry_after=1.0)
        for number in range(50):
            self.world.settle(self.session, number + 1, refusal=refusal)
        self.assertIsNone(self.wire.closed)
        self.world.settle(self.session, 51, refusal=Refusal("not_allowed", "You can't."))
        self.assertIsNone(self.wire.closed)
        self.world.settle(self.session, 52, refusal=refusal)
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_bounded(self) -> None:
        """Of those who are idle nothing is kept."""
        allowances = self.shared.allowances
        for _ in range(5):
            self.command(self.link, "look")
            self.send(self.link, {"type": "ping"})
        self.assertEqual(len(allowances._commands), 1)
        self.pass_time(60.0)
        other = allowances.of_character("Bob")
        for bucket in (other.commands, other.out_of_band):
            self.assertTrue(bucket.take(self.clock.seconds()))
        self.assertEqual((len(allowances._commands), len(allowances._out_of_band)), (1, 1))


class StrangersTest(TelnetTestCase):
    """Who has not logged in is counted by address as well."""

    def setUp(self) -> None:
        super().setUp()
        limits = AllowanceLimits(out_of_band=Rate(1.0, burst=20.0), strangers=Rate(1.0, burst=50.0))
        exempt = (ip_network("198.51.100.0/24"),)
        self.shared = evolve(self.shared, allowances=Allowances(limits, exempt))
        self.factory = TelnetFactory(self.shared, "Welcome.")

    def flood(self, host: str) -> int:
        """Connect, send what is no line, and hang up; return how much of it was taken."""
        connection, _ = self.connect(host)
        before = self.meter.counts["refusals rate_limited"]
        connection.dataReceived(IAC_NOP * 30)
        self.lose(connection)
        return 30 - (self.meter.counts["refusals rate_limited"] - before)

    def test_reconnecting_fills_nothing(self) -> None:
        """Each connection has a burst of its own, and all of an address have one together."""
        self.assertEqual([self.flood("192.0.2.1") for _ in range(4)], [20, 20, 10, 0])
        self.assertEqual(self.flood("192.0.2.2"), 20)

    def test_bytes_of_an_address(self) -> None:
        """Bytes are counted by address as well, and at the first of too many a connection ends."""
        limits = AllowanceLimits(strangers_bytes=Rate(1.0, burst=1_000.0))
        self.shared = evolve(self.shared, allowances=Allowances(limits))
        self.factory = TelnetFactory(self.shared, "Welcome.")
        for _ in range(3):
            connection, _ = self.connect("192.0.2.3")
            connection.dataReceived(b"x" * 300)
            self.lose(connection)
        self.assertEqual(self.meter.counts["refusals flood"], 0)
        connection, _ = self.connect("192.0.2.3")
        connection.dataReceived(b"x" * 300)
        self.lose(connection)
        self.assertEqual(self.meter.counts["closes telnet 3013"], 1)

    def test_exempt(self) -> None:
        """Exempt networks have only the burst of each connection."""
        self.assertEqual([self.flood("198.51.100.1") for _ in range(4)], [20] * 4)

    def test_by_network(self) -> None:
        """The addresses of one /64 are one."""
        allowances = self.shared.allowances
        taken = [
            allowances.of_stranger(f"2001:db8::{number:x}").out_of_band.take(0.0, 20.0)
            for number in range(1, 5)
        ]
        self.assertEqual(taken, [True, True, False, False])


class HelloTest(JsonLinkTestCase):
    """A WebSocket says one thing before it is let in."""

    def test_early_messages_are_charged(self) -> None:
        """What comes early is charged to the player when it is done."""
        link, _ = self.connect()
        self.send(link, HELLO)
        for _ in range(20):
            self.send(link, {"type": "ping"})
        self.world.admit()
        bucket = self.shared.allowances.of_character("Ann").out_of_band
        self.assertFalse(bucket.take(self.clock.seconds(), 181.0))
        self.assertTrue(bucket.take(self.clock.seconds(), 180.0))


class OriginTest(JsonLinkTestCase):
    """Characters are counted wherever they come from."""

    def test_from_another_address(self) -> None:
        """Another address gives a player no other bucket."""
        link, _, _, _ = self.enter()
        for _ in range(30):
            self.command(link, "look")
        wire = FakeWire()
        elsewhere = Origin("198.51.100.9", secure=True)
        place = self.shared.admission.admit(elsewhere.address)
        other = JsonLink(self.shared, wire, elsewhere, place)
        self.links.append(other)
        other.accepted()
        other.opened()
        self.send(other, HELLO)
        self.world.admit(generation=2)
        self.command(other, "look")
        self.assertEqual(len(self.world.inputs), 30)
