"""What changed is written behind, as consistent cuts, and acknowledged when committed."""

from attrs import evolve
from twisted.internet.defer import CancelledError

from mudserver.errors import Fenced, StorageUnavailable
from mudserver.game import committer, journal
from mudserver.game.dirt import JournalLimits, Outcome, Receipt
from mudserver.game.journal import GATHER_CHANGES, GATHER_SECONDS
from mudserver.ids import CharacterId, Epoch, InputNumber, SessionId
from mudserver.interfaces.history import ChatLine
from mudserver.interfaces.journal import AnswerRow, InputRow
from mudserver.world.applied import ItemPlaced, MuteLifted, MuteMade
from tests.unit.game.journals import (
    ANN,
    AWAY,
    BOB,
    HALL,
    LAMP,
    MOMENT,
    YARD,
    JournalTest,
    S,
    answer,
    placed,
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
