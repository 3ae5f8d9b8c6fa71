"""A journal whose database is away, or belongs to another world."""

from attrs import evolve

from mudserver.errors import Fenced, StorageUnavailable
from mudserver.game import committer
from mudserver.game.dirt import Outcome
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from mudserver.storage.memory_journal import MemoryJournalStore
from mudserver.world.applied import MuteMade
from tests.contract.areas import harbour_world
from tests.unit.game.journals import ANN, AWAY, BOB, HALL, YARD, JournalTest, placed


class AwayTest(JournalTest):
    """The database is away, or its answer was lost."""

    def test_same_cut_again(self) -> None:
        """A cut that can't be written is tried again as it is, under its number; newer changes
        follow under the next.
        """
        self.journal.append([placed(ANN, HALL), placed(BOB, HALL)], urgent=True)
        self.settle("first")
        self.journal.append([placed(ANN, YARD)])
        self.settle("second")
        self.store.fail(AWAY)
        self.assertEqual(self.told, [])
        self.clock.advance(committer.RETRY_SECONDS)
        self.assertEqual(self.store.last, (placed(ANN, HALL), placed(BOB, HALL)))
        self.store.commit()
        self.clock.advance(0)
        self.assertEqual(self.store.last, (placed(ANN, YARD),))
        self.store.commit()
        self.assertEqual([word for word, _ in self.told], ["first", "second"])
        self.assertEqual(self.store.numbers, [1, 1, 2])
        self.assertEqual(self.meter.counts["flush_retries"], 1)

    def test_backs_off(self) -> None:
        """The pauses between tries double up to a limit, and urgency doesn't shorten them."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        pauses = []
        for _ in range(8):
            tries = len(self.store.flushes)
            self.store.fail(AWAY)
            self.journal.append([MuteMade(ANN, BOB)], urgent=True)
            self.assertEqual(len(self.store.flushes), tries)
            (retry,) = self.clock.getDelayedCalls()
            pauses.append(round(retry.getTime() - self.clock.seconds(), 6))
            self.clock.advance(pauses[-1])
            self.assertEqual(len(self.store.flushes), tries + 1)
        self.assertEqual(pauses, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
        self.store.commit()
        self.store.fail(AWAY)
        self.clock.advance(committer.RETRY_SECONDS)
        self.store.commit()
        self.assertTrue(self.journal.clean)

    def test_unexpected(self) -> None:
        """Nothing is given up for an error that nobody expected; it is logged once."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        for _ in range(3):
            self.store.fail(ZeroDivisionError())
            self.clock.advance(1)
        self.store.commit()
        self.assertTrue(self.journal.clean)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_ambiguous_commit(self) -> None:
        """A commit whose answer was lost counts once, and the next goes on after it."""
        database = MemoryDatabase()
        world = MemoryWorldStore(database)
        self.successResultOf(world.import_areas(harbour_world()))
        self.successResultOf(MemoryAccountStore(database).register("Ann", "hash"))
        (ann,) = database.characters
        assert database.world is not None
        first, second = database.world.rooms[0].id, database.world.rooms[1].id
        store = MemoryJournalStore(database)
        self.journal = self.begin(store, self.successResultOf(store.take_lease("we")))
        database.lost_commits = 2
        self.journal.append([placed(ann, first)], urgent=True)
        self.settle("first")
        self.assertEqual(database.characters[ann].room, first)
        self.assertEqual(self.told, [])
        # Somebody else's hand: would the cut be written again, it would show.
        database.characters[ann] = evolve(database.characters[ann], room=None)
        self.clock.advance(committer.RETRY_SECONDS)
        self.assertEqual(self.told, [("first", Outcome.COMMITTED)])
        self.assertIsNone(database.characters[ann].room)
        self.journal.append([placed(ann, second)], urgent=True)
        self.clock.advance(committer.RETRY_SECONDS)
        self.assertEqual(database.characters[ann].room, second)
        self.assertTrue(self.journal.clean)
        self.assertEqual(self.fenced, [])


class FencedTest(JournalTest):
    """Another world has taken over."""

    def test_stops(self) -> None:
        """Nothing is written any more, nobody is acknowledged, and the owner is told, once."""
        self.journal.append([placed(ANN, HALL)], self.receipt(1), urgent=True)
        self.journal.append([placed(BOB, HALL)], self.receipt(2))
        barrier = self.journal.barrier()
        self.store.fail(Fenced("they have it"))
        self.assertEqual(len(self.fenced), 1)
        self.assertEqual(self.told, [("1", Outcome.LOST), ("2", Outcome.LOST)])
        self.failureResultOf(barrier, StorageUnavailable)
        self.journal.append([placed(ANN, YARD)], self.receipt(3), urgent=True)
        self.journal.note(self.receipt(4))
        self.settle("late")
        self.assertEqual(self.told[2:], [("3", Outcome.LOST), ("late", Outcome.LOST)])
        self.clock.advance(60)
        self.assertEqual(len(self.store.flushes), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.successResultOf(self.journal.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_found_out_later(self) -> None:
        """So it is when an earlier try had failed, while stopping too."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.store.fail(AWAY)
        stopped = self.journal.stop()
        self.store.fail(Fenced("they have it"))
        self.successResultOf(stopped)
        self.assertEqual(len(self.fenced), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_epoch(self) -> None:
        """Each flush names our epoch; it is shown as a measure."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.assertEqual(self.store.flushes[-1][0], 7)
        self.assertEqual(self.meter.gauges["journal_epoch"], 7)
