"""Accounts, tokens and tickets in PostgreSQL."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mudserver.errors import NameTaken, StorageRefused
from mudserver.ids import AccountId, TokenHash
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.logins import LoginEntry, LoginRow
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.rows import AccountRow, Redeemed, Standing, TokenRow
from mudserver.interfaces.stores import IAccountStore
from mudserver.storage import account_statements as statements
from mudserver.storage import logins
from mudserver.storage.kinds import write
from mudserver.storage.loader import BatchLoader
from mudserver.storage.pool import Cursor, Pool
from mudserver.storage.retention import (
    KEEP_EXPIRED_TICKETS,
    KEEP_EXPIRED_TOKENS,
    MAX_REVOKED,
    REVOKED_LATELY,
)
from mudserver.storage.text import storable
from mudserver.storage.writer import BatchWriter
from mudserver.world.role import Role

#: Rows that one new token or ticket sweeps out; what is left waits for the next. Many new ones at
#: once sweep out the second number for each of them.
MAX_SWEPT_ROWS: Final = 100
MAX_SWEPT_EACH: Final = 2

#: PostgreSQL's code unique_violation.
_UNIQUE_VIOLATION: Final = "23505"


@frozen
class _Extension:
    """A token's new end."""

    hash: TokenHash
    expires: datetime


@frozen
class _Ticket:
    """A row of the table ``ticket``."""

    hash: str
    token: TokenHash
    expires: datetime


@frozen
class _Showing:
    """Somebody shows a ticket."""

    hash: str
    now: datetime


