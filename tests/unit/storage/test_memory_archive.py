"""The archive in memory: the suite of its port."""

from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.interfaces.archive import ICharacterArchive
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from mudserver.storage.memory_archive import MemoryCharacterArchive
from mudserver.storage.memory_journal import MemoryJournalStore
from tests.contract.archive import CharacterArchiveContract


class MemoryCharacterArchiveTests(CharacterArchiveContract, TestCase):
    """`MemoryCharacterArchive` is an `ICharacterArchive`."""

    def setUp(self) -> None:
        database = MemoryDatabase()
        self.accounts = MemoryAccountStore(database)
        self.world = MemoryWorldStore(database)
        self.journal = MemoryJournalStore(database)
        self.archive = MemoryCharacterArchive(database)

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(ICharacterArchive, self.archive)
