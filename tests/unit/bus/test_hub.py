"""The hub of the bus, and peers that come to it."""

from collections.abc import Callable
from typing import cast

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.test.iosim import FakeTransport, IOPump, connect, makeFakeClient, makeFakeServer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mudserver.bus.codec import MAX_PAYLOAD_BYTES
from mudserver.bus.commands import JoinRefused, PeerInfo
from mudserver.bus.doormen import Believer, Doorman
from mudserver.bus.entrance import Entrance
from mudserver.bus.envelopes import (
    Answer,
    Ask,
    Deliver,
    Envelope,
    Fail,
    Present,
    Publish,
    Receipt,
    Refused,
    Respond,
    Shed,
    Subscribe,
    Watch,
)
from mudserver.bus.hub import Hub
from mudserver.bus.hub_limits import HubLimits
from mudserver.bus.link import Link
from mudserver.bus.link_limits import LinkLimits
from mudserver.bus.members import ExchangeLimits
from mudserver.bus.rights import ALL_RIGHTS, Rights
from mudserver.errors import PortUnavailable, StartupError
from mudserver.telemetry.metrics import PrometheusMeter
from tests.unit.bus.links import Owner
from tests.unit.logs import Captured


@implementer(IListeningPort)
class Port:
    """Pretends to listen."""

    def __init__(self, host: IAddress) -> None:
        self._host = host
        self.open = True

    def startListening(self) -> None:
        raise AssertionError("it listens already")

    def stopListening(self) -> Deferred[None]:
        self.open = False
        return succeed(None)

    def getHost(self) -> IAddress:
        return self._host


@implementer(IStreamServerEndpoint)
class Endpoint:
    """Gives away what should be listened with."""

    factory: IProtocolFactory

    def __init__(self, host: IAddress) -> None:
        self.port = Port(host)

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        self.factory = factory
        return succeed(self.port)


@implementer(IStreamServerEndpoint)
class Taken:
    """Can't be had."""

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        return fail(CannotListenError("", 1, OSError(98, "Address already in use")))


class Anyone:
    """Lets everybody do everything."""

    def admit(self, transport: object, claimed: PeerInfo) -> Rights:
        return ALL_RIGHTS


def hub_end(factory: IProtocolFactory) -> Link | None:
    """Connect to the hub, and return its end."""
    return cast(Link | None, factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 4101)))


class Peer:
    """A peer's end of a link to the hub."""

    def __init__(
        self, clock: Clock, factory: IProtocolFactory, me: PeerInfo, limits: LinkLimits | None
    ) -> None:
        self.owner = Owner()
        self.link = Link(self.owner, me, lambda link, hub: None, clock, limits)
        self.near: FakeTransport = makeFakeClient(self.link)
        self.pump: IOPump | None = None
        there = hub_end(factory)
        self.refused = there is None
        if there is not None:
            self.there: Link = there
            far = makeFakeServer(there)
            self.pump = connect(there, far, self.link, self.near, clock=clock, greet=False)

    @property
    def got(self) -> list[Envelope]:
        return self.owner.envelopes

    def say(self, *envelopes: Envelope) -> None:
        for envelope in envelopes:
            self.link.send(envelope)


