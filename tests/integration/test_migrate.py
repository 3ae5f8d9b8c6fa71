"""Migrations against a real PostgreSQL."""

import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import SchemaTooNew, StartupError
from mudserver.storage.migrate import LOCK, migrate
from tests.integration.postgres import ROOT, connected, fresh_database

FIRST = """
-- Things.
-- depends:

CREATE TABLE thing (id bigint PRIMARY KEY, name text NOT NULL);

CREATE FUNCTION thing_count() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    -- A semicolon; and 100% of a function's body.
    RETURN (SELECT count(*) FROM thing);
END;
$$;
"""

SECOND = """
-- depends: 0001-first

INSERT INTO thing VALUES (1, 'one; 50% off');
"""


class MigrateTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.dsn = fresh_database(self)
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.write("0001-first", FIRST)

    def write(self, name: str, text: str) -> None:
        (self.directory / f"{name}.sql").write_text(text, encoding="utf-8")

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def test_applied_once(self) -> None:
        """Each migration is applied once, in the order of dependence."""
        self.write("0002-second", SECOND)
        self.assertEqual(migrate(self.dsn, self.directory), 2)
        self.assertEqual(self.ask("SELECT name, thing_count() FROM thing"), [("one; 50% off", 1)])
        self.assertEqual(migrate(self.dsn, self.directory), 0)
        self.assertEqual(self.ask("SELECT thing_count()"), [(1,)])

    def test_later_ones(self) -> None:
        """A newer version applies only what the database lacks."""
        migrate(self.dsn, self.directory)
        self.write("0002-second", SECOND)
        self.assertEqual(migrate(self.dsn, self.directory), 1)

    def test_too_new(self) -> None:
        """A database that a newer version migrated is refused by name and left alone."""
        self.write("0002-second", SECOND)
        migrate(self.dsn, self.directory)
        (self.directory / "0002-second.sql").unlink()
        self.write("0003-other", "-- depends: 0001-first\n\nDROP TABLE thing;")
        error = self.assertRaises(SchemaTooNew, migrate, self.dsn, self.directory)
        self.assertIn("0002-second", str(error))
        self.assertEqual(self.ask("SELECT thing_count()"), [(1,)])

    def test_faulty(self) -> None:
        """A migration that fails is undone as a whole, those before it stay, and the error says
        which it was and what PostgreSQL said.
        """
        self.write("0002-second", SECOND + "\nCREATE TABLE half ();\nSELECT nonsense;")
        error = self.assertRaises(StartupError, migrate, self.dsn, self.directory)
        self.assertIn("0002-second", str(error))
        self.assertIn("nonsense", str(error))
        self.assertEqual(self.ask("SELECT to_regclass('half'), thing_count()"), [(None, 0)])
        self.write("0002-second", SECOND)
        self.assertEqual(migrate(self.dsn, self.directory), 1)

    def test_unknown_dependence(self) -> None:
        """A migration that depends on one that doesn't exist is an error, not skipped."""
        self.write("0002-second", "-- depends: 0001-forgotten\n\nSELECT 1;")
        self.assertRaises(StartupError, migrate, self.dsn, self.directory)

    def test_no_directory(self) -> None:
        """An installation without migrations is an error, not a database without tables."""
        self.assertRaises(StartupError, migrate, self.dsn, self.directory / "none")

    def test_note_is_part_of_the_migration(self) -> None:
        """Where the note that a migration was applied can't be written, it isn't applied."""
        migrate(self.dsn, self.directory)
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute("ALTER TABLE _yoyo_migration ADD CHECK (migration_id <> '0002-second')")
        self.write("0002-second", SECOND)
        self.assertRaises(StartupError, migrate, self.dsn, self.directory)
        self.assertEqual(self.ask("SELECT thing_count()"), [(0,)])

    def test_two_at_once(self) -> None:
        """Of several processes that start at the same time one migrates, and the others wait."""
        self.write("0002-second", SECOND)
        counts: list[int] = []
        threads = [
            Thread(target=lambda: counts.append(migrate(self.dsn, self.directory)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(counts), [0, 0, 0, 2])

    def test_killed_in_the_midst(self) -> None:
        """A kill -9 during a migration leaves neither a part of it nor a lock."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            # The second migration waits for this, holding all locks that a migration holds.
            cursor.execute("SELECT pg_advisory_lock(1)")
            self.write("0002-second", SECOND + "\nSELECT pg_advisory_lock(1);")
            script = (
                "import sys; from pathlib import Path; from mudserver.storage.dsn import Dsn;"
                "from mudserver.storage.migrate import migrate;"
                "migrate(Dsn.parse(sys.argv[1]), Path(sys.argv[2]))"
            )
            child = subprocess.Popen(
                [sys.executable, "-c", script, self.dsn.conninfo(), self.directory.absolute()],
                cwd=ROOT,
            )
            waiting = (
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1"
                " AND NOT granted"
            )
            while self.ask(waiting) != [(1,)]:
                self.assertIsNone(child.poll())
            child.send_signal(signal.SIGKILL)
            child.wait()
            holder = (
                f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {LOCK % 2**32}"
            )
            [(pid,)] = self.ask(holder)
            cursor.execute("SELECT pg_advisory_unlock(1)")
        self.write("0002-second", SECOND)
        self.assertEqual(migrate(self.dsn, self.directory), 1)
        self.assertEqual(self.ask("SELECT thing_count()"), [(1,)])
        self.assertNotIn((pid,), self.ask(holder))
