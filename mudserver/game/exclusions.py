"""Whom nobody may let in any more, though what was read a moment ago says otherwise."""

from collections.abc import Iterable
from typing import Final

from attrs import define, field

from mudserver.ids import AccountId, TokenHash

#: Seconds for which it is kept in mind: longer than any attachment takes. Whoever begins one later
#: reads what is stored.
KEPT_SECONDS: Final = 60.0


@define(eq=False)
class Exclusions:
    """
    Tokens that were revoked, and accounts that were closed, in the last `KEPT_SECONDS`.

    Moments are seconds of any clock, the same one for all.
    """

    _tokens: dict[TokenHash, float] = field(factory=dict, init=False)
    _accounts: dict[AccountId, float] = field(factory=dict, init=False)

    def revoke(self, tokens: Iterable[TokenHash], now: float) -> None:
        """Note that tokens were revoked."""
        self._forget(now)
        self._tokens.update(dict.fromkeys(tokens, now))

    def close(self, account: AccountId, now: float) -> None:
        """Note that an account was closed."""
        self._forget(now)
        self._accounts[account] = now

    def reopen(self, account: AccountId) -> None:
        """Note that an account is open, whether it was closed or not."""
        self._accounts.pop(account, None)

    def revoked(self, token: TokenHash) -> bool:
        """Tell whether a token was revoked lately."""
        return token in self._tokens

    def closed(self, account: AccountId) -> bool:
        """Tell whether an account was closed lately."""
        return account in self._accounts

    def _forget(self, now: float) -> None:
        self._tokens = {
            token: moment for token, moment in self._tokens.items() if moment + KEPT_SECONDS > now
        }
        self._accounts = {
            account: moment
            for account, moment in self._accounts.items()
            if moment + KEPT_SECONDS > now
        }
