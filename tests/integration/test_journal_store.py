"""The journal on a real PostgreSQL: the suite of its port, and what only a database does."""

from contextlib import closing
from datetime import timedelta

import psycopg2
from twisted.internet.defer import gatherResults, succeed
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from mudserver.errors import Fenced, StorageRefused, StorageUnavailable
from mudserver.game.journal import Journal
from mudserver.ids import CharacterId, CommandId, InputNumber, RoomId, SessionId
from mudserver.interfaces.audit import AuditRow, Via
from mudserver.interfaces.journal import (
    AnswerRow,
    DeadLetter,
    Flush,
    IJournalStore,
    InputRow,
    JournalRow,
)
from mudserver.interfaces.letters import ILetterBox
from mudserver.storage.arrays import array
from mudserver.storage.letters import PostgresLetterBox
from mudserver.telemetry.metrics import NullMeter
from mudserver.world.applied import CharacterPlaced, MuteMade
from tests.contract.areas import harbour_world
from tests.contract.journal import JournalStoreContract
from tests.contract.journals import LONG_AGO
from tests.contract.stores import StoreContract
from tests.integration.test_stores import PostgresCase, clock


class JournalCase(PostgresCase):
    """Stores whose journal can be looked into."""

    async def forget_before(self, hours: float) -> None:
        for table in ("command_answer", "session_input"):
            self.sql(f"UPDATE {table} SET at = at - %s", timedelta(hours=hours))
        self.sql(
            "UPDATE journal_dead_letter SET first_at = first_at - %s, last_at = last_at - %s",
            timedelta(hours=hours),
            timedelta(hours=hours),
        )

    async def letters(self) -> list[tuple[str, str, str, str, int]]:
        rows = self.sql(
            "SELECT what, error, sqlstate, constraint_name, attempts FROM journal_dead_letter"
        )
        return [(what, error, state, name, number) for what, error, state, name, number in rows]


class PostgresJournalStoreTests(JournalCase, JournalStoreContract):
    """`PostgresJournalStore` is an `IJournalStore`, and `PostgresLetterBox` an `ILetterBox`."""

    async def prepare(self) -> None:
        await super().prepare()
        self.box = PostgresLetterBox(self.pool)

    async def test_more_answers_than_rows(self) -> None:
        """Sessions with more answers than one query returns are read by several, each whole."""
        await self.begin()
        self.sql(
            "INSERT INTO session_input (session, character, number)"
            " SELECT 's' || n, %s, 9 FROM generate_series(1, 50) n",
            self.ann.id,
        )
        self.sql(
            "INSERT INTO command_answer (session, command, ordinal, number)"
            " SELECT 's' || n, 'c' || k, k, 9"
            " FROM generate_series(1, 50) n, generate_series(1, 900) k"
        )
        wanted = [SessionId(f"s{n}") for n in range(1, 52)]
        *known, unknown = await gatherResults([self.journal.committed(each) for each in wanted])
        self.assertIsNone(unknown)
        for each in known:
            assert each is not None
            self.assertEqual([row.ordinal for row in each.answers], list(range(1, 901)))

    async def test_arrays(self) -> None:
        """PostgreSQL reads the arrays that are written for it as what they hold."""
        await self.begin()
        for kind, held in (
            ("bigint", [0, -(2**63), None, 2**63 - 1]),
            ("text", ["", None, "NULL", "null", '"', "\\", "\\\"'", "{a,b}", " a ", "é\n\t$1%s"]),
            ("text", [None]),
            ("text", []),
            ("boolean", [True, False, None]),
        ):
            ((there,),) = self.sql(f"SELECT %s::{kind}[]", array(held))
            self.assertEqual(there, held)

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(IJournalStore, self.journal)
        verifyObject(ILetterBox, self.box)


