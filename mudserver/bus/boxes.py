"""
Boxes: what goes over a link at once.

A box is a MessagePack array of envelopes, small enough for a value of AMP (65,535 bytes). An
envelope that is too large for a box goes as several `Chunk` envelopes; nothing comes between them.
"""

from types import GenericAlias
from typing import Any, Final, TypeVar, Union, cast

import msgspec

from mudserver.bus.envelopes import Chunk, Envelope
from mudserver.errors import Garbled, Unsendable

#: Bytes of one box, unless told otherwise: below AMP's 65,535.
BOX_BYTES: Final = 60 * 1024

#: Bytes of one envelope: the largest payload, and what is around it.
MAX_ENVELOPE_BYTES: Final = 1024 * 1024 + 64 * 1024

#: What a box begins with: the mark of an array, and how many envelopes follow in four bytes.
_ARRAY: Final = b"\xdd"
HEAD_BYTES: Final = 5

#: What a `Chunk` has besides its part: marks of array, tag and boolean, and the part's size in two
#: bytes, which is enough in a box.
CHUNK_BYTES: Final = 6

T = TypeVar("T")

_encoder: Final = msgspec.msgpack.Encoder()
_any: object = Union[tuple(Envelope.__subclasses__())]  # noqa: UP007
_decoder: Final[msgspec.msgpack.Decoder[Envelope]] = msgspec.msgpack.Decoder(cast(Any, _any))
_boxes: Final[msgspec.msgpack.Decoder[tuple[Envelope, ...]]] = msgspec.msgpack.Decoder(
    cast(Any, GenericAlias(tuple, (_any, ...)))
)


def encode(envelope: Envelope) -> bytes:
    """
    Write an envelope.

    Raises:
        Unsendable: It is too large, or something in it can't be written.
    """
    try:
        encoded = _encoder.encode(envelope)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unsendable(f"{type(envelope).__name__} can't be written: {error}") from error
    if len(encoded) > MAX_ENVELOPE_BYTES:
        raise Unsendable(f"{type(envelope).__name__} of {len(encoded)} bytes.")
    return encoded


def pieces(encoded: bytes, box_bytes: int) -> list[bytes]:
    """Cut an encoded envelope into what fits into boxes: itself, or encoded `Chunk` envelopes."""
    if len(encoded) <= box_bytes - HEAD_BYTES:
        return [encoded]
    step = box_bytes - HEAD_BYTES - CHUNK_BYTES
    return [
        _encoder.encode(Chunk(start + step >= len(encoded), encoded[start : start + step]))
        for start in range(0, len(encoded), step)
    ]


def box(of: list[bytes]) -> bytes:
    """Put encoded envelopes into a box."""
    return b"".join((_ARRAY, len(of).to_bytes(HEAD_BYTES - 1, "big"), *of))


class Unpacker:
    """Takes boxes, in order, and gives what was put into them."""

    def __init__(self) -> None:
        self._chunks = bytearray()
        self._chunked = False

    def receive(self, data: bytes) -> list[Envelope]:
        """
        Open a box.

        Returns:
            The envelopes that are complete with it.

        Raises:
            Garbled: It is none, or its chunks don't belong together or are too large. The unpacker
                is of no more use.
        """
        envelopes: list[Envelope] = []
        for envelope in _decoded(_boxes, data):
            if isinstance(envelope, Chunk):
                self._add(envelope)
                if envelope.last:
                    envelopes.append(self._assembled())
            elif self._chunked:
                raise Garbled("An envelope between the chunks of another.")
            else:
                envelopes.append(envelope)
        return envelopes

    def _add(self, chunk: Chunk) -> None:
        if len(self._chunks) + len(chunk.part) > MAX_ENVELOPE_BYTES:
            raise Garbled(f"An envelope of more than {MAX_ENVELOPE_BYTES} bytes.")
        self._chunked = True
        self._chunks += chunk.part

    def _assembled(self) -> Envelope:
        envelope = _decoded(_decoder, bytes(self._chunks))
        if isinstance(envelope, Chunk):
            raise Garbled("Chunks of a chunk.")
        self._chunks = bytearray()
        self._chunked = False
        return envelope


def _decoded(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise Garbled(f"No envelopes: {error}") from None
