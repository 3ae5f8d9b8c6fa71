"""
The HTTP API: accounts, logins and tickets.

Whoever comes with the cookie must show the CSRF word, too, before anything changes: a page of
another site can make a browser send the first, but can't read the second. Whoever comes with
``Authorization: Bearer`` needs none, since no browser sends that by itself.
"""

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import TypeVar

from attrs import field, frozen
from msgspec import UNSET

from mudserver.errors import Forbidden, InsecureConnection, NotAuthenticated
from mudserver.gateway.web import answer, bodies
from mudserver.gateway.web.answer import Answer
from mudserver.gateway.web.cookies import cookie, no_cookie
from mudserver.gateway.web.policy import Caller
from mudserver.interfaces.authority import (
    ChangePassword,
    Describe,
    Described,
    IssueTicket,
    LogIn,
    Register,
    Revoke,
    Transport,
)
from mudserver.interfaces.bus import WORLD, IBus

#: Seconds that the world may take; a password's hash may have to wait for others.
PATIENCE = 15.0

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
_BEARER = re.compile(r"bearer +([^ ]+) *", re.IGNORECASE | re.ASCII)

B = TypeVar("B", bound=bodies.RequestBody)


@frozen
class Call:
    """
    A request to the API, taken apart.

    Attributes:
        caller: Who asks.
        content_type: The header Content-Type; here and below, empty where there was none.
        body: As it came.
        authorization: The header Authorization.
        cookie: The value of our cookie.
        csrf: The header X-CSRF-Token.
    """

    caller: Caller
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)
    authorization: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)
    csrf: str = field(default="", repr=False)

    def read(self, kind: type[B]) -> B:
        """Read the body; raises as `bodies.decode`."""
        return bodies.decode(kind, self.content_type, self.body)


Method = Callable[[Call], Awaitable[Answer]]


@frozen
class _Login:
    """A token that came along, and whose it is."""

    token: str = field(repr=False)
    described: Described
    by_cookie: bool


class Api:
    """
    Answers calls, by asking the world.

    All methods raise `PlayerError` and `Unavailable`, as the world does.

    Args:
        bus: The way to the world.
        insecure_passwords: Whether passwords are taken where others on the way can read along.
    """

    def __init__(self, bus: IBus, insecure_passwords: bool = False) -> None:
        self._bus = bus
        self._insecure_passwords = insecure_passwords

    def methods(self) -> Mapping[str, Mapping[str, Method]]:
        """Return what there is, by path and by method."""
        return MappingProxyType(
            {
                "api/accounts": {"POST": self.register},
                "api/account/password": {"POST": self.change_password},
                "api/session": {"GET": self.describe, "POST": self.log_in, "DELETE": self.log_out},
                "api/session/ticket": {"POST": self.issue_ticket},
            }
        )

    async def register(self, call: Call) -> Answer:
        """Make an account."""
        body = call.read(bodies.NameAndPassword)
        self._check_way(call.caller)
        registered = await self._bus.request(
            WORLD, Register(body.name, body.password, call.caller.origin), PATIENCE
        )
        return answer.json(
            HTTPStatus.CREATED, bodies.Account(registered.account, registered.characters)
        )

    async def log_in(self, call: Call) -> Answer:
        """Exchange name and password for a token: in the cookie for browsers, else in the body."""
        body = call.read(bodies.NameAndPassword)
        caller = call.caller
        self._check_way(caller)
        logged_in = await self._bus.request(
            WORLD,
            LogIn(body.name, body.password, caller.origin, Transport.WEBSOCKET),
            PATIENCE,
        )
        return answer.json(
            HTTPStatus.OK,
            bodies.Login(
                csrf=logged_in.csrf,
                ticket=logged_in.ticket,
                expires=logged_in.attended.expires,
                token=UNSET if caller.browser else logged_in.token,
            ),
            {"Set-Cookie": cookie(caller.site, logged_in.token)} if caller.browser else None,
        )

    async def describe(self, call: Call) -> Answer:
        """Tell who is logged in."""
        described = (await self._login(call)).described
        attended = described.attended
        return answer.json(
            HTTPStatus.OK,
            bodies.Session(attended.name, attended.characters, described.csrf, attended.expires),
        )

    async def issue_ticket(self, call: Call) -> Answer:
        """Make a ticket for a WebSocket."""
        login = await self._safe_login(call)
        call.read(bodies.Nothing)
        issued = await self._bus.request(WORLD, IssueTicket(login.token), PATIENCE)
        return answer.json(HTTPStatus.OK, bodies.Ticket(issued.ticket, issued.csrf))

    async def change_password(self, call: Call) -> Answer:
        """Change the password; all other logins end."""
        login = await self._safe_login(call)
        body = call.read(bodies.NewPassword)
        self._check_way(call.caller)
        await self._bus.request(
            WORLD,
            ChangePassword(login.described.attended.token, body.old, body.new, call.caller.origin),
            PATIENCE,
        )
        return _done()

    async def log_out(self, call: Call) -> Answer:
        """End the token, and what lives on it."""
        login = await self._safe_login(call)
        await self._bus.request(WORLD, Revoke(login.token), PATIENCE)
        return _done({"Set-Cookie": no_cookie(call.caller.site)} if login.by_cookie else None)

    async def _login(self, call: Call) -> _Login:
        """Find out whose token came along; one that is shown openly counts before the cookie."""
        by_cookie = not call.authorization
        token = call.cookie if by_cookie else _bearer(call.authorization)
        if not token:
            raise NotAuthenticated("Log in first.")
        if _TOKEN.fullmatch(token) is None:
            raise NotAuthenticated("That token is unknown.")
        described = await self._bus.request(WORLD, Describe(token), PATIENCE)
        return _Login(token, described, by_cookie)

    async def _safe_login(self, call: Call) -> _Login:
        """Do the same, for what changes something."""
        login = await self._login(call)
        if login.by_cookie and not _same(login.described.csrf, call.csrf):
            raise Forbidden("X-CSRF-Token is missing or wrong.", code="bad_csrf")
        return login

    def _check_way(self, caller: Caller) -> None:
        if not caller.origin.secure and not self._insecure_passwords:
            raise InsecureConnection("Passwords are taken over HTTPS only.")


def _bearer(authorization: str) -> str:
    match = _BEARER.fullmatch(authorization)
    return "" if match is None else match[1]


def _same(expected: str, given: str) -> bool:
    """Compare secrets, taking the same time wherever they differ; an empty one never matches."""
    return bool(given) and hmac.compare_digest(expected.encode(), given.encode())


def _done(headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(
        HTTPStatus.NO_CONTENT,
        headers={"Cache-Control": "no-store", **({} if headers is None else headers)},
    )