class HubTestCase(SynchronousTestCase):
    """Has a hub in a process that has nothing else."""

    limits = HubLimits()
    doorman: Doorman = Anyone()

    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = PrometheusMeter()
        self._logs = self.enterContext(Captured())
        self.endpoint = Endpoint(UNIXAddress("/run/bus.sock"))
        self.peers: list[Peer] = []
        self.hub = self.make_hub(Entrance("unix:/run/bus.sock", self.endpoint, self.doorman))
        self.successResultOf(self.hub.startService())
        self.addCleanup(self.stop)

    def make_hub(self, *entrances: Entrance) -> Hub:
        return Hub("hub", "h1", entrances, clock=self.clock, meter=self.meter, limits=self.limits)

    def stop(self) -> None:
        """Stop the hub; nothing of it is left."""
        stopped = self.hub.stopService()
        self.pass_time(self.limits.farewell + self.limits.link.deadline)
        self.successResultOf(stopped)
        self.assertEqual(self.hub.peers(), ())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def come(
        self,
        name: str,
        role: str = "world",
        instance: str = "i1",
        limits: LinkLimits | None = None,
    ) -> Peer:
        """Let a peer come, and wait until it has joined or not."""
        peer = Peer(self.clock, self.endpoint.factory, PeerInfo(name, role, instance), limits)
        self.peers.append(peer)
        self.settle()
        return peer

    def settle(self) -> None:
        """Let all go to where it goes, in no time."""
        moved = True
        while moved:
            self.clock.advance(0)
            moved = False
            for peer in self.peers:
                if peer.pump is not None:
                    moved = peer.pump.pump(advanceClock=False) or moved

    def pass_time(self, seconds: float, step: float = 0.25) -> None:
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            self.settle()

    def logged(self, words: str) -> list[str]:
        """Return the lines of the log that contain those words."""
        lines = [formatEvent(event) for event in self._logs]
        return [line for line in lines if words in line]

    def measured(self, name: str, **labels: str) -> float:
        value = self.meter.registry.get_sample_value(f"mud_{name}", labels)
        return 0.0 if value is None else value


class PassingOnTest(HubTestCase):
    def test_messages(self) -> None:
        """What a peer publishes goes to those who subscribed; the receipts come back."""
        world, one, two = self.come("w"), self.come("g1"), self.come("g2")
        one.say(Subscribe(1, "a.*"))
        two.say(Subscribe(4, "a.b"))
        self.settle()
        world.say(Publish("a.b", 1, "", b"lossy"), Publish("a.b", 2, "m1", b"durable"))
        self.settle()
        self.assertEqual(
            one.got,
            [
                Deliver((1,), "w/i1/1", "a.b", 1, "", b"lossy"),
                Deliver((1,), "w/i1/1", "a.b", 2, "m1", b"durable"),
            ],
        )
        self.assertEqual(len(two.got), 2)
        one.say(Receipt("w/i1/1", "m1", 1))
        two.say(Receipt("w/i1/1", "m1", 1))
        self.settle()
        self.assertEqual(world.got, [Receipt("", "m1", 2)])

    def test_requests(self) -> None:
        """A question goes to the responder, its answer to the asker."""
        asker, responder = self.come("g1"), self.come("w")
        asker.say(Watch(1, "world"))
        responder.say(Respond("world"))
        self.settle()
        asker.say(Ask(7, "world", 10.0, b"?"))
        self.settle()
        [ask] = responder.got
        assert isinstance(ask, Ask)
        responder.say(Answer(ask.id, b"!"))
        self.settle()
        self.assertEqual(asker.got, [Present(1, ()), Present(1, ("world",)), Answer(7, b"!")])

    def test_who_goes(self) -> None:
        """Those who wait for one whose connection breaks are told at once."""
        asker, responder = self.come("g1"), self.come("w")
        responder.say(Respond("world"), Subscribe(1, "world"))
        self.settle()
        asker.say(Watch(1, "world"), Ask(7, "world", 10.0, b"?"), Publish("world", 1, "m1", b"x"))
        self.settle()
        self.assertEqual(asker.got, [Present(1, ("world",))])
        asker.got.clear()
        responder.near.abortConnection()
        self.settle()
        kinds = [type(each) for each in asker.got]
        self.assertEqual(kinds, [Present, Fail, Receipt])
        self.assertEqual(asker.got[0], Present(1, ()))
        self.assertEqual(asker.got[2], Receipt("", "m1", 0))
        self.assertEqual([peer.name for peer in self.hub.peers()], ["g1"])

    def test_never_confirmed(self) -> None:
        """What a receiver that is there never confirms counts as not received, after a while."""
        world, gateway = self.come("w"), self.come("g1")
        gateway.say(Subscribe(1, "a"))
        self.settle()
        world.say(Publish("a", 1, "m1", b"x"))
        self.pass_time(self.limits.exchange.confirmation - 2)
        self.assertEqual(world.got, [])
        self.pass_time(4)
        self.assertEqual(world.got, [Receipt("", "m1", 0)])

    def test_measures(self) -> None:
        """Who is there, what they said and got, and what waits is measured."""
        world, gateway = self.come("w"), self.come("g1", "gateway")
        gateway.say(Subscribe(1, "a"), Respond("g"))
        self.settle()
        world.say(Publish("a", 1, "m1", b"x"), Publish("a", 2, "", b"x"), Ask(1, "g", 10.0, b"?"))
        self.settle()
        world.say(Answer(99, b""))
        self.pass_time(2)
        self.assertEqual(self.measured("hub_peers", role="gateway"), 1)
        self.assertEqual(self.measured("hub_heard_total", kind="publish"), 2)
        self.assertEqual(self.measured("hub_said_total", kind="deliver"), 2)
        self.assertEqual(self.measured("hub_said_total", kind="ask"), 1)
        self.assertEqual(self.measured("hub_questions"), 1)
        self.assertEqual(self.measured("hub_unconfirmed"), 1)
        self.assertEqual(self.measured("hub_strays_total", kind="answer"), 1)
        self.assertEqual(self.measured("hub_queue_bytes"), 0)
        gateway.near.abortConnection()
        self.settle()
        self.assertEqual(self.measured("hub_peers", role="gateway"), 0)


