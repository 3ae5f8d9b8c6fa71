"""The stores on a real PostgreSQL: the suites of their ports, and what only a database does."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg2
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.ids import AccountId, CharacterId, Epoch, SessionId, TokenHash
from mudserver.interfaces.audit import IAuditStore
from mudserver.interfaces.journal import Flush, JournalRow
from mudserver.interfaces.rows import IdentifiedRow
from mudserver.interfaces.stores import IAccountStore, IWorldStore
from mudserver.storage.accounts import PostgresAccountStore
from mudserver.storage.area_import import PAGE_ROWS
from mudserver.storage.audit import PostgresAuditStore
from mudserver.storage.journal import PostgresJournalStore
from mudserver.storage.loader import MAX_BATCH_KEYS
from mudserver.storage.world import PostgresWorldStore
from mudserver.telemetry.metrics import NullMeter
from mudserver.world.applied import CharacterPlaced, ItemPlaced, MuteLifted, MuteMade
from mudserver.world.area import Key
from mudserver.world.role import Role
from tests.contract.account_stores import AccountStoreContract
from tests.contract.areas import harbour_world
from tests.contract.stores import NOW, StoreContract, digest, token_row
from tests.contract.world_stores import WorldStoreContract
from tests.integration.database import ObservedPool, migrated_database
from tests.integration.postgres import connected

clock = IReactorTime(reactor)

#: Names from numbers: 1207 is ``bcah``.
NAME = "translate(to_char(n, 'FM00000'), '0123456789', 'abcdefghij')"


class PostgresCase(StoreContract, TestCase):
    """The stores on an empty database."""

    def setUp(self) -> "Deferred[None] | None":  # type: ignore[override]
        self.dsn = migrated_database(self)
        self.pool = ObservedPool(self.dsn)
        self.addCleanup(self.pool.close)
        return Deferred.fromCoroutine(self.prepare())

    async def prepare(self) -> None:
        await self.pool.start()
        self.accounts = PostgresAccountStore(self.pool, clock, NullMeter())
        self.world = PostgresWorldStore(self.pool, clock, NullMeter())
        self.journal = PostgresJournalStore(self.pool, clock, NullMeter())
        self.audit_log: IAuditStore = PostgresAuditStore(self.pool)

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Execute a statement on a connection of its own."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def people(self, number: int) -> list[AccountId]:
        """Make many accounts with a character each, and analyse the tables."""
        self.sql(
            f"""
            WITH numbered AS (SELECT n, {NAME} AS name FROM generate_series(1, %s) n),
            account AS (
                INSERT INTO account (id, name, password_hash)
                SELECT n, name, '$argon2id$' FROM numbered
            ), name AS (
                INSERT INTO name (key, account) SELECT name, n FROM numbered
            )
            INSERT INTO character (id, account, name) SELECT 100000 + n, n, name FROM numbered
            """,
            number,
        )
        self.sql("ANALYZE")
        return [AccountId(n + 1) for n in range(number)]


class PostgresAccountStoreTests(PostgresCase, AccountStoreContract):
    """`PostgresAccountStore` is an `IAccountStore`."""

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(IAccountStore, self.accounts)


class PostgresWorldStoreTests(PostgresCase, WorldStoreContract):
    """`PostgresWorldStore` is an `IWorldStore`."""

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(IWorldStore, self.world)


class BatchTests(PostgresCase):
    """What many ask for at once costs few queries."""

    async def test_a_thousand_log_in(self) -> None:
        """A thousand characters are read in three queries for 500 at most, with their things."""
        ids = self.people(1_000)
        await self.world.import_areas(harbour_world())
        self.sql("UPDATE item SET room = NULL, holder = 100007 WHERE key IN ('lamp', 'rope')")
        self.sql("INSERT INTO mute VALUES (100007, 100008), (100007, 100009)")
        self.pool.forget()
        characters = await gatherResults([self.world.characters(id) for id in ids])
        self.assertLessEqual(len(self.pool.statements), 3 * len(ids) // MAX_BATCH_KEYS)
        self.assertEqual([row.account for (row,) in characters], ids)
        (seventh,) = characters[6]
        self.assertEqual([item.key for item in seventh.items], ["lamp", "rope"])
        self.assertEqual(seventh.muted, {100008, 100009})
        self.assertEqual({len(row.items) for (row,) in characters[7:]}, {0})

    async def test_accounts_and_tokens(self) -> None:
        """Looking up 1,000 accounts by name, by id, or by token is two queries each."""
        ids = self.people(1_000)
        names = [name for (name,) in self.sql("SELECT name FROM account ORDER BY id")]
        rows = [token_row(id, f"secret {id}") for id in ids]
        await gatherResults([self.accounts.add_token(row) for row in rows])
        self.pool.forget()
        by_name = await gatherResults([self.accounts.by_name(name.upper()) for name in names])
        by_id = await gatherResults([self.accounts.by_id(id) for id in ids])
        tokens = await gatherResults([self.accounts.token(row.hash) for row in rows])
        identified = await self.world.identify(names)
        self.assertEqual(len(self.pool.statements), 4 * 2)
        self.assertEqual(by_name, by_id)
        self.assertEqual([row and row.id for row in by_name], ids)
        self.assertEqual(tokens, rows)
        self.assertEqual(
            dict(identified),
            {
                name: IdentifiedRow(CharacterId(100_000 + id), name, id, Role.PLAYER)
                for name, id in zip(names, ids, strict=True)
            },
        )

    async def test_bad_key_fails_alone(self) -> None:
        """Text that can't be stored fails its caller, not those who ask in the same turn."""
        ann = await self.accounts.register("Ann", "$argon2id$")
        good = self.accounts.by_name("Ann")
        bad = self.accounts.by_name("A\0n")
        await self.assertFailure(bad, StorageRefused)
        self.assertEqual(await good, ann)

    async def test_writing_is_one_statement_a_kind(self) -> None:
        """A flush of many changes is a statement or two for each kind of them, and one more."""
        ids = self.people(500)
        await self.world.import_areas(harbour_world())
        rows = await self.world.load()
        assert rows is not None
        characters = [CharacterId(100_000 + id) for id in ids]
        epoch = await self.journal.take_lease("we")
        self.pool.forget()
        changes: list[JournalRow] = []
        changes += (CharacterPlaced(id, rows.start) for id in characters)
        changes += (ItemPlaced(item.id, rows.start, None) for item in rows.items)
        changes += (MuteMade(id, characters[0]) for id in characters[1:])
        changes += (MuteLifted(characters[0], id) for id in characters[1:])
        await self.journal.flush(epoch, 1, Flush(tuple(changes)))
        self.assertEqual(len(self.pool.statements), 1 + 5)
        self.assertEqual(
            self.sql("SELECT count(*) FROM character WHERE room = %s", rows.start), [(500,)]
        )
        self.assertEqual(self.sql("SELECT count(*) FROM mute"), [(499,)])

    async def test_load_is_eleven_queries(self) -> None:
        """A world that fits on one page is read in eleven queries, within one snapshot."""
        await self.world.import_areas(harbour_world())
        self.pool.forget()
        await self.world.load()
        self.assertEqual(len(self.pool.statements), 1 + 11)

    async def test_away(self) -> None:
        """Without a database everything fails with StorageUnavailable."""
        await self.pool.close()
        hash, id = TokenHash(digest("")), AccountId(1)
        calls: list[Deferred[Any]] = [
            self.accounts.register("Ann", "$argon2id$"),
            self.accounts.by_name("Ann"),
            self.accounts.by_id(id),
            self.accounts.page("", 10),
            self.accounts.set_password(id, "$argon2id$", None),
            self.accounts.rehash(id, "", "$argon2id$"),
            self.accounts.set_role(id, Role.OWNER),
            self.accounts.add_token(token_row(id, "secret")),
            self.accounts.token(hash),
            self.accounts.extend_token(hash, NOW),
            self.accounts.revoke_token(hash),
            self.accounts.revoke_account(id),
            self.accounts.add_ticket(hash, hash, NOW),
            self.accounts.spend_ticket(hash, NOW),
            self.world.load(),
            self.world.import_areas(harbour_world()),
            self.world.characters(id),
            self.world.identify(["Ann"]),
            self.journal.take_lease("we"),
            self.journal.flush(Epoch(1), 1, Flush()),
            self.journal.sift(()),
            self.journal.committed(SessionId("s")),
            self.journal.sweep(),
        ]
        for call in calls:
            await self.assertFailure(call, StorageUnavailable)


