"""Peers that are there no more, or hardly."""

import socket
from typing import ClassVar

from twisted.internet.task import LoopingCall

from mudserver.wire.telnet import Verb, negotiate
from tests.faults import frames
from tests.faults.case import FaultCase
from tests.faults.peer import WebSocketPeer, connect, enter, open_websocket

_TIMING_MARK = 6

#: Bytes that such a peer's machine takes before its reader does.
_SMALL_BUFFER = 4096


class HalfOpenTests(FaultCase):
    """The connection stands, but nobody is there; the other machine's kernel still answers."""

    async def test_websocket(self) -> None:
        """A WebSocket that doesn't answer a ping is closed with 3012, and its character leaves when
        the grace is over.
        """
        eve = await self.account("Eve")
        peer = await enter(self, self.daemon.http, await eve.hello())
        peer.answers_pings = peer.answers_close = False
        await peer.hear("closing", code=3012)
        self.assertEqual((await peer.ended()).code, 3012)
        await self.counted(1, "closes", transport="websocket", code="3012")
        await self.survived()

    async def test_takeover(self) -> None:
        """Its player comes back at once, and needn't wait for the ghost to be found out."""
        eve = await self.account("Eve")
        ghost = await enter(self, self.daemon.http, await eve.hello())
        ghost.answers_pings = ghost.answers_close = False
        again = await enter(self, self.daemon.http, await eve.hello())
        self.assertEqual((await ghost.ended()).code, 3510)
        again.command("say Here I am.", "1")
        await again.hear("ack", id="1")
        await self.counted(1, "closes", transport="websocket", code="3510")
        again.say({"type": "bye"})
        self.assertEqual((await again.ended()).code, 1000)
        await self.survived()

    async def test_telnet(self) -> None:
        """A telnet client that answered a timing mark once, and no more, is closed."""
        peer = await connect(self, self.daemon.telnet)
        await peer.expect(b"Name: ")
        for line in (b"Eve", b"y", b"correct horse battery", b"correct horse battery"):
            peer.write(line + b"\r\n")
        await peer.expect(negotiate(Verb.DO, _TIMING_MARK))
        peer.write(negotiate(Verb.WONT, _TIMING_MARK))
        await peer.expect(b"You gave no sign of life.")
        await peer.closed()
        await self.counted(1, "closes", transport="telnet", code="3012")
        await self.survived()


class StallTests(FaultCase):
    """Peers that don't read."""

    options: ClassVar = ("--limits-commands=10000", "--limits-command-burst=10000")
    patience: ClassVar = {"heartbeat": 5.0, "pong": 5.0}

    async def test_zero_window(self) -> None:
        """Who reads nothing and goes on sending is found too slow (3008), though every byte that
        comes shows that it is there.
        """
        eve = await self.account("Eve")
        peer = await open_websocket(self, self.daemon.http)
        peer.transport.socket.setsockopt(  # type: ignore[attr-defined]
            socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER
        )
        peer.say(await eve.hello())
        await peer.hear("mark")
        peer.transport.pauseProducing()
        sending = LoopingCall(self._ask_for_much, peer)
        over = sending.start(0.01)
        await self.counted(1, "outbox_overflows", transport="websocket")
        await self.counted(1, "closes", transport="websocket", code="3008")
        sending.stop()
        await over
        await peer.hang_up()
        await self.survived()

    def _ask_for_much(self, peer: WebSocketPeer) -> None:
        for _ in range(20):
            peer.command("help")


class GoodbyeTests(FaultCase):
    """Peers that don't let go."""

    async def test_never_finishes(self) -> None:
        """Who doesn't answer our close frame, but goes on sending, is dropped soon after."""
        eve = await self.account("Eve")
        peer = await enter(self, self.daemon.http, await eve.hello())
        peer.answers_close = False
        peer.send(frames.BINARY, b"\x00")
        await peer.hear("closing", code=1003)
        sending = LoopingCall(peer.command, "say Still here.")
        over = sending.start(0.02)
        self.assertEqual((await peer.ended()).code, 1003)
        sending.stop()
        await over
        await self.counted(1, "closes", transport="websocket", code="1003")
        self.assertNotIn("Still here.", self.others.ann.said.text)
        await self.survived()

    async def test_never_hangs_up(self) -> None:
        """Who says goodbye and keeps the connection is dropped, and so is a terminal that reads
        nothing.
        """
        eve = await self.account("Eve")
        peer = await enter(self, self.daemon.http, await eve.hello())
        peer.send(frames.CLOSE, b"\x03\xe8")
        terminal = await connect(self, self.daemon.telnet)
        terminal.transport.pauseProducing()
        await peer.closed()
        await self.counted(1, "closes", transport="websocket", code="1000")
        await self.counted(1, "closes", transport="telnet", code="3502")
        await self.survived()
