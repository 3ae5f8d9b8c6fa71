"""Who is on the way into the world."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from attrs import define, field

from mudserver.ids import AccountId


class Arriving(Protocol):
    """
    Somebody whose character is being loaded.

    Attributes:
        stale: Whether what is loaded is good for nothing.
    """

    stale: bool


@define(eq=False)
class Expected:
    """Those whose characters are being loaded, by account."""

    _arriving: dict[AccountId, set[Arriving]] = field(factory=dict, init=False)

    def __contains__(self, account: AccountId) -> bool:
        """Tell whether somebody of that account is arriving."""
        return account in self._arriving

    @contextmanager
    def awaiting(self, account: AccountId, arriving: Arriving) -> Iterator[None]:
        """Have somebody know when what is stored of their account becomes another."""
        self._arriving.setdefault(account, set()).add(arriving)
        try:
            yield
        finally:
            self._arriving[account].discard(arriving)
            if not self._arriving[account]:
                del self._arriving[account]

    def outdate(self, account: AccountId) -> None:
        """Note that what is stored of an account, or of its characters, becomes another."""
        for arriving in self._arriving.get(account, ()):
            arriving.stale = True