@implementer(IAccountStore)
class PostgresAccountStore:
    """
    Accounts in PostgreSQL.

    What is looked up by key in one reactor turn is looked up in one query, and the tokens and
    tickets that are given, prolonged or spent in one turn are one query for each kind.

    Args:
        pool: Runs the queries.
        clock: Ends the turns.
        meter: Gets ``database_batch_keys`` (histogram).
    """

    def __init__(self, pool: Pool, clock: IReactorTime, meter: IMeter) -> None:
        self._pool = pool
        self._by_name = BatchLoader(clock, self._fetch_by_name, meter, "accounts_by_name")
        self._by_id = BatchLoader(clock, self._fetch_by_id, meter, "accounts")
        self._tokens = BatchLoader(clock, self._fetch_tokens, meter, "tokens")
        self._standings = BatchLoader(clock, self._fetch_standings, meter, "standings")
        self._granted = BatchWriter(clock, self._write_tokens, meter, "new_tokens")
        self._extended = BatchWriter(clock, self._write_extensions, meter, "prolonged_tokens")
        self._issued = BatchWriter(clock, self._write_tickets, meter, "new_tickets")
        self._spent = BatchWriter(clock, self._take_tickets, meter, "spent_tickets")

    def register(self, name: str, password_hash: str) -> Deferred[AccountRow]:
        """Implement `IAccountStore.register`."""
        return Deferred.fromCoroutine(self._register(name, password_hash))

    async def _register(self, name: str, password_hash: str) -> AccountRow:
        parameters = (storable(name), storable(password_hash))
        try:
            rows = await self._pool.run_query(statements.REGISTER, parameters)
        except StorageRefused as error:
            if error.sqlstate == _UNIQUE_VIOLATION:
                raise NameTaken(f"The name {name} is taken, or reads like one that is.") from error
            raise
        return _account(rows[0])

    def by_name(self, name: str) -> Deferred[AccountRow | None]:
        """Implement `IAccountStore.by_name`."""
        return execute(storable, name).addCallback(str.casefold).addCallback(self._by_name.load)

    async def _fetch_by_name(self, keys: list[str]) -> Mapping[str, AccountRow]:
        rows = await self._pool.run_query(statements.BY_NAME, (keys,))
        return {key: _account(row) for key, *row in rows}

    def by_id(self, account: AccountId) -> Deferred[AccountRow | None]:
        """Implement `IAccountStore.by_id`."""
        return self._by_id.load(account)

    async def _fetch_by_id(self, ids: list[AccountId]) -> Mapping[AccountId, AccountRow]:
        rows = await self._pool.run_query(statements.BY_ID, (ids,))
        return {row[0]: _account(row) for row in rows}

    def page(self, after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """Implement `IAccountStore.page`."""
        return Deferred.fromCoroutine(self._page(after, limit))

    async def _page(self, after: str, limit: int) -> tuple[AccountRow, ...]:
        parameters = (storable(after).casefold(), max(limit, 0))
        return tuple(
            _account(row) for row in await self._pool.run_query(statements.PAGE, parameters)
        )

    def set_password(
        self,
        account: AccountId,
        password_hash: str,
        keep: TokenHash | None,
        audit: AuditRow | None = None,
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Implement `IAccountStore.set_password`."""
        return Deferred.fromCoroutine(self._set_password(account, password_hash, keep, audit))

    async def _set_password(
        self, account: AccountId, password_hash: str, keep: TokenHash | None, audit: AuditRow | None
    ) -> tuple[TokenHash, ...]:
        storable(password_hash)

        async def change(cursor: Cursor) -> tuple[TokenHash, ...]:
            await cursor.execute(statements.SET_HASH, (password_hash, account))
            await cursor.execute(statements.REVOKE_ALL, (account, keep))
            revoked = _hashes(cursor.fetchall())
            await _record(cursor, audit)
            return revoked

        return await self._pool.run_interaction(change)

    def rehash(self, account: AccountId, old_hash: str, new_hash: str) -> Deferred[None]:
        """Implement `IAccountStore.rehash`."""
        return self._run(statements.REHASH, new_hash, account, old_hash)

    def set_role(
        self, account: AccountId, role: Role, audit: AuditRow | None = None
    ) -> Deferred[None]:
        """Implement `IAccountStore.set_role`."""

        async def change(cursor: Cursor) -> None:
            await cursor.execute(statements.SET_ROLE, (role.value, account))
            await _record(cursor, audit)

        return self._pool.run_interaction(change)

    def disable(
        self, account: AccountId, audit: AuditRow | None = None
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Implement `IAccountStore.disable`."""

        async def close(cursor: Cursor) -> tuple[TokenHash, ...]:
            await cursor.execute(statements.SET_DISABLED, (True, account))
            await cursor.execute(statements.REVOKE_ALL, (account, None))
            revoked = _hashes(cursor.fetchall())
            await _record(cursor, audit)
            return revoked

        return self._pool.run_interaction(close)

    def enable(self, account: AccountId, audit: AuditRow | None = None) -> Deferred[None]:
        """Implement `IAccountStore.enable`."""

        async def change(cursor: Cursor) -> None:
            await cursor.execute(statements.SET_DISABLED, (False, account))
            await _record(cursor, audit)

        return self._pool.run_interaction(change)

    def add_token(self, row: TokenRow) -> Deferred[None]:
        """Implement `IAccountStore.add_token`."""
        return execute(_storable_token, row).addCallback(self._granted.write)

    async def _write_tokens(self, rows: list[TokenRow]) -> list[None]:
        await self._pool.run_query(
            statements.GRANT,
            (
                [row.hash for row in rows],
                [row.csrf_hash for row in rows],
                [row.account for row in rows],
                [row.created for row in rows],
                [row.expires for row in rows],
                [row.revoked for row in rows],
                [row.created - KEEP_EXPIRED_TOKENS for row in rows],
                MAX_SWEPT_ROWS if len(rows) == 1 else MAX_SWEPT_EACH,
            ),
        )
        return [None] * len(rows)

    def token(self, hash: TokenHash) -> Deferred[TokenRow | None]:
        """Implement `IAccountStore.token`."""
        return execute(storable, hash).addCallback(TokenHash).addCallback(self._tokens.load)

    async def _fetch_tokens(self, hashes: list[TokenHash]) -> Mapping[TokenHash, TokenRow]:
        rows = await self._pool.run_query(statements.FIND_TOKENS, (hashes,))
        return {row[0]: _token(row) for row in rows}

    def tokens(self, hashes: Iterable[TokenHash]) -> Deferred[Mapping[TokenHash, TokenRow]]:
        """Implement `IAccountStore.tokens`."""
        return Deferred.fromCoroutine(self._tokens.load_all(hashes))

    def standings(self, accounts: Iterable[AccountId]) -> Deferred[Mapping[AccountId, Standing]]:
        """Implement `IAccountStore.standings`."""
        return Deferred.fromCoroutine(self._standings.load_all(accounts))

    async def _fetch_standings(self, ids: list[AccountId]) -> Mapping[AccountId, Standing]:
        rows = await self._pool.run_query(statements.STANDINGS, (REVOKED_LATELY, MAX_REVOKED, ids))
        return {
            AccountId(id): Standing(Role(role), disabled, tuple(map(TokenHash, revoked)))
            for id, role, disabled, revoked in rows
        }

    def extend_token(self, hash: TokenHash, expires: datetime) -> Deferred[None]:
        """Implement `IAccountStore.extend_token`."""
        extension = execute(lambda: _Extension(TokenHash(storable(hash)), expires))
        return extension.addCallback(self._extended.write)

    async def _write_extensions(self, rows: list[_Extension]) -> list[None]:
        # Of two ends of one token, the one that was asked for last.
        ends = {row.hash: row.expires for row in rows}
        hashes = list(ends)
        await self._pool.run_query(statements.EXTEND, (hashes, hashes, list(ends.values())))
        return [None] * len(rows)

    def revoke_token(self, hash: TokenHash) -> Deferred[None]:
        """Implement `IAccountStore.revoke_token`."""
        return self._run(statements.REVOKE_ONE, hash)

    def revoke_account(
        self, account: AccountId, audit: AuditRow | None = None
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Implement `IAccountStore.revoke_account`."""

        async def revoke(cursor: Cursor) -> tuple[TokenHash, ...]:
            await cursor.execute(statements.REVOKE_ALL, (account, None))
            revoked = _hashes(cursor.fetchall())
            await _record(cursor, audit)
            return revoked

        return self._pool.run_interaction(revoke)

    def add_logins(self, rows: Sequence[LoginRow]) -> Deferred[None]:
        """Implement `IAccountStore.add_logins`."""
        return Deferred.fromCoroutine(logins.add(self._pool, rows))

    def logins(
        self, account: AccountId, before: int | None, limit: int
    ) -> Deferred[tuple[LoginEntry, ...]]:
        """Implement `IAccountStore.logins`."""
        return Deferred.fromCoroutine(logins.page(self._pool, account, before, limit))

    def sweep_logins(self, before: datetime) -> Deferred[bool]:
        """Implement `IAccountStore.sweep_logins`."""
        return Deferred.fromCoroutine(logins.sweep(self._pool, before))

    def add_ticket(self, hash: str, token: TokenHash, expires: datetime) -> Deferred[None]:
        """Implement `IAccountStore.add_ticket`."""
        ticket = execute(lambda: _Ticket(storable(hash), TokenHash(storable(token)), expires))
        return ticket.addCallback(self._issued.write)

    async def _write_tickets(self, rows: list[_Ticket]) -> list[None]:
        await self._pool.run_query(
            statements.ISSUE,
            (
                min(row.expires for row in rows) - KEEP_EXPIRED_TICKETS,
                max(MAX_SWEPT_ROWS, MAX_SWEPT_EACH * len(rows)),
                [row.hash for row in rows],
                [row.token for row in rows],
                [row.expires for row in rows],
            ),
        )
        return [None] * len(rows)

    def spend_ticket(self, hash: str, now: datetime) -> Deferred[Redeemed | None]:
        """Implement `IAccountStore.spend_ticket`."""
        return execute(lambda: _Showing(storable(hash), now)).addCallback(self._spent.write)

    async def _take_tickets(self, shown: list[_Showing]) -> list[Redeemed | None]:
        hashes = sorted({each.hash for each in shown})
        taken = {row[0]: row[1:] for row in await self._pool.run_query(statements.SPEND, (hashes,))}
        redeemed: list[Redeemed | None] = []
        for each in shown:
            # Of two who show the same ticket in one turn, the first has it.
            row = taken.pop(each.hash, None)
            valid = row is not None and row[0] > each.now
            redeemed.append(_redeemed(row[1:]) if row is not None and valid else None)
        return redeemed

    def _run(self, statement: str, *parameters: object) -> Deferred[None]:
        return Deferred.fromCoroutine(self._run_checked(statement, parameters))

    async def _run_checked(self, statement: str, parameters: Sequence[object]) -> None:
        for parameter in parameters:
            if isinstance(parameter, str):
                storable(parameter)
        await self._pool.run_query(statement, parameters)


async def _record(cursor: Cursor, audit: AuditRow | None) -> None:
    if audit is not None:
        await write(cursor, (audit,))


def _account(row: Sequence[Any]) -> AccountRow:
    id, name, password_hash, role, disabled, created, characters = row
    return AccountRow(
        id=AccountId(id),
        name=name,
        password_hash=password_hash,
        role=Role(role),
        disabled=disabled,
        created=created.astimezone(UTC),
        characters=tuple(characters),
    )


def _token(row: Sequence[Any]) -> TokenRow:
    hash, csrf_hash, account, created, expires, revoked = row
    return TokenRow(
        hash=TokenHash(hash),
        csrf_hash=csrf_hash,
        account=AccountId(account),
        created=created.astimezone(UTC),
        expires=expires.astimezone(UTC),
        revoked=revoked,
    )


def _redeemed(row: Sequence[Any]) -> Redeemed:
    return Redeemed(
        _token(row[: statements.TOKEN_COLUMNS]), _account(row[statements.TOKEN_COLUMNS :])
    )


def _storable_token(row: TokenRow) -> TokenRow:
    storable(row.hash)
    storable(row.csrf_hash)
    return row


def _hashes(rows: Sequence[Sequence[Any]]) -> tuple[TokenHash, ...]:
    return tuple(TokenHash(row[0]) for row in rows)
