"""Messages that are delivered after all."""

from datetime import UTC, datetime
from json import loads

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mudserver.bus.codec import Codec
from mudserver.bus.loopback import LoopbackBus
from mudserver.bus.replay import Replay
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.errors import NotReplayable
from mudserver.ids import Epoch, Generation, InputNumber, SessionId
from mudserver.interfaces.bus import Message
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import Detached, EventId, PasswordWanted, Show
from mudserver.interfaces.undelivered import IReplay, Undelivered
from mudserver.view.line import Line, Span, View

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
        self.bus.subscribe("gateway.g", self.got.append)
        self.replay = Replay(self.bus, self.codec, lambda: Epoch(9))

    def letter(self, payload: bytes) -> Undelivered:
        return Undelivered("i:1", "gateway.g", "Show", payload, "Nobody.", 3, NOW, NOW)

    def test_interface(self) -> None:
        """It provides the whole of its interface."""
        verifyObject(IReplay, self.replay)

    def test_delivered(self) -> None:
        """What was said is published where it was to go, by the world of now, as said again."""
        self.replay.deliver(self.letter(self.codec.encode(FromWorld(Epoch(4), SHOW))))
        self.assertEqual(self.got, [FromWorld(Epoch(9), evolve(SHOW, again=True))])
        self.assertTrue(self.got[0].durable)

    def test_nothing_else(self) -> None:
        """What governs sessions is not told again."""
        session = SessionId("g-1")
        for message in (
            Detached(session, Generation(1), quit=True),
            FromWorld(Epoch(4), PasswordWanted(session)),
        ):
            letter = self.letter(self.codec.encode(message))
            error = self.assertRaises(NotReplayable, self.replay.deliver, letter)
            kind = message.message if isinstance(message, FromWorld) else message
            self.assertIn(type(kind).__name__, str(error))
        self.assertEqual(self.got, [])

    def test_garbled(self) -> None:
        """What can't be read can't be delivered, but looked at."""
        for payload in (b"", b"\x00\xff", b"\x01\x04Nope\x80"):
            self.assertRaises(NotReplayable, self.replay.deliver, self.letter(payload))
            self.assertEqual(loads(self.replay.legible(payload))["bytes"], payload.hex())

    def test_legible(self) -> None:
        """Operators see what is in it."""
        read = loads(self.replay.legible(self.codec.encode(FromWorld(Epoch(4), SHOW))))
        self.assertEqual(read["epoch"], 4)
        self.assertEqual(read["Show"]["sessions"], ["g-1"])
        detached = Detached(SessionId("g-1"), Generation(1), quit=True)
        self.assertTrue(loads(self.replay.legible(self.codec.encode(detached)))["quit"])
