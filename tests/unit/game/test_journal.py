"""What changed is written behind, as consistent cuts, and acknowledged when committed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import Fenced, StorageRefused, StorageUnavailable
from mudserver.game import committer, journal
from mudserver.game.dirt import NOT_SAVED, JournalLimits, Outcome, Receipt
from mudserver.game.journal import GATHER_CHANGES, GATHER_SECONDS, Journal
from mudserver.ids import CharacterId, CommandId, Epoch, InputNumber, ItemId, RoomId, SessionId
from mudserver.interfaces.history import ChatLine
from mudserver.interfaces.journal import (
    AnswerRow,
    DeadLetter,
    Flush,
    IJournalStore,
    InputRow,
    JournalRow,
    RefusedRow,
)
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from mudserver.storage.memory_journal import MemoryJournalStore
from mudserver.world.applied import CharacterPlaced, ItemPlaced, MuteLifted, MuteMade
from tests.contract.areas import harbour_world
from tests.unit.game.theatre import CountingMeter

ANN, BOB = CharacterId(1), CharacterId(2)
HALL, YARD = RoomId(11), RoomId(12)
LAMP = ItemId(21)
S = SessionId("s")
MOMENT = datetime(2026, 5, 1, tzinfo=UTC)

AWAY = StorageUnavailable("away")
NO = StorageRefused("no", "23503", "character_room_fkey")


def placed(character: CharacterId, room: RoomId) -> CharacterPlaced:
    return CharacterPlaced(character, room)


def answer(number: int) -> AnswerRow:
    return AnswerRow(S, CommandId(f"c{number}"), number, InputNumber(number))


def failed(number: int) -> AnswerRow:
    return evolve(answer(number), code=NOT_SAVED.code, message=NOT_SAVED.message)


class SlowStore(MemoryJournalStore):
    """A store whose flushes and sifts end when the test says so."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase())
        self.flushes: list[tuple[Epoch, int, Flush, Deferred[None]]] = []
        self.sifts: list[tuple[Sequence[JournalRow], Deferred[tuple[RefusedRow, ...]]]] = []

    def flush(self, epoch: Epoch, number: int, flush: Flush) -> Deferred[None]:
        flushing: Deferred[None] = Deferred()
        self.flushes.append((epoch, number, flush, flushing))
        return flushing

    def sift(self, rows: Sequence[JournalRow]) -> Deferred[tuple[RefusedRow, ...]]:
        sifting: Deferred[tuple[RefusedRow, ...]] = Deferred()
        self.sifts.append((rows, sifting))
        return sifting

    @property
    def last(self) -> tuple[JournalRow, ...]:
        return self.flushes[-1][2].rows

    @property
    def numbers(self) -> list[int]:
        return [number for _, number, _, _ in self.flushes]

    def commit(self) -> None:
        self.flushes[-1][3].callback(None)

    def fail(self, error: Exception) -> None:
        self.flushes[-1][3].errback(error)

    def find(self, *rows: JournalRow) -> None:
        """End the sift: those rows are refused."""
        self.sifts[-1][1].callback(
            tuple(RefusedRow(DeadLetter(row, "no", "23503", "x")) for row in rows)
        )


class JournalTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = SlowStore()
        self.meter = CountingMeter()
        self.told: list[tuple[str, Outcome]] = []
        self.restored: list[tuple[RefusedRow, ...]] = []
        self.superseded: Callable[[JournalRow], bool] = lambda row: False
        self.restoring: Deferred[None] | None = None
        self.fenced: list[Fenced] = []
        self.journal = self.begin(self.store, Epoch(7))

    def begin(
        self, store: IJournalStore, epoch: Epoch, limits: JournalLimits | None = None
    ) -> Journal:
        return Journal(
            store=store,
            epoch=epoch,
            clock=self.clock,
            meter=self.meter,
            restore=self.restore,
            fenced=self.fenced.append,
            limits=limits or JournalLimits(),
        )

    def restore(
        self, refused: tuple[RefusedRow, ...], superseded: Callable[[JournalRow], bool]
    ) -> Deferred[None]:
        self.restored.append(refused)
        self.superseded = superseded
        return succeed(None) if self.restoring is None else self.restoring

    def settle(self, word: str) -> None:
        self.journal.settle(lambda outcome: self.told.append((word, outcome)))

    def receipt(self, number: int) -> Receipt:
        return Receipt(
            InputRow(S, ANN, InputNumber(number)),
            answer(number),
            lambda outcome: self.told.append((str(number), outcome)),
        )