class SnapshotTests(PostgresCase):
    """Big worlds are read and written in pages, small and big ones as of one moment."""

    async def test_big_world(self) -> None:
        """A world of several pages comes back whole, in order."""
        await self.world.import_areas(harbour_world())
        rooms, items = PAGE_ROWS, 2 * PAGE_ROWS
        self.sql(
            """
            WITH room AS (
                INSERT INTO room (id, key, area, name, description)
                SELECT 100000 + n, 'r' || n, 'town', 'R', '' FROM generate_series(1, %s) n
            ), exit AS (
                INSERT INTO exit (room, direction, target)
                SELECT 100000 + n, way, 100001
                FROM generate_series(1, %s) n, unnest('{up,down,in}'::text[]) way
            )
            INSERT INTO item (key, name, keywords, description, room)
            SELECT 'i' || n, 'I', '{i}', '', 100001 FROM generate_series(1, %s) n
            """,
            rooms,
            rooms,
            items,
        )
        self.pool.forget()
        rows = await self.world.load()
        assert rows is not None
        self.assertEqual(len(rows.rooms), 3 + rooms)
        self.assertEqual(len({(way.room, way.direction) for way in rows.exits}), 4 + 3 * rooms)
        self.assertEqual(len(rows.exits), 4 + 3 * rooms)
        self.assertEqual(len(rows.items), 3 + items)
        ids = [item.id for item in rows.items]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertEqual(len(self.pool.statements), 2 + 2 + 4 + 3 + 1 + 1 + 1 + 1 + 1 + 1 + 1)

    async def test_full_last_page(self) -> None:
        """A world whose last page is full ends there."""
        await self.world.import_areas(harbour_world())
        self.sql(
            """
            INSERT INTO room (key, area, name, description)
            SELECT 'r' || n, 'town', 'R', '' FROM generate_series(1, %s) n
            """,
            PAGE_ROWS - 3,
        )
        rows = await self.world.load()
        assert rows is not None
        self.assertEqual(len(rows.rooms), PAGE_ROWS)

    async def test_big_import(self) -> None:
        """A world of more than one page is imported whole."""
        harbour, town = harbour_world()
        steps, *others = harbour.rooms
        (lamp, _) = steps.items
        many = tuple(evolve(lamp, key=Key(f"{lamp.key}-{n}")) for n in range(2 * PAGE_ROWS))
        harbour = evolve(harbour, rooms=(evolve(steps, items=many), *others))
        self.assertTrue(await self.world.import_areas((harbour, town)))
        self.assertEqual(self.sql("SELECT count(*) FROM item"), [(2 * PAGE_ROWS + 1,)])
        rows = await self.world.load()
        assert rows is not None
        self.assertEqual([item.key for item in rows.items[:2]], ["lamp-0", "lamp-1"])

    async def test_load_shows_one_moment(self) -> None:
        """What is committed while a world is being read is in none of it."""
        await self.world.import_areas(harbour_world())
        before = await self.world.load()

        def change(statement: str) -> None:
            if "FROM exit" in statement:
                self.sql("UPDATE room SET name = 'The Ruins'")
                self.sql("DELETE FROM exit")
                self.sql("DELETE FROM npc")

        self.pool.before = change
        self.assertEqual(await self.world.load(), before)
        self.pool.before = lambda statement: None
        self.assertNotEqual(await self.world.load(), before)

    async def test_import_is_all_or_nothing(self) -> None:
        """An import that is refused near its end leaves nothing of what came before."""
        self.sql("INSERT INTO area VALUES ('old', 'Old', '')")
        self.sql("INSERT INTO room (key, area, name, description) VALUES ('old', 'old', 'Old', '')")
        self.sql(
            "INSERT INTO npc (key, name, keywords, description, room)"
            " SELECT 'heron', 'a heron', '{heron}', '', id FROM room"
        )
        await self.refused(self.world.import_areas(harbour_world()), "23505", "npc_key_key")
        self.assertEqual(self.sql("SELECT key FROM room"), [("old",)])
        self.assertEqual(self.sql("SELECT count(*) FROM exit"), [(0,)])
        self.assertIsNone(await self.world.load())
        self.sql("DELETE FROM npc")
        self.assertTrue(await self.world.import_areas(harbour_world()))


