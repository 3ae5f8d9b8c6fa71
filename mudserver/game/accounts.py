"""
Accounts: who somebody is, and by what right they say so.

A password buys a token, a token buys tickets, and a ticket opens one WebSocket. Only hashes
of them are stored.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, NoReturn

from attrs import evolve, field, frozen
from twisted.internet.interfaces import IReactorTime

from mudserver.errors import (
    Banned,
    CloseCode,
    InsecureConnection,
    NameTaken,
    NotAuthenticated,
    PlayerError,
    WrongCredentials,
)
from mudserver.game.hasher import PasswordHasher
from mudserver.game.throttle import LoginThrottle, RegistrationThrottle, ThrottleLimits
from mudserver.ids import AccountId, TokenHash
from mudserver.interfaces import (
    AccountRow,
    Attended,
    ChangePassword,
    Credential,
    Describe,
    Described,
    IAccountStore,
    IMeter,
    IssueTicket,
    LoggedIn,
    LogIn,
    LookUpName,
    NameState,
    Origin,
    PasswordCredential,
    Refresh,
    Register,
    Registered,
    Revoke,
    Role,
    TicketIssued,
    TokenRow,
    Transport,
)
from mudserver.world.names import check_name, check_password, name_key

#: Bytes of randomness in tokens and tickets.
SECRET_BYTES: Final = 32

#: Accounts in one page of a list.
MAX_PAGE: Final = 200

_CSRF_PURPOSE: Final = b"mudserver csrf"


@frozen
class AccountLimits:
    """
    How long authority lasts, and how passwords may travel.

    Attributes:
        ticket_life: From issue to use.
        token_idle: A token ends when it wasn't used for so long.
        token_life: A token ends so long after the login, however much it was used.
        token_step: A token's end isn't moved by less than this, to spare the database.
        clear_passwords: Whether passwords may come over HTTP and WebSocket that others can read.
        clear_staff_passwords: Whether those of staff may come over such telnet; players' may.
        throttle: How often a password may be tried.
    """

    ticket_life: timedelta = timedelta(seconds=30)
    token_idle: timedelta = timedelta(hours=12)
    token_life: timedelta = timedelta(days=30)
    token_step: timedelta = timedelta(minutes=1)
    clear_passwords: bool = False
    clear_staff_passwords: bool = False
    throttle: ThrottleLimits = field(factory=ThrottleLimits)


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


class Accounts:
    """
    Registers accounts, and checks and gives authority.

    All methods may raise `StorageUnavailable` as well, and those that take a password
    `Overloaded` and `InsecureConnection`.

    Args:
        store: Where accounts are kept.
        hasher: Where passwords are hashed; whoever made it starts and stops it.
        limits: How long authority lasts.
        reserved: The keys of names that nobody may have.
        clock: What throttles are measured by.
        utc_now: The wall clock; its times outlive the process.
        token_bytes: So many random bytes.
        meter: Gets ``logins`` by outcome (counter) and ``registrations`` (counter).
    """

    def __init__(
        self,
        *,
        store: IAccountStore,
        hasher: PasswordHasher,
        limits: AccountLimits,
        reserved: Collection[str],
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        token_bytes: Callable[[int], bytes],
        meter: IMeter,
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._limits = limits
        self._reserved = reserved
        self._clock = clock
        self._utc_now = utc_now
        self._token_bytes = token_bytes
        self._meter = meter
        self._logins = LoginThrottle(limits.throttle)
        self._registrations = RegistrationThrottle(limits.throttle)

    # ------------------------------------------------------------ passwords

    async def look_up(self, request: LookUpName) -> NameState:
        """
        Tell whether there is an account of that name.

        Raises:
            BadName: There is none, and may be none.
        """
        if await self._store.by_name(request.name) is not None:
            return NameState.KNOWN
        check_name(request.name, self._reserved)
        return NameState.FREE

    async def register(self, request: Register) -> Registered:
        """
        Make an account and its first character.

        Raises:
            BadName, BadPassword, NameTaken: It may not be so.
            TooManyTries: Too many came from that address.
        """
        self._check_way(request.origin, request.transport)
        name = check_name(request.name, self._reserved)
        check_password(name, request.password)
        address = request.origin.address
        self._registrations.begin(address, self._clock.seconds())
        try:
            account = await self._make(name, request.password)
        except BaseException:
            self._registrations.refund(address)
            raise
        self._meter.count("registrations")
        return Registered(account=account.name, characters=account.characters)

    async def log_in(self, request: LogIn) -> LoggedIn:
        """
        Exchange name and password for a fresh token.

        Raises:
            WrongCredentials: There is no such account, or it has another password.
            TooManyTries: It was tried too often.
            Banned: The account is disabled.
        """
        credential = PasswordCredential(request.name, request.password)
        account = await self._authenticate(credential, request.origin, request.transport)
        token, row = await self._new_token(account.id)
        issued = await self._new_ticket(token, row)
        return LoggedIn(
            attended=Authority(account, row).attended,
            token=token,
            csrf=issued.csrf,
            ticket=issued.ticket,
        )

    async def change_password(self, request: ChangePassword) -> tuple[TokenHash, ...]:
        """
        Change a password, and revoke all tokens but the one that asked.

        Returns:
            The revoked tokens; whoever calls ends the sessions that live on them.

        Raises:
            NotAuthenticated: The token isn't valid (any longer).
            WrongCredentials: The old password is another.
            BadPassword: The new one may not be so.
            TooManyTries: It was tried too often.
        """
        account = (await self._authority(request.token)).account
        self._check_way(request.origin, request.transport)
        self._check_staff_way(account, request.origin, request.transport)
        await self._verify(account.name, account, request.old, request.origin)
        check_password(account.name, request.new)
        hash = await self._hasher.hash(request.new)
        return await self._store.set_password(account.id, hash, request.token)

    async def set_password(self, account: AccountRow, password: str) -> tuple[TokenHash, ...]:
        """
        Give an account a password by an operator's will, and revoke all its tokens.

        Returns:
            The revoked tokens, as for `change_password`.

        Raises:
            BadPassword: It may not be so.
        """
        check_password(account.name, password)
        hash = await self._hasher.hash(password)
        return await self._store.set_password(account.id, hash, None)

    # ------------------------------------------------------------ for operators

    async def find(self, name: str) -> AccountRow:
        """
        Find an account by its name.

        Raises:
            PlayerError: There is none (``no_such_account``).
        """
        account = await self._store.by_name(name)
        if account is None:
            raise PlayerError(f"There is no account called {name}.", code="no_such_account")
        return account

    async def page(self, after: str, limit: int) -> tuple[AccountRow, ...]:
        """Return accounts in order of name, those that follow ``after``."""
        return await self._store.page(after, min(limit, MAX_PAGE))

    async def set_role(self, account: AccountId, role: Role) -> None:
        """Change what an account may do."""
        await self._store.set_role(account, role)

    async def revoke_all(self, account: AccountId) -> tuple[TokenHash, ...]:
        """Revoke all tokens of an account; returns those that were valid."""
        return await self._store.revoke_account(account)

    # ------------------------------------------------------------ tokens

    async def describe(self, request: Describe) -> Described:
        """
        Tell whose token that is, and prolong it.

        Raises:
            NotAuthenticated: It isn't valid (any longer).
            Banned: The account is disabled.
        """
        authority = await self._prolonged(await self._authority(_token_hash(request.token)))
        return Described(authority.attended, csrf_of(request.token))

    async def issue_ticket(self, request: IssueTicket) -> TicketIssued:
        """
        Make a ticket for a token.

        Raises:
            NotAuthenticated: The token isn't valid (any longer).
            Banned: The account is disabled.
        """
        authority = await self._authority(_token_hash(request.token))
        return await self._new_ticket(request.token, authority.token)

    async def redeem(
        self, credential: Credential, origin: Origin, transport: Transport
    ) -> Authority:
        """
        Authenticate a connection; a ticket is spent, a password makes a new token.

        Raises:
            NotAuthenticated: The ticket is unknown, expired or spent, or its CSRF word is wrong.
            WrongCredentials, TooManyTries: As for `log_in`.
            Banned: The account is disabled.
        """
        if isinstance(credential, PasswordCredential):
            account = await self._authenticate(credential, origin, transport)
            _, row = await self._new_token(account.id)
            return Authority(account, row)
        row = await self._spend(credential.ticket)
        if not hmac.compare_digest(hash_secret(credential.csrf), row.csrf_hash):
            self._reject("The ticket came without its CSRF word.")
        return await self._prolonged(await self._checked(row))

    async def refresh(self, account: AccountId, request: Refresh) -> Authority:
        """
        Prolong a session's authority, by the token itself or a ticket.

        Raises:
            NotAuthenticated: That isn't valid (any longer), or is another account's.
            Banned: The account is disabled.
        """
        if request.token is not None:
            authority = await self._authority(_token_hash(request.token))
        elif request.ticket is not None:
            authority = await self._checked(await self._spend(request.ticket))
        else:
            raise NotAuthenticated("There was neither token nor ticket.", CloseCode.BAD_REQUEST)
        if authority.account.id != account:
            self._reject("That belongs to another account.")
        return await self._prolonged(authority)

    async def revoke(self, request: Revoke) -> TokenHash:
        """Revoke a token, which need not exist; the caller ends what lives on it."""
        hash = _token_hash(request.token)
        await self._store.revoke_token(hash)
        return hash

    # ------------------------------------------------------------ the steps

    async def _make(self, name: str, password: str) -> AccountRow:
        # Asked first, since it is much cheaper than a hash; the store has the last word.
        if await self._store.by_name(name) is not None:
            raise NameTaken(f"The name {name} is taken.")
        hash = await self._hasher.hash(password)
        return await self._store.register(name, hash)

    async def _authenticate(
        self, credential: PasswordCredential, origin: Origin, transport: Transport
    ) -> AccountRow:
        self._check_way(origin, transport)
        account = await self._verify_name(credential, origin)
        self._check_staff_way(account, origin, transport)
        if account.disabled:
            self._meter.count("logins", outcome="banned")
            raise Banned("This account is closed.")
        self._meter.count("logins", outcome="accepted")
        return account

    async def _verify_name(self, credential: PasswordCredential, origin: Origin) -> AccountRow:
        account = await self._store.by_name(credential.name)
        await self._verify(credential.name, account, credential.password, origin)
        if account is None:  # an unknown account's password is never right
            raise WrongCredentials("Wrong name or password.")
        return account

    async def _verify(
        self, name: str, account: AccountRow | None, password: str, origin: Origin
    ) -> None:
        key = name_key(name)
        try:
            self._logins.begin(key, origin.address, self._clock.seconds())
        except PlayerError:
            self._meter.count("logins", outcome="throttled")
            raise
        stored = None if account is None else account.password_hash
        try:
            verdict = await self._hasher.verify(stored, password)
        except BaseException:
            self._logins.refund(key, origin.address)
            raise
        if account is None or not verdict.right:
            self._meter.count("logins", outcome="refused")
            raise WrongCredentials("Wrong name or password.")
        self._logins.succeed(key, origin.address)
        if verdict.fresh_hash is not None:
            await self._store.rehash(account.id, account.password_hash, verdict.fresh_hash)

    def _check_way(self, origin: Origin, transport: Transport) -> None:
        """Plain telnet is what telnet is; everything else can be had encrypted."""
        if origin.secure or self._limits.clear_passwords or transport is Transport.TELNET:
            return
        raise InsecureConnection("Passwords are taken over encrypted connections only.")

    def _check_staff_way(self, account: AccountRow, origin: Origin, transport: Transport) -> None:
        if account.role is Role.PLAYER or origin.secure or transport is not Transport.TELNET:
            return
        if not self._limits.clear_staff_passwords:
            raise InsecureConnection("Staff must use an encrypted connection.")

    async def _authority(self, hash: TokenHash) -> Authority:
        row = await self._store.token(hash)
        if row is None:
            self._reject("That token is unknown.")
        return await self._checked(row)

    async def _checked(self, row: TokenRow) -> Authority:
        if row.revoked:
            self._reject("You have logged out.")
        if row.expires <= self._utc_now():
            raise NotAuthenticated("Your login has expired.", CloseCode.EXPIRED)
        account = await self._store.by_id(row.account)
        if account is None:
            self._reject("That account is gone.")
        if account.disabled:
            raise Banned("This account is closed.")
        return Authority(account, row)

    async def _prolonged(self, authority: Authority) -> Authority:
        row = authority.token
        expires = self._end(row.created)
        if expires - row.expires < self._limits.token_step:
            return authority
        await self._store.extend_token(row.hash, expires)
        return evolve(authority, token=evolve(row, expires=expires))

    def _end(self, created: datetime) -> datetime:
        return min(self._utc_now() + self._limits.token_idle, created + self._limits.token_life)

    async def _new_token(self, account: AccountId) -> tuple[str, TokenRow]:
        token = _text(self._token_bytes(SECRET_BYTES))
        now = self._utc_now()
        row = TokenRow(
            hash=_token_hash(token),
            csrf_hash=hash_secret(csrf_of(token)),
            account=account,
            created=now,
            expires=self._end(now),
            revoked=False,
        )
        await self._store.add_token(row)
        return token, row

    async def _new_ticket(self, token: str, row: TokenRow) -> TicketIssued:
        expires = self._utc_now() + self._limits.ticket_life
        # The end stands in the ticket too: so one that came late can be told from a forged one
        # after the store has forgotten it. It is a hint for the close code, and decides nothing.
        ticket = f"{_text(self._token_bytes(SECRET_BYTES))}.{int(expires.timestamp()):x}"
        await self._store.add_ticket(hash_secret(ticket), row.hash, expires)
        return TicketIssued(ticket=ticket, csrf=csrf_of(token))

    async def _spend(self, ticket: str) -> TokenRow:
        now = self._utc_now()
        row = await self._store.spend_ticket(hash_secret(ticket), now)
        if row is None:
            if _claims_end_before(ticket, now):
                raise NotAuthenticated("The ticket has expired.", CloseCode.EXPIRED)
            self._reject("The ticket is unknown or was used before.")
        return row

    def _reject(self, message: str) -> NoReturn:
        raise NotAuthenticated(message, CloseCode.REVOKED)


def _text(secret: bytes) -> str:
    return urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")


def _token_hash(token: str) -> TokenHash:
    return TokenHash(hash_secret(token))


def _claims_end_before(ticket: str, now: datetime) -> bool:
    try:
        end = int(ticket.rpartition(".")[2], 16)
    except ValueError:
        return False
    return end <= now.timestamp()
