"""What changed is written behind, as consistent cuts, and acknowledged when committed."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.game import journal as limits
from mudserver.game.journal import GATHER_CHANGES, GATHER_SECONDS, Journal
from mudserver.ids import CharacterId, ItemId, RoomId
from mudserver.interfaces import MuteRow, WorldChanges
from mudserver.storage.memory import MemoryDatabase, MemoryWorldStore
from mudserver.world.applied import CharacterPlaced, ItemPlaced, MuteLifted, MuteMade
from tests.unit.game.theatre import CountingMeter

ANN, BOB = CharacterId(1), CharacterId(2)
HALL, YARD = RoomId(11), RoomId(12)
LAMP = ItemId(21)


def placed(character: CharacterId, room: RoomId) -> CharacterPlaced:
    return CharacterPlaced(character, room)


class SlowStore(MemoryWorldStore):
    """A store whose flushes end when the test says so."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase())
        self.flushes: list[tuple[WorldChanges, Deferred[None]]] = []

    def flush(self, changes: WorldChanges) -> Deferred[None]:
        flushing: Deferred[None] = Deferred()
        self.flushes.append((changes, flushing))
        return flushing

    @property
    def last(self) -> WorldChanges:
        return self.flushes[-1][0]

    def commit(self) -> None:
        self.flushes[-1][1].callback(None)

    def fail(self, error: Exception) -> None:
        self.flushes[-1][1].errback(error)


class JournalTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = SlowStore()
        self.meter = CountingMeter()
        self.journal = Journal(self.store, self.clock, self.meter)
        self.told: list[tuple[str, bool]] = []

    def settle(self, word: str) -> None:
        self.journal.settle(lambda committed: self.told.append((word, committed)))

    def test_gathers(self) -> None:
        """Changes gather for some milliseconds, and are written as one cut."""
        self.journal.append([placed(ANN, HALL)])
        self.clock.advance(GATHER_SECONDS / 2)
        self.journal.append([placed(BOB, HALL), ItemPlaced(LAMP, None, BOB)])
        self.assertEqual(self.store.flushes, [])
        self.clock.advance(GATHER_SECONDS / 2)
        self.assertEqual(
            self.store.last,
            WorldChanges(places=((ANN, HALL), (BOB, HALL)), items=((LAMP, None, BOB),)),
        )
        self.store.commit()
        self.assertTrue(self.journal.clean)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_coalesces(self) -> None:
        """An entity that changed twice is written once, as it is now."""
        self.journal.append([placed(ANN, HALL), MuteMade(ANN, BOB)])
        self.journal.append([placed(ANN, YARD), MuteLifted(ANN, BOB), MuteMade(BOB, ANN)])
        self.clock.advance(GATHER_SECONDS)
        self.assertEqual(
            self.store.last,
            WorldChanges(
                places=((ANN, YARD),), muted=(MuteRow(BOB, ANN),), unmuted=(MuteRow(ANN, BOB),)
            ),
        )

    def test_many_are_written_at_once(self) -> None:
        """Many changes don't wait."""
        self.journal.append([placed(CharacterId(i), HALL) for i in range(GATHER_CHANGES)])
        self.assertEqual(len(self.store.last.places), GATHER_CHANGES)

    def test_urgent(self) -> None:
        """An urgent change is written at once, with all that is dirty."""
        self.journal.append([placed(ANN, HALL)])
        self.journal.append([MuteMade(ANN, BOB)], urgent=True)
        self.assertEqual(
            self.store.last, WorldChanges(places=((ANN, HALL),), muted=(MuteRow(ANN, BOB),))
        )

    def test_one_at_a_time(self) -> None:
        """While a cut is written, changes gather; an urgent one goes right after it."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.journal.append([placed(ANN, YARD)], urgent=True)
        self.clock.advance(10)
        self.assertEqual(len(self.store.flushes), 1)
        self.store.commit()
        self.assertEqual(len(self.store.flushes), 2)
        self.assertEqual(self.store.last, WorldChanges(places=((ANN, YARD),)))

    def test_settles_after_the_commit(self) -> None:
        """Who waits is told after the commit that holds their change, not the one before."""
        self.journal.append([placed(ANN, HALL)])
        self.settle("first")
        self.clock.advance(GATHER_SECONDS)
        self.journal.append([placed(ANN, YARD)])
        self.settle("second")
        self.assertEqual(self.told, [])
        self.store.commit()
        self.assertEqual(self.told, [("first", True)])
        self.clock.advance(GATHER_SECONDS)
        self.store.commit()
        self.assertEqual(self.told, [("first", True), ("second", True)])

    def test_settles_at_once_when_clean(self) -> None:
        """Where nothing is dirty there is nothing to wait for."""
        self.settle("now")
        self.assertEqual(self.told, [("now", True)])

    def test_settles_with_the_cut_in_flight(self) -> None:
        """Who has added nothing to the cut being written waits for no other."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.settle("with it")
        self.store.commit()
        self.assertEqual(self.told, [("with it", True)])

    def test_database_away(self) -> None:
        """A cut that can't be written is kept, overlaid by what is newer, and tried again."""
        self.journal.append([placed(ANN, HALL), placed(BOB, HALL)], urgent=True)
        self.settle("first")
        self.journal.append([placed(ANN, YARD)])
        self.settle("second")
        self.store.fail(StorageUnavailable("away"))
        self.assertEqual(self.told, [])
        self.clock.advance(limits.RETRY_SECONDS)
        self.assertEqual(self.store.last, WorldChanges(places=((ANN, YARD), (BOB, HALL))))
        self.store.commit()
        self.assertEqual(self.told, [("first", True), ("second", True)])
        self.assertEqual(self.meter.counts["flush_retries"], 1)

    def test_backs_off(self) -> None:
        """The pauses between tries double up to a limit, and urgency doesn't shorten them."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        pauses = []
        for _ in range(8):
            tries = len(self.store.flushes)
            self.store.fail(StorageUnavailable("away"))
            self.journal.append([MuteMade(ANN, BOB)], urgent=True)
            self.assertEqual(len(self.store.flushes), tries)
            (retry,) = self.clock.getDelayedCalls()
            pauses.append(round(retry.getTime() - self.clock.seconds(), 6))
            self.clock.advance(pauses[-1])
            self.assertEqual(len(self.store.flushes), tries + 1)
        self.assertEqual(pauses, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
        self.store.commit()
        self.journal.append([placed(ANN, YARD)], urgent=True)
        self.store.fail(StorageUnavailable("away"))
        self.clock.advance(limits.RETRY_SECONDS)
        self.store.commit()
        self.assertTrue(self.journal.clean)

    def test_refused(self) -> None:
        """A cut that is refused for good is logged with its rows and dropped; who waits is told."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.settle("first")
        self.journal.append([placed(BOB, YARD)])
        self.settle("second")
        self.store.fail(StorageRefused("no", "23503", "character_room_fkey"))
        self.assertEqual(self.told, [("first", False)])
        self.clock.advance(GATHER_SECONDS)
        self.assertEqual(self.store.last, WorldChanges(places=((BOB, YARD),)))
        self.store.commit()
        self.assertEqual(self.told, [("first", False), ("second", True)])
        self.assertEqual(len(self.flushLoggedErrors(StorageRefused)), 1)
        self.assertEqual(self.meter.counts["flushes_refused"], 1)

    def test_failing_waiter(self) -> None:
        """One who fails on being told doesn't keep the others from being told."""

        def fail(committed: bool) -> None:
            raise ZeroDivisionError

        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.journal.settle(fail)
        self.settle("other")
        self.store.commit()
        self.assertEqual(self.told, [("other", True)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(self.journal.clean)

    def test_barrier(self) -> None:
        """A barrier falls when all before it is committed; giving it up harms nobody."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        barrier, abandoned = self.journal.barrier(), self.journal.barrier()
        abandoned.addErrback(lambda _: None).cancel()
        self.assertNoResult(barrier)
        self.store.commit()
        self.successResultOf(barrier)

    def test_full(self) -> None:
        """It says when too much is dirty, or too many wait."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.assertFalse(self.journal.full)
        for _ in range(limits.MAX_WAITING):
            self.settle("x")
        self.assertTrue(self.journal.full)
        self.store.commit()
        self.assertFalse(self.journal.full)
        self.journal.append([placed(CharacterId(i), HALL) for i in range(limits.MAX_DIRTY)])
        self.assertTrue(self.journal.full)
        self.store.commit()
        self.assertFalse(self.journal.full)

    def test_stop(self) -> None:
        """Stopping writes what is left at once, and waits for it."""
        self.journal.append([placed(ANN, HALL)])
        stopped = self.journal.stop()
        self.journal.append([placed(BOB, HALL)])
        self.assertNoResult(stopped)
        self.store.commit()
        self.assertNoResult(stopped)
        self.store.commit()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_while_away(self) -> None:
        """Stopping doesn't wait for the next try, and goes on trying."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.store.fail(StorageUnavailable("away"))
        stopped = self.journal.stop()
        self.assertEqual(len(self.store.flushes), 2)
        self.store.fail(StorageUnavailable("away"))
        self.clock.advance(limits.RETRY_SECONDS)
        self.store.commit()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_gives_up(self) -> None:
        """If the database stays away, stopping fails, and nothing runs on."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        stopped = self.journal.stop()
        self.clock.advance(limits.STOP_SECONDS)
        self.failureResultOf(stopped, StorageUnavailable)
        self.store.fail(StorageUnavailable("away"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_when_clean(self) -> None:
        """Stopping where nothing is dirty is done at once."""
        self.successResultOf(self.journal.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])
