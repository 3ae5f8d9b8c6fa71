"""Failed log-ins in a real PostgreSQL."""

from datetime import timedelta

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.interfaces.failed_logins import IFailedLoginStore
from mudserver.storage.failed_logins import PostgresFailedLoginStore
from tests.contract.failed_logins import NOW, FailedLoginContract, failed
from tests.integration.database import ObservedPool, migrated_database


class PostgresFailedLoginTests(FailedLoginContract, TestCase):
    def setUp(self) -> "Deferred[None]":  # type: ignore[override]
        self.pool = ObservedPool(migrated_database(self))
        self.addCleanup(self.pool.close)
        self.store = PostgresFailedLoginStore(self.pool)
        return self.pool.start()

    def test_interface(self) -> None:
        """It is what it says."""
        self.assertTrue(verifyObject(IFailedLoginStore, self.store))

    async def test_few_statements(self) -> None:
        """Two hundred are written by one statement, and two hundred forgiven by another."""
        rows = [failed(f"name {number}", float(number)) for number in range(200)]
        await self.store.add(rows, [])
        self.pool.forget()
        await self.store.add(rows, [row.attempt for row in rows])
        self.assertEqual(len(self.pool.statements), 2)
        found = await self.store.since(NOW - timedelta(hours=1), 1_000)
        self.assertEqual(sum(row.forgiven for row in found), 200)
