"""The journal in memory: the suite of its port, and what only it can do."""

from datetime import UTC, datetime, timedelta

from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.errors import StorageUnavailable
from mudserver.ids import CharacterId
from mudserver.interfaces.journal import Flush, IJournalStore
from mudserver.interfaces.letters import ILetterBox
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from mudserver.storage.memory_audit import MemoryAuditStore
from mudserver.storage.memory_journal import MemoryJournalStore
from mudserver.storage.memory_letters import MemoryLetterBox
from mudserver.world.applied import CharacterPlaced
from tests.contract.journal import JournalStoreContract


class MemoryJournalStoreTests(JournalStoreContract, TestCase):
    """`MemoryJournalStore` is an `IJournalStore`."""

    def setUp(self) -> None:
        self.moment = datetime(2026, 1, 2, tzinfo=UTC)
        self.database = MemoryDatabase(now=lambda: self.moment)
        self.accounts = MemoryAccountStore(self.database)
        self.world = MemoryWorldStore(self.database)
        self.journal = MemoryJournalStore(self.database)
        self.box = MemoryLetterBox(self.database)
        self.audit_log = MemoryAuditStore(self.database)

    async def forget_before(self, hours: float) -> None:
        self.moment += timedelta(hours=hours)

    async def letters(self) -> list[tuple[str, str, str, str, int]]:
        return [
            (
                type(each.letter.row).__name__,
                each.letter.error,
                each.letter.sqlstate,
                each.letter.constraint,
                each.attempts,
            )
            for each in self.database.letters.values()
        ]

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(IJournalStore, self.journal)
        verifyObject(ILetterBox, self.box)

    async def test_lost_commit(self) -> None:
        """It can lose the connection at a commit, which took place."""
        await self.begin()
        self.database.lost_commits = 1
        cut = Flush((CharacterPlaced(self.ann.id, self.rows.start),))
        await self.failing(self.journal.flush(self.epoch, 1, cut), StorageUnavailable)
        self.assertEqual((await self.now(self.ann)).room, self.rows.start)
        await self.journal.flush(self.epoch, 1, cut)

    async def test_refuses(self) -> None:
        """It can refuse whatever the test wants refused."""
        await self.begin()
        self.database.refuses = lambda row: isinstance(row, CharacterPlaced)
        wrong = CharacterPlaced(CharacterId(self.ann.id), self.rows.start)
        await self.refused(self.journal.flush(self.epoch, 1, Flush((wrong,))), "23514", "refused")
        (refused,) = await self.journal.sift((*self.possible()[1:], wrong))
        self.assertEqual(refused.letter.row, wrong)
