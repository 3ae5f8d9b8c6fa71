"""The stores in memory: the suites of their ports, and what only they can do."""

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mudserver.errors import StorageUnavailable
from mudserver.interfaces.stores import IAccountStore, IWorldStore
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from mudserver.storage.memory_journal import MemoryJournalStore
from tests.contract.account_stores import AccountStoreContract
from tests.contract.world_stores import WorldStoreContract


class MemoryAccountStoreTests(AccountStoreContract, TestCase):
    """`MemoryAccountStore` is an `IAccountStore`."""

    def setUp(self) -> None:
        database = MemoryDatabase()
        self.accounts = MemoryAccountStore(database)
        self.world = MemoryWorldStore(database)
        self.journal = MemoryJournalStore(database)

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(IAccountStore, self.accounts)


class MemoryWorldStoreTests(WorldStoreContract, TestCase):
    """`MemoryWorldStore` is an `IWorldStore`."""

    def setUp(self) -> None:
        database = MemoryDatabase()
        self.accounts = MemoryAccountStore(database)
        self.world = MemoryWorldStore(database)
        self.journal = MemoryJournalStore(database)

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(IWorldStore, self.world)


class MemoryDatabaseTests(SynchronousTestCase):
    """`MemoryDatabase` can be slow, and can be away."""

    def setUp(self) -> None:
        self.database = MemoryDatabase(now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
        self.accounts = MemoryAccountStore(self.database)

    def test_now(self) -> None:
        """Accounts are as old as the clock that was given says."""
        row = self.successResultOf(self.accounts.register("Ann", "$argon2id$"))
        self.assertEqual(row.created, datetime(2026, 1, 2, tzinfo=UTC))

    def test_failure(self) -> None:
        """While a failure is set every call fails with it and does nothing."""
        self.database.failure = StorageUnavailable("away")
        self.failureResultOf(self.accounts.register("Ann", "$argon2id$"), StorageUnavailable)
        self.database.failure = None
        self.assertIsNone(self.successResultOf(self.accounts.by_name("Ann")))

    def test_hold(self) -> None:
        """Held calls wait, do nothing, and are answered in order on release."""
        self.database.hold()
        made = self.accounts.register("Ann", "$argon2id$")
        found = self.accounts.by_name("Ann")
        self.database.hold()
        self.assertNoResult(made)
        self.assertEqual(self.database.accounts, {})
        self.database.release()
        self.assertEqual(self.successResultOf(found), self.successResultOf(made))
        self.assertIsNone(self.successResultOf(self.accounts.by_name("Bob")))
