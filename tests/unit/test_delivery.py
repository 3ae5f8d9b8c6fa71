"""From one line to the bytes of all who hear it: a world and a gateway, up to the transports."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.gateway.admission import Admission, AdmissionLimits
from mudserver.gateway.seat import Seat
from mudserver.gateway.telnet import TelnetConnection, TelnetFactory
from mudserver.gateway.websocket import WebSocketConnection, WebSocketFactory
from mudserver.ids import GatewayId
from mudserver.interfaces.authority import Origin, Register
from mudserver.interfaces.bus import WORLD
from tests.unit.game.theatre import PASSWORD, GameTestCase
from tests.unit.gateway.shared import make_shared
from tests.unit.wire.test_frames import frame

#: A line that is long enough to be compressed for those who inflate.
LONG: Final = "It is a long way from here to where the tide has gone. " * 12

OFFER: Final = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class Recorder(StringTransport):
    """A transport that keeps each write apart."""

    def __init__(self) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "198.51.100.1", 50_000))
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        super().write(data)


@define(eq=False)
class Player:
    """
    Somebody who plays.

    Attributes:
        name: What the character is called.
        connection: The server's end.
        transport: What it writes to.
        seat: The session's place at the gateway.
    """

    name: str
    connection: WebSocketConnection | TelnetConnection
    transport: Recorder
    seat: Seat = field(init=False)

    def __attrs_post_init__(self) -> None:
        seat = self.connection._link._seat
        assert seat is not None
        self.seat = seat

    def typed(self, *lines: str) -> bytes:
        """Return what the client sends where those lines are typed."""
        if isinstance(self.connection, TelnetConnection):
            return "".join(f"{line}\r\n" for line in lines).encode()
        messages = ({"type": "command", "text": line} for line in lines)
        return b"".join(frame(json.dumps(message).encode()) for message in messages)

    def type(self, *lines: str) -> None:
        """Send lines, all in one read."""
        self.connection.dataReceived(self.typed(*lines))


class DeliveryTestCase(GameTestCase):
    """A game, and a gateway whose connections are real but for their sockets."""

    limits = GameLimits(AccountLimits(), PresenceLimits(sessions=200, grace=120.0))

    def setUp(self) -> None:
        super().setUp()
        self.players: list[Player] = []
        gateway = GatewayId("real")
        self.shared = make_shared(
            gateway,
            self.bus,
            self.clock,
            self.meter,
            token_bytes=self.secrets,
            utc_now=self.utc_now,
            admission=Admission(AdmissionLimits(connections=500, unauthenticated=500, total=500)),
        )
        self.shared.switchboard.start()
        self.shared.reaper.start()
        self.websockets = WebSocketFactory(self.shared, self.clock)
        self.telnets = TelnetFactory(self.shared, "Welcome.")

    def tearDown(self) -> None:
        for player in self.players:
            player.connection.connectionLost(Failure(ConnectionDone()))
        self.shared.switchboard.stop()
        self.shared.reaper.stop()
        super().tearDown()

    def register(self) -> tuple[str, Origin]:
        number = len(self.players)
        name = f"Guide{LETTERS[number // 26]}{LETTERS[number % 26]}"
        home = Origin(f"198.51.100.{number}", secure=True)
        self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, home)))
        return name, home

    def enter(self, inflates: bool = False) -> Player:  # type: ignore[override]
        """Bring somebody in by WebSocket."""
        name, home = self.register()
        connection = self.websockets.build(home, self.shared.admission.admit(home.address))
        transport = Recorder()
        connection.makeConnection(transport)
        connection.dataReceived(
            "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"{OFFER if inflates else ''}\r\n".encode()
        )
        login = {"type": "login", "name": name, "password": PASSWORD}
        connection.dataReceived(frame(json.dumps(login).encode()))
        return self._entered(name, connection, transport)

    def enter_by_telnet(self) -> Player:
        """Bring somebody in by telnet."""
        name, _ = self.register()
        transport = Recorder()
        connection = self.telnets.buildProtocol(transport.getPeer())
        assert isinstance(connection, TelnetConnection)
        connection.makeConnection(transport)
        connection.dataReceived(f"connect {name} {PASSWORD}\r\n".encode())
        return self._entered(name, connection, transport)

    def _entered(
        self, name: str, connection: WebSocketConnection | TelnetConnection, transport: Recorder
    ) -> Player:
        self.advance()
        player = Player(name, connection, transport)
        self.players.append(player)
        return player

    def forget(self) -> None:
        """Begin anew to note what is written."""
        for player in self.players:
            player.transport.writes.clear()
            player.transport.clear()


def calls(work: Callable[[], object]) -> Counter[str]:
    """
    Count how often a call encodes JSON and compresses, whoever does it and by whichever way.

    Returns:
        How often, as ``encode`` and ``compress``.
    """
    counts: Counter[str] = Counter()

    def note(frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call":
            module = type(getattr(arg, "__self__", None)).__module__
            if arg.__name__ == "encode" and module.startswith("msgspec"):
                counts["encode"] += 1
            elif arg.__name__ == "compressobj":
                counts["compress"] += 1
        elif event == "call" and frame.f_code.co_filename == json.encoder.__file__:
            counts["encode"] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counts


class EncodingTest(DeliveryTestCase):
    """What is heard by many is made once."""

    def hear(self, each: int) -> tuple[Counter[str], int]:
        """Have so many of each kind hear a line; return what was made, and how many frames."""
        speaker = self.enter()
        for _ in range(each):
            self.enter()
            self.enter(inflates=True)
            self.enter_by_telnet()
        self.forget()
        frames = self.meter.counts["frames"]

        data = speaker.typed(f"say {LONG}")

        def say() -> None:
            speaker.connection.dataReceived(data)
            self.advance()

        counts = calls(say)
        return counts, self.meter.counts["frames"] - frames

    def check(self, each: int) -> None:
        counts, frames = self.hear(each)
        # What the speaker sees, by its one connection; what the others see, by three kinds.
        self.assertEqual((dict(counts), frames), ({"encode": 2, "compress": 1}, 4))
        written = [len(player.transport.writes) for player in self.players]
        self.assertEqual(written, [1] * (1 + 3 * each))

    def test_few(self) -> None:
        """A line is encoded once for each kind of viewer and put into one frame for each kind of
        connection, one of which is compressed.
        """
        self.check(2)

    def test_many(self) -> None:
        """However many hear it."""
        self.check(20)

    def test_nobody_else(self) -> None:
        """What nobody would see is not made: one who is alone gets one view, in one wire form."""
        counts, frames = self.hear(0)
        self.assertEqual((dict(counts), frames), ({"encode": 1}, 1))

    def test_by_json(self) -> None:
        """The count finds encodings by the standard library, too."""
        self.assertGreater(calls(lambda: json.dumps({"a": 1}))["encode"], 0)


class SharingTest(DeliveryTestCase):
    """What many are sent is one object."""

    def test_shared(self) -> None:
        """Transports and replay buffers of all kinds of connections hold references to frames."""
        speaker = self.enter()
        plain = [self.enter() for _ in range(3)]
        inflating = [self.enter(inflates=True) for _ in range(3)]
        telnet = [self.enter_by_telnet() for _ in range(3)]
        self.forget()
        speaker.type(f"say {LONG}")
        self.advance()
        kinds = []
        for kind in (plain, inflating, telnet):
            (first, *others) = (self.last(player) for player in kind)
            for other in others:
                self.assertIs(other, first)
            kinds.append(first)
        self.assertEqual(len(set(kinds)), 3)
        for player in (*plain, *inflating):
            (written,) = player.transport.writes
            self.assertIs(written, self.last(player))

    def last(self, player: Player) -> bytes:
        """What the replay buffer of a player holds of the last message."""
        outbox = player.seat.play.outbox
        (sent,) = outbox.replay(outbox.count - 1)
        return sent


class TurnTest(DeliveryTestCase):
    """However much a reactor turn has for somebody, it is written once."""

    def test_one_write(self) -> None:
        """Lines of several speakers, and what else happens, are one write to each, in order."""
        for _ in range(2):
            self.enter()
            self.enter(inflates=True)
            self.enter_by_telnet()
        speakers = self.players[:3]
        self.forget()
        for speaker in speakers:
            speaker.type("say one", "get lamp", "say two", "drop lamp", "say three")
        self.assertEqual([player.transport.writes for player in self.players], [[]] * 6)
        self.advance()
        for player in self.players:
            (written,) = player.transport.writes
            for speaker in speakers:
                who = "You say" if player is speaker else f"{speaker.name} says"
                places = [self.place(written, f', "{w}"', who) for w in ("one", "two", "three")]
                self.assertEqual(places, sorted(places))

    def place(self, written: bytes, words: str, who: str) -> int:
        """Where something stands that was said, once; in JSON its quotation marks are escaped."""
        found = written.replace(b'\\"', b'"')
        self.assertEqual(found.count(f"{who}{words}".encode()), 1)
        return found.index(f"{who}{words}".encode())

    def test_next_turn(self) -> None:
        """What the next turn has is another write."""
        speaker, listener = self.enter(), self.enter()
        self.forget()
        for words in ("one", "two"):
            speaker.type(f"say {words}")
            self.advance()
        self.assertEqual(len(listener.transport.writes), 2)


class BackpressureTest(DeliveryTestCase):
    """A connection that is full is not written to; the others are."""

    def hold(self, full: Player, others: list[Player]) -> None:
        speaker = self.enter()
        self.forget()
        self.assertIs(full.transport.producer, full.connection)
        self.assertTrue(full.transport.streaming)
        full.connection.pauseProducing()
        for words in ("one", "two"):
            speaker.type(f"say {words}")
            self.advance()
        self.assertEqual(full.transport.writes, [])
        for other in others:
            self.assertEqual(len(other.transport.writes), 2)
        full.connection.resumeProducing()
        self.advance()
        (written,) = full.transport.writes
        self.assertLess(written.index(b"one"), written.index(b"two"))
        for other in others:
            self.assertEqual(len(other.transport.writes), 2)

    def test_websocket(self) -> None:
        """A full WebSocket waits alone, and gets all of it at once when it has drained."""
        full = self.enter()
        self.hold(full, [self.enter(), self.enter_by_telnet()])

    def test_telnet(self) -> None:
        """So does a full terminal."""
        full = self.enter_by_telnet()
        self.hold(full, [self.enter(), self.enter_by_telnet()])
