"""Frames of WebSockets, made byte by byte so that they may be wrong (RFC 6455 §5.2)."""

import struct
from collections.abc import Iterator

from attrs import define, field, frozen

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

_FIN = 0x80
_MASKED = 0x80
_RSV_SHIFT = 4
_OPCODE = 0x0F
_LENGTH = 0x7F
_SHORT, _LONG = 126, 127
_LARGEST_TINY, _LARGEST_SHORT = 125, 0xFFFF
_MASK = b"\x5a\xc3\x0f\x99"


@frozen
class Frame:
    """
    One frame.

    Attributes:
        opcode: What it is.
        payload: What is in it, unmasked.
        fin: Whether the message ends with it.
        rsv: The three reserved bits.
    """

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0


def write(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    announced: int | None = None,
) -> bytes:
    """
    Return a frame's bytes.

    Args:
        opcode: Any, whether there is such a one or not.
        payload: Any.
        fin: Whether the message ends with it.
        rsv: The three reserved bits.
        masked: Whether it is masked, as clients must.
        announced: The length that the head claims; None for the true one.
    """
    length = len(payload) if announced is None else announced
    first = (_FIN if fin else 0) | rsv << _RSV_SHIFT | opcode
    mask_bit = _MASKED if masked else 0
    if length <= _LARGEST_TINY:
        head = struct.pack("!BB", first, mask_bit | length)
    elif length <= _LARGEST_SHORT:
        head = struct.pack("!BBH", first, mask_bit | _SHORT, length)
    else:
        head = struct.pack("!BBQ", first, mask_bit | _LONG, length)
    return head + (_MASK + _xor(payload) if masked else payload)


def _xor(payload: bytes) -> bytes:
    size = len(payload)
    key = (_MASK * (size // len(_MASK) + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


@define
class Reader:
    """Reads the frames of a server, which aren't masked."""

    _buffer: bytearray = field(factory=bytearray)

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; returns the frames that are complete now."""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[:2]
        length, start = second & _LENGTH, 2
        for mark, form in ((_SHORT, "!H"), (_LONG, "!Q")):
            if second & _LENGTH == mark:
                start += struct.calcsize(form)
                if len(buffer) < start:
                    return None
                (length,) = struct.unpack(form, buffer[2:start])
        end = start + length
        if len(buffer) < end:
            return None
        payload = bytes(buffer[start:end])
        del buffer[:end]
        return Frame(first & _OPCODE, payload, bool(first & _FIN), first >> _RSV_SHIFT & 7)
