"""Pings, floods, and slow readers of WebSockets."""

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mudserver.gateway.allowances import AllowanceLimits
from mudserver.session.bucket import Rate
from mudserver.session.intake import IntakeLimits
from tests.unit.gateway.websockets import Client, WebSocketTestCase


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
