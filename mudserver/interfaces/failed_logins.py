"""Where failed log-ins are remembered, so that a restart forgives none."""

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import Interface


@frozen
class Attempt:
    """
    An account, and from where it was tried.

    Attributes:
        account: The SHA-256 of the name in the form that is compared, in hexadecimal: what is typed
            in place of a name may be a password.
        network: The address, or its /64.
    """

    account: str
    network: str


@frozen
class FailedLogin:
    """
    A log-in whose password was wrong.

    Attributes:
        attempt: What was tried.
        at: When (UTC).
        forgiven: Whether the right password came from there since.
    """

    attempt: Attempt
    at: datetime
    forgiven: bool = False


class IFailedLoginStore(Interface):
    """
    Remembers failed log-ins.

    Every Deferred may fail with `StorageUnavailable`, and with `StorageRefused` where a value is
    not what the schema allows.
    """

    def add(rows: Sequence[FailedLogin], forgiven: Sequence[Attempt]) -> Deferred[None]:
        """
        Write some down, all or nothing.

        Args:
            rows: New ones.
            forgiven: What earlier ones are forgiven.
        """

    def since(moment: datetime, limit: int) -> Deferred[tuple[FailedLogin, ...]]:
        """Read those since a moment, the oldest first; of more than the limit, the newest."""

    def sweep(before: datetime) -> Deferred[bool]:
        """Forget some of those before a moment; fires with whether there is any row left."""
