"""
Errors that cross the bus, as bytes.

A `PlayerError` and an `Unavailable` arrive as they are; an error that the reader's release doesn't
know arrives as the nearest of its bases that it does. Of any other, nothing is told.
"""

from typing import Final

import msgspec

from mudserver import errors
from mudserver.bus.codec import VERSION, check
from mudserver.errors import (
    CloseCode,
    Garbled,
    NotAuthenticated,
    PlayerError,
    Unavailable,
    UnknownKeys,
)

#: Characters of each text, and keys of each kind; more are cut off.
MAX_TEXT: Final = 2_000
MAX_KEYS: Final = 100

Crossing = PlayerError | Unavailable

_KNOWN: Final[dict[str, type[PlayerError | Unavailable]]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, (PlayerError, Unavailable))
}


class _Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    Attributes:
        kinds: The error's type and those it derives from, the most special first.
    """

    kinds: tuple[str, ...]
    message: str
    code: str = ""
    retry_after: float | None = None
    close_code: CloseCode = CloseCode.REVOKED
    rooms: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


_decoder: Final = msgspec.msgpack.Decoder(_Failure)
_encoder: Final = msgspec.msgpack.Encoder()


def encode_failure(error: BaseException) -> bytes:
    """Write an error; one that is no business of others becomes `Unavailable`."""
    if not isinstance(error, (PlayerError, Unavailable)):
        error = Unavailable("The world had an internal error.")
    written = _Failure(
        tuple(kind.__name__ for kind in type(error).__mro__ if issubclass(kind, errors.MudError)),
        _clean(str(error)),
        retry_after=error.retry_after,
    )
    if isinstance(error, PlayerError):
        written = msgspec.structs.replace(written, code=_clean(error.code))
    if isinstance(error, NotAuthenticated):
        written = msgspec.structs.replace(written, close_code=error.close_code)
    if isinstance(error, UnknownKeys):
        rooms, items = (tuple(map(_clean, keys[:MAX_KEYS])) for keys in (error.rooms, error.items))
        written = msgspec.structs.replace(written, rooms=rooms, items=items)
    return bytes((VERSION,)) + _encoder.encode(written)


def decode_failure(payload: bytes) -> Crossing:
    """
    Read an error.

    Raises:
        Garbled: It can't be understood.
    """
    check(payload)
    try:
        read = _decoder.decode(payload[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise Garbled(f"An error that can't be read: {error}") from None
    for name in read.kinds:
        kind = _KNOWN.get(name)
        if kind is not None:
            return _made(kind, read)
    raise Garbled("An error of no kind that is known here.")


def _made(kind: type[Crossing], read: _Failure) -> Crossing:
    if not issubclass(kind, PlayerError):
        after = 5.0 if read.retry_after is None else read.retry_after
        return kind(read.message, retry_after=after)
    error: PlayerError
    if issubclass(kind, UnknownKeys):
        error = UnknownKeys(read.rooms, read.items)
    elif issubclass(kind, NotAuthenticated):
        error = NotAuthenticated(read.message, read.close_code)
    else:
        error = kind(read.message)
    error.code = read.code or error.code
    error.retry_after = read.retry_after
    return error


def _clean(text: str) -> str:
    """Cut a text, and make it one that can be written."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()
