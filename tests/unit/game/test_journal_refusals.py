"""A journal whose database refuses changes for good."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StorageRefused
from mudserver.game import committer
from mudserver.game.dirt import NOT_SAVED, Outcome, Receipt
from mudserver.game.journal import GATHER_SECONDS, Journal
from mudserver.ids import CharacterId, InputNumber
from mudserver.interfaces.journal import AnswerRow, InputRow, JournalRow, RefusedRow
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from mudserver.storage.memory_journal import MemoryJournalStore
from mudserver.world.applied import CharacterPlaced, ItemPlaced, MuteMade
from tests.contract.areas import harbour_world
from tests.unit.game.journals import (
    ANN,
    AWAY,
    BOB,
    HALL,
    LAMP,
    NO,
    YARD,
    JournalTest,
    S,
    answer,
    failed,
    placed,
)
from tests.unit.game.theatre import CountingMeter


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
