"""What was said, in memory: the suite of its port."""

from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.interfaces.history import IHistoryStore
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from mudserver.storage.memory_history import MemoryHistoryStore
from mudserver.storage.memory_journal import MemoryJournalStore
from tests.contract.history import HistoryContract


class MemoryHistoryStoreTests(HistoryContract, TestCase):
    """`MemoryHistoryStore` is an `IHistoryStore`."""

    def setUp(self) -> None:
        database = MemoryDatabase()
        self.accounts = MemoryAccountStore(database)
        self.world = MemoryWorldStore(database)
        self.journal = MemoryJournalStore(database)
        self.history = MemoryHistoryStore(database)

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(IHistoryStore, self.history)
