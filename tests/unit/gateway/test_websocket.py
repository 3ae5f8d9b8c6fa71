"""The WebSocket protocol, spoken by Autobahn at both ends."""

import json
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress_deflate import (
    PerMessageDeflateOffer,
    PerMessageDeflateResponseAccept,
)
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump

from mudserver.errors import CloseCode
from mudserver.gateway.allowances import AllowanceLimits
from mudserver.gateway.deflate import Inflation
from mudserver.gateway.websocket import SUBPROTOCOL, WebSocketConnection, WebSocketFactory
from mudserver.ids import SessionId
from mudserver.interfaces.play import Detached
from mudserver.session.bucket import Rate
from mudserver.session.intake import IntakeLimits
from tests.unit.gateway.bench import HOME, GatewayTestCase

HELLO = b'{"type": "hello", "ticket": "t", "csrf": "c"}'


class Client(WebSocketClientProtocol):
    """Remembers what it gets; may be told not to answer pings and goodbyes."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = False
        self.answers_pings = True
        self.answers_goodbyes = True
        self.messages: list[dict[str, Any]] = []
        self.pongs: list[bytes] = []
        self.closed: tuple[bool, int | None, str | None] | None = None

    def onOpen(self) -> None:
        self.opened = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803 - Autobahn's name
        assert not isBinary
        self.messages.append(json.loads(payload))

    def onPing(self, payload: bytes) -> None:
        if self.answers_pings:
            super().onPing(payload)

    def onCloseFrame(
        self,
        code: int,
        reasonRaw: bytes,  # noqa: N803 - Autobahn's name
    ) -> bool | None:
        return super().onCloseFrame(code, reasonRaw) if self.answers_goodbyes else None

    def onPong(self, payload: bytes) -> None:
        self.pongs.append(payload)

    def onClose(
        self,
        wasClean: bool,  # noqa: N803 - Autobahn's name
        code: int | None,
        reason: str | None,
    ) -> None:
        self.closed = (wasClean, code, reason)

    @property
    def code(self) -> int | None:
        return None if self.closed is None else self.closed[1]


class Pipe(FakeTransport):
    """A transport in memory whose reader can pause, and whose buffer can be full."""

    reading = True
    producer: Any

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True


def _accepted(response: object) -> PerMessageDeflateResponseAccept:
    return PerMessageDeflateResponseAccept(response)


class WebSocketTestCase(GatewayTestCase):
    """A server, and Autobahn's own client."""

    def setUp(self) -> None:
        super().setUp()
        self.factory = WebSocketFactory(self.shared, self.clock)
        self.pumps: list[tuple[WebSocketConnection, IOPump]] = []

    def tearDown(self) -> None:
        for connection, pump in self.pumps:
            connection.connectionLost(Failure(ConnectionDone()))
            client = pump.client
            if client.closed is None:
                client.connectionLost(Failure(ConnectionDone()))
        super().tearDown()

    def connect(
        self,
        protocols: tuple[str, ...] = (SUBPROTOCOL,),
        offers: tuple[PerMessageDeflateOffer, ...] = (),
    ) -> tuple[WebSocketConnection, Client, IOPump]:
        factory = WebSocketClientFactory(
            "ws://localhost/ws", protocols=list(protocols), reactor=self.clock
        )
        factory.protocol = Client
        factory.setProtocolOptions(
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            serverConnectionDropTimeout=0,
            perMessageCompressionOffers=list(offers),
            perMessageCompressionAccept=_accepted,
        )
        client = factory.buildProtocol(None)
        assert isinstance(client, Client)
        server = self.factory.build(HOME, self.shared.admission.admit(HOME.address))
        server_pipe, client_pipe = Pipe(server, isServer=True), Pipe(client, isServer=False)
        pump = IOPump(client, server, client_pipe, server_pipe, False)
        self.pumps.append((server, pump))
        client.makeConnection(client_pipe)
        server.makeConnection(server_pipe)
        pump.flush()
        return server, client, pump

    def enter(
        self, offers: tuple[PerMessageDeflateOffer, ...] = (), name: str = "Ann"
    ) -> tuple[WebSocketConnection, Client, IOPump, SessionId]:
        server, client, pump = self.connect(offers=offers)
        client.sendMessage(HELLO)
        pump.flush()
        session = self.world.admit(name=name).session
        pump.flush()
        client.messages.clear()
        return server, client, pump, session


