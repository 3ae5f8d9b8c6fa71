"""Failed log-ins in memory are remembered as all are."""

from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.interfaces.failed_logins import IFailedLoginStore
from mudserver.storage.memory_database import MemoryDatabase
from mudserver.storage.memory_failed_logins import MemoryFailedLoginStore
from tests.contract.failed_logins import FailedLoginContract


class MemoryFailedLoginTests(FailedLoginContract, TestCase):
    def setUp(self) -> None:
        self.store = MemoryFailedLoginStore(MemoryDatabase())

    def test_interface(self) -> None:
        """It is what it says."""
        self.assertTrue(verifyObject(IFailedLoginStore, self.store))
