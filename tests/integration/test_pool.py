"""The pool against a real PostgreSQL, where what goes wrong is made to go wrong."""

import os
import signal
from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, DeferredList, gatherResults
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.storage.connection import MAX_ROWS, Limits
from mudserver.storage.failures import CommitUnknown
from mudserver.storage.pool import Cursor
from tests.integration.pools import PoolTestCase
from tests.integration.postgres import connected


class QueryTests(PoolTestCase):
    async def test_rows(self) -> None:
        """A query gives its rows; a statement that returns none gives none."""
        pool = await self.started()
        parameters = {"id": 7, "name": "100% of it; ü"}
        insert = "INSERT INTO thing VALUES (%(id)s, %(name)s)"
        self.assertEqual(await pool.run_query(insert, parameters), [])
        rows = await pool.run_query("SELECT id, name FROM thing WHERE id = ANY(%s)", ([7, 8],))
        self.assertEqual(rows, [(7, "100% of it; ü")])

    async def test_session_settings(self) -> None:
        """Each session has our name, our limits, and UTC; what the DSN says itself is kept."""
        dsn = self.dsn.extended({"options": "-c lock_timeout=77", "application_name": "mine"})
        pool = self.pool(1, dsn=dsn)
        await pool.start()
        [row] = await pool.run_query(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
            " current_setting('idle_in_transaction_session_timeout'), current_setting('TimeZone'),"
            " current_setting('application_name'), current_setting('client_encoding')"
        )
        self.assertEqual(row, ("30s", "77ms", "30s", "UTC", "mine", "UTF8"))

    async def test_bounded(self) -> None:
        """Many callers share few connections, and each is served."""
        pool = await self.started(3)
        query = "SELECT pg_backend_pid(), %s, pg_sleep(0.001)"
        results = await gatherResults([pool.run_query(query, (number,)) for number in range(60)])
        self.assertEqual([number for [(_, number, _)] in results], list(range(60)))
        self.assertEqual(len({pid for [(pid, _, _)] in results}), 3)

    async def test_refused(self) -> None:
        """A violated constraint is told with its name and code, without the values, and the
        connection stays.
        """
        pool = await self.started(1)
        before = await self.backend(pool)
        insert = "INSERT INTO thing VALUES (1, 'a secret')"
        await pool.run_query(insert)
        with self.assertRaises(StorageRefused) as raised:
            await pool.run_query(insert)
        error = raised.exception
        self.assertEqual((error.sqlstate, error.constraint), ("23505", "thing_pkey"))
        with self.assertRaises(StorageRefused) as raised:
            await pool.run_query("SELECT 'a secret', nonsense")
        self.assertNotIn("secret", str(error) + str(raised.exception))
        self.assertEqual(await self.backend(pool), before)

    async def test_text_that_cant_be_stored(self) -> None:
        """A NUL or a lone surrogate is refused like any bad value."""
        pool = await self.started(1)
        for text in ("a\0b", "\ud800"):
            with self.assertRaises(StorageRefused):
                await pool.run_query("SELECT %s", (text,))
        self.assertEqual(await pool.run_query("SELECT 1"), [(1,)])

    async def test_too_many_rows(self) -> None:
        """What returns more rows than may be converted in one go is refused."""
        pool = await self.started(1)
        query = "SELECT generate_series(1, %s)"
        with self.assertRaises(StorageRefused):
            await pool.run_query(query, (MAX_ROWS + 1,))
        self.assertEqual(len(await pool.run_query(query, (MAX_ROWS,))), MAX_ROWS)

    async def test_statement_timeout(self) -> None:
        """The server ends a statement that takes too long; that is no CancelledError, and the
        connection stays.
        """
        pool = await self.started(1, limits=Limits(statement=0.1))
        before = await self.backend(pool)
        with self.assertRaises(StorageUnavailable) as raised:
            await pool.run_query("SELECT pg_sleep(60)")
        self.assertIn("statement timeout", str(raised.exception))
        self.assertEqual(await self.backend(pool), before)

    async def test_lock_timeout(self) -> None:
        """So does the wait for a lock."""
        pool = await self.started(1, limits=Limits(lock=0.1))
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE thing")
            with self.assertRaises(StorageUnavailable):
                await pool.run_query("SELECT * FROM thing")

    async def test_hanging_server(self) -> None:
        """A server that hangs, which keeps no limits and answers no cancelling, costs one
        connection and a bounded wait.
        """
        pool = await self.started(2, limits=Limits(statement=0.1, grace=0.1))
        pid = cast(int, await self.backend(pool))
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        results = await DeferredList(
            [pool.run_query("SELECT 1") for _ in range(6)], consumeErrors=True
        )
        failures: list[Failure] = [cast(Failure, each) for good, each in results if not good]
        self.assertEqual(len(failures), 1)
        failures[0].trap(StorageUnavailable)

    async def test_cancel(self) -> None:
        """A query may be cancelled at any time, at once, and the pool has as many connections as
        before.
        """
        pool = await self.started(1)
        before = await self.backend(pool)
        running = pool.run_query("SELECT pg_sleep(60)")
        waiting = pool.run_query("SELECT 1")
        after = pool.run_query("SELECT pg_backend_pid()")
        waiting.cancel()
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.failureResultOf(waiting, CancelledError)
        self.assertNotEqual(await after, [(before,)])

    async def test_cancel_often(self) -> None:
        """Connections given up in the midst of a statement leave nothing in the reactor that the
        next one with the same descriptor stumbles over.
        """
        pool = await self.started(2)
        for _ in range(20):
            running = pool.run_query("SELECT pg_sleep(60)")
            await deferLater(reactor, 0)
            running.cancel()
            self.failureResultOf(running, CancelledError)
            queries = [pool.run_query("SELECT %s", (number,)) for number in range(4)]
            answers = await gatherResults(queries)
            self.assertEqual(answers, [[(number,)] for number in range(4)])


