"""Who may do what: the requests by which a gateway asks for accounts, tokens and tickets."""

from enum import Enum

from attrs import field, frozen

from mudserver.interfaces import bounds
from mudserver.interfaces.bus import Moment, Request


class Transport(Enum):
    """How a player is connected."""

    WEBSOCKET = "websocket"
    TELNET = "telnet"


@frozen
class Origin:
    """
    Where a request or connection comes from.

    Attributes:
        address: The client's address, proxies already resolved.
        secure: Whether others on the way can't read along (TLS, or loopback).
    """

    address: bounds.Address
    secure: bool


@frozen
class Attended:
    """
    An authenticated account, by way of one of its tokens.

    Attributes:
        account: Its id.
        name: Its name, as its owner writes it.
        token: Names the token that the authority rests on.
        expires: When that token ends (UTC).
        characters: The names of its characters, the oldest first.
    """

    account: bounds.Account
    name: bounds.Asked
    token: bounds.Token
    expires: Moment
    characters: tuple[str, ...]


@frozen
class LoggedIn:
    """
    A fresh token and what comes with it; the secrets stay out of logs.

    Attributes:
        attended: Who that is.
        token: The token itself.
        csrf: The word that browsers must repeat; constant for the token.
        ticket: Opens one WebSocket, once, within 30 s.
    """

    attended: Attended
    token: str = field(repr=False)
    csrf: str = field(repr=False)
    ticket: str = field(repr=False)


@frozen
class TicketIssued:
    """A fresh ticket, and the CSRF word of its token."""

    ticket: str = field(repr=False)
    csrf: str = field(repr=False)


@frozen
class Described:
    """Who a token stands for, and its CSRF word."""

    attended: Attended
    csrf: str = field(repr=False)


@frozen
class Registered:
    """A new account and its first character."""

    account: str
    characters: tuple[str, ...]


class NameState(Enum):
    """What a name at the login prompt is."""

    KNOWN = "known"
    FREE = "free"


@frozen
class LookUpName(Request[NameState]):
    """Is there an account of that name? Fails with `BadName` where none may be."""

    name: bounds.Asked
    origin: Origin


@frozen
class Register(Request[Registered]):
    """Make an account. Fails with `BadName`, `BadPassword`, `NameTaken`, `TooManyTries`,
    `InsecureConnection`. HTTP counts as `Transport.WEBSOCKET` here and below.
    """

    name: bounds.Asked
    password: bounds.Typed = field(repr=False)
    origin: Origin
    transport: Transport = Transport.WEBSOCKET


@frozen
class LogIn(Request[LoggedIn]):
    """Exchange name and password for a token. Fails with `WrongCredentials`,
    `TooManyTries`, `Banned`, `InsecureConnection`.
    """

    name: bounds.Asked
    password: bounds.Typed = field(repr=False)
    origin: Origin
    transport: Transport


@frozen
class Describe(Request[Described]):
    """Whose token is that? Fails with `NotAuthenticated`."""

    token: str = field(repr=False)


@frozen
class IssueTicket(Request[TicketIssued]):
    """Make a ticket. Fails with `NotAuthenticated`."""

    token: str = field(repr=False)


@frozen
class ChangePassword(Request[None]):
    """
    Change the password and revoke all other tokens.

    Fails with `NotAuthenticated`, `WrongCredentials`, `BadPassword`, `TooManyTries`,
    `InsecureConnection`.

    Attributes:
        token: By what right; it stays.
        old: The password so far.
        new: The next.
        origin: From where.
        transport: How the asker is connected.
        session: The session in which it is asked. While that goes on, and acts on the token, the
            token may have expired.
    """

    token: bounds.Token
    old: bounds.Typed = field(repr=False)
    new: bounds.Typed = field(repr=False)
    origin: Origin
    transport: Transport = Transport.WEBSOCKET
    session: bounds.Session | None = None


@frozen
class Revoke(Request[None]):
    """End a token and close what lives on it. An unknown one is no error."""

    token: str = field(repr=False)


@frozen
class TicketCredential:
    """A ticket and its CSRF word, as a browser shows them."""

    ticket: str = field(repr=False)
    csrf: str = field(repr=False)


@frozen
class PasswordCredential:
    """Name and password, for clients without HTTP."""

    name: bounds.Asked
    password: bounds.Typed = field(repr=False)


Credential = TicketCredential | PasswordCredential


@frozen
class Refresh(Request[Attended]):
    """Extend a session's token, by itself or by a ticket of the same account; replies with what the
    session rests on from now on. Fails with `NotAuthenticated`.
    """

    session: bounds.Session
    token: str | None = field(repr=False)
    ticket: str | None = field(repr=False)
