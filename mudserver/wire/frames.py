"""WebSocket frames from a client (RFC 6455 §5), as far as nearly all of them go."""

from typing import Final

#: The first byte of a message that is text, in one frame, and touched by no extension.
_WHOLE_TEXT: Final = 0x81

#: The bit of the second byte that says that the payload is masked.
_MASKED: Final = 0x80

#: A length that says that the true one is in the next two bytes; longer ones are in eight.
_MEDIUM: Final = 126

#: Bytes before the payload: the first two and the mask, and where the length has two of its own.
_SHORT_HEADER: Final = 6
_MEDIUM_HEADER: Final = 8


def whole_text(data: bytes, most: int) -> tuple[bytes, int] | None:
    """
    Read a message that begins a buffer, where it is whole, and such as nearly all are.

    Args:
        data: What was received, from the beginning of a frame on.
        most: Bytes that a message may have.

    Returns:
        The message, in sound UTF-8, and how many bytes of the buffer it took. None for whatever
        needs a closer look: what is not all here, or too long, in fragments, binary, compressed or
        unmasked; control frames; what breaks the protocol.
    """
    if len(data) < _SHORT_HEADER or data[0] != _WHOLE_TEXT or data[1] < _MASKED:
        return None
    size = data[1] - _MASKED
    start = _SHORT_HEADER
    if size == _MEDIUM:
        size = int.from_bytes(data[2:4])
        start = _MEDIUM_HEADER
        if size < _MEDIUM:
            return None
    elif size > _MEDIUM:
        return None
    end = start + size
    if end > len(data) or size > most:
        return None
    text = _unmasked(data[start:end], data[start - 4 : start])
    try:
        text.decode()
    except UnicodeDecodeError:
        return None
    return text, end


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    """Take a mask of four bytes off (RFC 6455 §5.3), by one operation on two large numbers."""
    size = len(payload)
    masks = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(masks)).to_bytes(size)
