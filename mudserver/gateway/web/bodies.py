"""The bodies of the HTTP API, both ways."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, ClassVar, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from mudserver.errors import BadMessage, PlayerError
from mudserver.gateway.web.answer import HttpRefusal
from mudserver.wire.envelope import in_words, repeats_a_name
from mudserver.wire.messages import MAX_FIELD_CHARACTERS, NO_CONTROL_CHARACTERS

#: The only type that bodies may have; parameters may follow.
CONTENT_TYPE = "application/json"

_Field = Annotated[str, Meta(max_length=MAX_FIELD_CHARACTERS)]
_Name = Annotated[str, Meta(max_length=MAX_FIELD_CHARACTERS, pattern=NO_CONTROL_CHARACTERS)]

B = TypeVar("B", bound="RequestBody")


class RequestBody(Struct, frozen=True, forbid_unknown_fields=True):
    """
    What all bodies of requests share: unknown fields are refused.

    Attributes:
        when_empty: What an empty body stands for.
    """

    when_empty: ClassVar[bytes] = b""


class NameAndPassword(RequestBody, frozen=True):
    """Of ``POST /api/accounts`` and ``POST /api/session``."""

    name: _Name
    password: _Field


class NewPassword(RequestBody, frozen=True):
    """Of ``POST /api/account/password``."""

    old: _Field
    new: _Field


class Nothing(RequestBody, frozen=True):
    """Of calls that need to be told nothing, not even in JSON."""

    when_empty: ClassVar[bytes] = b"{}"


class Account(Struct, frozen=True):
    """A new account."""

    account: str
    characters: tuple[str, ...]


class Session(Struct, frozen=True):
    """Who is logged in; times are in RFC 3339, as msgspec writes them."""

    account: str
    characters: tuple[str, ...]
    csrf: str
    expires: datetime


class Login(Struct, frozen=True):
    """A fresh login; browsers get the token by cookie."""

    csrf: str
    ticket: str
    expires: datetime
    token: str | UnsetType = UNSET


class Ticket(Struct, frozen=True):
    """A fresh ticket."""

    ticket: str
    csrf: str


def decode(kind: type[B], content_type: str, body: bytes) -> B:
    """
    Read the body of a request.

    Raises:
        HttpRefusal: The content type is another (415).
        BadMessage: It isn't JSON, or has a field twice (400).
        PlayerError: It is, but of another shape (422).
    """
    if content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise HttpRefusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "bad_content_type",
            f"Content-Type must be {CONTENT_TYPE}.",
        )
    try:
        decoded = msgspec.json.decode(body or kind.when_empty, type=kind)
    except msgspec.ValidationError as error:
        raise PlayerError(in_words(str(error)), code="bad_field") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadMessage("The body isn't JSON.") from None
    if repeats_a_name(body):
        raise BadMessage("The body has a field twice.")
    return decoded
