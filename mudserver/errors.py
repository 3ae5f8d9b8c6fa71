"""
Every error of mudserver, and the close codes.

The tree has three branches, by who is to blame and what follows::

    MudError
    ├── PeerError                  the peer broke the protocol: its connection closes
    ├── PlayerError                the player can't have that: the player is told
    │   ├── BadMessage             … a message that can't be understood
    │   ├── BadName                … a name that the rules refuse
    │   ├── BadPassword            … a password that the rules refuse
    │   ├── NameTaken
    │   ├── WrongCredentials
    │   ├── NotAuthenticated       … no token, or one that is not (any longer) valid
    │   ├── Forbidden              … valid, but not allowed
    │   ├── Banned
    │   ├── TooManyTries           … with the seconds to wait
    │   ├── InsecureConnection     … a password offered in the clear
    │   ├── NoSuchCharacter
    │   ├── BadDocument            … of a character that comes from another world
    │   ├── UnknownKeys            … in such a document
    │   ├── NoSuchLetter           … among the dead letters
    │   └── NotReplayable          … a dead letter that had better stay dead
    └── OurError                   our fault: logged and counted
        ├── Unavailable            passes by itself: try again later
        │   ├── StorageUnavailable
        │   ├── BusUnavailable
        │   └── Overloaded
        ├── StorageRefused         the database refused for good
        ├── Garbled                what came over the bus can't be understood
        │   └── UnknownKind        … since it is of a type that isn't known here
        ├── Unsendable             what should go over the bus can't be written
        ├── Fenced                 another world has taken over: stop, and save nothing more
        └── StartupError           the operator must act before we can start
            ├── ConfigError
            ├── CorruptArea
            ├── SchemaTooNew
            ├── PortUnavailable
            └── EmbeddedPostgresError

A `PlayerError` carries a stable ``code`` that clients may act upon and a sentence for people.
"""

from enum import IntEnum
from typing import ClassVar

_FIRST_TO_RECONNECT = 3000
_FIRST_TO_STAY_AWAY = 3500

#: Keys that one message of `UnknownKeys` names.
SHOWN_KEYS = 10


class CloseCode(IntEnum):
    """
    Why a connection ended, as a WebSocket close code (RFC 6455 §7.4).

    From 3000 to 3499 a client should reconnect, from 3500 to 3999 it should not.
    """

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_PAYLOAD = 1007
    MESSAGE_TOO_BIG = 1009
    RESTART = 3001
    INTERNAL_ERROR = 3004
    EXPIRED = 3005
    TOO_SLOW = 3008
    TRY_LATER = 3011
    NO_PONG = 3012
    TOO_MANY_MESSAGES = 3013
    REVOKED = 3500
    BAD_REQUEST = 3501
    NOT_AUTHENTICATED = 3502
    KICKED = 3503
    TOO_MANY_CONNECTIONS = 3504
    BANNED = 3507
    PLAYING_ELSEWHERE = 3510

    @property
    def reconnectable(self) -> bool:
        """Whether a client that was closed with this code should come back."""
        return _FIRST_TO_RECONNECT <= self < _FIRST_TO_STAY_AWAY


class MudError(Exception):
    """Anything that mudserver raises by its own decision."""


