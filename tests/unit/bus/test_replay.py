"""Messages that are delivered after all."""

from datetime import UTC, datetime
from json import loads

from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mudserver.bus.backoff import Backoff
from mudserver.bus.codec import Codec
from mudserver.bus.loopback import LoopbackBus
from mudserver.bus.peer_limits import PeerLimits
from mudserver.bus.replay import PATIENCE_SECONDS, Replay
from mudserver.bus.unconfirmed import DurableLimits
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.errors import BusUnavailable, NotReplayable, StorageUnavailable, Unavailable
from mudserver.ids import Epoch, Generation, InputNumber, SessionId
from mudserver.interfaces.bus import Message
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import Detached, EventId, PasswordWanted, Show
from mudserver.interfaces.undelivered import IReplay, Undelivered
from mudserver.telemetry.metrics import NullMeter
from mudserver.view.line import Line, Span, View
from tests.contract.bus import GATEWAY
from tests.unit.bus.network import Keeper, Network

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SHOW = Show(
    View("chat", b'{"type":"chat"}', Line((Span("Ann tells you"),))),
    (SessionId("g-1"),),
    EventId(SessionId("g-2"), InputNumber(7), 0),
    durable=True,
)


class ReplayTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.codec = Codec(VOCABULARY)
        self.bus = LoopbackBus(Clock())
        self.got: list[Message] = []
        self.unsubscribe = self.bus.subscribe("gateway.g", self.got.append)
        self.clock = Clock()
        self.replay = Replay(self.bus, self.codec, lambda: Epoch(9), self.clock, NullMeter())
        self.forgotten = 0

    def forget(self) -> Deferred[None]:
        self.forgotten += 1
        return succeed(None)

    def letter(self, payload: bytes) -> Undelivered:
        return Undelivered("i:1", "gateway.g", "Show", payload, "Nobody.", 3, NOW, NOW)

    def shown(self) -> Undelivered:
        """What was said to somebody."""
        return self.letter(self.codec.encode(FromWorld(Epoch(4), SHOW)))

    def test_interface(self) -> None:
        """It provides the whole of its interface."""
        verifyObject(IReplay, self.replay)

    def test_delivered(self) -> None:
        """What was said is published where it was to go, by the world of now, as said again."""
        told = self.replay.deliver(self.shown(), self.forget)
        self.assertTrue(self.successResultOf(told))
        self.assertEqual(self.forgotten, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.got, [FromWorld(Epoch(9), evolve(SHOW, again=True))])
        self.assertTrue(self.got[0].durable)

    def test_no_world(self) -> None:
        """Where the world is gone by then, who asked is told, and may ask again."""

        def gone() -> Epoch:
            raise Unavailable("The world isn't up.")

        self.replay = Replay(self.bus, self.codec, gone, self.clock, NullMeter())
        for _ in range(2):
            told = self.replay.deliver(self.shown(), self.forget)
            self.failureResultOf(told, Unavailable)
        self.assertEqual((self.forgotten, self.got), (0, []))

    def test_nothing_else(self) -> None:
        """What governs sessions is not told again."""
        session = SessionId("g-1")
        for message in (
            Detached(session, Generation(1), quit=True),
            FromWorld(Epoch(4), PasswordWanted(session)),
        ):
            letter = self.letter(self.codec.encode(message))
            replayed = self.replay.deliver(letter, self.forget)
            error = self.failureResultOf(replayed, NotReplayable).value
            kind = message.message if isinstance(message, FromWorld) else message
            self.assertIn(type(kind).__name__, str(error))
        self.assertEqual((self.got, self.forgotten), ([], 0))

    def test_nobody(self) -> None:
        """Where nobody receives it still, it is not forgotten, and may be tried again."""
        self.unsubscribe()
        for _ in range(2):
            replayed = self.replay.deliver(self.shown(), self.forget)
            self.failureResultOf(replayed, BusUnavailable)
        self.assertEqual((self.forgotten, self.clock.getDelayedCalls()), (0, []))

    def test_not_forgotten(self) -> None:
        """Where it is delivered, and the database is away by then, who asked is told so."""
        away = StorageUnavailable("The database is away.")
        replayed = self.replay.deliver(self.shown(), lambda: fail(away))
        self.assertIs(self.failureResultOf(replayed).value, away)
        self.assertEqual(len(self.got), 1)

    def test_garbled(self) -> None:
        """What can't be read can't be delivered, but looked at."""
        for payload in (b"", b"\x00\xff", b"\x01\x04Nope\x80"):
            replayed = self.replay.deliver(self.letter(payload), self.forget)
            self.failureResultOf(replayed, NotReplayable)
            self.assertTrue(loads(self.replay.legible(payload))["unreadable"])

    def test_legible(self) -> None:
        """Operators see what is in it."""
        read = loads(self.replay.legible(self.codec.encode(FromWorld(Epoch(4), SHOW))))
        self.assertEqual(read["epoch"], 4)
        self.assertEqual(read["Show"]["sessions"], ["g-1"])
        detached = Detached(SessionId("g-1"), Generation(1), quit=True)
        self.assertTrue(loads(self.replay.legible(self.codec.encode(detached)))["quit"])


