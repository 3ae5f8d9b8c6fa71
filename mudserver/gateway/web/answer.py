"""What the web answers: values, made without knowing how they are sent."""

from collections.abc import Mapping
from enum import Enum
from html import escape
from http import HTTPStatus
from math import ceil
from types import MappingProxyType

from attrs import field, frozen
from msgspec import Struct
from msgspec.json import Encoder

from mudserver.errors import (
    BadMessage,
    Banned,
    Forbidden,
    InsecureConnection,
    MudError,
    NameTaken,
    NotAuthenticated,
    Overloaded,
    PlayerError,
    TooManyTries,
    Unavailable,
    WrongCredentials,
)

#: Stand in every answer. The page's scripts may do nothing but talk to us: ``'self'`` covers
#: the WebSocket at the same host and port, too (CSP 3 §6.7.2.8).
SECURITY_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "no-referrer",
        "Server": "mudserver",
        "X-Content-Type-Options": "nosniff",
    }
)

# The first that fits counts.
_STATUS: tuple[tuple[type[MudError], HTTPStatus], ...] = (
    (BadMessage, HTTPStatus.BAD_REQUEST),
    (WrongCredentials, HTTPStatus.UNAUTHORIZED),
    (NotAuthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Banned, HTTPStatus.FORBIDDEN),
    (InsecureConnection, HTTPStatus.FORBIDDEN),
    (NameTaken, HTTPStatus.CONFLICT),
    (TooManyTries, HTTPStatus.TOO_MANY_REQUESTS),
    (PlayerError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)

_encoder = Encoder()


@frozen
class Answer:
    """
    An answer to a request.

    Attributes:
        status: Of HTTP.
        body: Empty where there is none.
        content_type: Of the body.
        headers: What else to say, beside `SECURITY_HEADERS`.
    """

    status: HTTPStatus
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    headers: Mapping[str, str] = field(factory=dict, repr=False)


class HttpRefusal(PlayerError):
    """
    A request refused by the rules of HTTP itself.

    Attributes:
        status: What tells so.
        headers: What has to go with it.
    """

    def __init__(
        self, status: HTTPStatus, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.headers = {} if headers is None else headers


class Form(Enum):
    """In which form a refusal is told."""

    JSON = "application/json"
    TEXT = "text/plain; charset=utf-8"
    PAGE = "text/html; charset=utf-8"


class Problem(Struct, frozen=True):
    """Why something is refused: ``code`` for programs, ``message`` for people."""

    code: str
    message: str


class Problems(Struct, frozen=True):
    """The body of all refusals of the API."""

    error: Problem


def json(status: HTTPStatus, body: Struct, headers: Mapping[str, str] | None = None) -> Answer:
    """Make an answer of the API."""
    return Answer(
        status,
        _encoder.encode(body),
        Form.JSON.value,
        {"Cache-Control": "no-store", **({} if headers is None else headers)},
    )


def refusal(error: PlayerError | Unavailable, form: Form) -> Answer:
    """Make the answer that says why not."""
    status = _status(error)
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, HttpRefusal):
        headers.update(error.headers)
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="mudserver"'
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, ceil(error.retry_after)))
    problem = _problem(error)
    return Answer(status, _body(status, problem, form), form.value, headers)


def failure(form: Form) -> Answer:
    """Make the answer that owns up to a fault of ours."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    problem = Problem("internal_error", "Something went wrong here.")
    return Answer(status, _body(status, problem, form), form.value, {"Cache-Control": "no-store"})


def _status(error: PlayerError | Unavailable) -> HTTPStatus:
    if isinstance(error, HttpRefusal):
        return error.status
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def _problem(error: PlayerError | Unavailable) -> Problem:
    if isinstance(error, PlayerError):
        return Problem(error.code, error.message)
    if isinstance(error, Overloaded):
        return Problem("unavailable", "The server is busy; try again in a moment.")
    return Problem("unavailable", "The world is away; try again in a moment.")


def _body(status: HTTPStatus, problem: Problem, form: Form) -> bytes:
    match form:
        case Form.JSON:
            return _encoder.encode(Problems(problem))
        case Form.TEXT:
            return f"{problem.message}\n".encode()
        case Form.PAGE:
            return (
                "<!doctype html>\n"
                '<html lang="en"><meta charset="utf-8">'
                f"<title>{status.value} {status.phrase}</title>\n"
                f"<h1>{status.phrase}</h1>\n"
                f"<p>{escape(problem.message)}</p>\n"
                '<p><a href="/">To the game</a></p></html>\n'
            ).encode()
