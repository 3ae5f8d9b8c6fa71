"""The WebSocket protocol, spoken by Autobahn at both ends."""

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mudserver.errors import CloseCode
from mudserver.gateway.websocket import SUBPROTOCOL
from mudserver.interfaces.play import Detached
from tests.unit.gateway.bench import HOME
from tests.unit.gateway.websockets import HELLO, Pipe, WebSocketTestCase


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