class FaultTests(JournalCase, StoreContract):
    """What becomes of flushes whose connection is lost, or whose world has been superseded."""

    async def prepare(self) -> None:
        await super().prepare()
        await self.world.import_areas(harbour_world())
        rows = await self.world.load()
        assert rows is not None
        self.rows = rows
        (account,) = self.people(1)
        self.ann = CharacterId(100_000 + account)
        self.epoch = await self.journal.take_lease("we")

    def place(self) -> object:
        """Where Ann is stored."""
        return self.sql("SELECT room FROM character WHERE id = %s", self.ann)[0][0]

    def lease(self) -> tuple[int, int]:
        """Epoch and flush as they are stored."""
        ((epoch, flush),) = self.sql("SELECT epoch, flush FROM lease")
        return epoch, flush

    def saving(self, fenced: list[Fenced]) -> Journal:
        """Make a journal that writes to the database."""
        return Journal(
            store=self.journal,
            epoch=self.epoch,
            clock=clock,
            meter=NullMeter(),
            restore=lambda refused, superseded: succeed(None),
            fenced=fenced.append,
        )

    async def test_terminated_at_commit(self) -> None:
        """A connection that the server ends at COMMIT costs time only: everything is committed
        once, under its number, and what is refused is still found.
        """
        self.sql(
            "CREATE SEQUENCE commits;"
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF nextval('commits') <= 3 THEN PERFORM pg_terminate_backend(pg_backend_pid());"
            " END IF; RETURN NULL; END; $$;"
            "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON lease DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION die()"
        )
        fenced: list[Fenced] = []
        journal = self.saving(fenced)
        journal.append([CharacterPlaced(self.ann, self.rows.start)], urgent=True)
        journal.append([MuteMade(self.ann, self.ann)])
        await journal.barrier()
        self.assertEqual(self.place(), self.rows.start)
        self.assertEqual(self.lease(), (self.epoch, 2))
        self.assertEqual(self.sql("SELECT what FROM journal_dead_letter"), [("MuteMade",)])
        # Three that died, and two.
        self.assertEqual(self.sql("SELECT last_value FROM commits"), [(5,)])
        await journal.stop()
        self.assertEqual(fenced, [])

    async def test_takeover_waits_for_a_commit(self) -> None:
        """Who takes over waits for a flush that is being committed, and then begins with it."""
        with (
            closing(psycopg2.connect(self.dsn.conninfo())) as old,
            old.cursor() as cursor,
        ):
            cursor.execute("UPDATE lease SET flush = 1 WHERE epoch = %s", (self.epoch,))
            cursor.execute(
                "UPDATE character SET room = %s WHERE id = %s", (self.rows.start, self.ann)
            )
            taking = self.journal.take_lease("they")
            await self.until_blocked()
            self.assertNoResult(taking)
            old.commit()
        self.assertEqual(await taking, self.epoch + 1)
        self.assertEqual(self.place(), self.rows.start)
        late = Flush((CharacterPlaced(self.ann, RoomId(1)),))
        await self.failing(self.journal.flush(self.epoch, 2, late), Fenced)

    async def test_still_committing(self) -> None:
        """If the lost connection is still committing, the next try waits, and finds it done."""
        with (
            closing(psycopg2.connect(self.dsn.conninfo())) as lost,
            lost.cursor() as cursor,
        ):
            cursor.execute("UPDATE lease SET flush = 1 WHERE epoch = %s", (self.epoch,))
            again = Flush((CharacterPlaced(self.ann, self.rows.start),))
            trying = self.journal.flush(self.epoch, 1, again)
            await self.until_blocked()
            self.assertNoResult(trying)
            lost.commit()
        await trying
        self.assertIsNone(self.place())

    async def until_blocked(self) -> None:
        """Wait until one of ours waits for a lock."""
        while not self.sql(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'mudserver' AND wait_event_type = 'Lock'"
        ):
            await deferLater(clock, 0)

    async def test_two_worlds(self) -> None:
        """Of two worlds on one database the first stops at its next write; the second goes on."""
        fenced: list[Fenced] = []
        first = self.saving(fenced)
        self.epoch = await self.journal.take_lease("they")
        second = self.saving(fenced)
        first.append([CharacterPlaced(self.ann, RoomId(1))], urgent=True)
        await self.failing(first.barrier(), StorageUnavailable)
        self.assertEqual(len(fenced), 1)
        self.assertIn("they", str(fenced[0]))
        second.append([CharacterPlaced(self.ann, self.rows.start)], urgent=True)
        await second.barrier()
        self.assertEqual(self.place(), self.rows.start)
        await first.stop()
        await second.stop()
        self.assertEqual(len(fenced), 1)

    async def test_schema_is_not_ours(self) -> None:
        """Where a table is missing, no row is to blame: sifting says so, and finds none."""
        self.sql("ALTER TABLE session_input RENAME TO input_of_sessions")
        done = InputRow(SessionId("s"), self.ann, InputNumber(1))
        rows = (CharacterPlaced(self.ann, self.rows.start), done)
        error = await self.failing(self.journal.sift(rows), StorageRefused)
        self.assertEqual(error.sqlstate, "42P01")
        self.assertIsNone(self.place())

    async def test_letters_of_any_text(self) -> None:
        """What PostgreSQL can't store is refused, and is a dead letter all the same."""
        for number, bad in enumerate(("a\0b", "a\ud800b"), 1):
            session = SessionId(f"s{number}")
            row = AnswerRow(session, CommandId(bad), 1, InputNumber(1))
            rows: tuple[JournalRow, ...] = (InputRow(session, self.ann, InputNumber(1)), row)
            await self.failing(self.journal.flush(self.epoch, number, Flush(rows)), StorageRefused)
            (refused,) = await self.journal.sift(rows)
            self.assertEqual(refused.letter.row, row)
            await self.journal.flush(self.epoch, number, Flush(rows[:1], (refused.letter,)))
        kept = self.sql("SELECT DISTINCT change->>'command' FROM journal_dead_letter")
        self.assertEqual(kept, [("a\N{REPLACEMENT CHARACTER}b",)])

    async def test_letters_that_read_the_same(self) -> None:
        """Rows that differ only in what can't be stored are one letter, and don't stop the rest."""
        letters = tuple(
            DeadLetter(AnswerRow(SessionId("s"), CommandId(bad), 1, InputNumber(1)), "no", "", "")
            for bad in ("a\0b", "a\ud800b")
        )
        rows = (CharacterPlaced(self.ann, self.rows.start),)
        await self.journal.flush(self.epoch, 1, Flush(rows, letters))
        self.assertEqual(self.place(), self.rows.start)
        self.assertEqual(self.sql("SELECT count(*) FROM journal_dead_letter"), [(1,)])

    async def test_too_long_for_an_index(self) -> None:
        """A row that no index can take is found, and the rest is written without it."""
        target = "".join(f"{n:x}" for n in range(100_000, 110_000))
        deed = AuditRow("k", LONG_AGO, Via.GAME, "Ann", None, "", "ban", target, "{}")
        rows = (CharacterPlaced(self.ann, self.rows.start), deed)
        error = await self.failing(self.journal.flush(self.epoch, 1, Flush(rows)), StorageRefused)
        self.assertEqual(error.sqlstate, "54000")
        (refused,) = await self.journal.sift(rows)
        self.assertEqual(refused.letter.row, deed)

    async def test_sifting_is_quick(self) -> None:
        """To find one of 500 takes at most 1 + 9 + 1 tries."""
        rows: list[JournalRow] = [
            InputRow(SessionId(f"{n}"), self.ann, InputNumber(1)) for n in range(500)
        ]
        rows[321] = InputRow(SessionId("x"), CharacterId(1), InputNumber(1))
        self.pool.forget()
        (refused,) = await self.journal.sift(rows)
        self.assertEqual(refused.letter.row, rows[321])
        tries = [each for each, _ in self.pool.statements if each == "SAVEPOINT attempt"]
        self.assertLessEqual(len(tries), 1 + 9 + 1)

    async def test_sweep_skips_what_is_written(self) -> None:
        """A sweep doesn't wait for a session that is just being written."""
        await self.journal.flush(
            self.epoch, 1, Flush((InputRow(SessionId("s"), self.ann, InputNumber(1)),))
        )
        await self.forget_before(25)
        with closing(psycopg2.connect(self.dsn.conninfo())) as holder:
            holder.cursor().execute("SELECT 1 FROM session_input FOR UPDATE")
            self.assertFalse(await self.journal.sweep())
        self.assertEqual(self.sql("SELECT count(*) FROM session_input"), [(1,)])
        self.assertFalse(await self.journal.sweep())
        self.assertEqual(self.sql("SELECT count(*) FROM session_input"), [(0,)])
