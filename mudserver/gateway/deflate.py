"""
``permessage-deflate`` (RFC 7692), so that one frame still serves a whole room.

Each message is compressed by itself, in both directions (``server_no_context_takeover``,
``client_no_context_takeover``): what was compressed once can be sent to everyone, and no
connection keeps a window between two messages.
"""

import zlib
from collections.abc import Iterable
from typing import Final

from autobahn.exception import PayloadCorruptError, PayloadExceededError
from autobahn.websocket.compress_deflate import (
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
)

#: Bytes from which a message is compressed. Shorter ones hardly shrink without what came before
#: them, and the time is worth more.
MIN_BYTES: Final = 512

#: The largest window that there is, in bits; frames that all can read use no smaller one.
_WINDOW_BITS: Final = 15

#: How hard to try: beyond it, messages of some kilobytes get hardly smaller.
_LEVEL: Final = 6

#: What a message compressed by itself ends in, and is sent without (RFC 7692 §7.2.1).
_TAIL: Final = b"\x00\x00\xff\xff"


def agree(offers: Iterable[object]) -> PerMessageDeflateOfferAccept | None:
    """
    Choose among what a client offers, in its order.

    A client that wants a smaller window from us would need frames of its own, and is answered
    uncompressed.

    Returns:
        What is agreed upon; None for no compression.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer) and offer.request_max_window_bits in (
            0,
            _WINDOW_BITS,
        ):
            # Autobahn tells the client only of what the client has asked for.
            asked = PerMessageDeflateOffer(
                accept_no_context_takeover=True,
                accept_max_window_bits=offer.accept_max_window_bits,
                request_no_context_takeover=True,
                request_max_window_bits=offer.request_max_window_bits,
            )
            return PerMessageDeflateOfferAccept(
                asked, request_no_context_takeover=True, no_context_takeover=True
            )
    return None


def deflated(payload: bytes) -> bytes:
    """Compress a message by itself (RFC 7692 §7.2.1)."""
    deflating = zlib.compressobj(_LEVEL, zlib.DEFLATED, -_WINDOW_BITS)
    return (deflating.compress(payload) + deflating.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)


class Inflation(PerMessageDeflate):
    """
    What inflates the messages of one client.

    Between two of them, and after one that could not be inflated, it keeps nothing.
    """

    def __init__(self) -> None:
        super().__init__(
            is_server=True,
            server_no_context_takeover=True,
            client_no_context_takeover=True,
            server_max_window_bits=_WINDOW_BITS,
            client_max_window_bits=_WINDOW_BITS,
            mem_level=None,
        )

    def decompress_message_data(self, data: bytes, max_output_len: int | None = None) -> bytes:
        """
        Inflate a part of a message.

        Autobahn's own misses a message that is some bytes too long when zlib holds them back; one
        byte more than may be tells it.

        Raises:
            PayloadExceededError: It is longer than that many bytes.
            PayloadCorruptError: It isn't compressed right.
        """
        limit = max(0, max_output_len or 0)
        inflating, self._decompressor = self._decompressor, None
        assert inflating is not None
        try:
            inflated: bytes = inflating.decompress(data, limit + 1)
        except zlib.error as error:
            raise PayloadCorruptError(f"it can't be inflated: {error}") from error
        if len(inflated) > limit:
            raise PayloadExceededError(f"it inflates to more than {limit} bytes")
        self._decompressor = inflating
        return inflated

    def end_decompress_message(self) -> None:
        """
        Let go of the window, some 40 KB.

        Raises:
            PayloadCorruptError: The message breaks off.
        """
        if self._decompressor is not None:
            super().end_decompress_message()
            self._decompressor = None
