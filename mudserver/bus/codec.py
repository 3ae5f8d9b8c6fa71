"""
Values that cross the bus, as bytes.

A payload is a byte for the version of this format, the length of the type's name and the name, and
the value's fields as a MessagePack map. What is read is checked against the type, field by field.

Gateways and worlds are upgraded one by one, so that each must understand the other's release: a
field that the reader doesn't know is skipped, one that isn't there has its default. A field without
a default, another type for a field, a renamed type: such changes need a new type beside the old one
for one release.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import UnionType
from typing import Any, Final, Generic, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import attrs
import msgspec
from attrs import frozen

from mudserver.errors import Garbled, UnknownKind, Unsendable
from mudserver.interfaces.bus import Message, R, Request

#: Of this format.
VERSION: Final = 1

#: Bytes of one payload.
MAX_PAYLOAD_BYTES: Final = 1024 * 1024

#: Characters of a type's name.
MAX_NAME: Final = 64

#: What the decoder raises, whatever the input.
_UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)

T = TypeVar("T")

_encoder: Final = msgspec.msgpack.Encoder()
_fields: Final = msgspec.msgpack.Decoder(dict[str, object])

_Convert = Callable[[Any], Any]


@frozen
class _Form(Generic[T]):
    """
    How values of one type are written.

    Attributes:
        kind: The type.
        head: What comes before the fields.
        decoder: Reads the fields.
        written: Gives what is encoded for a value; None for the value itself.
        read: Gives the value for what was decoded; None for that itself.
    """

    kind: type[T]
    head: bytes
    decoder: msgspec.msgpack.Decoder[Any]
    written: _Convert | None
    read: _Convert | None


class Codec:
    """
    Writes and reads what may cross the bus.

    Args:
        vocabulary: The types of it.

    Raises:
        TypeError: A type can't be written.
    """

    def __init__(self, vocabulary: Iterable[type[Message] | type[Request[Any]]]) -> None:
        self._names: dict[bytes, _Form[Any]] = {}
        self._forms: dict[type, _Form[Any]] = {}
        self._replies: dict[type, msgspec.msgpack.Decoder[Any]] = {}
        for kind in vocabulary:
            name = kind.__name__.encode("ascii")
            if name in self._names or len(name) > MAX_NAME:
                raise TypeError(f"{kind} needs a shorter name, or one of its own")
            self._names[name] = self._forms[kind] = self._form(kind, name)
            if issubclass(kind, Request):
                self._replies[kind] = msgspec.msgpack.Decoder(_reply_type(kind))

    def encode(self, value: Message | Request[Any]) -> bytes:
        """
        Write a message or request.

        Raises:
            Unsendable: It is too large, not in the vocabulary, or something in it can't be written.
        """
        form = self._forms.get(type(value))
        if form is None:
            raise Unsendable(f"{type(value).__name__} is not in the bus's vocabulary.")
        written: Any = value if form.written is None else form.written(value)
        return _bounded(form.head + _encoded(written), type(value).__name__)

    def decode_message(self, payload: bytes) -> Message:
        """
        Read a message.

        Raises:
            Garbled: It can't be understood. `UnknownKind` where only its type isn't known here.
        """
        value = self._decode(payload)
        if not isinstance(value, Message):
            raise Garbled(f"{type(value).__name__} is no message.")
        return value

    def decode_request(self, payload: bytes) -> Request[object]:
        """
        Read a request.

        Raises:
            Garbled: It can't be understood. `UnknownKind` where only its type isn't known here.
        """
        value = self._decode(payload)
        if not isinstance(value, Request):
            raise Garbled(f"{type(value).__name__} is no request.")
        return value

    def encode_reply(self, request: Request[R], reply: R) -> bytes:  # type: ignore[misc]
        """
        Write the reply to a request.

        Raises:
            Unsendable: It is too large, or something in it can't be written.
        """
        return _bounded(bytes((VERSION,)) + _encoded(reply), f"reply to {type(request).__name__}")

    def decode_reply(self, request: Request[R], payload: bytes) -> R:
        """
        Read the reply to a request.

        Raises:
            Garbled: It can't be understood.
        """
        decoder = self._replies.get(type(request))
        if decoder is None:
            raise UnknownKind(f"{type(request).__name__} is not in the bus's vocabulary.")
        check(payload)
        return cast(R, _decoded(decoder, payload[1:], f"reply to {type(request).__name__}"))

    def type_of(self, payload: bytes) -> type | None:
        """Return the type of a message or request; None where it isn't in the vocabulary."""
        try:
            form = self._names.get(_divided(payload)[0])
        except Garbled:
            return None
        return None if form is None else form.kind

    def _decode(self, payload: bytes) -> Message | Request[object]:
        check(payload)
        kind, body = _divided(payload)
        form = self._names.get(kind)
        if form is None:
            raise UnknownKind(f"{kind_of(payload)} is not in the bus's vocabulary.")
        value = _decoded(form.decoder, payload[body:], form.kind.__name__)
        return cast(Message, value if form.read is None else form.read(value))

    def _form(self, kind: type[T], name: bytes) -> _Form[T]:
        """Find out how to write a type."""
        head = bytes((VERSION, len(name))) + name
        hints = get_type_hints(kind, include_extras=True)
        written: dict[str, _Convert] = {}
        read: dict[str, _Convert] = {}
        for field in attrs.fields(cast("type[attrs.AttrsInstance]", kind)):
            hint = hints[field.name]
            if hint is Message:
                hints[field.name] = bytes
                written[field.name], read[field.name] = self._wrap, self._unwrap
            elif len(alternatives := _alternatives(hint)) > 1:
                hints[field.name] = Union[tuple(map(_tagged, alternatives))]  # noqa: UP007
                written[field.name] = _tagger(hints[field.name], alternatives)
                read[field.name] = _untagger(hints[field.name], alternatives)
        if not written:
            return _Form(kind, head, msgspec.msgpack.Decoder(kind), None, None)
        mirror = _struct(kind, hints)
        return _Form(
            kind,
            head,
            msgspec.msgpack.Decoder(mirror),
            _converter(mirror, mirror, written),
            _converter(mirror, kind, read),
        )

    def _wrap(self, message: Message) -> bytes:
        """Write a message that is a field of another."""
        form = self._forms.get(type(message))
        if form is None or form.written is not None:
            raise Unsendable(f"{type(message).__name__} can't be inside another message.")
        return self.encode(message)

    def _unwrap(self, payload: bytes) -> Message:
        """Read a message that is a field of another, with none inside itself."""
        form = self._names.get(_divided(payload)[0])
        if form is not None and form.written is not None:
            raise Garbled(f"{form.kind.__name__} is inside another message.")
        return self.decode_message(payload)


