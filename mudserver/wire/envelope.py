"""
JSON text ↔ typed messages.

Decoding goes from the cheapest check to the dearest: nesting first, so that no parser
recurses deeply, then one typed pass that refuses unknown types and fields.
"""

import re

import msgspec

from mudserver.errors import BadMessage
from mudserver.wire.messages import (
    MAX_COMMAND_CHARACTERS,
    MAX_ID_CHARACTERS,
    Command,
    FromClient,
    FromServer,
)
from mudserver.wire.text import has_control_characters

#: Deepest nesting of objects and arrays. Our own messages reach 2; the rest is room to grow.
MAX_DEPTH = 10

_ESCAPED_OR_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)

#: A string, and the colon that makes it a name.
_STRING_OR_NAME = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?', re.DOTALL)

#: Strings in a command, names and values: ``type`` and ``text``; and those with an ``id``.
_STRINGS = 4
_STRINGS_WITH_ID = 6

_decoder: msgspec.json.Decoder[FromClient] = msgspec.json.Decoder(FromClient)
_encoder = msgspec.json.Encoder()


class _Identified(msgspec.Struct):
    """As little of a refused message as tells what the refusal answers."""

    id: str | None = None


_identified = msgspec.json.Decoder(_Identified)


class MessageRefused(BadMessage):
    """
    A message that was refused.

    Attributes:
        id: The client's id of the refused message, where it could still be read.
    """

    def __init__(self, code: str, message: str, id: str | None = None) -> None:
        super().__init__(message, code=code)
        self.id = id


def decode(data: bytes) -> FromClient:
    """
    Read one message of a client.

    Args:
        data: JSON text in UTF-8, of a size already found acceptable.

    Raises:
        MessageRefused: With code ``too_deep``, ``bad_json``, ``bad_type``, ``bad_field`` or
            ``too_long``.
    """
    if _too_deep(data):
        raise MessageRefused("too_deep", f"The message nests deeper than {MAX_DEPTH} levels.")
    try:
        message: FromClient = _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _refusal(data, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MessageRefused("bad_json", "The message isn't JSON.") from None
    if isinstance(message, Command):
        if not _is_plain(data, message) and repeats_a_name(data):
            raise _repetition(data)
        _check_text(message)
    elif repeats_a_name(data):
        raise _repetition(data)
    return message


def encode(message: FromServer) -> bytes:
    """Write one message of the server as JSON text in UTF-8."""
    return _encoder.encode(message)


def with_id(body: bytes, id: str) -> bytes:
    """Return an encoded message that has no id, with one."""
    return b'%s,"id":%s}' % (body.removesuffix(b"}"), _encoder.encode(id))


def repeats_a_name(data: bytes) -> bool:
    """
    Whether a message that was found sound has a name twice (RFC 8259 §4).

    Which of the two counts would be a matter of who reads it. No name of a message is also a name
    of what is nested in it, so all of them are compared at once.
    """
    names = [
        msgspec.json.decode(string, type=str) if b"\\" in string else string[1:-1].decode()
        for string, colon in _STRING_OR_NAME.findall(data)
        if colon
    ]
    return len(set(names)) != len(names)


def _check_text(command: Command) -> None:
    if len(command.text) > MAX_COMMAND_CHARACTERS:
        raise MessageRefused(
            "too_long",
            f"A command has at most {MAX_COMMAND_CHARACTERS} characters.",
            command.id,
        )
    if has_control_characters(command.text):
        raise MessageRefused("bad_field", "text: control characters aren't allowed.", command.id)


def _is_plain(data: bytes, command: Command) -> bool:
    """
    Whether quotation marks alone show that a command has no name twice: nearly all are so.

    Where nothing is escaped, each string has two. Type and text are two names and two values; an
    id is one more of each. Any other name, repeated or not, would have its own.
    """
    strings = _STRINGS if command.id is None else _STRINGS_WITH_ID
    return b"\\" not in data and data.count(b'"') == 2 * strings


def _repetition(data: bytes) -> MessageRefused:
    return MessageRefused("bad_json", "The message has a field twice.", _id(data))


def _too_deep(data: bytes) -> bool:
    """Whether brackets outside strings nest deeper than `MAX_DEPTH`."""
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for byte in _ESCAPED_OR_STRING.sub(b"", data):
        if byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def _refusal(data: bytes, problem: str) -> MessageRefused:
    """Name what msgspec found, in the codes of the protocol."""
    if problem.endswith(("`$.type`", "field `type`")):
        return MessageRefused("bad_type", "The message's type is missing or unknown.", _id(data))
    if " of length <= " in problem:
        return MessageRefused("too_long", problem + ".", _id(data))
    return MessageRefused("bad_field", in_words(problem), _id(data))


def in_words(problem: str) -> str:
    """Say what msgspec found wrong with a field, for people."""
    what, at, field = problem.partition(" - at ")
    if " matching regex " in what:
        what = "Control characters aren't allowed"
    return f"{what}{at}{field}."


def _id(data: bytes) -> str | None:
    """Read the id of a message that was refused, as far as it can be trusted."""
    try:
        found = _identified.decode(data).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found and len(found) <= MAX_ID_CHARACTERS else None