class InteractionTests(PoolTestCase):
    async def test_commits_after_the_body(self) -> None:
        """What a coroutine does is committed when it has returned, not when it first waits."""
        pool = await self.started(1)
        seen: list[object] = []

        async def body(cursor: Cursor, name: str) -> int:
            await cursor.execute("INSERT INTO thing VALUES (1, %s)", (name,))
            await deferLater(reactor, 0)
            seen.append(self.execute("SELECT name FROM thing"))
            await cursor.execute("SELECT id FROM thing")
            [(number,)] = cursor.fetchall()
            return cast(int, number)

        self.assertEqual(await pool.run_interaction(body, name="one"), 1)
        self.assertEqual(seen, [[]])
        self.assertEqual(self.execute("SELECT name FROM thing"), [("one",)])

    async def test_rolls_back(self) -> None:
        """What a body raises comes through as it is, and nothing is changed."""
        pool = await self.started(1)

        async def body(cursor: Cursor) -> None:
            await cursor.execute("INSERT INTO thing VALUES (1, 'one')")
            self.assertEqual(cursor.rowcount, 1)
            raise LookupError("mine")

        with self.assertRaises(LookupError):
            await pool.run_interaction(body)
        self.assertEqual(await pool.run_query("SELECT * FROM thing"), [])

    async def test_swallowed_error(self) -> None:
        """A body that goes on after an error, so that PostgreSQL undoes it all, does not pass for
        committed.
        """
        pool = await self.started(1)

        async def body(cursor: Cursor) -> None:
            await cursor.execute("INSERT INTO thing VALUES (1, 'one')")
            try:
                await cursor.execute("SELECT nonsense")
            except StorageRefused:
                return

        with self.assertRaises(StorageRefused) as raised:
            await pool.run_interaction(body)
        self.assertIn("nonsense", str(raised.exception))

    async def test_savepoint(self) -> None:
        """A body that goes on after an error by way of a savepoint is committed."""
        pool = await self.started(1)

        async def body(cursor: Cursor) -> None:
            await cursor.execute("SAVEPOINT s")
            try:
                await cursor.execute("SELECT nonsense")
            except StorageRefused:
                await cursor.execute("ROLLBACK TO s")
            await cursor.execute("INSERT INTO thing VALUES (1, 'one')")

        await pool.run_interaction(body)
        self.assertEqual(self.execute("SELECT name FROM thing"), [("one",)])

    async def test_conflict(self) -> None:
        """A transaction that another got in the way of is run again, on a whole connection."""
        pool = await self.started(1)
        self.execute("INSERT INTO thing VALUES (1, 'one')")
        before = await self.backend(pool)
        tries: list[str] = []

        async def body(cursor: Cursor) -> None:
            await cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await cursor.execute("SELECT name FROM thing")
            [(name,)] = cursor.fetchall()
            tries.append(name)
            if len(tries) == 1:
                self.execute("UPDATE thing SET name = 'two'")
            await cursor.execute("UPDATE thing SET name = name || '!'")

        await pool.run_interaction(body)
        self.assertEqual(tries, ["one", "two"])
        self.assertEqual(self.execute("SELECT name FROM thing"), [("two!",)])
        self.assertEqual(await self.backend(pool), before)

    async def test_conflict_for_ever(self) -> None:
        """Tries are bounded."""
        pool = await self.started(1)
        self.execute("INSERT INTO thing VALUES (1, 'one')")
        tries: list[None] = []

        async def body(cursor: Cursor) -> None:
            tries.append(None)
            await cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await cursor.execute("SELECT name FROM thing")
            self.execute("UPDATE thing SET name = 'two'")
            await cursor.execute("UPDATE thing SET name = name || '!'")

        with self.assertRaises(StorageUnavailable):
            await pool.run_interaction(body)
        self.assertEqual(len(tries), 5)

    async def test_deadlock(self) -> None:
        """Of two transactions in a deadlock both get through, and no connection is dropped."""
        pool = await self.started(2)
        self.execute("INSERT INTO thing VALUES (1, ''), (2, '')")
        both: list[Deferred[None]] = [Deferred(), Deferred()]

        async def body(cursor: Cursor, first: int, second: int) -> None:
            update = "UPDATE thing SET name = name || %s WHERE id = %s"
            await cursor.execute(update, (str(first), first))
            if not both[first - 1].called:
                both[first - 1].callback(None)
            await gatherResults(both)
            await cursor.execute(update, (str(first), second))

        await gatherResults([pool.run_interaction(body, 1, 2), pool.run_interaction(body, 2, 1)])
        names = self.execute("SELECT name FROM thing")
        self.assertEqual([sorted(str(name)) for (name,) in names], [["1", "2"]] * 2)
        self.assertEqual(self.meter.counts["database_replacements"], 0)

    async def test_inside_itself(self) -> None:
        """The pool used inside its own interaction, deep down too, is an error and no deadlock;
        afterwards it may be used.
        """
        pool = await self.started(1)

        async def deep() -> object:
            return await pool.run_query("SELECT 1")

        async def body(cursor: Cursor) -> None:
            with self.assertRaises(RuntimeError):
                await Deferred.fromCoroutine(deep())

        self.assertIsNone(await pool.run_interaction(body))
        self.assertEqual(await deep(), [(1,)])

    async def test_beside_others(self) -> None:
        """What merely runs while an interaction is open is not inside it."""
        pool = await self.started(2)
        go: Deferred[None] = Deferred()

        async def beside() -> object:
            await go
            return await pool.run_query("SELECT 1")

        other = Deferred.fromCoroutine(beside())

        async def body(cursor: Cursor) -> None:
            await cursor.execute("SELECT 1")
            go.callback(None)

        await pool.run_interaction(body)
        self.assertEqual(await other, [(1,)])

    async def test_cancel(self) -> None:
        """A cancelled interaction is rolled back."""
        pool = await self.started(1)
        inside: Deferred[None] = Deferred()

        async def body(cursor: Cursor) -> None:
            await cursor.execute("INSERT INTO thing VALUES (1, 'one')")
            inside.callback(None)
            await Deferred()

        running = pool.run_interaction(body)
        await inside
        await deferLater(reactor, 0)
        running.cancel()
        await self.assertFailure(running, CancelledError)
        self.assertEqual(await pool.run_query("SELECT * FROM thing"), [])

    async def test_idle_in_transaction(self) -> None:
        """A body that dawdles loses its session, and its next statement fails."""
        pool = await self.started(1, limits=Limits(idle_in_transaction=0.1))

        async def body(cursor: Cursor) -> None:
            await cursor.execute("INSERT INTO thing VALUES (1, 'one')")
            await self.until(lambda: not self.sessions())
            await cursor.execute("INSERT INTO thing VALUES (2, 'two')")

        with self.assertRaises(StorageUnavailable):
            await pool.run_interaction(body)
        self.assertEqual(await pool.run_query("SELECT * FROM thing"), [])

    def sessions(self) -> object:
        [(number,)] = self.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mudserver'"
            " AND datname = current_database()"
        )
        return number

    async def test_lost_at_commit(self) -> None:
        """A connection lost during COMMIT leaves it open whether that took place, and is told
        apart.
        """
        self.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END; $$;"
            "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION die()"
        )
        pool = await self.started(1)

        async def body(cursor: Cursor) -> None:
            await cursor.execute("INSERT INTO thing VALUES (1, 'one')")

        with self.assertRaises(CommitUnknown):
            await pool.run_interaction(body)
        self.assertEqual(await pool.run_query("SELECT * FROM thing"), [])