def kind_of(payload: bytes) -> str:
    """Name the type of a message or request, for people; whatever the payload."""
    try:
        return _divided(payload)[0].decode("ascii", "backslashreplace")
    except Garbled:
        return "?"


def unchecked_fields(payload: bytes) -> dict[str, object]:
    """
    Read the fields of a message or request of any type, whatever they are.

    Raises:
        Garbled: It has none.
    """
    check(payload)
    return _decoded(_fields, payload[_divided(payload)[1] :], kind_of(payload))


def check(payload: bytes) -> None:
    """
    Check the size and version of a payload.

    Raises:
        Garbled: They are not ours.
    """
    if not payload or len(payload) > MAX_PAYLOAD_BYTES:
        raise Garbled(f"A payload of {len(payload)} bytes.")
    if payload[0] != VERSION:
        raise Garbled(f"A payload of version {payload[0]}, where {VERSION} was expected.")


def _divided(payload: bytes) -> tuple[bytes, int]:
    """Return the name of the type, and where the fields begin."""
    start = 2
    if len(payload) < start or not 0 < payload[1] <= MAX_NAME:
        raise Garbled("A payload without a type.")
    return payload[start : start + payload[1]], start + payload[1]


def _bounded(payload: bytes, what: str) -> bytes:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise Unsendable(f"{what} has {len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}.")
    return payload


def _encoded(value: object) -> bytes:
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise Unsendable(f"{type(value).__name__} can't be written: {error}") from error


def _decoded(decoder: msgspec.msgpack.Decoder[T], data: bytes, what: str) -> T:
    try:
        return decoder.decode(data)
    except _UNDECODABLE as error:
        raise Garbled(f"{what} can't be read: {error}") from None


def _reply_type(kind: type) -> object:
    """Return ``R`` of a ``Request[R]``."""
    for base in getattr(kind, "__orig_bases__", ()):
        if get_origin(base) is Request:
            return get_args(base)[0]
    raise TypeError(f"{kind} doesn't say what is replied")


def _alternatives(hint: object) -> tuple[type, ...]:
    """Return what a field may be, where only a tag tells which it is; else nothing."""
    if get_origin(hint) not in (Union, UnionType):
        return ()
    members = get_args(hint)
    return members if sum(map(attrs.has, members)) > 1 else ()


def _struct(kind: type, hints: Mapping[str, Any], tag: str | None = None) -> type[msgspec.Struct]:
    """Make a structure with the fields of a type."""
    fields: list[Any] = []
    for field in attrs.fields(cast("type[attrs.AttrsInstance]", kind)):
        default: Any = field.default
        if default is attrs.NOTHING:
            fields.append((field.name, hints[field.name]))
        else:
            fields.append((field.name, hints[field.name], msgspec.field(default=default)))
    return msgspec.defstruct(kind.__name__, fields, tag=tag, frozen=True)


def _tagged(kind: type) -> Any:
    """Make a structure with a tag for one of several alternatives; None needs none."""
    if not attrs.has(kind):
        return kind
    return _struct(kind, get_type_hints(kind, include_extras=True), kind.__name__)


def _tagger(union: object, alternatives: tuple[type, ...]) -> _Convert:
    known = dict(zip(alternatives, get_args(union), strict=True))
    converters = {
        kind: _converter(tagged, tagged, {}) for kind, tagged in known.items() if attrs.has(kind)
    }

    def tag(value: Any) -> Any:
        convert = converters.get(type(value))
        return value if convert is None else convert(value)

    return tag


def _untagger(union: object, alternatives: tuple[type, ...]) -> _Convert:
    known = dict(zip(get_args(union), alternatives, strict=True))
    converters = {
        tagged: _converter(tagged, kind, {}) for tagged, kind in known.items() if attrs.has(kind)
    }

    def untag(value: Any) -> Any:
        convert = converters.get(type(value))
        return value if convert is None else convert(value)

    return untag


def _converter(
    mirror: type[msgspec.Struct], target: type, special: Mapping[str, _Convert]
) -> _Convert:
    """Return what copies a value's fields into another type that has the same."""
    names = mirror.__struct_fields__
    if not names:
        return lambda _: target()
    get = attrgetter(*names)
    places = [(names.index(name), change) for name, change in special.items()]

    def convert(value: Any) -> Any:
        values = list(get(value)) if len(names) > 1 else [get(value)]
        for place, change in places:
            values[place] = change(values[place])
        return target(*values)

    return convert