class JoiningTest(HubTestCase):
    limits = HubLimits(peers=2, strangers=2)
    doorman = Believer()

    def refused(self, peer: Peer) -> str:
        [error] = peer.owner.ends
        self.assertIsInstance(error, JoinRefused)
        self.assertEqual(peer.owner.joins, 0)
        return str(error)

    def test_joins(self) -> None:
        """Each who may join is there until it goes, and the log says so."""
        peer = self.come("g1", "gateway", "run 1")
        self.assertEqual(peer.owner.joins, 0, "no name")
        peer = self.come("g1", "gateway", "run-1")
        self.assertEqual(peer.owner.joins, 1)
        self.assertEqual(self.hub.peers(), (PeerInfo("g1", "gateway", "run-1"),))
        self.assertEqual(peer.link.peer, PeerInfo("hub", "bus", "h1"))
        peer.link.close("done")
        self.pass_time(1)
        self.assertEqual(self.hub.peers(), ())

    def test_names(self) -> None:
        """A name that could stand for other peers' subjects is refused."""
        self.assertIn("no name", self.refused(self.come("a.b", "gateway")))
        self.assertEqual(self.measured("hub_joins_refused_total"), 1)
        self.assertEqual(len(self.logged("gateway a.b may not join the bus by unix:")), 1)

    def test_doorman(self) -> None:
        """Whom the doorman does not let in is told why."""
        self.assertIn("no role", self.refused(self.come("x", "bus")))

    def test_rights(self) -> None:
        """A peer has the rights that the doorman gave it; what it is refused is counted."""
        gateway = self.come("g1", "gateway")
        gateway.say(Subscribe(1, "gateway.g1"), Subscribe(2, "gateway.g2"))
        self.settle()
        self.assertEqual(gateway.got, [Refused("subscribe", "gateway.g2", "not allowed")])
        self.assertEqual(self.measured("hub_refused_total", role="gateway", kind="subscribe"), 1)

    def test_refusals_are_logged_now_and_then(self) -> None:
        """However much a peer is refused, the log says so once a minute, and how often."""
        gateway = self.come("g1", "gateway")
        for _ in range(5):
            gateway.say(Subscribe(2, "gateway.g2"))
        self.settle()
        self.assertEqual(len(self.logged("is refused to")), 1)
        self.pass_time(self.limits.logged)
        gateway.say(Subscribe(2, "gateway.g2"))
        self.settle()
        first, second = self.logged("is refused to")
        self.assertIn("1 refusals", first)
        self.assertIn("5 refusals", second)

    def test_too_many(self) -> None:
        """Beyond the limit nobody joins; but one that is there may come again."""
        self.come("g1", "gateway")
        self.come("g2", "gateway")
        self.assertIn("too many", self.refused(self.come("g3", "gateway")))
        self.assertEqual(self.come("g2", "gateway").owner.joins, 1)

    def test_strangers(self) -> None:
        """Of those who say nothing only so many are kept, and not for long."""
        silent = [hub_end(self.endpoint.factory) for _ in range(2)]
        for each in silent:
            assert each is not None
            each.makeConnection(makeFakeServer(each))
        for _ in range(3):
            self.assertTrue(self.come("g1", "gateway").refused)
        self.assertEqual(self.measured("hub_joins_refused_total"), 3)
        self.assertEqual(len(self.logged("too many have not joined")), 1)
        self.pass_time(self.limits.link.deadline + 1)
        for each in silent:
            assert each is not None
            each.connectionLost()
        self.assertEqual(self.come("g1", "gateway").owner.joins, 1)

    def test_comes_again(self) -> None:
        """A peer whose old connection hangs takes its own place at once."""
        world = self.come("w1", "world")
        world.say(Watch(1, "gateway.*"))
        old = self.come("g1", "gateway", "i1")
        old.say(Respond("gateway.g1"), Subscribe(1, "gateway.g1"))
        self.settle()
        self.peers.remove(old)  # nothing gets through to it, or from it, any more
        new = self.come("g1", "gateway", "i2")
        self.assertEqual(new.owner.joins, 1)
        self.assertEqual(world.got[-1], Present(1, ()))
        new.say(Respond("gateway.g1"), Subscribe(1, "gateway.g1"))
        self.settle()
        self.assertEqual(world.got[-1], Present(1, ("gateway.g1",)))
        world.say(Publish("gateway.g1", 1, "m1", b"x"))
        self.settle()
        self.assertEqual(new.got, [Deliver((1,), "w1/i1/1", "gateway.g1", 1, "m1", b"x")])
        self.assertEqual(len(self.hub.peers()), 2)
        self.assertEqual(self.measured("hub_peers", role="gateway"), 1)
        self.pass_time(self.limits.link.deadline + self.limits.link.patience)
        self.peers.append(old)
        self.settle()
        self.assertEqual(len(self.hub.peers()), 2, "the old end takes nobody away")

    def test_early_ends(self) -> None:
        """A connection that ends before it has joined is counted, and logged once a minute."""
        for _ in range(3):
            link = hub_end(self.endpoint.factory)
            assert link is not None
            link.makeConnection(makeFakeServer(link))
            link.connectionLost()
        self.assertEqual(self.measured("hub_joins_refused_total"), 3)
        [line] = self.logged("ended before it had joined the bus")
        self.assertIn("The connection is lost", line)
        self.pass_time(self.limits.logged)
        link = hub_end(self.endpoint.factory)
        assert link is not None
        link.makeConnection(makeFakeServer(link))
        link.connectionLost()
        self.assertEqual(len(self.logged("ended before it had joined the bus")), 2)

    def test_nonsense(self) -> None:
        """Whatever nonsense comes, it is one line a minute for all of a host."""
        for size in range(256, 356):
            link = hub_end(self.endpoint.factory)
            assert link is not None
            transport = makeFakeServer(link)
            link.makeConnection(transport)
            link.dataReceived(size.to_bytes(2, "big") + bytes(size))
            link.connectionLost()
        self.assertEqual(len(self.logged("What came is no AMP")), 1)

    def test_refused_again_and_again(self) -> None:
        """One who may not join, and tries on and on, is logged once a minute."""
        for name in ("g.1", "g.1", "g.2"):
            self.come(name, "gateway")
        self.assertEqual(self.measured("hub_joins_refused_total"), 3)
        self.assertEqual(len(self.logged("g.1 may not join the bus")), 1)
        self.assertEqual(len(self.logged("g.2 may not join the bus")), 1)
        self.assertEqual(self.logged("ended before it had joined"), [])

    def test_replaced_are_no_strangers(self) -> None:
        """Connections that hang keep nobody out, however many they are."""
        hung: list[Peer] = []
        for number in range(2 * self.limits.strangers):
            hung.append(self.come("g1", "gateway", f"i{number}"))
            self.assertEqual(hung[-1].owner.joins, 1)
            self.peers.clear()
        self.assertEqual(len(self.hub.peers()), 1)
        self.peers += hung
        self.settle()

    def test_one_of_a_name(self) -> None:
        """Of two processes of one name the later one stays; the logs say that this is wrong."""
        first, second = self.come("g1", "gateway", "i1"), self.come("g1", "gateway", "i2")
        self.assertEqual((len(first.owner.ends), len(second.owner.ends)), (1, 0))
        self.assertEqual(self.hub.peers(), (PeerInfo("g1", "gateway", "i2"),))
        self.assertEqual(len(self.logged("Another process joins the bus as g1")), 1)
        told = Refused("join", "g1", "another process has joined by that name")
        self.assertEqual((first.got, second.got), ([told], []))

    def test_roles_are_apart(self) -> None:
        """A gateway that has a world's name does not take its place."""
        self.come("x", "world")
        self.come("x", "gateway")
        self.assertEqual(len(self.hub.peers()), 2)


