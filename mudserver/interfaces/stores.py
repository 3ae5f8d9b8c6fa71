"""The ports of storage, but for the journal's."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from twisted.internet.defer import Deferred
from zope.interface import Interface

from mudserver.ids import (
    AccountId,
    TokenHash,
)
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.logins import LoginEntry, LoginRow
from mudserver.interfaces.rows import (
    AccountRow,
    CharacterRow,
    IdentifiedRow,
    Redeemed,
    Standing,
    TokenRow,
    WorldRows,
)
from mudserver.world.area import Area
from mudserver.world.role import Role


class IAccountStore(Interface):
    """
    Accounts, tokens and tickets.

    Every Deferred may fail with `StorageUnavailable`, and with `StorageRefused` where a value is
    not what the schema allows: a name that the rules refuse, a token of an unknown account.

    What is done on an operator's word takes a row for the audit log, written in its transaction.
    """

    def register(name: str, password_hash: str) -> Deferred[AccountRow]:
        """Make an account and its first character. Fails with `NameTaken`."""

    def by_name(name: str) -> Deferred[AccountRow | None]:
        """Find an account; case doesn't matter."""

    def by_id(account: AccountId) -> Deferred[AccountRow | None]:
        """Find an account."""

    def page(after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """Return accounts in order of name, those that follow ``after``."""

    def set_password(
        account: AccountId,
        password_hash: str,
        keep: TokenHash | None,
        audit: AuditRow | None = None,
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Store a new hash and revoke all tokens but ``keep``; fires as `revoke_account`."""

    def rehash(account: AccountId, old_hash: str, new_hash: str) -> Deferred[None]:
        """Replace the hash by a stronger one of the same password; tokens stay as they are.
        Nothing happens where it is no longer ``old_hash``.
        """

    def set_role(account: AccountId, role: Role, audit: AuditRow | None = None) -> Deferred[None]:
        """Change what an account may do."""

    def disable(
        account: AccountId, audit: AuditRow | None = None
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Close an account and revoke all its tokens; fires as `revoke_account`."""

    def enable(account: AccountId, audit: AuditRow | None = None) -> Deferred[None]:
        """Open an account again; its tokens stay revoked."""

    def add_token(row: TokenRow) -> Deferred[None]:
        """Store a new token, and forget those of the account that expired long ago."""

    def token(hash: TokenHash) -> Deferred[TokenRow | None]:
        """Find a token; expired and revoked ones too."""

    def tokens(hashes: Iterable[TokenHash]) -> Deferred[Mapping[TokenHash, TokenRow]]:
        """Find tokens as `token` does; the unknown are missing from the answer."""

    def standings(accounts: Iterable[AccountId]) -> Deferred[Mapping[AccountId, Standing]]:
        """Tell what accounts may do now; the unknown are missing from the answer."""

    def extend_token(hash: TokenHash, expires: datetime) -> Deferred[None]:
        """Move a token's end."""

    def revoke_token(hash: TokenHash) -> Deferred[None]:
        """Revoke one token."""

    def revoke_account(
        account: AccountId, audit: AuditRow | None = None
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Revoke all tokens of an account; fires with those that were not revoked before, the
        expired too: a telnet session outlives its token's end.
        """

    def add_ticket(hash: str, token: TokenHash, expires: datetime) -> Deferred[None]:
        """Store a ticket, and forget those long expired."""

    def spend_ticket(hash: str, now: datetime) -> Deferred[Redeemed | None]:
        """Take a ticket, at most once; fires with None where it is unknown, spent or expired. The
        token may be expired or revoked, the account disabled.
        """

    def add_logins(rows: Sequence[LoginRow]) -> Deferred[None]:
        """Write down who logged in; one that is there already is replaced, and those of accounts
        that are gone are left out.
        """

    def logins(
        account: AccountId, before: int | None, limit: int
    ) -> Deferred[tuple[LoginEntry, ...]]:
        """Return log-ins of an account, the newest first: those whose ids are below ``before``."""

    def sweep_logins(before: datetime) -> Deferred[bool]:
        """Forget some of those that are older; fires with whether there are more."""


class IWorldStore(Interface):
    """
    The world and its characters.

    Every Deferred may fail with `StorageUnavailable`.
    """

    def load() -> Deferred[WorldRows | None]:
        """Read the world; None where none was imported yet."""

    def import_areas(areas: Iterable[Area]) -> Deferred[bool]:
        """
        Store parsed areas as a new world, all or nothing.

        Fires with whether it did: False where there is a world already, which stays as it is.
        Fails with `CorruptArea` where the areas don't make a world that closes.
        """

    def characters(account: AccountId) -> Deferred[tuple[CharacterRow, ...]]:
        """Read an account's characters, the oldest first."""

    def identify(names: Iterable[str]) -> Deferred[Mapping[str, IdentifiedRow]]:
        """Find characters by name, without case; the unknown are missing from the answer,
        whose keys are case-folded.
        """
