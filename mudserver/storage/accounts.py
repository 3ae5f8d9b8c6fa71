"""Accounts, tokens and tickets in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mudserver.errors import NameTaken, StorageRefused
from mudserver.ids import AccountId, TokenHash
from mudserver.interfaces import AccountRow, IAccountStore, Role, TokenRow
from mudserver.storage.loader import BatchLoader
from mudserver.storage.pool import Cursor, Pool
from mudserver.storage.retention import KEEP_EXPIRED_TICKETS, KEEP_EXPIRED_TOKENS
from mudserver.storage.text import storable

#: Rows that one new token or ticket sweeps out; what is left waits for the next.
MAX_SWEPT_ROWS: Final = 100

#: PostgreSQL's code unique_violation.
_UNIQUE_VIOLATION: Final = "23505"

# ---------------------------------------------------------------- accounts

# The three rows refer to one another. One statement makes them all, and foreign keys are checked at
# its end.
_REGISTER: Final = """
    WITH made AS (
        INSERT INTO account (name, password_hash) VALUES (%s, %s)
        RETURNING id, name, key, password_hash, role, disabled, created
    ), named AS (
        INSERT INTO name (key, account) SELECT key, id FROM made
    ), first AS (
        INSERT INTO character (account, name) SELECT id, name FROM made RETURNING name
    )
    SELECT m.id, m.name, m.password_hash, m.role, m.disabled, m.created, ARRAY[f.name]
    FROM made m, first f
"""

_BY_NAME: Final = """
    SELECT a.key, a.id, a.name, a.password_hash, a.role, a.disabled, a.created,
        ARRAY(SELECT c.name FROM character c WHERE c.account = a.id ORDER BY c.created, c.id)
    FROM account a WHERE a.key = ANY(%s)
"""

_BY_ID: Final = """
    SELECT a.id, a.name, a.password_hash, a.role, a.disabled, a.created,
        ARRAY(SELECT c.name FROM character c WHERE c.account = a.id ORDER BY c.created, c.id)
    FROM account a WHERE a.id = ANY(%s)
"""

_PAGE: Final = """
    SELECT a.id, a.name, a.password_hash, a.role, a.disabled, a.created,
        ARRAY(SELECT c.name FROM character c WHERE c.account = a.id ORDER BY c.created, c.id)
    FROM account a WHERE a.key > %s ORDER BY a.key LIMIT %s
"""

_SET_HASH: Final = "UPDATE account SET password_hash = %s WHERE id = %s"

_REHASH: Final = "UPDATE account SET password_hash = %s WHERE id = %s AND password_hash = %s"

_SET_ROLE: Final = "UPDATE account SET role = %s WHERE id = %s"

# ---------------------------------------------------------------- tokens and tickets

# What others are sweeping already is skipped, not waited for; here and below.
_GRANT: Final = """
    WITH swept AS (
        DELETE FROM token WHERE hash IN (
            SELECT hash FROM token WHERE account = %s AND expires < %s
            ORDER BY expires LIMIT %s FOR UPDATE SKIP LOCKED)
    )
    INSERT INTO token (hash, csrf_hash, account, created, expires, revoked_at)
    VALUES (%s, %s, %s, %s, %s, CASE WHEN %s THEN now() END)
"""

_FIND_TOKENS: Final = """
    SELECT hash, csrf_hash, account, created, expires, revoked_at IS NOT NULL
    FROM token WHERE hash = ANY(%s)
"""

_EXTEND: Final = "UPDATE token SET expires = %s WHERE hash = %s"

_REVOKE_ONE: Final = "UPDATE token SET revoked_at = now() WHERE hash = %s AND revoked_at IS NULL"

# Rows are locked in the order of their keys, so that two who revoke can't wait for each other.
_REVOKE_ALL: Final = """
    WITH revoked AS (
        UPDATE token t SET revoked_at = now()
        FROM (
            SELECT hash FROM token
            WHERE account = %s AND revoked_at IS NULL AND hash IS DISTINCT FROM %s
            ORDER BY hash FOR NO KEY UPDATE
        ) AS valid
        WHERE t.hash = valid.hash
        RETURNING t.hash
    )
    SELECT hash FROM revoked ORDER BY hash
"""

_ISSUE: Final = """
    WITH swept AS (
        DELETE FROM ticket WHERE hash IN (
            SELECT hash FROM ticket WHERE expires < %s
            ORDER BY expires LIMIT %s FOR UPDATE SKIP LOCKED)
    )
    INSERT INTO ticket (hash, token, expires) VALUES (%s, %s, %s)
"""

_SPEND: Final = """
    WITH spent AS (DELETE FROM ticket WHERE hash = %s RETURNING token, expires)
    SELECT t.hash, t.csrf_hash, t.account, t.created, t.expires, t.revoked_at IS NOT NULL
    FROM spent s JOIN token t ON t.hash = s.token WHERE s.expires > %s
