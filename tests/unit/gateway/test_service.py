"""The gateway's service opens its doors, and closes them with a word to everyone."""

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from zope.interface import implementer

from mudserver.errors import Overloaded, PortUnavailable
from mudserver.gateway.drain import CLOSES_PER_SECOND
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.service import Door, GatewayService
from mudserver.gateway.turnstile import Turnstile
from mudserver.interfaces.bus import EVERY_GATEWAY, gateway_subject
from mudserver.interfaces.continuity import AllReattached
from tests.unit.gateway.bench import GATEWAY, HOME, FakeWire, GatewayTestCase


@implementer(IListeningPort)
@define(eq=False)
class FakePort:
    """A port that closes when it is told to, or slowly."""

    number: int
    closed: bool = False
    slow: Deferred[None] | None = None

    def startListening(self) -> None:
        pass

    def stopListening(self) -> Deferred[None] | None:
        self.closed = True
        return self.slow

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self.number)


@implementer(IStreamServerEndpoint)
@define(eq=False)
class FakeEndpoint:
    """Where one can listen, or not."""

    port: FakePort
    error: Exception | None = None
    factories: list[IProtocolFactory] = field(factory=list)

    def listen(
        self,
        protocolFactory: IProtocolFactory,  # noqa: N803 - Twisted's name
    ) -> Deferred[IListeningPort]:
        if self.error is not None:
            return fail(self.error)
        self.factories.append(protocolFactory)
        return succeed(self.port)


