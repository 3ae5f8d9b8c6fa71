"""
Tokens and tickets: by what right somebody acts.

A password buys a token, a token buys tickets, and a ticket opens one WebSocket. Only hashes
of them are stored.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Final, NoReturn

from attrs import evolve, frozen

from mudserver.errors import Banned, CloseCode, NotAuthenticated
from mudserver.game.limits import AccountLimits
from mudserver.ids import AccountId, TokenHash
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.authority import (
    Attended,
    Describe,
    Described,
    IssueTicket,
    Refresh,
    Revoke,
    TicketCredential,
    TicketIssued,
)
from mudserver.interfaces.rows import AccountRow, Redeemed, TokenRow
from mudserver.interfaces.stores import IAccountStore
from mudserver.world.bans import Bans

#: Bytes of randomness in tokens and tickets.
SECRET_BYTES: Final = 32

_CSRF_PURPOSE: Final = b"mudserver csrf"

# A secret in base64 without padding, and when it ends.
_TICKET: Final = re.compile(r"[A-Za-z0-9_-]{43}\.([0-9a-f]{1,16})")


@frozen
class Authority:
    """Who acts, and by which token."""

    account: AccountRow
    token: TokenRow

    @property
    def attended(self) -> Attended:
        """The same, as gateways may know it."""
        return Attended(
            account=self.account.id,
            name=self.account.name,
            token=self.token.hash,
            expires=self.token.expires,
            characters=self.account.characters,
        )


def hash_secret(secret: str) -> str:
    """
    Return the SHA-256 of a secret, in hexadecimal.

    A fast hash will do: the secrets are random, so there is nothing to guess.
    """
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(token: str) -> str:
    """Derive the word that browsers must repeat: always the same for a token."""
    return _text(hmac.digest(token.encode("utf-8", "surrogatepass"), _CSRF_PURPOSE, "sha256"))


class Tokens:
    """
    Gives tokens and tickets, and tells what they stand for.

    All methods may raise `StorageUnavailable` as well.

    Args:
        store: Where their hashes are kept.
        limits: How long they last.
        bans: Who is kept out.
        utc_now: The wall clock; its times outlive the process.
        token_bytes: So many random bytes.
    """

    def __init__(
        self,
        *,
        store: IAccountStore,
        limits: AccountLimits,
        bans: Bans,
        utc_now: Callable[[], datetime],
        token_bytes: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._limits = limits
        self._bans = bans
        self._utc_now = utc_now
        self._token_bytes = token_bytes

    # ------------------------------------------------------------ giving

    async def grant(self, account: AccountRow) -> tuple[str, Authority]:
        """Make a token for an account; return it, and what it stands for."""
        token = _text(self._token_bytes(SECRET_BYTES))
        now = self._utc_now()
        row = TokenRow(
            hash=_token_hash(token),
            csrf_hash=hash_secret(csrf_of(token)),
            account=account.id,
            created=now,
            expires=self._end(now),
            revoked=False,
        )
        await self._store.add_token(row)
        return token, Authority(account, row)

    async def ticket(self, token: str) -> TicketIssued:
        """Make a ticket for a token that is valid."""
        expires = self._utc_now() + self._limits.ticket_life
        # The end stands in the ticket too: so one that came late can be told from a forged one
        # after the store has forgotten it. It is a hint for the close code, and decides nothing.
        ticket = f"{_text(self._token_bytes(SECRET_BYTES))}.{int(expires.timestamp()):x}"
        await self._store.add_ticket(hash_secret(ticket), _token_hash(token), expires)
        return TicketIssued(ticket=ticket, csrf=csrf_of(token))

    async def issue_ticket(self, request: IssueTicket) -> TicketIssued:
        """
        Make a ticket for a token.

        Raises:
            NotAuthenticated: The token isn't valid (any longer).
            Banned: The account is disabled or banned.
        """
        await self.authority(_token_hash(request.token))
        return await self.ticket(request.token)

    # ------------------------------------------------------------ telling

    async def authority(self, hash: TokenHash, *, outlived: bool = False) -> Authority:
        """
        Tell what a token stands for.

        Args:
            hash: Which.
            outlived: Whether it may have expired, since a session that lives on it goes on.

        Raises:
            NotAuthenticated: It isn't valid (any longer).
            Banned: The account is disabled or banned.
        """
        row = await self._store.token(hash)
        if row is None:
            self._reject("That token is unknown.")
        account = await self._store.by_id(row.account)
        if account is None:
            self._reject("That account is gone.")
        return self._checked(row, account, outlived=outlived)

    async def describe(self, request: Describe) -> Described:
        """
        Tell whose token that is, and prolong it.

        Raises:
            NotAuthenticated: It isn't valid (any longer).
            Banned: The account is disabled or banned.
        """
        authority = await self._prolonged(await self.authority(_token_hash(request.token)))
        return Described(authority.attended, csrf_of(request.token))

    async def redeem(self, credential: TicketCredential) -> Authority:
        """
        Spend a ticket.

        Raises:
            NotAuthenticated: It is unknown, expired or spent, or its CSRF word is wrong.
            Banned: The account is disabled or banned.
        """
        redeemed = await self._spend(credential.ticket)
        if not hmac.compare_digest(hash_secret(credential.csrf), redeemed.token.csrf_hash):
            self._reject("The ticket came without its CSRF word.")
        return await self._prolonged(self._checked(redeemed.token, redeemed.account))

    async def refresh(self, account: AccountId, request: Refresh) -> Authority:
        """
        Prolong a session's authority, by the token itself or a ticket.

        Raises:
            NotAuthenticated: That isn't valid (any longer), or is another account's.
            Banned: The account is disabled or banned.
        """
        if request.token is not None:
            authority = await self.authority(_token_hash(request.token))
        elif request.ticket is not None:
            redeemed = await self._spend(request.ticket)
            authority = self._checked(redeemed.token, redeemed.account)
        else:
            raise NotAuthenticated("There was neither token nor ticket.", CloseCode.BAD_REQUEST)
        if authority.account.id != account:
            self._reject("That belongs to another account.")
        return await self._prolonged(authority)

    # ------------------------------------------------------------ ending

    async def revoke(self, request: Revoke) -> TokenHash:
        """Revoke a token, which need not exist; the caller ends what lives on it."""
        hash = _token_hash(request.token)
        await self._store.revoke_token(hash)
        return hash

    async def revoke_all(self, account: AccountId, audit: AuditRow) -> tuple[TokenHash, ...]:
        """Revoke all tokens of an account, by an operator; returns those that were valid."""
        return await self._store.revoke_account(account, audit)

    # ------------------------------------------------------------ the steps

    def _checked(self, row: TokenRow, account: AccountRow, *, outlived: bool = False) -> Authority:
        if row.revoked:
            self._reject("You have logged out.")
        if row.expires <= self._utc_now() and not outlived:
            raise NotAuthenticated("Your login has expired.", CloseCode.EXPIRED)
        if account.disabled:
            raise Banned("This account is closed.")
        self._bans.check(self._utc_now(), account=account.id, names=(account.name,))
        return Authority(account, row)

    async def _prolonged(self, authority: Authority) -> Authority:
        row = authority.token
        expires = self._end(row.created)
        if expires - row.expires < self._limits.step:
            return authority
        await self._store.extend_token(row.hash, expires)
        return evolve(authority, token=evolve(row, expires=expires))

    def _end(self, created: datetime) -> datetime:
        return min(self._utc_now() + self._limits.token_idle, created + self._limits.token_life)

    async def _spend(self, ticket: str) -> Redeemed:
        now = self._utc_now()
        redeemed = await self._store.spend_ticket(hash_secret(ticket), now)
        if redeemed is None:
            if _claims_end_before(ticket, now):
                raise NotAuthenticated("The ticket has expired.", CloseCode.EXPIRED)
            self._reject("The ticket is unknown or was used before.")
        return redeemed

    def _reject(self, message: str) -> NoReturn:
        raise NotAuthenticated(message, CloseCode.REVOKED)


def _text(secret: bytes) -> str:
    return urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")


def _token_hash(token: str) -> TokenHash:
    return TokenHash(hash_secret(token))


def _claims_end_before(ticket: str, now: datetime) -> bool:
    """Whether that looks like a ticket of ours whose end is over."""
    shape = _TICKET.fullmatch(ticket)
    return shape is not None and int(shape[1], 16) <= now.timestamp()
