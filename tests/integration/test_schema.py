"""The schema: what a database of ours can't hold, whoever writes to it."""

from typing import Any

import psycopg2
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.database import migrated_database
from tests.integration.postgres import connected

SCENE = """
    WITH account AS (
        INSERT INTO account (id, name, password_hash) VALUES (1, 'Ann', '$'), (2, 'Bob', '$')
    ), name AS (
        INSERT INTO name VALUES ('ann', 1), ('bob', 2), ('annie', 1), ('ben', 2)
    )
    INSERT INTO character (id, account, name) VALUES (11, 1, 'ANN'), (12, 2, 'Ben');

    INSERT INTO area VALUES ('quay', 'The Quay', '');
    INSERT INTO room (id, key, area, name, description)
        VALUES (21, 'steps', 'quay', 'Steps', ''), (22, 'mole', 'quay', 'Mole', '');
    INSERT INTO exit VALUES (21, 'east', 22);
    INSERT INTO world (start) VALUES (21);
    INSERT INTO npc (id, key, name, keywords, description, room)
        VALUES (31, 'heron', 'a heron', '{heron}', '', 21);
    INSERT INTO item (id, key, name, keywords, description, room)
        VALUES (41, 'lamp', 'a lamp', '{lamp}', '', 22);
    INSERT INTO item (id, key, name, keywords, description, holder)
        VALUES (42, 'rope', 'a rope', '{rope}', '', 11);
"""


