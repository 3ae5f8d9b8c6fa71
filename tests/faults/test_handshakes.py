"""Those who come in, and then take their time."""

from typing import ClassVar

from twisted.internet.task import LoopingCall

from tests.faults.case import FaultCase
from tests.faults.peer import (
    Peer,
    ask_for_websocket,
    connect,
    handshake,
    open_websocket,
    together,
)

#: How many do it at once.
CROWD = 25

_DRIP_SECONDS = 0.05


class HandshakeTests(FaultCase):
    """Before anybody has said who they are."""

    async def test_slowloris(self) -> None:
        """Heads of requests that come byte by byte are refused with 408 at a fixed moment, which no
        byte puts off.
        """
        port = self.daemon.http
        peers = [await connect(self, port) for _ in range(CROWD)]
        heads = [iter(handshake(port)[:-4] + b"\r\nX: " + b"x" * 10_000) for _ in peers]

        def drip() -> None:
            for peer, head in zip(peers, heads, strict=True):
                peer.write(bytes([next(head)]))

        dripping = LoopingCall(drip)
        over = dripping.start(_DRIP_SECONDS)
        for peer in peers:
            await peer.expect(rb"^HTTP/1.1 408 [^{]*{\"error\"")
            await peer.closed()
        dripping.stop()
        await over
        await self.counted(CROWD, "refusals", reason="timeout")
        await self.survived()

    async def test_silent(self) -> None:
        """Who says nothing is closed in time: 3502 where that can be said."""
        port = self.daemon.http
        silent: list[Peer] = [await connect(self, port) for _ in range(3)]
        sockets = [await open_websocket(self, port) for _ in range(3)]
        terminals = [await connect(self, self.daemon.telnet) for _ in range(3)]
        for socket in sockets:
            self.assertEqual((await socket.ended()).code, 3502)
            await socket.hear("closing", code=3502)
        for terminal in terminals:
            await terminal.expect(b"You didn't say who you are.")
            await terminal.closed()
        for peer in silent:
            await peer.closed()
        await self.counted(3, "closes", transport="websocket", code="3502")
        await self.counted(3, "closes", transport="telnet", code="3502")
        await self.survived()


class CrowdTests(FaultCase):
    """Many who only stand in the door."""

    patience: ClassVar = {"handshake": 20.0}

    async def test_crowd(self) -> None:
        """One address can't take up all room for handshakes: the excess is refused with 429."""
        port = self.daemon.http
        crowd = await together(connect(self, port) for _ in range(64))
        for _ in range(5):
            late = await ask_for_websocket(self, port)
            await late.expect(b"^HTTP/1.1 429 ")
            await late.closed()
        await self.counted(5, "refusals", reason="too_many_connections")
        for peer in crowd:
            await peer.hang_up()
        await self.survived()