class SlowTest(HubTestCase):
    limits = HubLimits(
        told=1.0, link=LinkLimits(window=1, lossy=10_000, queue=40_000, deadline=10.0)
    )

    def fill(self, world: Peer, count: int, name: Callable[[int], str]) -> None:
        for number in range(1, count + 1):
            world.say(Publish("a", number, name(number), bytes(1_000)))
            self.settle()

    def slow_peer(self) -> Peer:
        """Let a peer come that then reads nothing more."""
        slow = self.come("slow")
        slow.say(Subscribe(3, "a"))
        self.settle()
        slow.there.pauseProducing()
        return slow

    def test_shed(self) -> None:
        """Of a slow peer lossy messages are dropped; it is told of which subscriptions, once."""
        world, slow, fast = self.come("w"), self.slow_peer(), self.come("fast")
        fast.say(Subscribe(1, "a"))
        self.settle()
        self.fill(world, 50, lambda number: "")
        self.assertEqual(len(fast.got), 50, "nobody else waits")
        dropped = self.measured("hub_shed_total")
        self.assertGreater(dropped, 30)
        self.pass_time(1)
        slow.there.resumeProducing()
        self.settle()
        delivered = [each for each in slow.got if isinstance(each, Deliver)]
        self.assertEqual(len(delivered) + dropped, 50)
        self.assertEqual([each for each in slow.got if isinstance(each, Shed)], [Shed((3,))])
        self.assertEqual(delivered[-1].seq, 50, "the latest matter most")

    def test_shed_again(self) -> None:
        """What is dropped after it was told is told again."""
        world, slow = self.come("w"), self.slow_peer()
        for _ in range(2):
            self.fill(world, 50, lambda number: "")
            self.pass_time(1)
        slow.there.resumeProducing()
        self.settle()
        self.assertEqual(slow.got.count(Shed((3,))), 2)

    def test_too_slow(self) -> None:
        """A peer for which too many durable messages wait loses its link; they are sent again."""
        world, slow = self.come("w"), self.slow_peer()
        self.fill(world, 50, str)
        self.assertEqual(len(slow.owner.ends), 1)
        self.assertEqual([peer.name for peer in self.hub.peers()], ["w"])
        self.assertEqual({each.received for each in world.got if isinstance(each, Receipt)}, {0})
        self.assertEqual(len(world.got), 50)

    def test_goes_while_to_be_told(self) -> None:
        """A peer that goes before it is told leaves nothing behind."""
        world, slow = self.come("w"), self.slow_peer()
        self.fill(world, 50, lambda number: "")
        slow.near.abortConnection()
        self.settle()
        self.assertEqual(len(self.hub.peers()), 1)
        stopped = self.hub.stopService()
        self.settle()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TooLargeTest(HubTestCase):
    limits = HubLimits(exchange=ExchangeLimits(subscriptions=10_000))

    def test_unsendable(self) -> None:
        """What is too large for the way to one peer is dropped there, and the others get it."""
        world, vast, plain = self.come("w"), self.come("vast"), self.come("plain")
        vast.say(*(Subscribe(2**62 + number, "a") for number in range(8_000)))
        plain.say(Subscribe(1, "a"))
        self.settle()
        world.say(Publish("a", 1, "", bytes(MAX_PAYLOAD_BYTES)), Publish("b", 1, "", b"x"))
        self.settle()
        self.assertEqual((len(vast.got), len(plain.got)), (0, 1))
        self.assertEqual(self.measured("hub_unsendable_total"), 1)
        self.assertEqual(len(self.hub.peers()), 3)