class SchemaTests(SynchronousTestCase):
    """A database with a few rows, and what it refuses."""

    def setUp(self) -> None:
        self.dsn = migrated_database(self)
        self.sql(SCENE)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def assert_refused(self, constraint: str, *statements: str) -> None:
        for statement in statements:
            with self.assertRaises(psycopg2.IntegrityError, msg=statement) as raised:
                self.sql(statement)
            self.assertEqual(raised.exception.diag.constraint_name, constraint, statement)

    def test_names(self) -> None:
        """A name belongs to one account; its characters may share it, nobody else's may."""
        self.sql("INSERT INTO character (account, name) VALUES (1, 'Annie')")
        self.assert_refused(
            "character_has_name",
            "UPDATE character SET name = 'Bob' WHERE id = 11",
            "UPDATE character SET name = 'Cid' WHERE id = 11",
            "UPDATE character SET account = 2 WHERE id = 11",
        )
        self.assert_refused(
            "character_key_key", "INSERT INTO character (account, name) VALUES (1, 'annIE')"
        )
        self.assert_refused(
            "account_has_name",
            "UPDATE account SET name = 'bob' WHERE id = 1",
            "INSERT INTO account (id, name, password_hash) VALUES (3, 'Ann', '$')",
            "DELETE FROM name WHERE key = 'bob'",
        )
        self.assert_refused("name_pkey", "INSERT INTO name VALUES ('ann', 2)")
        self.assert_refused("name_key_check", "INSERT INTO name VALUES ('Ann', 2)")

    def test_looks(self) -> None:
        """A name doesn't read like that of another account, whoever writes it; like one's own, it
        may.
        """
        self.sql("INSERT INTO name VALUES ('bilbo', 1), ('biibo', 2)")
        self.sql("INSERT INTO character (account, name) VALUES (1, 'Bilbo')")
        self.assert_refused(
            "look_pkey",
            "INSERT INTO character (account, name) VALUES (2, 'BiIbo')",
            "UPDATE character SET name = 'BiIbo' WHERE id = 12",
        )
        self.sql("UPDATE name SET account = 1 WHERE key = 'biibo'")
        self.sql("INSERT INTO character (account, name) VALUES (1, 'BiIbo')")

    def test_accounts(self) -> None:
        """An account has a known role, and stays while it has characters."""
        self.assert_refused("account_role_check", "UPDATE account SET role = 'god'")
        self.assert_refused("character_account_fkey", "DELETE FROM account WHERE id = 1")

    def test_bans(self) -> None:
        """A ban is of an account that there is, a name that may be one, or a network."""
        values = "VALUES ('{}', '{}', 'x', '', now())"
        insert = f"INSERT INTO ban (kind, key, name, why, since) {values}"
        for kind, key in (("account", "1"), ("name", "zoe"), ("network", "192.0.2.0/24")):
            self.sql(insert.format(kind, key))
        self.assert_refused("ban_pkey", insert.format("name", "zoe"))
        self.assert_refused("ban_kind_check", insert.format("room", "zoe"))
        self.assert_refused("ban_account_fkey", insert.format("account", "99"))
        self.assert_refused("ban_of_name", insert.format("name", "Zoe"), insert.format("name", "z"))
        for key in ("zoe", "192.0.2.1/24"):
            with self.assertRaises(psycopg2.DataError):
                self.sql(insert.format("network", key))
        self.assert_refused("ban_lasts", "UPDATE ban SET until = since")

    def test_audit(self) -> None:
        """What is noted can't be changed nor deleted, by whatever statement."""
        self.sql(
            "INSERT INTO audit (key, at, via, actor, origin, action, target, details)"
            " VALUES ('k', now(), 'game', 'Ann', '', 'ban', 'Bob', '{}')"
        )
        for statement in (
            "UPDATE audit SET actor = 'Bob'",
            "DELETE FROM audit",
            "DELETE FROM audit WHERE false",
            "TRUNCATE audit",
            "INSERT INTO audit SELECT * FROM audit ON CONFLICT (key) DO UPDATE SET actor = 'Bob'",
        ):
            with self.assertRaises(psycopg2.Error) as raised:
                self.sql(statement)
            self.assertIn(raised.exception.pgcode, ("42501", "428C9"), statement)
        self.assertEqual(self.sql("SELECT actor FROM audit"), [("Ann",)])

    def test_world(self) -> None:
        """There is one world, and it begins somewhere."""
        self.assert_refused("world_pkey", "INSERT INTO world (start) VALUES (22)")
        self.assert_refused("world_one_check", "INSERT INTO world (one, start) VALUES (false, 22)")
        self.assert_refused("world_start_fkey", "UPDATE world SET start = 99")

    def test_exits(self) -> None:
        """An exit leads from somewhere to somewhere, and a direction has one at most."""
        self.assert_refused("exit_pkey", "INSERT INTO exit VALUES (21, 'east', 21)")
        self.assert_refused("exit_direction_check", "INSERT INTO exit VALUES (21, 'left', 22)")
        self.assert_refused("exit_target_fkey", "INSERT INTO exit VALUES (21, 'up', 99)")
        self.assert_refused("exit_room_fkey", "INSERT INTO exit VALUES (99, 'up', 21)")

    def test_places(self) -> None:
        """Who and what is somewhere keeps the place from vanishing; an item is in one place."""
        self.assert_refused(
            "item_in_one_place",
            "UPDATE item SET room = 21 WHERE id = 42",
            "UPDATE item SET room = NULL WHERE id = 41",
        )
        self.assert_refused("item_fixed_in_room", "UPDATE item SET fixed = true WHERE id = 42")
        self.assert_refused("item_holder_fkey", "DELETE FROM character WHERE id = 11")
        self.sql("DELETE FROM exit")
        self.assert_refused("item_room_fkey", "DELETE FROM room WHERE id = 22")
        self.sql("DELETE FROM world")
        self.assert_refused("npc_room_fkey", "DELETE FROM room WHERE id = 21")
        self.sql("UPDATE character SET room = 21; DELETE FROM npc")
        self.assert_refused("character_room_fkey", "DELETE FROM room WHERE id = 21")

    def test_doors_and_routes(self) -> None:
        """A door stays while an exit has it; a stop is a room, and is made once."""
        self.sql("INSERT INTO door (id, closed) VALUES (51, true)")
        self.sql("UPDATE exit SET door = 51")
        self.assert_refused("exit_door_fkey", "DELETE FROM door", "UPDATE exit SET door = 52")
        self.sql("INSERT INTO npc_stop VALUES (31, 1, 21), (31, 2, 22)")
        self.assert_refused("npc_stop_once", "INSERT INTO npc_stop VALUES (31, 3, 21)")
        self.assert_refused("npc_stop_pkey", "INSERT INTO npc_stop VALUES (31, 2, 22)")
        self.assert_refused("npc_stop_room_fkey", "UPDATE npc_stop SET room = 99 WHERE step = 2")
        self.assert_refused("npc_stop_npc_fkey", "UPDATE npc_stop SET npc = 99")
        self.assert_refused("npc_stop_step_check", "UPDATE npc_stop SET step = 0 WHERE step = 2")

    def test_containers(self) -> None:
        """A thing is in a larger one, which stays while there is anything in it."""
        self.sql("UPDATE item SET size = 2, capacity = 3, lid = true WHERE id = 41")
        self.sql("UPDATE item SET holder = NULL, container = 41, container_size = 2 WHERE id = 42")
        self.assert_refused(
            "item_in_one_place",
            "UPDATE item SET room = 21 WHERE id = 42",
            "UPDATE item SET container = NULL, container_size = NULL WHERE id = 42",
        )
        self.assert_refused("item_container_fkey", "DELETE FROM item WHERE id = 41")
        self.assert_refused(
            "item_container_fkey",
            "UPDATE item SET container_size = 3 WHERE id = 42",
            "UPDATE item SET container = 99 WHERE id = 42",
            "UPDATE item SET size = 1 WHERE id = 41",
        )
        self.assert_refused(
            "item_fits",
            "UPDATE item SET size = 2, capacity = 1 WHERE id = 42",
            "UPDATE item SET room = NULL, container = 41, container_size = 2 WHERE id = 41",
        )
        self.assert_refused(
            "item_container_whole", "UPDATE item SET container_size = NULL WHERE id = 42"
        )
        self.assert_refused("item_fixed_in_room", "UPDATE item SET fixed = true WHERE id = 42")
        self.assert_refused(
            "item_size_check",
            "UPDATE item SET container_size = 9, size = 4, capacity = 1 WHERE id = 42",
        )
        self.assert_refused("item_capacity_check", "UPDATE item SET capacity = 51 WHERE id = 41")
        self.assert_refused("item_holds_by_size", "UPDATE item SET capacity = 1 WHERE id = 42")
        self.assert_refused("item_lid_of_container", "UPDATE item SET lid = true WHERE id = 42")
        self.assert_refused("item_closed_by_lid", "UPDATE item SET closed = true WHERE id = 42")

    def test_texts(self) -> None:
        """Keys are unique, names and keywords are not empty, mappings are mappings."""
        self.assert_refused("room_key_key", "UPDATE room SET key = 'mole' WHERE id = 21")
        self.assert_refused("item_key_key", "UPDATE item SET key = 'lamp' WHERE id = 42")
        self.assert_refused("item_keywords_check", "UPDATE item SET keywords = '{}'")
        self.assert_refused("npc_name_check", "UPDATE npc SET name = ''")
        self.assert_refused("npc_topics_check", "UPDATE npc SET topics = '[]'")
        self.assert_refused("room_details_check", "UPDATE room SET details = '[]'")

    def test_case_is_that_of_ascii(self) -> None:
        """Case is folded in the same way whatever the server's locale: I is i."""
        self.assertEqual(
            self.sql(
                "SELECT DISTINCT collation_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND column_name = 'key'"
                " AND table_name NOT LIKE '%yoyo%'"
            ),
            [("C",)],
        )

    def test_foreign_keys_are_indexed(self) -> None:
        """Each foreign key has an index that begins with it, but for that of the one-row table."""
        unindexed = self.sql(
            """
            SELECT conname FROM pg_constraint
            WHERE contype = 'f' AND NOT EXISTS (
                SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = ANY (conkey))
            """
        )
        self.assertEqual(unindexed, [("world_start_fkey",)])

    def test_everything_says_what_it_means(self) -> None:
        """Each table and sequence of ours has a comment."""
        silent = self.sql(
            """
            SELECT relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
            AND relname NOT LIKE '%yoyo%' AND relname <> 'account_id_seq'
            AND obj_description(oid, 'pg_class') IS NULL
            """
        )
        self.assertEqual(silent, [])