class HandshakeTest(WebSocketTestCase):
    def test_subprotocol(self) -> None:
        """Ours is chosen where it is offered; without one the same is spoken."""
        for offered, chosen in (
            ((SUBPROTOCOL,), SUBPROTOCOL),
            (("other", SUBPROTOCOL), SUBPROTOCOL),
            (("other",), None),
            ((), None),
        ):
            _, client, pump = self.connect(offered)
            self.assertTrue(client.opened)
            self.assertEqual(client.websocket_protocol_in_use, chosen)
            client.sendMessage(b'{"type": "ping"}')
            pump.flush()
            self.assertEqual(client.messages[0]["code"], 3501)

    def test_messages(self) -> None:
        """Messages pass both ways."""
        _, client, pump = self.connect()
        client.sendMessage(HELLO)
        pump.flush()
        session = self.world.admit().session
        self.world.show("The hall. " * 10_000, session)
        self.turn()
        pump.flush()
        self.assertEqual([m["type"] for m in client.messages], ["welcome", "text", "mark"])
        client.sendMessage(b'{"type": "command", "text": "look"}')
        pump.flush()
        self.assertEqual(self.world.texts, ["look"])

    def test_nothing_kept(self) -> None:
        """Once it is done, nothing is kept of a handshake."""
        server, _, _ = self.connect()
        for kept in ("http_headers", "http_request_data", "http_response_data"):
            self.assertIsNone(getattr(server, kept))

    def test_little_kept(self) -> None:
        """What is the same for all connections stands once, in their class."""
        server, _, _ = self.connect()
        same = (*server.CONFIG_ATTRS, "wasClean", "localCloseCode", "send_queue")
        self.assertEqual([name for name in same if name in vars(server)], [])
        for name in server.CONFIG_ATTRS:
            self.assertEqual(getattr(server, name), getattr(self.factory, name), name)
        self.assertLess(len(vars(server)), 22, "a dictionary of 22 takes twice as much")

    def test_no_timers(self) -> None:
        """Autobahn sets no timer of its own: a connection waits on the reaper alone."""
        before = len(self.clock.getDelayedCalls())
        self.connect()
        self.assertEqual(len(self.clock.getDelayedCalls()), before)

    def test_no_handshake(self) -> None:
        """What is no handshake is refused, and leaves nothing behind."""
        server = self.factory.build(HOME, self.shared.admission.admit(HOME.address))
        pipe = Pipe(server, isServer=True)
        server.makeConnection(pipe)
        server.dataReceived(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = pipe.getOutBuffer()
        assert isinstance(answer, bytes)
        self.assertTrue(answer.startswith(b"HTTP/1.1 4"), answer)
        self.assertTrue(pipe.disconnecting)
        server.connectionLost(Failure(ConnectionDone()))

    def test_lingering_after_no_handshake(self) -> None:
        """A peer that was refused and doesn't go is dropped."""
        server = self.factory.build(HOME, self.shared.admission.admit(HOME.address))
        pipe = Pipe(server, isServer=True)
        server.makeConnection(pipe)
        server.dataReceived(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n")
        dropped: list[bool] = []
        pipe.abortConnection = lambda: dropped.append(True)  # type: ignore[method-assign]
        self.pass_time(self.limits.hello + self.limits.closing + 1.0)
        self.assertTrue(dropped)
        server.connectionLost(Failure(ConnectionDone()))


class DeflateTest(WebSocketTestCase):
    """Messages that are compressed one by one (RFC 7692)."""

    def test_both_ways(self) -> None:
        """Compressed messages pass both ways, one as another, and no window is kept."""
        server, client, pump, session = self.enter((PerMessageDeflateOffer(),))
        words = "The hall is long, and the hall is cold. " * 50
        for _ in range(2):
            before = client.trafficStats.incomingOctetsWireLevel
            self.world.show(words, session)
            self.turn()
            pump.flush()
            texts = [message for message in client.messages if message["type"] == "text"]
            self.assertEqual(texts.pop()["text"], words)
            self.assertLess(client.trafficStats.incomingOctetsWireLevel - before, len(words) / 4)
            client.sendMessage(
                json.dumps({"type": "command", "text": "say " + "ho " * 99}).encode()
            )
            pump.flush()
            inflation: object = server._perMessageCompress
            assert isinstance(inflation, Inflation)
            self.assertIsNone(inflation._decompressor)
        self.assertEqual(self.world.texts, ["say " + "ho " * 99] * 2)

    def test_secrets(self) -> None:
        """What holds a secret is never compressed, however long it is: whoever could have words of
        their own in it would learn the secret from its size.
        """
        server, client, pump = self.connect(offers=(PerMessageDeflateOffer(),))
        client.sendMessage(HELLO)
        pump.flush()
        self.world.admit(name="A" * 1_000)
        pipe: Any = server.transport
        written = pipe.getOutBuffer()
        self.assertEqual(written[0], 0x81)
        self.assertIn(b'"resume":"', written)
        self.assertIn(b"A" * 1_000, written)
        pump.flush()

    def test_agreed(self) -> None:
        """Neither side takes its window over to the next message, whoever asked for that."""
        _, client, _ = self.connect(offers=(PerMessageDeflateOffer(),))
        (agreed,) = client.websocket_extensions_in_use
        self.assertTrue(agreed.server_no_context_takeover)
        self.assertTrue(agreed.client_no_context_takeover)
        self.assertEqual(agreed.server_max_window_bits, 15)

    def test_smaller_window(self) -> None:
        """An offer that wants a smaller window of us is passed over; the next may do."""
        small = PerMessageDeflateOffer(request_max_window_bits=14)
        _, client, _ = self.connect(offers=(small,))
        self.assertEqual(client.websocket_extensions_in_use, [])
        _, client, _ = self.connect(offers=(small, PerMessageDeflateOffer()))
        self.assertEqual(len(client.websocket_extensions_in_use), 1)

    def test_bomb(self) -> None:
        """A message that is too long once inflated is too long."""
        for more in (1, 300, 1_000_000):
            _, client, pump, _ = self.enter((PerMessageDeflateOffer(),))
            client.sendMessage(b" " * (self.limits.message + more))
            client.sendMessage(b" " * 1_000)
            pump.flush()
            self.assertEqual(client.code, 1009)

    def test_longest(self) -> None:
        """The longest message that may be passes, in one part or many."""
        text = json.dumps({"type": "command", "text": "say"}).encode()
        _, client, pump, _ = self.enter((PerMessageDeflateOffer(),))
        client.sendMessage(text.ljust(self.limits.message))
        client.sendMessage(text.ljust(self.limits.message), fragmentSize=5)
        pump.flush()
        self.assertEqual(self.world.texts, ["say", "say"])

    def test_corrupt(self) -> None:
        """What can't be inflated closes with 1007."""
        _, client, pump, _ = self.enter((PerMessageDeflateOffer(),))
        client.sendFrame(opcode=1, payload=b"\xff\xff\xff", rsv=4)
        pump.flush()
        self.assertEqual(client.code, 1007)

    def test_resume(self) -> None:
        """A session goes on by a connection with the same compression only: frames are kept."""
        for first, second, goes_on in ((True, True, True), (True, False, False)):
            with_deflate = (PerMessageDeflateOffer(),)
            _, client, pump = self.connect(offers=with_deflate if first else ())
            client.sendMessage(HELLO)
            pump.flush()
            session = self.world.admit().session
            pump.flush()
            secret = client.messages[0]["resume"]
            assert client.transport is not None
            client.transport.loseConnection()
            pump.flush()
            _, client, pump = self.connect(offers=with_deflate if second else ())
            resume = {"session": session, "secret": secret, "seq": 0}
            client.sendMessage(json.dumps(json.loads(HELLO) | {"resume": resume}).encode())
            pump.flush()
            asked = self.world.admit(recovered=goes_on)
            pump.flush()
            self.assertEqual(asked.resume, session if goes_on else None)
            self.assertIs(client.messages[0]["recovered"], goes_on)


class CloseTest(WebSocketTestCase):
    """The closing handshake, whoever begins it."""

    def test_what_came_before(self) -> None:
        """What was asked for before a goodbye, or before a fault, is answered before it."""
        for goodbye, told in (
            (b"\x88\x82\0\0\0\0\x03\xe8", ["pong"]),
            (b"\x83\x80\0\0\0\0", ["pong", "closing"]),
        ):
            _, client, pump, _ = self.enter()
            assert client.transport is not None
            ping = b'{"type":"ping"}'
            client.transport.write(bytes([0x81, 0x80 | len(ping)]) + bytes(4) + ping + goodbye)
            pump.flush()
            self.assertEqual([message["type"] for message in client.messages], told)
            self.assertIsNotNone(client.code)

    def test_faults_are_explained(self) -> None:
        """A fault of the client's is answered by a message, too, of the same code and reason."""
        too_big = b"\x81\xfe\xff\xff" + bytes(4 + 0xFFFF)
        for fault, code in (
            (b"\x83\x80\0\0\0\0", 1002),
            (b"\x81\x81\0\0\0\0\xff", 1007),
            (too_big, 1009),
        ):
            _, client, pump, _ = self.enter()
            assert client.transport is not None
            client.transport.write(fault)
            pump.flush()
            self.assertEqual(client.code, code)
            assert client.closed is not None
            closing = {"type": "closing", "code": code, "reason": client.closed[2]}
            self.assertEqual(client.messages, [closing])

    def test_ours(self) -> None:
        """Our goodbye has a message, a code and a reason; the peer answers, and it is over."""
        _, client, pump, session = self.enter()
        self.world.end(session, CloseCode.KICKED, "Out!")
        pump.flush()
        self.assertEqual(client.messages, [{"type": "closing", "code": 3503, "reason": "Out!"}])
        self.assertEqual(client.closed, (True, 3503, "Out!"))
        self.assertEqual(len(self.shared.roster), 0)
        self.assertEqual(self.meter.counts["closes websocket 3503"], 1)

    def test_long_reason(self) -> None:
        """A reason longer than a close frame takes is cut between characters."""
        _, client, pump, session = self.enter()
        self.world.end(session, CloseCode.KICKED, "ü" * 100)
        pump.flush()
        self.assertEqual(client.closed, (True, 3503, "ü" * 61))

    def test_theirs(self) -> None:
        """The peer's goodbye is answered with its code; its player is link-dead."""
        _, client, pump, session = self.enter()
        client.sendClose(3999, "had to go")
        pump.flush()
        self.assertEqual(client.closed, (True, 3999, "had to go"))
        self.assertEqual(self.world.detached, [Detached(session, 1, quit=False)])  # type: ignore[arg-type]
        self.assertEqual(len(self.shared.roster), 0)
        self.assertEqual(self.meter.counts["closes websocket 1000"], 1)

    def test_binary(self) -> None:
        """A binary message closes 1003, a code that Autobahn's own sendClose refuses."""
        _, client, pump = self.connect()
        client.sendMessage(HELLO, isBinary=True)
        pump.flush()
        self.assertEqual(client.code, 1003)

    def test_too_big(self) -> None:
        """A message over the limit closes 1009, in one frame or in many."""
        for fragments in (None, 1_000):
            _, client, pump, _ = self.enter()
            client.sendMessage(b"x" * (self.limits.message + 1), fragmentSize=fragments)
            pump.flush()
            self.assertEqual(client.code, 1009)
        self.assertEqual(self.meter.counts["closes websocket 1009"], 2)

    def test_just_small_enough(self) -> None:
        """A message of the limit's size is read."""
        _, client, pump, _ = self.enter()
        client.sendMessage(b"x" * self.limits.message)
        pump.flush()
        self.turn()
        pump.flush()
        self.assertEqual(client.messages[0]["code"], "bad_json")

    def test_not_utf8(self) -> None:
        """Text that is no UTF-8 closes 1007."""
        _, client, pump, _ = self.enter()
        client.sendMessage(b"\xff\xfe")
        pump.flush()
        self.assertEqual(client.code, 1007)
        self.assertEqual(self.meter.counts["closes websocket 1007"], 1)

    def test_unmasked(self) -> None:
        """A frame that is no client's closes 1002; its player is link-dead."""
        _, client, pump, session = self.enter()
        assert client.transport is not None
        client.transport.write(b"\x81\x02{}")
        pump.flush()
        self.assertEqual(client.code, 1002)
        self.assertEqual(self.world.detached, [Detached(session, 1, quit=False)])  # type: ignore[arg-type]

    def test_a_peer_that_doesn_t_answer(self) -> None:
        """A peer that doesn't answer our goodbye is dropped after two seconds."""
        _, client, pump, session = self.enter()
        client.answers_goodbyes = False
        self.world.end(session)
        pump.flush()
        self.assertIsNone(client.closed)
        self.pass_time(2.5)
        pump.flush()
        self.assertIsNotNone(client.closed)

    def test_a_peer_that_lingers(self) -> None:
        """So is one that said goodbye itself, and doesn't read our answer."""
        server, client, pump, _ = self.enter()
        dropped: list[bool] = []
        pipe: Any = server.transport
        pipe.loseConnection = lambda: None
        pipe.abortConnection = lambda: dropped.append(True)
        client.sendClose(1000)
        pump.flush()
        self.assertEqual(dropped, [])
        self.pass_time(2.5)
        self.assertTrue(dropped)

    def test_after_the_goodbye(self) -> None:
        """What a peer still sends after our goodbye means nothing."""
        _, client, pump, _ = self.enter()
        client.sendMessage(b'{"type": "bye"}')
        client.sendMessage(b'{"type": "command", "text": "say still here"}')
        pump.flush()
        self.assertEqual(self.world.texts, [])
        self.assertEqual(client.code, 1000)


class PingTest(WebSocketTestCase):
    """Ping frames, both ways."""

    def test_theirs(self) -> None:
        """A ping is answered with its payload."""
        _, client, pump, _ = self.enter()
        client.sendPing(b"are you there?")
        pump.flush()
        self.turn()
        pump.flush()
        self.assertEqual(client.pongs, [b"are you there?"])

    def test_ours(self) -> None:
        """A silent peer is pinged; one that answers stays."""
        _, client, pump, _ = self.enter()
        for _ in range(30):
            self.pass_time(5.0)
            pump.flush()
        self.assertIsNone(client.closed)

    def test_no_answer(self) -> None:
        """One that doesn't is closed 3012."""
        _, client, pump, _ = self.enter()
        client.answers_pings = False
        for _ in range(30):
            self.pass_time(5.0)
            pump.flush()
        self.assertEqual(client.code, 3012)

    def test_wrong_answer(self) -> None:
        """A pong that gives back something else, or that came too early, answers nothing."""
        for payload in (b"", b"guessed!"):
            _, client, pump, _ = self.enter()
            client.answers_pings = False
            client.sendPong(payload)
            pump.flush()
            for _ in range(12):
                self.pass_time(3.0)
                client.sendPong(payload)
                pump.flush()
            self.assertEqual(client.code, 3012)

    def test_flood(self) -> None:
        """A flood of pings is answered as far as it may be, and closed 3013."""
        _, client, pump, _ = self.enter()
        for _ in range(300):
            client.sendPing(b"x")
        pump.flush()
        self.assertEqual(len(client.pongs), 200)
        self.assertEqual(client.code, 3013)


class FloodTest(WebSocketTestCase):
    """What is sent is charged where it arrives."""

    allowance = AllowanceLimits(
        intake=IntakeLimits(frames=Rate(1.0, 100.0), raw_bytes=Rate(1.0, 50_000.0))
    )

    def expect_closed(self, client: Client) -> None:
        self.assertEqual([m["type"] for m in client.messages], ["closing"])
        self.assertEqual(client.messages[0]["code"], 3013)
        self.assertEqual(self.meter.counts["refusals flood"], 1)

    def test_fragments(self) -> None:
        """Empty and tiny fragments are frames, though they may never become a message."""
        for payload, name in ((b"", "Ann"), (b"x", "Bob")):
            self.meter.counts.clear()
            _, client, pump, _ = self.enter(name=name)
            client.beginMessage()
            for _ in range(98):
                client.sendMessageFrame(payload)
            pump.flush()
            self.assertEqual(client.messages, [])
            for _ in range(200):
                client.sendMessageFrame(payload)
            pump.flush()
            self.expect_closed(client)

    def test_reconnecting_fills_nothing(self) -> None:
        """Whoever was closed so and comes back is closed again at the first frame."""
        for sent in (101, 1):
            self.meter.counts.clear()
            server, client, pump, _ = self.enter()
            client.beginMessage()
            for _ in range(sent):
                client.sendMessageFrame(b"")
            pump.flush()
            self.expect_closed(client)
            server.connectionLost(Failure(ConnectionDone()))

    def test_bytes(self) -> None:
        """So are bytes, whatever they are; and then nothing more is read."""
        server, client, pump, _ = self.enter()
        pipe: Any = server.transport
        client.beginMessage()
        for _ in range(6):
            client.sendMessageFrame(b"x" * 1_000)
        pump.flush()
        self.assertTrue(pipe.reading)
        server.dataReceived(b"x" * 50_000)
        self.assertFalse(pipe.reading)
        pump.flush()
        self.expect_closed(client)
        server.dataReceived(b"x" * 50_000)
        self.assertEqual(self.meter.counts["refusals flood"], 1)
        self.pass_time(2.5)
        self.assertTrue(pipe.disconnecting or pipe.disconnected)

    def test_a_busy_client(self) -> None:
        """What is spent comes back."""
        _, client, pump, _ = self.enter()
        for _ in range(4):
            for _ in range(45):
                client.sendMessage(b'{"type": "ping"}')
            pump.flush()
            self.turn()
            pump.flush()
            for _ in range(12):
                self.pass_time(5.0)
                pump.flush()
        self.assertIsNone(client.closed)


class FlowTest(WebSocketTestCase):
    """A peer that doesn't read."""

    def test_full(self) -> None:
        """It isn't read from either, and what it is shown waits."""
        server, client, pump, session = self.enter()
        pipe: Any = server.transport
        self.assertIs(pipe.producer, server)
        pipe.producer.pauseProducing()
        self.assertFalse(pipe.reading)
        self.world.show("Hello.", session)
        self.turn()
        pump.flush()
        self.assertEqual(client.messages, [])
        pipe.producer.resumeProducing()
        self.assertTrue(pipe.reading)
        self.turn()
        pump.flush()
        self.assertEqual([m["type"] for m in client.messages], ["text", "mark"])

    def test_write_after_the_end(self) -> None:
        """What is written to a connection that is closing goes nowhere."""
        server, client, pump, _ = self.enter()
        client.sendClose(1000)
        pump.flush()
        server.write(b"too late")
        pipe: Any = server.transport
        self.assertIsNone(pipe.getOutBuffer())


class FaultTest(WebSocketTestCase):
    def test_our_own_fault(self) -> None:
        """A failure of ours closes 3004, and costs no other connection anything."""
        server, client, pump, session = self.enter()
        _, other, other_pump, _ = self.enter()

        def fail(data: bytes, binary: bool) -> None:
            raise ZeroDivisionError

        server._link.received = fail  # type: ignore[method-assign]
        client.sendMessage(b"{}")
        pump.flush()
        self.assertEqual(client.code, 3004)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.world.detached, [Detached(session, 1, quit=False)])  # type: ignore[arg-type]
        other.sendMessage(b'{"type": "ping"}')
        other_pump.flush()
        self.turn()
        other_pump.flush()
        self.assertEqual(other.messages, [{"type": "pong"}])