class PeerError(MudError):
    """
    The peer broke the protocol, and its connection closes.

    Attributes:
        close_code: What the peer is told.
    """

    def __init__(self, close_code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.close_code = close_code
        self.reason = reason


class PlayerError(MudError):
    """
    The player asked for something that can't be had, and is told so.

    Attributes:
        code: Stable, for programs: one of the codes in ``docs/protocol.md``.
        message: One sentence, for people.
        retry_after: Seconds after which another try may succeed; None where waiting won't help.
    """

    default_code: ClassVar[str] = "not_allowed"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = self.default_code if code is None else code
        self.message = message
        self.retry_after = retry_after


class BadMessage(PlayerError):
    """A message that can't be understood: not JSON, too deep, of the wrong shape."""

    default_code = "bad_json"


class BadName(PlayerError):
    """A name that the rules for names refuse."""

    default_code = "bad_name"


class BadPassword(PlayerError):
    """A new password that the rules for passwords refuse."""

    default_code = "bad_password"


class NameTaken(PlayerError):
    """Somebody else has that name."""

    default_code = "name_taken"


class WrongCredentials(PlayerError):
    """No account of that name has that password."""

    default_code = "wrong_credentials"


class NotAuthenticated(PlayerError):
    """
    No token, or one that is unknown, expired, revoked or spent.

    Attributes:
        close_code: How a connection that relied on it is closed.
    """

    default_code = "not_authenticated"

    def __init__(self, message: str, close_code: CloseCode = CloseCode.REVOKED) -> None:
        super().__init__(message)
        self.close_code = close_code


class Forbidden(PlayerError):
    """Known who asks, and not allowed."""

    default_code = "forbidden"


class Banned(PlayerError):
    """The account is disabled or banned."""

    default_code = "banned"


class TooManyTries(PlayerError):
    """Slow down: ``retry_after`` says for how long."""

    default_code = "rate_limited"


class InsecureConnection(PlayerError):
    """A password was offered over a connection that others can read."""

    default_code = "insecure"


class NoSuchCharacter(PlayerError):
    """The account has no character of that name."""

    default_code = "no_such_character"


class BadDocument(PlayerError):
    """A file that is no character that we could understand; the message says where and why."""

    default_code = "bad_document"


class NoSuchLetter(PlayerError):
    """There is no dead letter of that name."""

    default_code = "no_such_letter"


class NotReplayable(PlayerError):
    """A dead letter can't be delivered after all; the message says why not."""

    default_code = "not_replayable"


class UnknownKeys(PlayerError):
    """
    A character needs what this world hasn't.

    Attributes:
        rooms: Keys of rooms that there aren't.
        items: Keys of items that there aren't, or that nobody can carry.
    """

    default_code = "unknown_keys"

    def __init__(self, rooms: tuple[str, ...], items: tuple[str, ...]) -> None:
        kinds = (("room", rooms), ("item that can be carried", items))
        missing = [
            f"no {kind} with the key {', '.join(keys[:SHOWN_KEYS])}"
            + (f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else "")
            for kind, keys in kinds
            if keys
        ]
        super().__init__(f"This world has {'; '.join(missing)}.")
        self.rooms = rooms
        self.items = items


class OurError(MudError):
    """Something failed on our side; it is logged and counted, and the player told so much."""


class Unavailable(OurError):
    """
    Something is away for now, and comes back by itself.

    Attributes:
        retry_after: Seconds after which to try again.
    """

    def __init__(self, message: str, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageUnavailable(Unavailable):
    """The database can't be reached, or had no connection free in time."""


class BusUnavailable(Unavailable):
    """Nobody answers on the other side of the bus."""


class Paused(Unavailable):
    """That session waits for a world to go on with it, and can't go elsewhere before."""


class Overloaded(Unavailable):
    """A bounded queue of ours is full."""


class StorageRefused(OurError):
    """
    The database refused for good; the same statement would be refused again.

    Attributes:
        sqlstate: PostgreSQL's error code (its documentation, appendix A); empty if it gave none.
        constraint: The name of the violated constraint; empty if it was none.
    """

    def __init__(self, message: str, sqlstate: str = "", constraint: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.constraint = constraint


class Garbled(OurError):
    """What came over the bus can't be understood, and never will be."""


class UnknownKind(Garbled):
    """What came over the bus is of a type that only another release knows."""


class Unsendable(OurError):
    """What should go over the bus is too large for it, or can't be written."""


class Fenced(OurError):
    """
    This world may write no more: another one holds the lease, or the database is not as we left it.

    What is not committed is lost to this world; the other one, or the next, begins with what is
    stored.
    """


class StartupError(OurError):
    """The daemon can't start until an operator has acted; the message says how."""


class ConfigError(StartupError):
    """
    A setting has a value that isn't allowed.

    Attributes:
        key: The setting's name.
        source: Where the value stood: a file's path, an environment variable, an option.
    """

    def __init__(self, key: str, source: str, problem: str) -> None:
        super().__init__(f"{source}: {key}: {problem}" if key else f"{source}: {problem}")
        self.key = key
        self.source = source


class CorruptArea(StartupError):
    """
    An area file can't be read.

    Attributes:
        file: Its name.
        line: The line, counted from 1.
        problem: What was expected there, and what was found.
    """

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")
        self.file = file
        self.line = line
        self.problem = problem


class SchemaTooNew(StartupError):
    """The database was migrated by a newer mudserver than this one."""


class PortUnavailable(StartupError):
    """An address that we were to listen on can't be had."""


class EmbeddedPostgresError(StartupError):
    """The embedded PostgreSQL can't be found, made or started."""
