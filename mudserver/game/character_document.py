"""
A character as a JSON document, by which it goes from world to world.

``docs/backup.md`` describes the format. It is typed, closed and numbered: a reader refuses what it
doesn't know, so whoever adds a field gives the format the next number.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

from mudserver.errors import BadDocument
from mudserver.interfaces.archive import CarriedItem, CharacterRecord
from mudserver.world.names import MAX_NAME_CHARS

#: What a document says that it is.
KIND: Final = "mudserver character"

#: The format that is written, and the newest that is read.
FORMAT: Final = 3

#: How deep things may be in one another.
MAX_DEPTH: Final = 3

#: Bytes of a document. All that is allowed below stays under it.
MAX_DOCUMENT_BYTES: Final = 2 * 1024 * 1024

#: Things that a character may bring along, and people whom it may mute.
MAX_ITEMS: Final = 5_000
MAX_MUTED: Final = 5_000

#: Channels that it may have turned off: of all the worlds where it ever was.
MAX_CHANNELS_OFF: Final = 500

#: Characters of the key of a room or a thing.
MAX_KEY_CHARS: Final = 200

#: Characters of what a parser says.
MAX_SHOWN_CHARS: Final = 200

#: No character is older: what PostgreSQL can hold, Python's dates can't in all time zones.
_OLDEST: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: Other worlds' clocks may be fast.
_FAST: Final = timedelta(days=1)

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS, pattern=r"^[!-~]+$")]
_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_KEY_CHARS, pattern=r"^[!-~]+$")]
_Channel = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,12}\Z")]


class _Head(msgspec.Struct, frozen=True):
    """What any format has."""

    kind: str
    format: Annotated[int, msgspec.Meta(ge=1)]


class _Muted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody whom the character mutes."""

    name: _Name


class _Container(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A thing that holds others."""

    key: _Key
    closed: bool
    contents: Annotated["tuple[_Key | _Container, ...]", msgspec.Meta(max_length=MAX_ITEMS)]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The format 3; 2, which has no channels; and 1, which has no containers, either."""

    kind: str
    format: int
    name: _Name
    created: Annotated[datetime, msgspec.Meta(tz=True)]
    room: _Key | None
    items: Annotated[tuple[_Key | _Container, ...], msgspec.Meta(max_length=MAX_ITEMS)]
    muted: Annotated[tuple[_Muted, ...], msgspec.Meta(max_length=MAX_MUTED)]
    channels_off: Annotated[tuple[_Channel, ...], msgspec.Meta(max_length=MAX_CHANNELS_OFF)] = ()


_heads: Final = msgspec.json.Decoder(_Head)
_documents: Final = msgspec.json.Decoder(_Document)


def encode(record: CharacterRecord) -> bytes:
    """
    Write a character down.

    Returns:
        JSON text in UTF-8, for people to read, too; it ends with a line feed.

    Raises:
        BadDocument: It has more than the format takes.
    """
    if len(record.item_keys) > MAX_ITEMS or len(record.muted) > MAX_MUTED:
        things = len(record.item_keys)
        raise BadDocument(
            f"{record.name} has {things} things and mutes {len(record.muted)} people."
            f" The format takes {MAX_ITEMS} and {MAX_MUTED}."
        )
    if len(record.channels_off) > MAX_CHANNELS_OFF:
        raise BadDocument(
            f"{record.name} has turned off {len(record.channels_off)} channels."
            f" The format takes {MAX_CHANNELS_OFF}."
        )
    document = _Document(
        kind=KIND,
        format=FORMAT,
        name=record.name,
        created=record.created,
        room=record.room,
        items=tuple(_written(item) for item in record.items),
        muted=tuple(_Muted(name) for name in record.muted),
        channels_off=record.channels_off,
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def decode(data: bytes, now: datetime) -> CharacterRecord:
    """
    Read a character.

    Args:
        data: As somebody gave it.
        now: The time (UTC).

    Raises:
        BadDocument: It is no such document, or one of a newer format; says where and why.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise BadDocument(f"The document is larger than {MAX_DOCUMENT_BYTES:,} bytes.")
    try:
        head = _heads.decode(data)
        if head.kind != KIND:
            raise BadDocument(f"The document is no {KIND}.")
        if head.format > FORMAT:
            raise BadDocument(
                f"The document has the format {head.format}, and this mudserver knows those up to"
                f" {FORMAT}: use a newer mudserver."
            )
        document = _documents.decode(data)
    except msgspec.ValidationError as error:
        raise BadDocument(f"The document is no {KIND}: {_shown(error)}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadDocument(f"The document is not JSON: {_shown(error)}.") from None
    if not _OLDEST <= document.created <= now + _FAST:
        raise BadDocument("The document's character was made in the future, or before 1970.")
    items = tuple(_read(item) for item in document.items)
    if sum(1 for item in items for _ in item.everything) > MAX_ITEMS:
        raise BadDocument(f"The document has more than {MAX_ITEMS} things.")
    return CharacterRecord(
        name=document.name,
        created=document.created.astimezone(UTC),
        room=document.room,
        items=items,
        muted=tuple(each.name for each in document.muted),
        channels_off=document.channels_off,
    )


def _written(item: CarriedItem) -> str | _Container:
    """Write an item as its key, where there is no more to it."""
    if not item.contents and not item.closed:
        return item.key
    return _Container(item.key, item.closed, tuple(_written(each) for each in item.contents))


def _read(item: str | _Container, depth: int = 0) -> CarriedItem:
    if isinstance(item, str):
        return CarriedItem(item)
    if depth >= MAX_DEPTH:
        raise BadDocument(f"The document has things that are deeper than {MAX_DEPTH} containers.")
    contents = tuple(_read(each, depth + 1) for each in item.contents)
    return CarriedItem(item.key, item.closed, contents)


def _shown(error: Exception) -> str:
    """Return a parser's words, which may quote the document, fit for a terminal."""
    text = str(error)[:MAX_SHOWN_CHARS]
    return "".join(each if each.isprintable() else "?" for each in text)
