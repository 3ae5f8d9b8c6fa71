"""Networks that are kept out: known to the gateway, and turned away at its doors."""

from collections.abc import Callable

from twisted.internet.address import IPv4Address
from twisted.internet.defer import succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import Banned, CloseCode
from mudserver.gateway.exclusion import ASK_AGAIN_SECONDS, MAX_NETWORKS, Exclusion
from mudserver.gateway.telnet import TelnetFactory, TurnedAway
from mudserver.ids import Epoch
from mudserver.interfaces.bus import GATEWAYS, WORLD, Message
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.exclusion import (
    ListNetworkBans,
    NetworkBan,
    NetworkBans,
    NetworkBansChanged,
)
from mudserver.tasks import Tasks
from mudserver.telemetry.metrics import NullMeter
from tests.unit.gateway.bench import GatewayTestCase
from tests.unit.gateway.web_bench import ELSEWHERE, HERE, Bench

SPAM = "Your network is banned: Spam."


class LosingBus(LoopbackBus):
    """Says that messages were lost, when told to."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self._lost: list[Callable[[], None]] = []

    def subscribe(
        self,
        pattern: str,
        receive: Callable[[Message], None],
        *,
        group: str | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> Callable[[], None]:
        self._lost.append(lost)
        return super().subscribe(pattern, receive, group=group, lost=lost)

    def lose(self) -> None:
        for lost in self._lost:
            lost()


class ExclusionTestCase(GatewayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.exclusion: Exclusion = self.shared.exclusion

    def start(self) -> None:
        self.exclusion.start()
        self.addCleanup(self.exclusion.stop)

    def tearDown(self) -> None:
        self.exclusion.stop()
        super().tearDown()

    def change(self, number: int, banned: NetworkBan | None = None, lifted: str = "") -> None:
        epoch = Epoch(self.world.epoch)
        change = NetworkBansChanged(epoch, number, banned, lifted or None)
        self.bus.publish(GATEWAYS, FromWorld(epoch, change))

    def is_out(self, address: str) -> bool:
        try:
            self.exclusion.check(address)
        except Banned as error:
            self.assertEqual(error.message, SPAM)
            return True
        return False


class ExclusionTest(ExclusionTestCase):
    def test_snapshot(self) -> None:
        """A gateway that starts asks for what is banned, and keeps it out until it ends."""
        self.world.bans = [
            NetworkBan("192.0.2.0/24", None, SPAM),
            NetworkBan("2001:db8::/32", 10.0, SPAM),
        ]
        self.assertFalse(self.is_out("192.0.2.1"))
        self.start()
        for address in ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8:1::1"):
            self.assertTrue(self.is_out(address), address)
        for address in ("192.0.3.1", "2001:db9::1", "", "unix"):
            self.assertFalse(self.is_out(address), address)
        self.clock.advance(10.0)
        self.assertFalse(self.is_out("2001:db8:1::1"))
        self.assertTrue(self.is_out("192.0.2.1"))

    def test_changes(self) -> None:
        """It hears of each change at once, and asks no more."""
        self.start()
        self.change(1, NetworkBan("192.0.2.0/24", None, SPAM))
        self.assertTrue(self.is_out("192.0.2.1"))
        self.change(2, lifted="192.0.2.0/24")
        self.assertFalse(self.is_out("192.0.2.1"))
        self.assertEqual(self.world.banning, 1)

    def test_gap(self) -> None:
        """One that missed a change asks for all of it."""
        self.start()
        self.world.bans, self.world.number = [NetworkBan("192.0.2.0/24", None, SPAM)], 2
        self.change(2, lifted="10.0.0.0/8")
        self.assertTrue(self.is_out("192.0.2.1"))
        self.change(3, lifted="192.0.2.0/24")
        self.assertFalse(self.is_out("192.0.2.1"))
        self.assertEqual(self.world.banning, 2)

    def test_loss(self) -> None:
        """One that hears of messages that were lost asks for all of it."""
        bus = LosingBus(self.clock)
        banned = [NetworkBan("192.0.2.0/24", None, SPAM)]
        answers = [NetworkBans(Epoch(1), 0, ()), NetworkBans(Epoch(1), 1, tuple(banned))]
        bus.respond(WORLD, lambda request: succeed(answers.pop(0)))
        self.exclusion = Exclusion(bus, self.clock, Tasks(NullMeter()))
        self.start()
        self.assertFalse(self.is_out("192.0.2.1"))
        bus.lose()
        self.assertTrue(self.is_out("192.0.2.1"))

    def test_late_answer(self) -> None:
        """An answer that is older than what was heard meanwhile is asked for again."""
        self.start()
        self.change(5)
        self.assertEqual(self.world.banning, 2)
        self.world.bans, self.world.number = [NetworkBan("192.0.2.0/24", None, SPAM)], 5
        self.clock.advance(ASK_AGAIN_SECONDS)
        self.assertTrue(self.is_out("192.0.2.1"))
        self.clock.advance(ASK_AGAIN_SECONDS)
        self.assertEqual(self.world.banning, 3)

    def test_another_world(self) -> None:
        """A world that has just opened is asked for all of it."""
        self.world.bans, self.world.number = [NetworkBan("192.0.2.0/24", None, SPAM)], 4
        self.start()
        self.world.bans, self.world.number, self.world.epoch = [], 0, 2
        self.change(0)
        self.assertFalse(self.is_out("192.0.2.1"))
        self.world.bans = [NetworkBan("192.0.2.0/24", None, SPAM)]
        self.change(1, self.world.bans[0])
        self.assertTrue(self.is_out("192.0.2.1"))
        self.assertEqual(self.world.banning, 2)

    def test_world_away(self) -> None:
        """A world that is away is asked again; meanwhile what was known holds."""
        self.world.withdraw()
        self.start()
        self.change(1, NetworkBan("192.0.2.0/24", None, SPAM))
        self.assertFalse(self.is_out("192.0.2.1"))
        self.bus.respond(WORLD, self.world._respond)
        self.world.bans, self.world.number = [NetworkBan("192.0.2.0/24", None, SPAM)], 1
        self.clock.advance(ASK_AGAIN_SECONDS)
        self.assertTrue(self.is_out("192.0.2.1"))

    def test_stopped(self) -> None:
        """Once stopped, it neither listens nor asks."""
        self.start()
        self.exclusion.stop()
        self.change(1, NetworkBan("192.0.2.0/24", None, SPAM))
        self.assertFalse(self.is_out("192.0.2.1"))
        self.assertEqual(self.world.banning, 1)

    def test_bounded(self) -> None:
        """Where too many are kept, those that still hold are asked for."""
        self.start()
        for number in range(1, MAX_NETWORKS + 2):
            octets = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            self.world.number = number
            self.change(number, NetworkBan(octets, 1.0, SPAM))
        self.assertEqual(self.world.banning, 2)
        self.assertFalse(self.is_out("10.0.0.1"))


class TelnetTest(ExclusionTestCase):
    def test_turned_away(self) -> None:
        """Telnet from a banned network gets a line that says why, and is closed."""
        self.start()
        self.change(1, NetworkBan("192.0.2.0/24", None, SPAM))
        factory = TelnetFactory(self.shared, "Hello.")
        protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 50_000))
        self.assertIsInstance(protocol, TurnedAway)
        transport = StringTransport()
        protocol.makeConnection(transport)
        self.assertEqual(transport.value(), SPAM.encode() + b"\r\n")
        self.assertTrue(transport.disconnecting)
        self.assertEqual(self.meter.counts["refusals banned"], 1)


class WebTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        bans = NetworkBans(Epoch(1), 0, (NetworkBan(f"{ELSEWHERE}/32", None, SPAM),))
        self.bench.world.answers[ListNetworkBans] = bans
        self.bench.shared.exclusion.start()
        self.addCleanup(self.bench.shared.exclusion.stop)

    def test_refused(self) -> None:
        """Whatever is asked from a banned network is refused with 403, before any upgrade."""
        for path in ("/", "/ws", "/api/session", "/nothing"):
            answer = self.bench.connect(ELSEWHERE).ask("GET", path)
            self.assertEqual(answer.status, 403, path)
            self.assertIn(SPAM.encode(), answer.body)
            self.assertNotEqual(self.bench.connect("192.0.2.8").ask("GET", path).status, 403, path)
        self.assertEqual(self.bench.connect(ELSEWHERE).ask("GET", "/api/session").error, "banned")

    def test_behind_a_proxy(self) -> None:
        """Behind a trusted proxy it is the client's own address that counts."""
        forwarded = {"X-Forwarded-For": ELSEWHERE, "X-Forwarded-Proto": "https"}
        self.assertEqual(self.bench.connect(HERE).ask("GET", "/", None, forwarded).status, 403)
        self.assertEqual(self.bench.connect(HERE).ask("GET", "/").status, 200)


class CloseCodeTest(SynchronousTestCase):
    def test_stay_away(self) -> None:
        """The code of a ban says not to come back."""
        self.assertFalse(CloseCode.BANNED.reconnectable)
