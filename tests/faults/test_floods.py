"""Peers that send without end, in the smallest of pieces."""

from typing import ClassVar

from mudserver.wire.telnet import Verb, negotiate
from tests.faults import frames
from tests.faults.case import FaultCase
from tests.faults.peer import connect, enter

#: Frames in one flood: far beyond what any client sends at once.
MANY = 2_000

MEGABYTE = 1_000_000

_UNKNOWN_OPTION = 0x2A


class WebSocketFloodTests(FaultCase):
    """Floods of frames."""

    async def test_pings(self) -> None:
        """Pings without end are refused, and then close with 3013."""
        eve = await self.account("Eve")
        peer = await enter(self, self.daemon.http, await eve.hello())
        peer.write(frames.write(frames.PING, b"?") * MANY)
        self.assertEqual((await peer.ended()).code, 3013)
        self.assertLess(sum(frame.opcode == frames.PONG for frame in peer.frames), 1_000)
        await self.counted(1, "closes", transport="websocket", code="3013")
        self.assertGreater(await self.grown("refusals", reason="rate_limited"), 0)
        await self.survived()

    async def test_fragments(self) -> None:
        """Empty and tiny fragments without end close, though the message stays small."""
        for number, payload in enumerate((b"", b" "), 1):
            eve = await self.account(f"Eve-{'ab'[number - 1]}")
            peer = await enter(self, self.daemon.http, await eve.hello())
            peer.send(frames.TEXT, b"{", fin=False)
            peer.write(frames.write(frames.CONTINUATION, payload, fin=False) * MANY)
            self.assertEqual((await peer.ended()).code, 3013)
            await self.counted(number, "closes", transport="websocket", code="3013")
        await self.counted(2, "refusals", reason="flood")
        await self.survived()


class TelnetFloodTests(FaultCase):
    """Floods of telnet's own."""

    patience: ClassVar = {"answer": 5.0}

    async def test_endless_line(self) -> None:
        """A line that doesn't end is thrown away and refused once; so much of it closes, too."""
        peer = await connect(self, self.daemon.telnet)
        await peer.expect(b"Name: ")
        for _ in range(8):
            peer.write(b"a" * MEGABYTE)
        await self.counted(1, "refusals", reason="too_long")
        await peer.closed()
        await self.counted(1, "refusals", reason="flood")
        await self.counted(1, "closes", transport="telnet", code="3013")
        await self.survived()

    async def test_endless_subnegotiation(self) -> None:
        """A subnegotiation that doesn't end is thrown away and refused once, and closes, too."""
        peer = await connect(self, self.daemon.telnet)
        await peer.expect(b"Name: ")
        peer.write(b"\xff\xfa\xc9")
        for _ in range(8):
            peer.write(b"a" * MEGABYTE)
        await self.counted(1, "refusals", reason="telnet_too_long")
        await peer.closed()
        await self.counted(1, "refusals", reason="flood")
        await self.counted(1, "closes", transport="telnet", code="3013")
        await self.survived()

    async def test_option_loop(self) -> None:
        """Who answers each answer with the same request again gets no more answers soon, and is
        closed with 3013 if that ends nothing.
        """
        peer = await connect(self, self.daemon.telnet)
        await peer.expect(b"Name: ")
        request, answer = negotiate(Verb.DO, _UNKNOWN_OPTION), negotiate(Verb.WONT, _UNKNOWN_OPTION)
        answered = 0

        def more() -> int | None:
            count = peer.received.count(answer)
            return count if count > answered else None

        peer.write(request)
        for _ in range(5):
            answered = await peer.until(more, "answer")
            peer.write(request * 2 * answered)
        for _ in range(100):
            peer.write(request * 10)
        await peer.expect(b"Too many messages.")
        await peer.closed()
        self.assertLess(peer.received.count(answer), 300)
        await self.counted(1, "closes", transport="telnet", code="3013")
        self.assertGreater(await self.grown("refusals", reason="rate_limited"), 0)
        await self.survived()