"""


@implementer(IAccountStore)
class PostgresAccountStore:
    """
    Accounts in PostgreSQL.

    What is looked up by key in one reactor turn is looked up in one query.

    Args:
        pool: Runs the queries.
        clock: Ends the turns.
    """

    def __init__(self, pool: Pool, clock: IReactorTime) -> None:
        self._pool = pool
        self._by_name = BatchLoader(clock, self._fetch_by_name)
        self._by_id = BatchLoader(clock, self._fetch_by_id)
        self._tokens = BatchLoader(clock, self._fetch_tokens)

    def register(self, name: str, password_hash: str) -> Deferred[AccountRow]:
        """Implement `IAccountStore.register`."""
        return Deferred.fromCoroutine(self._register(name, password_hash))

    async def _register(self, name: str, password_hash: str) -> AccountRow:
        parameters = (storable(name), storable(password_hash))
        try:
            rows = await self._pool.run_query(_REGISTER, parameters)
        except StorageRefused as error:
            if error.sqlstate == _UNIQUE_VIOLATION:
                raise NameTaken(f"{name} is taken") from error
            raise
        return _account(rows[0])

    def by_name(self, name: str) -> Deferred[AccountRow | None]:
        """Implement `IAccountStore.by_name`."""
        return execute(storable, name).addCallback(str.casefold).addCallback(self._by_name.load)

    async def _fetch_by_name(self, keys: list[str]) -> Mapping[str, AccountRow]:
        rows = await self._pool.run_query(_BY_NAME, (keys,))
        return {key: _account(row) for key, *row in rows}

    def by_id(self, account: AccountId) -> Deferred[AccountRow | None]:
        """Implement `IAccountStore.by_id`."""
        return self._by_id.load(account)

    async def _fetch_by_id(self, ids: list[AccountId]) -> Mapping[AccountId, AccountRow]:
        rows = await self._pool.run_query(_BY_ID, (ids,))
        return {row[0]: _account(row) for row in rows}

    def page(self, after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """Implement `IAccountStore.page`."""
        return Deferred.fromCoroutine(self._page(after, limit))

    async def _page(self, after: str, limit: int) -> tuple[AccountRow, ...]:
        parameters = (storable(after).casefold(), max(limit, 0))
        return tuple(_account(row) for row in await self._pool.run_query(_PAGE, parameters))

    def set_password(
        self, account: AccountId, password_hash: str, keep: TokenHash | None
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Implement `IAccountStore.set_password`."""
        return Deferred.fromCoroutine(self._set_password(account, password_hash, keep))

    async def _set_password(
        self, account: AccountId, password_hash: str, keep: TokenHash | None
    ) -> tuple[TokenHash, ...]:
        storable(password_hash)

        async def change(cursor: Cursor) -> tuple[TokenHash, ...]:
            await cursor.execute(_SET_HASH, (password_hash, account))
            await cursor.execute(_REVOKE_ALL, (account, keep))
            return _hashes(cursor.fetchall())

        return await self._pool.run_interaction(change)

    def rehash(self, account: AccountId, old_hash: str, new_hash: str) -> Deferred[None]:
        """Implement `IAccountStore.rehash`."""
        return self._run(_REHASH, new_hash, account, old_hash)

    def set_role(self, account: AccountId, role: Role) -> Deferred[None]:
        """Implement `IAccountStore.set_role`."""
        return self._run(_SET_ROLE, role.value, account)

    def add_token(self, row: TokenRow) -> Deferred[None]:
        """Implement `IAccountStore.add_token`."""
        return self._run(
            _GRANT,
            row.account,
            row.created - KEEP_EXPIRED_TOKENS,
            MAX_SWEPT_ROWS,
            row.hash,
            row.csrf_hash,
            row.account,
            row.created,
            row.expires,
            row.revoked,
        )

    def token(self, hash: TokenHash) -> Deferred[TokenRow | None]:
        """Implement `IAccountStore.token`."""
        return execute(storable, hash).addCallback(TokenHash).addCallback(self._tokens.load)

    async def _fetch_tokens(self, hashes: list[TokenHash]) -> Mapping[TokenHash, TokenRow]:
        rows = await self._pool.run_query(_FIND_TOKENS, (hashes,))
        return {row[0]: _token(row) for row in rows}

    def extend_token(self, hash: TokenHash, expires: datetime) -> Deferred[None]:
        """Implement `IAccountStore.extend_token`."""
        return self._run(_EXTEND, expires, hash)

    def revoke_token(self, hash: TokenHash) -> Deferred[None]:
        """Implement `IAccountStore.revoke_token`."""
        return self._run(_REVOKE_ONE, hash)

    def revoke_account(self, account: AccountId) -> Deferred[tuple[TokenHash, ...]]:
        """Implement `IAccountStore.revoke_account`."""
        return self._pool.run_query(_REVOKE_ALL, (account, None)).addCallback(_hashes)

    def add_ticket(self, hash: str, token: TokenHash, expires: datetime) -> Deferred[None]:
        """Implement `IAccountStore.add_ticket`."""
        return self._run(
            _ISSUE, expires - KEEP_EXPIRED_TICKETS, MAX_SWEPT_ROWS, hash, token, expires
        )

    def spend_ticket(self, hash: str, now: datetime) -> Deferred[TokenRow | None]:
        """Implement `IAccountStore.spend_ticket`."""
        return Deferred.fromCoroutine(self._spend_ticket(hash, now))

    async def _spend_ticket(self, hash: str, now: datetime) -> TokenRow | None:
        rows = await self._pool.run_query(_SPEND, (storable(hash), now))
        return _token(rows[0]) if rows else None

    def _run(self, statement: str, *parameters: object) -> Deferred[None]:
        return Deferred.fromCoroutine(self._run_checked(statement, parameters))

    async def _run_checked(self, statement: str, parameters: Sequence[object]) -> None:
        for parameter in parameters:
            if isinstance(parameter, str):
                storable(parameter)
        await self._pool.run_query(statement, parameters)


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


def _hashes(rows: Sequence[Sequence[Any]]) -> tuple[TokenHash, ...]:
    return tuple(TokenHash(row[0]) for row in rows)
