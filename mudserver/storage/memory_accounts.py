"""Accounts, their tokens and tickets, in memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from attrs import evolve
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.errors import NameTaken
from mudserver.ids import AccountId, CharacterId, TokenHash
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.logins import (
    LoginEntry,
    LoginRow,
)
from mudserver.interfaces.rows import (
    AccountRow,
    Redeemed,
    Standing,
    TokenRow,
)
from mudserver.interfaces.stores import IAccountStore
from mudserver.storage.memory_database import (
    NAME,
    SHA256,
    MemoryAccount,
    MemoryCharacter,
    MemoryDatabase,
    MemoryTicket,
    check_key,
    check_row,
    check_unique,
    key_of,
)
from mudserver.storage.retention import (
    KEEP_EXPIRED_TICKETS,
    KEEP_EXPIRED_TOKENS,
    MAX_REVOKED,
)
from mudserver.storage.text import storable
from mudserver.world.names import name_look
from mudserver.world.role import Role

_MAX_ADDRESS: Final = 64


@implementer(IAccountStore)
class MemoryAccountStore:
    """
    Accounts in memory.

    Args:
        database: Shared with the world store; None for one of its own.
    """

    def __init__(self, database: MemoryDatabase | None = None) -> None:
        self._db = MemoryDatabase() if database is None else database

    def register(self, name: str, password_hash: str) -> Deferred[AccountRow]:
        """Implement `IAccountStore.register`."""

        def work() -> AccountRow:
            written = storable(name)
            key = written.lower() if written.isascii() else written
            check_row(storable(password_hash) != "", "account_password_hash_check")
            check_row(NAME.match(key), "name_key_check")
            if key in self._db.names:
                raise NameTaken(f"The name {name} is taken, or reads like one that is.")
            self._db.claim_look(name, None)
            account = self._db.next_account()
            self._db.looks[name_look(name)] = account
            self._db.names[key] = account
            self._db.accounts[account] = MemoryAccount(
                account, name, password_hash, Role.PLAYER, False, self._db.now()
            )
            character = CharacterId(self._db.next_entities(1)[0])
            self._db.characters[character] = MemoryCharacter(
                character, account, name, room=None, created=self._db.now()
            )
            return self._row(account)

        return self._db.answer(work)

    def by_name(self, name: str) -> Deferred[AccountRow | None]:
        """Implement `IAccountStore.by_name`."""

        def work() -> AccountRow | None:
            key = storable(name).casefold()
            return next(
                (self._row(each.id) for each in self._db.accounts.values() if key_of(each) == key),
                None,
            )

        return self._db.answer(work)

    def by_id(self, account: AccountId) -> Deferred[AccountRow | None]:
        """Implement `IAccountStore.by_id`."""
        return self._db.answer(lambda: self._row(account) if account in self._db.accounts else None)

    def page(self, after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """Implement `IAccountStore.page`."""

        def work() -> tuple[AccountRow, ...]:
            last = storable(after).casefold()
            following = sorted(
                (each for each in self._db.accounts.values() if key_of(each) > last), key=key_of
            )
            return tuple(self._row(each.id) for each in following[: max(limit, 0)])

        return self._db.answer(work)

    def set_password(
        self,
        account: AccountId,
        password_hash: str,
        keep: TokenHash | None,
        audit: AuditRow | None = None,
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Implement `IAccountStore.set_password`."""

        def work() -> tuple[TokenHash, ...]:
            check_row(storable(password_hash) != "", "account_password_hash_check")
            self._change(account, lambda row: evolve(row, password_hash=password_hash))
            self._record(audit)
            return self._revoke(account, keep)

        return self._db.answer(work)

    def rehash(self, account: AccountId, old_hash: str, new_hash: str) -> Deferred[None]:
        """Implement `IAccountStore.rehash`."""

        def change(row: MemoryAccount) -> MemoryAccount:
            if row.password_hash != old_hash:
                return row
            check_row(new_hash != "", "account_password_hash_check")
            return evolve(row, password_hash=storable(new_hash))

        return self._db.answer(lambda: self._change(account, change))

    def set_role(
        self, account: AccountId, role: Role, audit: AuditRow | None = None
    ) -> Deferred[None]:
        """Implement `IAccountStore.set_role`."""

        def work() -> None:
            self._change(account, lambda row: evolve(row, role=role))
            self._record(audit)

        return self._db.answer(work)

    def disable(
        self, account: AccountId, audit: AuditRow | None = None
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Implement `IAccountStore.disable`."""

        def work() -> tuple[TokenHash, ...]:
            self._change(account, lambda row: evolve(row, disabled=True))
            self._record(audit)
            return self._revoke(account, keep=None)

        return self._db.answer(work)

    def enable(self, account: AccountId, audit: AuditRow | None = None) -> Deferred[None]:
        """Implement `IAccountStore.enable`."""

        def work() -> None:
            self._change(account, lambda row: evolve(row, disabled=False))
            self._record(audit)

        return self._db.answer(work)

    def add_token(self, row: TokenRow) -> Deferred[None]:
        """Implement `IAccountStore.add_token`."""

        def work() -> None:
            check_row(SHA256.match(storable(row.hash)), "token_hash_check")
            check_row(SHA256.match(storable(row.csrf_hash)), "token_csrf_hash_check")
            check_row(row.expires > row.created, "token_lasts")
            check_unique(row.hash not in self._db.tokens, "token_pkey")
            check_key(row.account in self._db.accounts, "token_account_fkey")
            oldest = row.created - KEEP_EXPIRED_TOKENS
            self._forget_tokens(row.account, oldest)
            self._db.tokens[row.hash] = row

        return self._db.answer(work)

    def token(self, hash: TokenHash) -> Deferred[TokenRow | None]:
        """Implement `IAccountStore.token`."""
        return self._db.answer(lambda: self._db.tokens.get(TokenHash(storable(hash))))

    def tokens(self, hashes: Iterable[TokenHash]) -> Deferred[Mapping[TokenHash, TokenRow]]:
        """Implement `IAccountStore.tokens`."""
        wanted = [TokenHash(storable(hash)) for hash in hashes]
        return self._db.answer(
            lambda: {hash: self._db.tokens[hash] for hash in wanted if hash in self._db.tokens}
        )

    def standings(self, accounts: Iterable[AccountId]) -> Deferred[Mapping[AccountId, Standing]]:
        """Implement `IAccountStore.standings`."""
        wanted = tuple(accounts)

        def work() -> dict[AccountId, Standing]:
            return {each: self._standing(each) for each in wanted if each in self._db.accounts}

        return self._db.answer(work)

    def _standing(self, account: AccountId) -> Standing:
        row = self._db.accounts[account]
        revoked = [
            token.hash
            for token in self._db.tokens.values()
            if token.account == account and token.revoked
        ]
        return Standing(row.role, row.disabled, tuple(revoked[-MAX_REVOKED:]))

    def extend_token(self, hash: TokenHash, expires: datetime) -> Deferred[None]:
        """Implement `IAccountStore.extend_token`."""

        def work() -> None:
            row = self._db.tokens.get(TokenHash(storable(hash)))
            if row is not None:
                check_row(expires > row.created, "token_lasts")
                self._db.tokens[hash] = evolve(row, expires=expires)

        return self._db.answer(work)

    def revoke_token(self, hash: TokenHash) -> Deferred[None]:
        """Implement `IAccountStore.revoke_token`."""

        def work() -> None:
            row = self._db.tokens.get(TokenHash(storable(hash)))
            if row is not None:
                self._db.tokens[hash] = evolve(row, revoked=True)

        return self._db.answer(work)

    def revoke_account(
        self, account: AccountId, audit: AuditRow | None = None
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Implement `IAccountStore.revoke_account`."""

        def work() -> tuple[TokenHash, ...]:
            self._record(audit)
            return self._revoke(account, keep=None)

        return self._db.answer(work)

    def add_logins(self, rows: Sequence[LoginRow]) -> Deferred[None]:
        """Implement `IAccountStore.add_logins`."""

        def work() -> None:
            for row in rows:
                check_row(row.at <= row.last_at, "login_in_order")
                check_row(row.tries > 0, "login_tries_check")
                check_row(len(storable(row.address)) <= _MAX_ADDRESS, "login_address_check")
            for row in rows:
                if row.account in self._db.accounts:
                    self._db.logins[row.key] = row

        return self._db.answer(work)

    def logins(
        self, account: AccountId, before: int | None, limit: int
    ) -> Deferred[tuple[LoginEntry, ...]]:
        """Implement `IAccountStore.logins`."""

        def work() -> tuple[LoginEntry, ...]:
            found = [
                LoginEntry(number, row)
                for number, row in enumerate(self._db.logins.values(), 1)
                if row.account == account and (before is None or number < before)
            ]
            return tuple(found[::-1][: max(limit, 0)])

        return self._db.answer(work)

    def sweep_logins(self, before: datetime) -> Deferred[bool]:
        """Implement `IAccountStore.sweep_logins`."""

        def work() -> bool:
            kept = {key: row for key, row in self._db.logins.items() if row.last_at >= before}
            self._db.logins = kept
            return False

        return self._db.answer(work)

    def add_ticket(self, hash: str, token: TokenHash, expires: datetime) -> Deferred[None]:
        """Implement `IAccountStore.add_ticket`."""

        def work() -> None:
            check_row(SHA256.match(hash), "ticket_hash_check")
            check_unique(hash not in self._db.tickets, "ticket_pkey")
            check_key(token in self._db.tokens, "ticket_token_fkey")
            oldest = expires - KEEP_EXPIRED_TICKETS
            for each, ticket in list(self._db.tickets.items()):
                if ticket.expires < oldest:
                    del self._db.tickets[each]
            self._db.tickets[hash] = MemoryTicket(token, expires)

        return self._db.answer(work)

    def spend_ticket(self, hash: str, now: datetime) -> Deferred[Redeemed | None]:
        """Implement `IAccountStore.spend_ticket`."""

        def work() -> Redeemed | None:
            ticket = self._db.tickets.pop(storable(hash), None)
            if ticket is None or ticket.expires <= now:
                return None
            token = self._db.tokens[ticket.token]
            return Redeemed(token, self._row(token.account))

        return self._db.answer(work)

    def _record(self, audit: AuditRow | None) -> None:
        if audit is not None:
            self._db.record(audit)

    def _row(self, account: AccountId) -> AccountRow:
        row = self._db.accounts[account]
        return AccountRow(
            id=row.id,
            name=row.name,
            password_hash=row.password_hash,
            role=row.role,
            disabled=row.disabled,
            created=row.created,
            characters=tuple(
                each.name for each in self._db.characters.values() if each.account == account
            ),
        )

    def _change(self, account: AccountId, change: Callable[[MemoryAccount], MemoryAccount]) -> None:
        row = self._db.accounts.get(account)
        if row is not None:
            self._db.accounts[account] = change(row)

    def _revoke(self, account: AccountId, keep: TokenHash | None) -> tuple[TokenHash, ...]:
        revoked = [
            row
            for row in self._db.tokens.values()
            if row.account == account and not row.revoked and row.hash != keep
        ]
        for row in revoked:
            self._db.tokens[row.hash] = evolve(row, revoked=True)
        return tuple(sorted(row.hash for row in revoked))

    def _forget_tokens(self, account: AccountId, oldest: datetime) -> None:
        for row in list(self._db.tokens.values()):
            if row.account == account and row.expires < oldest:
                del self._db.tokens[row.hash]
                for hash, ticket in list(self._db.tickets.items()):
                    if ticket.token == row.hash:
                        del self._db.tickets[hash]
