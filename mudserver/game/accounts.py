"""Accounts: who somebody is, by name and password."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from twisted.internet.interfaces import IReactorTime

from mudserver.errors import (
    Banned,
    InsecureConnection,
    NameTaken,
    PlayerError,
    WrongCredentials,
)
from mudserver.game.hasher import PasswordHasher
from mudserver.game.limits import AccountLimits
from mudserver.game.login_attempts import LoginAttempts
from mudserver.game.login_history import LoginHistory
from mudserver.game.throttle import RegistrationThrottle
from mudserver.game.tokens import Authority, Tokens
from mudserver.ids import AccountId, TokenHash
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.authority import (
    ChangePassword,
    Credential,
    LoggedIn,
    LogIn,
    LookUpName,
    NameState,
    Origin,
    PasswordCredential,
    Register,
    Registered,
    TicketCredential,
    Transport,
)
from mudserver.interfaces.logins import LoginEntry, LoginOutcome, LoginWay
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.rows import AccountRow
from mudserver.interfaces.stores import IAccountStore
from mudserver.world.bans import Bans
from mudserver.world.names import check_name, check_password, name_key
from mudserver.world.role import Role

#: Accounts in one page of a list.
MAX_PAGE: Final = 200


class Accounts:
    """
    Registers accounts, and checks and changes their passwords.

    All methods may raise `StorageUnavailable` as well, and those that take a password
    `Overloaded` and `InsecureConnection`.

    Args:
        store: Where accounts are kept.
        tokens: What gives authority to who has shown the password.
        hasher: Where passwords are hashed; whoever made it starts and stops it.
        attempts: What slows down those who guess; whoever made it starts and stops it.
        history: What notes who logs in; so does that.
        limits: How passwords may travel, and how often they may be tried.
        reserved: The keys of names that nobody may have.
        bans: Who is kept out.
        utc_now: The wall clock, by which bans end.
        clock: What throttles are measured by.
        meter: Gets ``logins`` by outcome (counter) and ``registrations`` (counter).
    """

    def __init__(
        self,
        *,
        store: IAccountStore,
        tokens: Tokens,
        hasher: PasswordHasher,
        attempts: LoginAttempts,
        history: LoginHistory,
        limits: AccountLimits,
        reserved: Collection[str],
        bans: Bans,
        utc_now: Callable[[], datetime],
        clock: IReactorTime,
        meter: IMeter,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._hasher = hasher
        self._limits = limits
        self._reserved = reserved
        self._bans = bans
        self._utc_now = utc_now
        self._clock = clock
        self._meter = meter
        self._attempts = attempts
        self._history = history
        self._registrations = RegistrationThrottle(limits.throttle)

    # ------------------------------------------------------------ passwords

    async def look_up(self, request: LookUpName) -> NameState:
        """
        Tell whether there is an account of that name.

        Raises:
            BadName: There is none, and may be none.
            Banned: Nobody may have it, or come from there.
        """
        self._bans.check(self._utc_now(), address=request.origin.address)
        if await self._store.by_name(request.name) is not None:
            return NameState.KNOWN
        check_name(request.name, self._reserved)
        self._bans.check(self._utc_now(), names=(request.name,))
        return NameState.FREE

    async def register(self, request: Register) -> Registered:
        """
        Make an account and its first character.

        Raises:
            BadName, BadPassword, NameTaken: It may not be so.
            TooManyTries: Too many came from that address.
            Banned: The name or the address is.
        """
        self._check_way(request.origin, request.transport)
        name = check_name(request.name, self._reserved)
        check_password(name, request.password)
        address = request.origin.address
        self._bans.check(self._utc_now(), names=(name,), address=address)
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
            Banned: The account is disabled, or it, its name or the address is banned.
        """
        credential = PasswordCredential(request.name, request.password)
        way = LoginWay.HTTP
        account = await self._authenticate(credential, request.origin, request.transport, way)
        token, authority = await self._tokens.grant(account)
        issued = await self._tokens.ticket(token)
        self._history.accepted(account.id, request.origin.address, way)
        return LoggedIn(
            attended=authority.attended,
            token=token,
            csrf=issued.csrf,
            ticket=issued.ticket,
        )

    async def redeem(
        self, credential: Credential, origin: Origin, transport: Transport
    ) -> Authority:
        """
        Authenticate a connection; a ticket is spent, a password makes a new token.

        Raises:
            NotAuthenticated: As for `Tokens.redeem`.
            WrongCredentials, TooManyTries, Banned: As for `log_in`.
        """
        if isinstance(credential, TicketCredential):
            return await self._tokens.redeem(credential)
        way = LoginWay(transport.value)
        account = await self._authenticate(credential, origin, transport, way)
        _, authority = await self._tokens.grant(account)
        return authority

    async def change_password(
        self, request: ChangePassword, *, outlived: bool = False
    ) -> tuple[TokenHash, ...]:
        """
        Change a password, and revoke all tokens but the one that asked.

        Args:
            request: Who asks, and for what.
            outlived: Whether its token may have expired, as that of a session that goes on may.

        Returns:
            The revoked tokens; whoever calls ends the sessions that live on them.

        Raises:
            NotAuthenticated: The token isn't valid (any longer).
            WrongCredentials: The old password is another.
            BadPassword: The new one may not be so.
            TooManyTries: It was tried too often.
        """
        account = (await self._tokens.authority(request.token, outlived=outlived)).account
        self._check_way(request.origin, request.transport)
        self._check_staff_way(account, request.origin, request.transport)
        key = await self._begin(account.name, request.origin)
        try:
            with self._refunding(key, request.origin):
                authority = await self._tokens.authority(request.token, outlived=outlived)
            account = authority.account
            await self._judge(key, account, request.old, request.origin)
        except WrongCredentials:
            raise WrongCredentials("That isn't your password.") from None
        check_password(account.name, request.new)
        hash = await self._hasher.hash(request.new)
        return await self._store.set_password(account.id, hash, request.token)

    async def set_password(
        self, account: AccountRow, password: str, audit: AuditRow
    ) -> tuple[TokenHash, ...]:
        """
        Give an account a password by an operator's will, and revoke all its tokens; ``audit`` is
        committed with that.

        Returns:
            The revoked tokens, as for `change_password`.

        Raises:
            BadPassword: It may not be so.
        """
        check_password(account.name, password)
        hash = await self._hasher.hash(password)
        return await self._store.set_password(account.id, hash, None, audit)

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

    async def close(self, account: AccountId, audit: AuditRow) -> tuple[TokenHash, ...]:
        """Let nobody act for an account any more; returns its tokens, as for `change_password`."""
        return await self._store.disable(account, audit)

    async def reopen(self, account: AccountId, audit: AuditRow) -> None:
        """Let its owner log in to an account again."""
        await self._store.enable(account, audit)

    async def logins(
        self, account: AccountId, before: int | None, limit: int
    ) -> tuple[LoginEntry, ...]:
        """Return log-ins of an account, as `IAccountStore.logins`."""
        return await self._store.logins(account, before, min(limit, MAX_PAGE))

    async def set_role(self, account: AccountId, role: Role, audit: AuditRow) -> None:
        """Change what an account may do; ``audit`` is committed with it."""
        await self._store.set_role(account, role, audit)

    # ------------------------------------------------------------ the steps

    async def _make(self, name: str, password: str) -> AccountRow:
        # Asked first, since it is much cheaper than a hash; the store has the last word.
        if await self._store.by_name(name) is not None:
            raise NameTaken(f"The name {name} is taken.")
        hash = await self._hasher.hash(password)
        return await self._store.register(name, hash)

    async def _authenticate(
        self, credential: PasswordCredential, origin: Origin, transport: Transport, way: LoginWay
    ) -> AccountRow:
        self._check_way(origin, transport)
        self._bans.check(self._utc_now(), address=origin.address)
        account = await self._verify_name(credential, origin, way)
        self._check_staff_way(account, origin, transport)
        ban = self._bans.against(self._utc_now(), account=account.id, names=(account.name,))
        if account.disabled or ban is not None:
            self._meter.count("logins", outcome="banned")
            self._history.failed(account.id, origin.address, way, LoginOutcome.BANNED)
            raise Banned("This account is closed." if ban is None else ban.reason)
        self._meter.count("logins", outcome="accepted")
        return account

    async def _verify_name(
        self, credential: PasswordCredential, origin: Origin, way: LoginWay
    ) -> AccountRow:
        key = await self._begin(credential.name, origin)
        # Loaded no sooner, since it may change while others are judged.
        with self._refunding(key, origin):
            account = await self._store.by_name(credential.name)
        try:
            await self._judge(key, account, credential.password, origin)
        except WrongCredentials:
            if account is not None:
                self._history.failed(account.id, origin.address, way, LoginOutcome.REFUSED)
            raise
        if account is None:  # an unknown account's password is never right
            raise WrongCredentials("Wrong name or password.")
        return account

    async def _begin(self, name: str, origin: Origin) -> str:
        """Begin a try, when it has its turn; return the name by which it is counted."""
        key = name_key(name)
        try:
            await self._attempts.begin(key, origin.address)
        except PlayerError:
            self._meter.count("logins", outcome="throttled")
            raise
        return key

    @contextmanager
    def _refunding(self, key: str, origin: Origin) -> Iterator[None]:
        """Take a try back that fails meanwhile: it said nothing about the password."""
        try:
            yield
        except BaseException:
            self._attempts.refund(key, origin.address)
            raise

    async def _judge(
        self, key: str, account: AccountRow | None, password: str, origin: Origin
    ) -> None:
        """Verify a password, and decide the try."""
        stored = None if account is None else account.password_hash
        with self._refunding(key, origin):
            verdict = await self._hasher.verify(stored, password)
        if account is None or not verdict.right:
            self._attempts.fail(key, origin.address)
            self._meter.count("logins", outcome="refused")
            raise WrongCredentials("Wrong name or password.")
        self._attempts.succeed(key, origin.address)
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