class UnderWayTest(SynchronousTestCase):
    """Over a hub, where it may take a while until it is known what becomes of a message."""

    def setUp(self) -> None:
        self.network = Network()
        self.keeper = Keeper()
        durable = DurableLimits(failures=10, backoff=Backoff(1.0, 4.0))
        self.world = self.network.peer(
            "world", keeper=self.keeper, limits=PeerLimits(durable=durable, linger=1.0)
        )
        self.gateway = self.network.peer("gateway")
        self.addCleanup(self.network.stop)
        self.network.settle()
        self.replay = Replay(
            self.world, self.network.codec, lambda: Epoch(9), self.network.clock, NullMeter()
        )
        self.forgotten = 0
        payload = self.network.codec.encode(FromWorld(Epoch(4), SHOW))
        self.letter = Undelivered("i:1", GATEWAY, "Show", payload, "Nobody.", 3, NOW, NOW)

    def forget(self) -> Deferred[None]:
        self.forgotten += 1
        return succeed(None)

    def test_confirmed_late(self) -> None:
        """
        Who asks waits some seconds, and a second one not at all; it is forgotten when it is
        confirmed, and not before.
        """
        told = self.replay.deliver(self.letter, self.forget)
        self.network.settle()
        self.assertNoResult(told)
        again = self.replay.deliver(self.letter, self.forget)
        self.assertIn("on its way", str(self.failureResultOf(again, NotReplayable).value))
        self.network.pass_time(PATIENCE_SECONDS)
        self.assertFalse(self.successResultOf(told))
        self.assertEqual(self.forgotten, 0)
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.pass_time(15.0)
        self.assertEqual((len(got), self.forgotten, self.keeper.letters), (1, 1, []))

    def test_given_up(self) -> None:
        """What is given up once more is the same letter, and may be replayed again."""
        for times in (1, 2):
            told = self.replay.deliver(self.letter, self.forget)
            self.network.pass_time(400.0)
            self.assertFalse(self.successResultOf(told))
            self.assertEqual([each.id for each in self.keeper.letters], ["i:1"] * times)
        self.assertGreater(self.keeper.letters[0].attempts, 0)
        self.assertEqual(self.forgotten, 0)

    def test_stopped(self) -> None:
        """What is under way when the process stops is the same letter; who waits is told."""
        told = self.replay.deliver(self.letter, self.forget)
        stopped = self.world.stopService()
        self.network.pass_time(30.0)
        self.successResultOf(stopped)
        self.failureResultOf(told, BusUnavailable)
        self.assertEqual([each.id for each in self.keeper.letters], ["i:1"])
        self.assertEqual(self.forgotten, 0)
        self.world.startService()