class WhenTest(JournalTest):
    """When it is written."""

    def test_gathers(self) -> None:
        """Changes gather for some milliseconds, and are written as one cut."""
        self.journal.append([placed(ANN, HALL)])
        self.clock.advance(GATHER_SECONDS / 2)
        self.journal.append([placed(BOB, HALL), ItemPlaced(LAMP, None, BOB)])
        self.assertEqual(self.store.flushes, [])
        self.clock.advance(GATHER_SECONDS / 2)
        self.assertEqual(
            self.store.last, (placed(ANN, HALL), placed(BOB, HALL), ItemPlaced(LAMP, None, BOB))
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
            self.store.last, (placed(ANN, YARD), MuteLifted(ANN, BOB), MuteMade(BOB, ANN))
        )

    def test_many_are_written_at_once(self) -> None:
        """Many changes don't wait."""
        self.journal.append([placed(CharacterId(i), HALL) for i in range(GATHER_CHANGES)])
        self.assertEqual(len(self.store.last), GATHER_CHANGES)

    def test_urgent(self) -> None:
        """An urgent change is written at once, with all that is dirty."""
        self.journal.append([placed(ANN, HALL)])
        self.journal.append([MuteMade(ANN, BOB)], urgent=True)
        self.assertEqual(self.store.last, (placed(ANN, HALL), MuteMade(ANN, BOB)))

    def test_one_at_a_time(self) -> None:
        """While a cut is written, changes gather; an urgent one goes right after it."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.journal.append([placed(ANN, YARD)], urgent=True)
        self.clock.advance(10)
        self.assertEqual(len(self.store.flushes), 1)
        self.store.commit()
        self.assertEqual(len(self.store.flushes), 2)
        self.assertEqual(self.store.last, (placed(ANN, YARD),))

    def test_gathered_meanwhile(self) -> None:
        """What has gathered long enough while a cut was written doesn't gather again."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.journal.append([placed(ANN, YARD)])
        self.clock.advance(GATHER_SECONDS)
        self.store.commit()
        self.clock.advance(0)
        self.assertEqual(self.store.last, (placed(ANN, YARD),))

    def test_inputs_ride_along(self) -> None:
        """Inputs that changed nothing wait for a change, and are in its cut."""
        self.journal.note(self.receipt(1))
        self.journal.note(self.receipt(2))
        self.clock.advance(GATHER_SECONDS)
        self.assertEqual(self.store.flushes, [])
        self.journal.append([placed(ANN, HALL)], self.receipt(3))
        self.clock.advance(GATHER_SECONDS)
        self.assertEqual(
            set(self.store.last),
            {
                placed(ANN, HALL),
                InputRow(S, ANN, InputNumber(3)),
                answer(1),
                answer(2),
                answer(3),
            },
        )
        self.assertEqual(self.told, [])
        self.store.commit()
        self.assertEqual(self.told, [("3", Outcome.COMMITTED)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_later_input_in_the_same_cut(self) -> None:
        """The newest input of a session counts, whether it changed anything or not."""
        self.journal.append([placed(ANN, HALL)], self.receipt(3))
        self.journal.note(self.receipt(4))
        self.clock.advance(GATHER_SECONDS)
        numbers = [row.number for row in self.store.last if isinstance(row, InputRow)]
        self.assertEqual(numbers, [4])

    def test_inputs_ride_alone(self) -> None:
        """If no change comes in time, or many come, they are written for themselves."""
        self.journal.note(self.receipt(1))
        self.assertTrue(self.journal.clean)
        self.clock.advance(journal.RIDE_SECONDS)
        self.assertEqual(self.store.last, (InputRow(S, ANN, InputNumber(1)), answer(1)))
        self.store.commit()
        for number in range(2, journal.RIDE_ROWS + 1):
            self.journal.note(self.receipt(number))
        self.assertEqual(len(self.store.last), journal.RIDE_ROWS)
        self.store.commit()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_answer_without_its_input(self) -> None:
        """With the note of an input its answer is forgotten, too, since it refers to that."""
        self.journal = self.begin(self.store, Epoch(7), JournalLimits(riders=4))
        self.journal.append([placed(ANN, HALL)], urgent=True)
        for name in ("a", "b", "c"):
            session = SessionId(name)
            done = InputRow(session, ANN, InputNumber(1))
            self.journal.note(Receipt(done, evolve(answer(1), session=session)))
        extra = InputRow(SessionId("d"), ANN, InputNumber(1))
        self.journal.note(Receipt(extra))
        self.assertEqual(self.meter.counts["journal_answers_dropped"], 4)
        self.store.commit()
        self.clock.advance(journal.RIDE_SECONDS)
        kept = [(type(row), row.session) for row in self.store.last]  # type: ignore[union-attr]
        self.assertEqual(kept, [(InputRow, "c"), (AnswerRow, "c"), (InputRow, "d")])

    def test_riders_are_bounded(self) -> None:
        """While the database is away, the oldest notes of talk are forgotten, and counted."""
        self.journal.append([placed(ANN, HALL)], self.receipt(1), urgent=True)
        for number in range(2, JournalLimits().riders + 4):
            self.journal.note(self.receipt(number))
        self.journal.measure()
        self.assertEqual(self.meter.gauges["journal_riders"], JournalLimits().riders)
        self.assertEqual(self.meter.counts["journal_answers_dropped"], 3)
        self.store.commit()


class SettleTest(JournalTest):
    """Who is told what."""

    def test_after_the_commit(self) -> None:
        """Who waits is told after the commit that holds their change, not the one before."""
        self.journal.append([placed(ANN, HALL)])
        self.settle("first")
        self.clock.advance(GATHER_SECONDS)
        self.journal.append([placed(ANN, YARD)])
        self.settle("second")
        self.assertEqual(self.told, [])
        self.store.commit()
        self.assertEqual(self.told, [("first", Outcome.COMMITTED)])
        self.clock.advance(GATHER_SECONDS)
        self.store.commit()
        self.assertEqual(self.told[1:], [("second", Outcome.COMMITTED)])

    def test_at_once_when_clean(self) -> None:
        """Where nothing is dirty there is nothing to wait for."""
        self.settle("now")
        self.assertEqual(self.told, [("now", Outcome.COMMITTED)])

    def test_with_the_cut_in_flight(self) -> None:
        """Who has added nothing to the cut being written waits for no other."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.settle("with it")
        self.store.commit()
        self.assertEqual(self.told, [("with it", Outcome.COMMITTED)])

    def test_failing_waiter(self) -> None:
        """One who fails on being told doesn't keep the others from being told."""

        def fail(outcome: Outcome) -> None:
            raise ZeroDivisionError

        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.journal.settle(fail)
        self.settle("other")
        self.store.commit()
        self.assertEqual(self.told, [("other", Outcome.COMMITTED)])
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

    def test_backlog(self) -> None:
        """It says how much is not committed, and since when."""
        self.assertEqual(self.journal.backlog, journal.Backlog(0.0, 0))
        self.journal.append([placed(ANN, HALL)], self.receipt(1), urgent=True)
        self.clock.advance(3)
        self.journal.append([placed(BOB, HALL), placed(ANN, HALL)])
        self.clock.advance(1)
        self.assertEqual(self.journal.backlog, journal.Backlog(4.0, 4))
        self.store.commit()
        self.assertEqual(self.journal.backlog, journal.Backlog(1.0, 2))
        self.clock.advance(0)
        self.store.commit()
        self.assertEqual(self.journal.backlog, journal.Backlog(0.0, 0))


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


class LinesTest(JournalTest):
    """What was said rides along, and can be asked for at once."""

    def say(self, number: int) -> None:
        line = ChatLine(S, InputNumber(number), 0, MOMENT, "chat", None, ANN, "Ann", "hi")
        self.journal.note(Receipt(InputRow(S, ANN, InputNumber(number))), (line,))

    def said(self) -> list[int]:
        """The inputs whose lines are in the last flush."""
        return [row.number for row in self.store.last if isinstance(row, ChatLine)]

    def test_by_itself(self) -> None:
        """Lines alone are written a second after the first, with the note of their input."""
        self.say(1)
        self.clock.advance(journal.LINE_SECONDS / 2)
        self.say(2)
        self.clock.advance(journal.LINE_SECONDS / 2 - 0.01)
        self.assertEqual(self.store.flushes, [])
        self.clock.advance(0.02)
        self.assertEqual(self.said(), [1, 2])
        self.assertIn(InputRow(S, ANN, InputNumber(2)), self.store.last)
        self.assertEqual(self.journal.backlog.depth, 0)

    def test_many(self) -> None:
        """Many are written at once."""
        for number in range(1, journal.LINE_ROWS + 1):
            self.assertEqual(self.store.flushes, [])
            self.say(number)
        self.assertEqual(len(self.said()), journal.LINE_ROWS)

    def test_catch_up(self) -> None:
        """Who wants to read has all written at once, behind what is just being written."""
        self.successResultOf(self.journal.catch_up())
        self.say(1)
        first = self.journal.catch_up()
        self.assertEqual(self.said(), [1])
        self.say(2)
        second = self.journal.catch_up()
        self.assertEqual(len(self.store.flushes), 1)
        self.store.commit()
        self.successResultOf(first)
        self.assertNoResult(second)
        self.assertEqual(self.said(), [2])
        third = self.journal.catch_up()
        self.store.commit()
        self.successResultOf(second)
        self.successResultOf(third)

    def test_given_up(self) -> None:
        """Who gives up waiting is forgotten, and nobody else."""
        self.say(1)
        waiting = [self.journal.catch_up() for _ in range(3)]
        waiting[0].addCallback(lambda _: waiting[1].cancel())
        gone = self.journal.catch_up()
        self.assertEqual(self.journal.backlog.depth, 4)
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.assertEqual(self.journal.backlog.depth, 3)
        self.store.commit()
        self.successResultOf(waiting[0])
        self.failureResultOf(waiting[1], CancelledError)
        self.successResultOf(waiting[2])

    def test_over(self) -> None:
        """Once the journal is over, nobody waits."""
        self.say(1)
        waiting = self.journal.catch_up()
        self.store.fail(Fenced("we are"))
        self.failureResultOf(waiting, StorageUnavailable)
        self.failureResultOf(self.journal.catch_up(), StorageUnavailable)


class RefusedTest(JournalTest):
    """Rows that the database refuses for good."""

    def test_left_out(self) -> None:
        """What is refused is left out and kept as a letter; the rest commits under the number."""
        self.journal.append([placed(ANN, HALL), placed(BOB, YARD)], urgent=True)
        self.store.fail(NO)
        self.assertEqual(self.store.sifts[-1][0], (placed(ANN, HALL), placed(BOB, YARD)))
        self.store.find(placed(ANN, HALL))
        self.assertEqual(self.store.last, (placed(BOB, YARD),))
        letters = self.store.flushes[-1][2].letters
        self.assertEqual([letter.row for letter in letters], [placed(ANN, HALL)])
        self.assertEqual(self.restored, [])
        self.store.commit()
        ((refused,),) = self.restored
        self.assertEqual(refused.letter.row, placed(ANN, HALL))
        self.assertTrue(self.journal.clean)
        self.assertEqual(self.store.numbers, [1, 1])
        self.assertEqual(self.meter.counts["journal_dead_letters CharacterPlaced"], 1)
        self.assertEqual(self.meter.counts["flushes_refused"], 1)

    def test_logged(self) -> None:
        """The log says what was refused, and never what is in it: that may be somebody's words."""
        mute = MuteMade(ANN, BOB, why="he sings")
        self.journal.append([mute], urgent=True)
        self.store.fail(NO)
        self.store.find(mute)
        with capturedLogs() as events:
            self.store.commit()
        (event,) = [event for event in events if event["log_level"] is LogLevel.error]
        self.assertEqual((event["kind"], event["entity"]), ("MuteMade", mute.entity))
        self.assertNotIn("he sings", repr(event))

    def test_who_is_told(self) -> None:
        """Those whose changes were refused are told so, and so it is remembered; others not."""
        self.journal.append([placed(ANN, HALL)], self.receipt(1))
        self.journal.append([placed(BOB, HALL)], self.receipt(2))
        self.journal.append([placed(BOB, YARD), ItemPlaced(LAMP, None, BOB)], self.receipt(3))
        self.settle("barrier")
        self.clock.advance(GATHER_SECONDS)
        self.store.fail(NO)
        self.store.find(placed(BOB, YARD))
        answers = {row.number: row for row in self.store.last if isinstance(row, AnswerRow)}
        self.assertEqual(answers, {1: answer(1), 2: failed(2), 3: failed(3)})
        self.assertIn(ItemPlaced(LAMP, None, BOB), self.store.last)
        self.store.commit()
        self.assertEqual(
            self.told,
            [
                ("1", Outcome.COMMITTED),
                ("2", Outcome.REFUSED),
                ("3", Outcome.REFUSED),
                ("barrier", Outcome.COMMITTED),
            ],
        )

    def test_more_are_refused(self) -> None:
        """Where the rest is refused once more, it is sifted once more; no letter is lost."""
        rows = [placed(CharacterId(n), HALL) for n in range(4)]
        self.journal.append(rows, urgent=True)
        self.store.fail(NO)
        self.store.find(rows[0], rows[1])
        self.store.fail(NO)
        self.assertEqual(self.store.sifts[-1][0], (rows[2], rows[3]))
        self.store.find(rows[3])
        self.assertEqual(self.store.last, (rows[2],))
        letters = self.store.flushes[-1][2].letters
        self.assertEqual([letter.row for letter in letters], [rows[0], rows[1], rows[3]])
        self.store.commit()
        self.assertEqual(len(self.restored[0]), 3)

    def test_all_are_refused(self) -> None:
        """If nothing is left, the letters are still committed."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.store.fail(NO)
        self.store.find(placed(ANN, HALL))
        self.assertEqual(self.store.last, ())
        self.store.fail(AWAY)
        self.clock.advance(committer.RETRY_SECONDS)
        self.assertEqual(len(self.store.flushes[-1][2].letters), 1)
        self.store.commit()
        self.assertTrue(self.journal.clean)

    def test_nothing_is_found(self) -> None:
        """If no row is to blame, the cut is kept and tried again."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.settle("first")
        self.store.fail(NO)
        self.store.find()
        self.assertEqual(self.told, [])
        self.clock.advance(committer.RETRY_SECONDS)
        self.store.commit()
        self.assertEqual(self.told, [("first", Outcome.COMMITTED)])
        self.assertEqual(len(self.flushLoggedErrors(StorageRefused)), 1)

    def test_away_while_sifting(self) -> None:
        """If the database goes away while it is asked which, the cut is tried again whole."""
        self.journal.append([placed(ANN, HALL), placed(BOB, HALL)], urgent=True)
        self.store.fail(NO)
        self.store.sifts[-1][1].errback(AWAY)
        self.clock.advance(committer.RETRY_SECONDS)
        self.assertEqual(self.store.last, (placed(ANN, HALL), placed(BOB, HALL)))

    def test_newer_change(self) -> None:
        """An entity that has changed again is named, so that it isn't put back."""
        self.restoring = Deferred()
        self.journal.append([placed(ANN, HALL), placed(BOB, HALL)], urgent=True)
        self.journal.append([placed(ANN, YARD)])
        self.store.fail(NO)
        self.store.find(placed(ANN, HALL), placed(BOB, HALL))
        self.store.commit()
        self.assertTrue(self.superseded(placed(ANN, HALL)))
        self.assertFalse(self.superseded(placed(BOB, HALL)))
        # Nothing is written meanwhile, so that what is put back is still what is stored.
        self.settle("later")
        self.clock.advance(10)
        self.assertEqual(len(self.store.flushes), 2)
        self.restoring.callback(None)
        self.clock.advance(0)
        self.assertEqual(self.store.last, (placed(ANN, YARD),))
        self.store.commit()
        self.assertEqual(self.told, [("later", Outcome.COMMITTED)])

    def test_waiting_while_put_back(self) -> None:
        """Who comes while things are put back is told when that is done."""
        self.restoring = Deferred()
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.store.fail(NO)
        self.store.find(placed(ANN, HALL))
        self.store.commit()
        self.settle("late")
        self.assertEqual(self.told, [])
        self.restoring.callback(None)
        self.assertEqual(self.told, [("late", Outcome.COMMITTED)])

    def test_not_put_back(self) -> None:
        """If that fails by our fault, it is logged, and the journal goes on."""
        self.restoring = Deferred()
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.store.fail(NO)
        self.store.find(placed(ANN, HALL))
        self.store.commit()
        self.restoring.errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.journal.append([placed(BOB, HALL)], urgent=True)
        self.store.commit()
        self.assertTrue(self.journal.clean)


class RefusedSubsetTest(SynchronousTestCase):
    """Against a store that refuses rows at random."""

    @given(
        st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=60),
    )
    def test_any(self, script: list[tuple[int, bool]]) -> None:
        """Exactly the refused rows are dead letters, all others stored, and everyone told right."""
        clock, meter = Clock(), CountingMeter()
        database = MemoryDatabase()
        accounts, world = MemoryAccountStore(database), MemoryWorldStore(database)
        self.successResultOf(world.import_areas(harbour_world()))
        letters = "abcdefghijklmnopqrstuvwxyz"
        names = [f"{one}{two}x" for one in letters for two in letters][:41]
        for name in names:
            self.successResultOf(accounts.register(name, "hash"))
        ids = list(database.characters)
        assert database.world is not None
        room = database.world.rooms[0].id
        store = MemoryJournalStore(database)
        epoch = self.successResultOf(store.take_lease("we"))
        wrong = {ids[index] for index, refused in script if refused}
        database.refuses = lambda row: isinstance(row, CharacterPlaced) and row.character in wrong
        restored: list[RefusedRow] = []

        def restore(
            refused: tuple[RefusedRow, ...], superseded: Callable[[JournalRow], bool]
        ) -> Deferred[None]:
            restored.extend(refused)
            return succeed(None)

        journal = Journal(
            store=store,
            epoch=epoch,
            clock=clock,
            meter=meter,
            restore=restore,
            fenced=lambda _: self.fail("fenced"),
        )
        told: dict[int, Outcome] = {}
        for number, (index, _) in enumerate(script, 1):
            journal.append(
                [CharacterPlaced(ids[index], room)],
                Receipt(
                    InputRow(S, ids[0], InputNumber(number)),
                    answer(number),
                    lambda outcome, number=number: told.update({number: outcome}),  # type: ignore[misc]
                ),
            )
        clock.advance(GATHER_SECONDS)
        touched = {ids[index] for index, _ in script}
        stored = {id for id, row in database.characters.items() if row.room == room}
        self.assertEqual(stored, touched - wrong)
        self.assertEqual({row.entity[1] for row in database.letters}, wrong)
        self.assertEqual({each.letter.row.entity[1] for each in restored}, wrong)
        done = self.successResultOf(store.committed(S))
        assert done is not None
        self.assertEqual(done.number, len(script))
        codes = {row.number: row.code for row in done.answers}
        for number, (index, _) in enumerate(script, 1):
            refused = ids[index] in wrong
            self.assertEqual(told[number], Outcome.REFUSED if refused else Outcome.COMMITTED)
            self.assertEqual(codes[InputNumber(number)], NOT_SAVED.code if refused else None)
        self.assertTrue(journal.clean)
        self.assertEqual(clock.getDelayedCalls(), [])


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


class StopTest(JournalTest):
    """The end."""

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

    def test_riders(self) -> None:
        """Stopping writes notes of inputs too."""
        self.journal.note(self.receipt(1))
        stopped = self.journal.stop()
        self.assertNoResult(stopped)
        self.store.commit()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_while_away(self) -> None:
        """Stopping doesn't wait for the next try, and goes on trying."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        self.store.fail(AWAY)
        stopped = self.journal.stop()
        self.assertEqual(len(self.store.flushes), 2)
        self.store.fail(AWAY)
        self.clock.advance(2 * committer.RETRY_SECONDS)
        self.store.commit()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gives_up(self) -> None:
        """If the database stays away, stopping fails, those who wait are told, nothing runs on."""
        self.journal.append([placed(ANN, HALL)], self.receipt(1), urgent=True)
        stopped = self.journal.stop()
        self.clock.advance(journal.STOP_SECONDS)
        self.failureResultOf(stopped, StorageUnavailable)
        self.assertEqual(self.told, [("1", Outcome.LOST)])
        self.store.fail(AWAY)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gives_up_between_tries(self) -> None:
        """So it does while it waits for the next try."""
        self.journal.append([placed(ANN, HALL)], urgent=True)
        stopped = self.journal.stop()
        self.clock.advance(journal.STOP_SECONDS - 0.01)
        self.store.fail(AWAY)
        self.clock.advance(0.01)
        self.failureResultOf(stopped, StorageUnavailable)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_only_notes_are_lost(self) -> None:
        """That mere notes could not be saved is no failure."""
        self.journal.note(self.receipt(1))
        stopped = self.journal.stop()
        self.clock.advance(journal.STOP_SECONDS)
        self.successResultOf(stopped)

    def test_when_clean(self) -> None:
        """Stopping where nothing is dirty is done at once."""
        self.successResultOf(self.journal.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])
