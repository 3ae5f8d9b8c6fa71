"""Our migrations, one by one: data in, migrated, data right."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg2
from twisted.trial.unittest import SynchronousTestCase

from mudserver.storage.migrate import DIRECTORY, LOCK, migrate
from tests.integration.postgres import ROOT, connected, fresh_database
from tests.integration.test_schema import SCENE

Rows = Mapping[str, list[tuple[Any, ...]]]

FILES = sorted(DIRECTORY.glob("*.sql"))


class MigrationsTests(SynchronousTestCase):
    """A database that is migrated step by step."""

    def setUp(self) -> None:
        self.dsn = fresh_database(self)

    def migrate_to(self, number: str) -> int:
        """Apply what is missing up to a migration; returns how many were."""
        directory = Path(self.mktemp())
        directory.mkdir()
        for file in FILES:
            if file.name[:4] <= number:
                shutil.copy(file, directory)
        return migrate(self.dsn, directory)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def tables(self) -> set[str]:
        return {
            name
            for (name,) in self.sql(
                "SELECT tablename FROM pg_tables"
                " WHERE schemaname = 'public' AND tablename NOT LIKE '%yoyo%'"
            )
        }

    def rows(self) -> Rows:
        """Read all tables."""
        return {
            name: sorted(self.sql(f"SELECT to_jsonb({name})::text FROM {name}"))
            for name in self.tables()
        }

    def test_0001(self) -> None:
        """An empty database becomes one that has all of a world and its people in it."""
        self.assertEqual(self.tables(), set())
        self.assertEqual(self.migrate_to("0001"), 1)
        self.sql(SCENE)
        self.assertEqual(
            {name: len(rows) for name, rows in self.rows().items() if rows},
            {
                "account": 2,
                "name": 4,
                "character": 2,
                "area": 1,
                "room": 2,
                "exit": 1,
                "world": 1,
                "npc": 1,
                "item": 2,
            },
        )

    def test_0002(self) -> None:
        """What was there stays as it was; nobody has the lease, and nothing is in the journal."""
        self.migrate_to("0001")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0002"), 1)
        journal = ("lease", "session_input", "command_answer", "journal_dead_letter")
        self.assertEqual(self.rows(), {**before, **{name: [] for name in journal}})
        self.sql("INSERT INTO session_input (session, character, number) VALUES ('s', 11, 1)")

    def test_0003(self) -> None:
        """Mutes that are there have begun, and neither an end nor a reason; nobody is silenced."""
        self.migrate_to("0002")
        self.sql(SCENE)
        self.sql("INSERT INTO mute (muter, muted) VALUES (11, 12)")
        self.assertEqual(self.migrate_to("0003"), 1)
        self.assertEqual(
            self.sql("SELECT muter, muted, why, since <= now(), until FROM mute"),
            [(11, 12, "", True, None)],
        )
        self.assertEqual(self.rows()["silence"], [])

    def test_0004(self) -> None:
        """What is there stays as it is, and is told from then on when it changes."""
        self.migrate_to("0003")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0004"), 1)
        self.assertEqual(self.rows(), before)
        triggers = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
        self.assertEqual(
            self.sql(triggers), [("account_changed",), ("token_deleted",), ("token_revoked",)]
        )

    def test_0005(self) -> None:
        """Nobody has failed to log in yet; what is written down is kept."""
        self.migrate_to("0004")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0005"), 1)
        self.assertEqual(self.rows(), {**before, "failed_login": []})
        self.sql(
            "INSERT INTO failed_login (account, network, at, forgiven)"
            " VALUES (repeat('a', 64), '192.0.2.1', now(), false)"
        )

    def test_0006(self) -> None:
        """Everyone hears every channel, and nobody is silenced on one alone; all else stays."""
        self.migrate_to("0005")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0006"), 1)
        self.assertEqual(self.rows(), {**before, "channel_off": [], "channel_silence": []})

    def test_0007(self) -> None:
        """What was there stays as it was, and nobody is banned."""
        self.migrate_to("0006")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0007"), 1)
        self.assertEqual(self.rows(), {**before, "ban": []})
        self.sql(
            "INSERT INTO ban (kind, key, name, why, since) VALUES ('account', 1, 'A', '', now())"
        )
        self.assertEqual(self.sql("SELECT account, network FROM ban"), [(1, None)])

    def test_0008(self) -> None:
        """Things that are there hold nothing, and stay where they are; a new one may hold them."""
        self.migrate_to("0007")
        self.sql(SCENE)
        before = self.sql("SELECT id, key, room, holder FROM item ORDER BY id")
        self.assertEqual(self.migrate_to("0008"), 1)
        self.assertEqual(self.sql("SELECT id, key, room, holder FROM item ORDER BY id"), before)
        self.assertEqual(
            self.sql("SELECT DISTINCT size, capacity, lid, closed, container FROM item"),
            [(0, 0, False, False, None)],
        )
        self.sql(
            "INSERT INTO item (id, key, name, keywords, description, room, size, capacity)"
            " VALUES (43, 'box', 'a box', '{box}', '', 21, 1, 5);"
            "UPDATE item SET holder = NULL, container = 43, container_size = 1 WHERE id = 42"
        )

    def test_0009(self) -> None:
        """Nothing was written down yet of what is said; what is, goes to the rest at first."""
        self.migrate_to("0008")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0009"), 1)
        tables = ("chat_line", "chat_line_rest", "tell_line", "tell_line_rest")
        self.assertEqual(self.rows(), {**before, **{name: [] for name in tables}})
        self.sql(
            "INSERT INTO chat_line (at, session, number, index, channel, speaker, name, text)"
            " VALUES (now(), 's', 1, 0, 'say', 11, 'Ann', 'hi')"
        )
        self.assertEqual(len(self.rows()["chat_line_rest"]), 1)

    def test_0010(self) -> None:
        """What was there stays as it was, and nothing is noted yet."""
        self.migrate_to("0009")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0010"), 1)
        self.assertEqual(self.rows(), {**before, "audit": []})

    def test_0011(self) -> None:
        """Closed exits become doors, the two sides of one door one; the others stay open ways."""
        self.migrate_to("0010")
        self.sql(SCENE)
        self.sql(
            "INSERT INTO exit (room, direction, target, name, closed) VALUES"
            " (21, 'down', 22, 'a hatch', true), (22, 'up', 21, 'a hatch', true),"
            " (21, 'in', 22, 'a gate', true), (22, 'out', 21, '', true),"
            " (22, 'south', 22, 'a flap', true), (22, 'west', 21, '', false)"
        )
        self.assertEqual(self.migrate_to("0011"), 1)
        doors: dict[int | None, set[str]] = {}
        for door, direction in self.sql("SELECT door, direction FROM exit"):
            doors.setdefault(door, set()).add(direction)
        self.assertEqual(doors.pop(None), {"east", "west"})
        self.assertEqual(
            sorted(map(sorted, doors.values())), [["down", "up"], ["in", "out"], ["south"]]
        )
        self.assertEqual(
            sorted(self.sql("SELECT id, closed FROM door")),
            sorted((id, True) for id in doors if id),
        )
        self.assertEqual(self.rows()["npc_stop"], [])

    def test_0012(self) -> None:
        """What was there stays as it was, and nobody follows anybody."""
        self.migrate_to("0011")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0012"), 1)
        self.assertEqual(self.rows(), {**before, "follow": []})
        self.sql("INSERT INTO follow (follower, leader) VALUES (11, 12)")

    def test_0013(self) -> None:
        """Those whose names read the same keep them; the older one holds what it reads. From then
        on nobody else gets such a name.
        """
        self.migrate_to("0012")
        self.sql(SCENE)
        made = (
            "WITH a AS (INSERT INTO account (id, name, password_hash) VALUES ({0}, '{1}', '$')),"
            " n AS (INSERT INTO name VALUES (lower('{1}'), {0}))"
            " INSERT INTO character (account, name) VALUES ({0}, '{1}')"
        )
        for id, name in ((3, "Ian"), (4, "lan")):
            self.sql(made.format(id, name))
        before = self.rows()
        self.assertEqual(self.migrate_to("0013"), 1)
        self.assertEqual({**self.rows(), "look": []}, {**before, "look": []})
        self.assertEqual(
            self.sql("SELECT look, account FROM look ORDER BY 1"),
            [("ann", 1), ("ben", 2), ("bob", 2), ("lan", 3)],
        )
        self.sql(made.format(5, "Iris"))
        with self.assertRaises(psycopg2.IntegrityError) as raised:
            self.sql(made.format(6, "lris"))
        self.assertEqual(raised.exception.diag.constraint_name, "look_pkey")

    def test_0014(self) -> None:
        """What was there stays as it was, and no log-in is written down yet."""
        self.migrate_to("0013")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0014"), 1)
        self.assertEqual(self.rows(), {**before, "login": []})

    def test_0015(self) -> None:
        """What was there stays as it was, and nobody is in a party; nobody can be in two."""
        self.migrate_to("0014")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0015"), 1)
        self.assertEqual(self.rows(), {**before, "party_member": []})
        self.sql("INSERT INTO party_member (character, party, number) VALUES (11, 1, 1)")
        with self.assertRaises(psycopg2.IntegrityError) as raised:
            self.sql("INSERT INTO party_member (character, party, number) VALUES (11, 2, 2)")
        self.assertEqual(raised.exception.diag.constraint_name, "party_member_pkey")

    def test_0016(self) -> None:
        """What was there stays as it was, and the bus has left nothing undelivered."""
        self.migrate_to("0015")
        self.sql(SCENE)
        before = self.rows()
        self.assertEqual(self.migrate_to("0016"), 1)
        self.assertEqual(self.rows(), {**before, "undelivered": []})

    def test_people_and_things_stay(self) -> None:
        """All migrations together keep every row of the first version, under the same key."""
        self.migrate_to("0001")
        self.sql(SCENE)
        kept = "SELECT 'account', id, name FROM account UNION ALL " + " UNION ALL ".join(
            f"SELECT '{table}', id, name FROM {table}"
            for table in ("character", "room", "item", "npc")
        )
        before = sorted(self.sql(kept))
        self.assertEqual(migrate(self.dsn), len(FILES) - 1)
        self.assertEqual(sorted(self.sql(kept)), before)
        self.assertEqual(migrate(self.dsn), 0)

    def test_processes_at_once(self) -> None:
        """Of processes that want to migrate at the same time one does, and the others find it
        done.
        """
        script = (
            "import sys; from mudserver.storage.dsn import Dsn;"
            "from mudserver.storage.migrate import migrate;"
            "print(migrate(Dsn.parse(sys.argv[1])))"
        )
        command = [sys.executable, "-c", script, self.dsn.conninfo()]
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            f" AND objid = {LOCK % 2**32}"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            # The start signal: nobody gets the lock until all of them want it.
            cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            processes = [
                subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
                for _ in range(3)
            ]
            while self.sql(waiting) != [(len(processes),)]:
                self.assertEqual([each.poll() for each in processes], [None] * len(processes))
        applied = [each.communicate()[0].strip() for each in processes]
        self.assertEqual(sorted(applied), sorted(["0", "0", str(len(FILES))]))
        self.assertEqual([each.returncode for each in processes], [0, 0, 0])
        self.assertEqual(
            self.sql("SELECT count(*), count(DISTINCT migration_id) FROM _yoyo_migration"),
            [(len(FILES), len(FILES))],
        )


class MigrationFilesTests(SynchronousTestCase):
    """The files, and what belongs to each."""

    def test_numbered(self) -> None:
        """They are numbered without a gap, and each depends on the one before."""
        for number, file in enumerate(FILES, 1):
            self.assertRegex(file.name, rf"^{number:04}(-[a-z0-9]+)+\.sql$")
        for before, file in pairwise(FILES):
            self.assertIn(f"-- depends: {before.stem}\n", file.read_text(encoding="utf-8"))

    def test_tested(self) -> None:
        """Each has a test above."""
        for file in FILES:
            self.assertTrue(hasattr(MigrationsTests, f"test_{file.name[:4]}"), file.name)

    def test_rolling_upgrade(self) -> None:
        """Each says at its head what it means for a rolling upgrade, but for the first."""
        for file in FILES[1:]:
            head = re.match(r"(--.*\n)+", file.read_text(encoding="utf-8"))
            self.assertRegex(head[0] if head else "", r"\n-- Rolling upgrade: \w+", file.name)

    def test_transactions(self) -> None:
        """None begins or ends a transaction; that is ours to do."""
        for file in FILES:
            self.assertNotRegex(
                file.read_text(encoding="utf-8"),
                re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK)\s*;", re.MULTILINE | re.IGNORECASE),
                file.name,
            )
