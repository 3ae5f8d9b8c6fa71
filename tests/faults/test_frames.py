"""Frames that are too large, or wrong (RFC 6455 §5, RFC 7692)."""

import zlib
from collections.abc import Mapping

from tests.faults import frames
from tests.faults.case import FaultCase
from tests.faults.peer import WebSocketPeer, open_websocket

#: Bytes that one message may have.
LARGEST = 10 * 1024

_DEFLATE = {
    "Sec-WebSocket-Extensions": "permessage-deflate; client_no_context_takeover; "
    "server_no_context_takeover"
}

_BOMB_BYTES = 8_000_000


class FrameTests(FaultCase):
    """What breaks the protocol closes with the code that RFC 6455 has for it."""

    async def closes(
        self, code: int, *sent: bytes, headers: Mapping[str, str] | None = None
    ) -> WebSocketPeer:
        """Expect that what is sent closes with that code."""
        before = await self.grown("closes", transport="websocket", code=str(code))
        peer = await open_websocket(self, self.daemon.http, headers=headers)
        for each in sent:
            peer.write(each)
        self.assertEqual((await peer.ended()).code, code, sent)
        await self.counted(before + 1, "closes", transport="websocket", code=str(code))
        return peer

    async def test_oversize(self) -> None:
        """A frame or a message that is too large closes with 1009, before all of it has come."""
        await self.closes(1009, frames.write(frames.TEXT, announced=2**40))
        await self.closes(1009, frames.write(frames.TEXT, b"a" * 100, announced=LARGEST + 1))
        piece = b"a" * (LARGEST // 4)
        await self.closes(
            1009,
            frames.write(frames.TEXT, piece, fin=False),
            *[frames.write(frames.CONTINUATION, piece, fin=False)] * 4,
        )
        await self.survived()

    async def test_compression_bomb(self) -> None:
        """A small message that inflates to a large one closes with 1009, and isn't inflated."""
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        bomb = deflater.compress(bytes(_BOMB_BYTES)) + deflater.flush(zlib.Z_SYNC_FLUSH)
        bomb = bomb.removesuffix(b"\x00\x00\xff\xff")
        self.assertLess(len(bomb), LARGEST)
        peer = await self.closes(1009, frames.write(frames.TEXT, bomb, rsv=4), headers=_DEFLATE)
        self.assertIn(b"permessage-deflate", peer.head)
        await self.closes(
            1009,
            frames.write(frames.TEXT, bomb[:100], fin=False, rsv=4),
            frames.write(frames.CONTINUATION, bomb[100:]),
            headers=_DEFLATE,
        )
        await self.closes(1002, frames.write(frames.TEXT, bomb, rsv=4))
        await self.survived()

    async def test_utf8(self) -> None:
        """Text that isn't UTF-8 closes with 1007, wherever the fragments part it."""
        for wrong in (
            b"\xc3\x28",  # no second byte
            b"\xe2\x82",  # it ends in the middle
            b"\xed\xa0\x80",  # half of a surrogate pair
            b"\xc0\xaf",  # longer than need be
            b"\xf4\x90\x80\x80",  # beyond Unicode
        ):
            pieces = [b'{"', *(bytes([byte]) for byte in wrong), b'"']
            await self.closes(
                1007,
                frames.write(frames.TEXT, fin=False),
                *(frames.write(frames.CONTINUATION, piece, fin=False) for piece in pieces),
                frames.write(frames.CONTINUATION, b"}"),
            )
        await self.survived()

    async def test_wrong_frames(self) -> None:
        """Wrong opcodes, masks, lengths and orders close with 1002."""
        begun = frames.write(frames.TEXT, b"{", fin=False)
        for sent in (
            (frames.write(3),),
            (frames.write(0xB),),
            (frames.write(frames.TEXT, b"{}", masked=False),),
            (frames.write(frames.TEXT, b"{}", rsv=1),),
            (frames.write(frames.CONTINUATION, b"{}"),),
            (begun, frames.write(frames.TEXT, b"}")),
            (frames.write(frames.PING, fin=False),),
            (frames.write(frames.PING, b"a" * 126),),
        ):
            await self.closes(1002, *sent)
        await self.survived()