class StartingTest(HubTestCase):
    def fails(self, *entrances: Entrance) -> StartupError:
        hub = self.make_hub(*entrances)
        error = self.failureResultOf(hub.startService(), StartupError).value
        assert isinstance(error, StartupError)
        self.addCleanup(lambda: self.successResultOf(hub.stopService()))
        return error

    def test_exposed(self) -> None:
        """Plain TCP that others can reach is refused, and no entrance stays open."""
        safe = Endpoint(IPv4Address("TCP", "127.0.0.1", 4100))
        for host in (
            IPv4Address("TCP", "0.0.0.0", 4100),
            IPv4Address("TCP", "192.0.2.1", 4100),
            IPv6Address("TCP", "::", 4100),
        ):
            exposed = Endpoint(host)
            error = self.fails(
                Entrance("tcp:1", safe, Anyone()), Entrance("tcp:2", exposed, Anyone())
            )
            self.assertIn("without TLS", str(error))
            self.assertFalse(exposed.port.open)
            self.assertFalse(safe.port.open)

    def test_encrypted(self) -> None:
        """Encrypted, it may be reached from anywhere."""
        endpoint = Endpoint(IPv4Address("TCP", "0.0.0.0", 4100))
        hub = self.make_hub(Entrance("ssl:4100", endpoint, Anyone(), encrypted=True))
        self.successResultOf(hub.startService())
        self.assertEqual(hub.addresses(), (IPv4Address("TCP", "0.0.0.0", 4100),))
        self.successResultOf(hub.stopService())
        self.assertFalse(endpoint.port.open)

    def test_plain_is_told(self) -> None:
        """Plain TCP on loopback is allowed, and the log says what that means."""
        for host in (IPv4Address("TCP", "127.0.0.1", 4100), IPv6Address("TCP", "::1", 4100)):
            hub = self.make_hub(Entrance("tcp:4100", Endpoint(host), Anyone()))
            self.successResultOf(hub.startService())
            self.successResultOf(hub.stopService())
        self.assertEqual(len(self.logged("plain TCP")), 2)

    def test_taken(self) -> None:
        """Where an address can't be had, that is told, and no entrance stays open."""
        first = Endpoint(UNIXAddress("/a"))
        error = self.fails(
            Entrance("unix:/a", first, Anyone()), Entrance("tcp:1", Taken(), Anyone())
        )
        self.assertIsInstance(error, PortUnavailable)
        self.assertFalse(first.port.open)


