"""Empty stores of all kinds on one database, for suites of what they must do."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from mudserver.errors import StorageRefused
from mudserver.ids import AccountId, TokenHash
from mudserver.interfaces.journal import Flush, IJournalStore, JournalRow
from mudserver.interfaces.rows import AccountRow, TokenRow
from mudserver.interfaces.stores import IAccountStore, IWorldStore

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase
else:
    TestCase = object  # so that a test module that imports a suite doesn't run it by itself

E = TypeVar("E", bound=Exception)

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NOBODY = AccountId(999_999)


def digest(secret: str) -> str:
    """Hash a secret, as the stores want it."""
    return sha256(secret.encode()).hexdigest()


def token_row(account: AccountId, secret: str, expires: datetime | None = None) -> TokenRow:
    """Make a token that is valid at `NOW` for an hour more."""
    return TokenRow(
        hash=TokenHash(digest(secret)),
        csrf_hash=digest(f"csrf of {secret}"),
        account=account,
        created=NOW - timedelta(days=200),
        expires=NOW + timedelta(hours=1) if expires is None else expires,
        revoked=False,
    )


class StoreContract(TestCase):
    """All stores on one empty database; `setUp` provides them."""

    accounts: IAccountStore
    world: IWorldStore
    journal: IJournalStore

    async def failing(self, outcome: Awaitable[object], kind: type[E]) -> E:
        """Await a failure of that kind and return it."""
        try:
            result = await outcome
        except kind as error:
            return error
        raise self.failureException(f"expected a failure with {kind.__name__}, got {result!r}")

    async def refused(
        self, outcome: Awaitable[object], sqlstate: str, constraint: str = ""
    ) -> None:
        """Await a failure with `StorageRefused` and compare what it carries."""
        error = await self.failing(outcome, StorageRefused)
        self.assertEqual((error.sqlstate, error.constraint), (sqlstate, constraint))

    async def commit(self, *rows: JournalRow) -> None:
        """Take over, and have rows written."""
        await self.journal.flush(await self.journal.take_lease("a test"), 1, Flush(rows))

    async def account(self, name: str) -> AccountRow:
        """Register an account whose password doesn't matter."""
        return await self.accounts.register(name, "$argon2id$")
