"""Who doesn't read, or doesn't go: real sockets with full windows, half closed, half dead."""

import re
import socket

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon
from tests.integration.postgres import fresh_database
from tests.integration.program import until
from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.web_client import WebSocketPlayer, enter, register, request

PASSWORD = "correct horse battery"

#: Bytes that a client's kernel keeps for it; little, so that the window is soon full.
RECEIVE_BYTES = 4_096

#: More than all buffers between us and a client together hold.
MOST_BYTES = 64 * 1024 * 1024


class SlowReaderTests(TestCase):
    """One who doesn't read loses the connection, and nobody else notices anything."""

    timeout = 180

    async def setUp(self) -> None:  # type: ignore[override]
        self.daemon = Daemon(
            self,
            fresh_database(self),
            "--limits-commands=10000",
            "--limits-command-burst=10000",
            "--limits-telnet-stall=3",
            "--limits-byte-burst=100000000",
        )
        await self.daemon.start()
        self.ann = await connect(self, self.daemon.telnet, "Ann")
        await self.ann.register("Ann", PASSWORD)

    async def counted(self, metric: str, **labels: str) -> float:
        """Return what ``/metrics`` says of a counter."""
        page = await request(self.daemon.operations, "GET", "/metrics")
        words = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
        line = re.search(
            rf"^mud_{metric}_total{{{re.escape(words)}}} (\S+)$", page.text, re.MULTILINE
        )
        return 0.0 if line is None else float(line[1])

    async def talk_until_closed(
        self, transport: str, reader: TelnetClient | WebSocketPlayer
    ) -> None:
        """Say so much that a reader who doesn't read is closed; it goes on sending meanwhile."""
        shrink(reader)
        reader.transport.pauseProducing()  # type: ignore[attr-defined]
        words = "word " * 380
        said = 0
        while not await self.counted("closes", transport=transport, code="3008"):
            for _ in range(20):
                await self.ann.ask(f"say {words}", "You say, ")
                said += len(words)
            if isinstance(reader, TelnetClient):
                reader.send("look")
            else:
                reader.command("look")
            self.assertLess(said, MOST_BYTES)
        self.assertEqual(await self.counted("outbox_overflows", transport=transport), 1)
        reader.transport.resumeProducing()  # type: ignore[attr-defined]

    async def finish(self) -> None:
        await self.ann.ask("say Who is here?", 'You say, "Who is here?"')
        for word in ("Traceback", "Unhandled"):
            self.assertNotIn(word, self.daemon.log.text)
        ended = await self.daemon.stop()
        self.assertEqual(ended.status, 0)

    async def test_websocket(self) -> None:
        """A WebSocket is closed 3008."""
        login = await register(self.daemon.http, "Bob", PASSWORD)
        bob = await enter(self, login)
        await self.talk_until_closed("websocket", bob)
        await bob.closed()
        await self.finish()

    async def test_telnet(self) -> None:
        """So is a telnet client."""
        carl = await connect(self, self.daemon.telnet, "Carl")
        await carl.register("Carl", PASSWORD)
        await self.talk_until_closed("telnet", carl)
        await carl.closed()
        await self.finish()


class LingererTests(TestCase):
    """One who doesn't go is dropped."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.daemon = Daemon(self, fresh_database(self))
        await self.daemon.start()

    async def test_half_closed(self) -> None:
        """Who will say nothing more is let go, at each stage, on each port."""
        for port, words in (
            (self.daemon.telnet, b""),
            (self.daemon.telnet, b"Ann\r\n"),
            (self.daemon.http, b""),
            (self.daemon.http, b"GET / HTTP/1.1\r\n"),
        ):
            client = await connect(self, port)
            client.write(words)
            client.transport.loseWriteConnection()
            await client.closed()

    async def test_never_goes(self) -> None:
        """A client that neither reads nor answers our goodbye is dropped all the same."""
        login = await register(self.daemon.http, "Bob", PASSWORD)
        bob = await enter(self, login)
        bob.transport.pauseProducing()  # type: ignore[attr-defined]
        bob.say({"type": "bye"})
        await until(
            lambda: "Connection closed: 1000" in self.daemon.log.text, lambda: self.daemon.log.text
        )
        bob.transport.resumeProducing()  # type: ignore[attr-defined]
        await bob.closed()

    async def test_reset(self) -> None:
        """A connection that is reset is gone at once, and its player link-dead."""
        client = await connect(self, self.daemon.telnet)
        await client.register("Ann", PASSWORD)
        await client.hang_up()
        await self.daemon.log.expect("Connection closed: None")
        again = await connect(self, self.daemon.telnet)
        await again.log_in("Ann", PASSWORD)


def shrink(client: TelnetClient | WebSocketPlayer) -> None:
    """Let the kernel keep little for a client."""
    handle = client.transport.getHandle()  # type: ignore[attr-defined]
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