class GatewayServiceTest(GatewayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.shared.switchboard.stop()
        self.shared.reaper.stop()
        self.endpoints = [FakeEndpoint(FakePort(number)) for number in (4000, 4001, 4002)]
        self.doors = [
            Door(name, f"tcp:{endpoint.port.number}", endpoint, Factory())
            for name, endpoint in zip(("telnet", "http", "https"), self.endpoints, strict=True)
        ]
        self.service = GatewayService(
            self.shared, self.doors, Turnstile(self.clock, self.shared.pick, self.meter)
        )

    def tearDown(self) -> None:
        self.assertEqual(len(self.shared.roster), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def connect(self) -> tuple[JsonLink, FakeWire]:
        wire = FakeWire()
        link = JsonLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address))
        link.accepted()
        link.opened()
        return link, wire

    def test_open(self) -> None:
        """All doors are opened, each to its factory; the addresses tell what is spoken where."""
        self.successResultOf(self.service.startService())
        for door, endpoint in zip(self.doors, self.endpoints, strict=True):
            self.assertEqual(endpoint.factories, [door.factory])
        self.assertEqual(
            [(name, getattr(address, "port", None)) for name, address in self.service.addresses()],
            [("telnet", 4000), ("http", 4001), ("https", 4002)],
        )
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.service.addresses(), ())

    def test_on_the_bus(self) -> None:
        """Worlds see the gateway from its start to its stop, and hear that all are re-attached."""
        there: list[frozenset[str]] = []
        self.bus.watch(EVERY_GATEWAY, there.append)
        self.successResultOf(self.service.startService())
        self.clock.advance(0)
        self.assertEqual(there, [frozenset(), frozenset({gateway_subject(GATEWAY)})])
        self.assertEqual(self.world.messages, [AllReattached(GATEWAY, 0, 0.0)])
        self.successResultOf(self.service.stopService())
        self.assertEqual(there[-1], frozenset())
        self.world.withdraw()
        self.assertEqual(len(self.world.messages), 1)

    def test_port_in_use(self) -> None:
        """A port that can't be had is named with its door and the reason; then no door is open."""
        self.endpoints[1].error = CannotListenError(
            "127.0.0.1", 4001, OSError(98, "Address already in use")
        )
        failure = self.failureResultOf(self.service.startService(), PortUnavailable)
        message = failure.getErrorMessage()
        for words in ("http", "tcp:4001", "Address already in use"):
            self.assertIn(words, message)
        self.assertTrue(self.endpoints[0].port.closed)
        self.assertEqual(self.endpoints[2].factories, [])
        self.assertEqual(self.service.addresses(), ())
        self.successResultOf(self.service.stopService())

    def test_nobody_there(self) -> None:
        """With nobody connected the stop waits for the doors alone."""
        closing: Deferred[None] = Deferred()
        self.endpoints[0].port.slow = closing
        self.successResultOf(self.service.startService())
        stopped = self.service.stopService()
        self.assertNoResult(stopped)
        closing.callback(None)
        self.successResultOf(stopped)
        self.assertTrue(all(endpoint.port.closed for endpoint in self.endpoints))

    def test_drain(self) -> None:
        """Everyone is told 3001, with a moment to come back at, and waited for."""
        self.successResultOf(self.service.startService())
        guests = [self.connect() for _ in range(3)]
        stopped = self.service.stopService()
        self.clock.advance(len(guests) / CLOSES_PER_SECOND)
        for _, wire in guests:
            (closing,) = wire.messages()
            self.assertEqual((closing["type"], closing["code"]), ("closing", 3001))
            self.assertTrue(0.0 <= closing["reconnect_after"] <= 5.0)
            self.assertEqual(wire.code, 3001)
        for link, _ in guests[:-1]:
            link.lost("gone")
        self.assertNoResult(stopped)
        guests[-1][0].lost("gone")
        self.successResultOf(stopped)
        self.assertFalse(any(wire.aborted for _, wire in guests))

    def test_players_are_detached_first(self) -> None:
        """When the stop is over, the world knows that all players are gone."""
        self.successResultOf(self.service.startService())
        link, _ = self.connect()
        link.received(b'{"type": "hello", "ticket": "t", "csrf": "c"}', binary=False)
        session = self.world.admit().session
        stopped = self.service.stopService()
        self.clock.advance(1 / CLOSES_PER_SECOND)
        link.lost("gone")
        self.successResultOf(stopped)
        self.assertEqual([message.session for message in self.world.detached], [session])

    def test_who_doesn_t_leave(self) -> None:
        """Whoever doesn't leave in time is dropped, and the stop is over when all are gone."""
        self.successResultOf(self.service.startService())
        quick, _ = self.connect()
        slow, wire = self.connect()
        stopped = self.service.stopService()
        quick.lost("gone")
        self.pass_time(1.5)
        self.assertFalse(wire.aborted)
        self.pass_time(1.0)
        self.assertTrue(wire.aborted)
        self.assertNoResult(stopped)
        slow.lost("aborted")
        self.successResultOf(stopped)

    def test_who_can_t_be_dropped(self) -> None:
        """Not even a connection that can't be dropped keeps the daemon from its end."""
        self.successResultOf(self.service.startService())
        link, _ = self.connect()
        stopped = self.service.stopService()
        self.pass_time(5.0)
        self.successResultOf(stopped)
        link.lost("at last")

    def test_nobody_new(self) -> None:
        """While everyone leaves, nobody comes in by a door that one came through before."""
        self.successResultOf(self.service.startService())
        link, _ = self.connect()
        stopped = self.service.stopService()
        with self.assertRaises(Overloaded):
            self.shared.admission.admit(HOME.address)
        link.lost("gone")
        self.successResultOf(stopped)

    def test_hurry(self) -> None:
        """Who is in a hurry waits for no goodbye."""
        self.service.hurry()
        self.successResultOf(self.service.startService())
        guests = [self.connect() for _ in range(20)]
        stopped = self.service.stopService()
        self.service.hurry()
        self.assertEqual({wire.code for _, wire in guests}, {3001})
        for link, wire in guests:
            link.lost("gone")
            self.assertFalse(wire.aborted)
        self.successResultOf(stopped)

    def test_tasks_end(self) -> None:
        """What still runs in the background is cancelled."""
        self.successResultOf(self.service.startService())
        link, _ = self.connect()
        link.received(b'{"type": "hello", "ticket": "t", "csrf": "c"}', binary=False)
        self.assertEqual(len(self.shared.tasks), 1)
        link.lost("reset")
        self.successResultOf(self.service.stopService())
        self.assertEqual(len(self.shared.tasks), 0)