class LockTests(PostgresCase):
    """Who writes several rows locks them in the order of their keys, so nobody deadlocks."""

    async def locks_in_order(
        self,
        table: str,
        first: Mapping[str, object],
        second: Mapping[str, object],
        write: Callable[[], Deferred[Any]],
    ) -> None:
        """Hold the second row, and expect the writer who waits for it to hold the first."""

        def lock(key: Mapping[str, object]) -> str:
            where = " AND ".join(f"{column} = %({column})s" for column in key)
            return f"SELECT 1 FROM {table} WHERE {where} FOR UPDATE NOWAIT"

        with (
            closing(psycopg2.connect(self.dsn.conninfo())) as holder,
            closing(psycopg2.connect(self.dsn.conninfo())) as witness,
        ):
            holder.cursor().execute(lock(second), second)
            written = write()
            while not self.sql(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE application_name = 'mudserver' AND wait_event_type = 'Lock'"
            ):
                await deferLater(clock, 0)
            with self.assertRaises(psycopg2.errors.LockNotAvailable):
                witness.cursor().execute(lock(first), first)
            holder.rollback()
        await written

    def flushed(self, rows: Iterable[JournalRow]) -> Deferred[None]:
        """Flush rows, in that order."""
        return Deferred.fromCoroutine(self.commit(*rows))

    async def test_items(self) -> None:
        """A flush locks items in the order of their ids, not in its own."""
        await self.world.import_areas(harbour_world())
        rows = await self.world.load()
        assert rows is not None
        items = [item.id for item in rows.items]
        changes = [ItemPlaced(id, rows.start, None) for id in reversed(items)]
        await self.locks_in_order(
            "item", {"id": items[0]}, {"id": items[1]}, lambda: self.flushed(changes)
        )

    async def test_characters(self) -> None:
        """So it does characters, even if their rows lie in another order."""
        ids = [CharacterId(100_000 + id) for id in self.people(4)]
        await self.world.import_areas(harbour_world())
        rows = await self.world.load()
        assert rows is not None
        # An update moves a row behind the others.
        self.sql("UPDATE character SET created = created WHERE id = %s", ids[0])
        changes = [CharacterPlaced(id, rows.start) for id in reversed(ids)]
        await self.locks_in_order(
            "character", {"id": ids[0]}, {"id": ids[1]}, lambda: self.flushed(changes)
        )

    async def test_mutes(self) -> None:
        """So it does mutes that are lifted."""
        one, two, three = (CharacterId(100_000 + id) for id in self.people(3))
        self.sql("INSERT INTO mute VALUES (%s, %s), (%s, %s)", two, three, one, three)
        changes = [MuteLifted(two, three), MuteLifted(one, three)]
        await self.locks_in_order(
            "mute",
            {"muter": one, "muted": three},
            {"muter": two, "muted": three},
            lambda: self.flushed(changes),
        )

    async def test_tokens(self) -> None:
        """So does who revokes all tokens of an account."""
        (ann,) = self.people(1)
        rows = sorted((token_row(ann, f"secret {n}") for n in range(3)), key=lambda row: row.hash)
        for row in reversed(rows):
            await self.accounts.add_token(row)
        await self.locks_in_order(
            "token",
            {"hash": rows[0].hash},
            {"hash": rows[1].hash},
            lambda: self.accounts.revoke_account(ann),
        )

    async def test_sweepers_do_not_wait(self) -> None:
        """A new token or ticket is not held up by expired ones that somebody else has locked."""
        (ann,) = self.people(1)
        old = token_row(ann, "old", NOW - timedelta(days=100))
        await self.accounts.add_token(old)
        await self.accounts.add_ticket(digest("old"), old.hash, NOW - timedelta(days=100))
        with closing(psycopg2.connect(self.dsn.conninfo())) as holder:
            holder.cursor().execute("SELECT 1 FROM ticket FOR UPDATE")
            holder.cursor().execute("SELECT 1 FROM token FOR UPDATE")
            new = evolve(token_row(ann, "new"), created=NOW)
            await self.accounts.add_token(new)
            await self.accounts.add_ticket(digest("new"), new.hash, NOW)
        self.assertEqual(self.sql("SELECT count(*) FROM token"), [(2,)])
        self.assertEqual(self.sql("SELECT count(*) FROM ticket"), [(2,)])