class StoppingTest(HubTestCase):
    def test_stop(self) -> None:
        """The hub lets nobody in any more, sends what waits, ends all links, and is done then."""
        world, gateway = self.come("w"), self.come("g1")
        gateway.say(Subscribe(1, "a"))
        self.settle()
        world.say(Publish("a", 1, "", b"last"))
        self.clock.advance(0)
        assert world.pump is not None
        world.pump.pump(advanceClock=False)
        stopped = self.hub.stopService()
        self.assertFalse(self.endpoint.port.open)
        self.assertNoResult(stopped)
        self.settle()
        self.successResultOf(stopped)
        self.assertEqual(len(gateway.got), 1)
        self.assertEqual((len(world.owner.ends), len(gateway.owner.ends)), (1, 1))
        self.assertEqual(self.measured("hub_peers", role="world"), 0)

    def test_hung_peer(self) -> None:
        """A peer that does not answer holds nothing up for long."""
        hung = self.come("w")
        self.peers.remove(hung)
        stopped = self.hub.stopService()
        self.pass_time(self.limits.farewell)
        self.successResultOf(stopped)
        self.peers.append(hung)
        self.settle()

    def test_nobody(self) -> None:
        """Without peers the stop is done at once."""
        self.successResultOf(self.hub.stopService())
