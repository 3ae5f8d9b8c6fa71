"""Who logged in, when, from where and how: kept for a while."""

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from mudserver.ids import AccountId


class LoginWay(StrEnum):
    """How somebody came; the values are stored."""

    HTTP = "http"
    WEBSOCKET = "websocket"
    TELNET = "telnet"


class LoginOutcome(StrEnum):
    """What became of a log-in; the values are stored."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    BANNED = "banned"


@frozen
class LoginRow:
    """
    A log-in, or several that failed in a row from the same place.

    Attributes:
        account: Of whom; log-ins by names that nobody has are kept nowhere.
        at: When (UTC): of several, the first.
        last_at: When (UTC): of several, the last.
        address: From where.
        way: How.
        outcome: What became of it.
        tries: How many; more than 1 only of such as failed.
    """

    account: AccountId
    at: datetime
    last_at: datetime
    address: str
    way: LoginWay
    outcome: LoginOutcome
    tries: int = 1

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from others."""
        return (self.account, self.at, self.address, self.way, self.outcome)


@frozen
class LoginEntry:
    """
    A row as it is stored.

    Attributes:
        id: Its number; a later one's is higher.
        row: What it says.
    """

    id: int
    row: LoginRow


@frozen
class LastLogin:
    """When somebody came in last (UTC), from where and how."""

    at: datetime
    address: str
    way: LoginWay
