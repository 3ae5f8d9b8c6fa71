"""
Messages of the bus, for operators to read.

What a type keeps out of its ``repr``, and so of logs, is not shown here either: what players typed,
which may be a password, and whatever lets somebody in.
"""

from collections.abc import Mapping, Set
from typing import Final

import attrs
import msgspec
from attrs import field, frozen

from mudserver.bus.codec import VERSION, Codec, kind_of, unchecked_fields
from mudserver.errors import Garbled
from mudserver.interfaces.bus import Request
from mudserver.interfaces.continuity import FromWorld

#: Stands for what is not shown, and for what is inside too much else.
NOT_SHOWN: Final = "(not shown)"
TOO_DEEP: Final = "…"

#: How deep values may be inside each other.
MAX_DEPTH: Final = 32

#: Bytes of a message that can't be read as its type, whose fields are shown all the same; a longer
#: one is shown as it is.
MAX_UNKNOWN_BYTES: Final = 64 * 1024

#: What fields are called that are kept out of logs; of a type that isn't known here, nothing else
#: tells which these are.
SECRETS: Final = frozenset(("csrf", "new", "old", "password", "secret", "ticket", "token"))


def legible(codec: Codec, payload: bytes) -> str:
    """
    Return a message as JSON, for people; whatever the payload.

    Args:
        codec: Reads messages.
        payload: The message. Where it can't be read as its type, the fields that it has are shown
            below ``fields``, and where there are none its ``bytes`` in hexadecimal; ``unreadable``
            says why.
    """
    return msgspec.json.encode(_Reading(codec).message(payload, MAX_DEPTH)).decode()


@frozen
class _Reading:
    """
    Makes values of what JSON has.

    Attributes:
        codec: Reads messages.
        hidden: Keys that are not shown.
    """

    codec: Codec
    hidden: Set[str] = field(default=frozenset())

    def message(self, payload: bytes, depth: int) -> object:
        """Show a message."""
        try:
            message = self.codec.decode_message(payload)
        except Garbled as error:
            return self._unreadable(payload, str(error), depth)
        if isinstance(message, FromWorld):
            told = message.message
            return {"epoch": message.epoch, type(told).__name__: self.shown(told, depth)}
        return self.shown(message, depth)

    def _unreadable(self, payload: bytes, why: str, depth: int) -> object:
        """Show what there is of one that can't be read."""
        read: dict[str, object] = {"unreadable": why, "kind": kind_of(payload)}
        kind = self.codec.type_of(payload)
        if kind is not None and issubclass(kind, Request):
            return read  # no message, and most that carry a secret are of these
        secret = frozenset[str]() if kind is None else _kept_out(kind)
        fields = _any_fields(payload)
        if fields is not None:
            read["fields"] = _Reading(self.codec, SECRETS | secret).shown(fields, depth - 1)
        elif not secret:
            read["bytes"] = payload.hex()
        return read

    def shown(self, value: object, depth: int) -> object:
        """Show a value."""
        if depth <= 0:
            return TOO_DEEP
        match value:
            case bytes():
                return self._bytes(value, depth)
            case list() | tuple():
                return [self.shown(each, depth - 1) for each in value]
            case Mapping():
                return {
                    str(key): NOT_SHOWN if key in self.hidden else self.shown(each, depth - 1)
                    for key, each in value.items()
                }
            case msgspec.msgpack.Ext():
                return {"extension": value.code, "bytes": bytes(value.data).hex()}
        kind = type(value)
        if not attrs.has(kind):
            return value
        secret = _kept_out(kind)
        return {
            name: NOT_SHOWN if name in secret else self.shown(getattr(value, name), depth - 1)
            for name in attrs.fields_dict(kind)
        }

    def _bytes(self, value: bytes, depth: int) -> object:
        """Show bytes as what they are: another message, JSON, text, or bytes."""
        if value[:1] == bytes((VERSION,)) and kind_of(value).isidentifier():
            return self.message(value, depth - 1)
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return {"bytes": value.hex()}
        if text[:1] not in ("{", "["):
            return text
        try:
            found = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError):
            return text  # it only looked like JSON
        return self.shown(found, depth - 1)


def _any_fields(payload: bytes) -> dict[str, object] | None:
    """Return the fields of a message whatever its type; None where there are none to be read."""
    if len(payload) > MAX_UNKNOWN_BYTES:
        return None
    try:
        return unchecked_fields(payload)
    except Garbled:
        return None


def _kept_out(kind: type) -> frozenset[str]:
    """Return the names of those fields of a type that are kept out of logs."""
    if not attrs.has(kind):
        return frozenset()
    return frozenset(each.name for each in attrs.fields(kind) if not each.repr)
