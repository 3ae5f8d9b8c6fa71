"""Compression of WebSocket messages."""

import json
from typing import Any

from autobahn.websocket.compress_deflate import PerMessageDeflateOffer

from mudserver.gateway.deflate import Inflation
from tests.unit.gateway.websockets import HELLO, WebSocketTestCase


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
