"""The pool against a real PostgreSQL, where what goes wrong is made to go wrong."""

import os
import signal
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, DeferredList, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from mudserver.errors import MudError, StorageRefused, StorageUnavailable
from mudserver.interfaces.meter import IMeter
from mudserver.storage.connection import MAX_ROWS, IReactorForConnections, Limits
from mudserver.storage.dsn import Dsn
from mudserver.storage.failures import CommitUnknown
from mudserver.storage.pool import Cursor, Pool, PoolLimits
from tests.integration.postgres import connected, embedded, fresh_database, superuser

CONNECTIONS = IReactorForConnections


@implementer(IMeter)
class Tally:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}

    def count(self, metric: str, amount: float = 1.0, **labels: str) -> None:
        self.counts[" ".join([metric, *labels.values()])] += int(amount)

    def gauge(self, metric: str, value: float, **labels: str) -> None:
        self.gauges[" ".join([metric, *labels.values()])] = value

    def observe(self, metric: str, value: float, **labels: str) -> None:
        self.counts[metric] += 1


class PoolTestCase(TestCase):
    timeout = 60

    def setUp(self) -> None:
        self.dsn = fresh_database(self)
        self.meter = Tally()
        self.execute("CREATE TABLE thing (id bigint PRIMARY KEY, name text)")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Ask behind the pool's back."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def pool(
        self,
        size: int = 2,
        *,
        dsn: Dsn | None = None,
        age: float = 3600.0,
        acquire: float = 5.0,
        waiters: int = 100,
        close: float = 10.0,
        limits: Limits | None = None,
    ) -> Pool:
        pool = Pool(
            cast(IReactorForConnections, reactor),
            dsn or self.dsn,
            self.meter,
            PoolLimits(
                size=size,
                age=age,
                acquire=acquire,
                waiters=waiters,
                close=close,
                connection=limits or Limits(),
            ),
        )
        self.addCleanup(pool.close)
        return pool

    async def started(
        self,
        size: int = 2,
        *,
        acquire: float = 5.0,
        waiters: int = 100,
        close: float = 10.0,
        limits: Limits | None = None,
    ) -> Pool:
        pool = self.pool(size, acquire=acquire, waiters=waiters, close=close, limits=limits)
        await pool.start()
        await self.until(lambda: self.idle() == size)
        return pool

    def idle(self) -> int:
        return int(self.meter.gauges.get("database_connections idle", 0))

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await deferLater(reactor, 0.01)

    async def backend(self, pool: Pool) -> object:
        [(pid,)] = await pool.run_query("SELECT pg_backend_pid()")
        return pid

    def terminate(self) -> int:
        """End all of the pool's sessions, as a restart of the server does."""
        return len(
            self.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


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


class BreakageTests(PoolTestCase):
    async def test_idle_connections_die(self) -> None:
        """Connections that the server ends while idle are noticed and replaced, without a word in
        the log and without a failed query.
        """
        pool = await self.started(3)
        self.assertEqual(self.terminate(), 3)
        await self.until(lambda: self.meter.counts["database_replacements"] == 3)
        await self.until(lambda: self.idle() == 3)
        for _ in range(30):
            self.assertEqual(await pool.run_query("SELECT 1"), [(1,)])

    async def test_unnoticed(self) -> None:
        """Of connections that died a moment ago each fails at most one query, never a second."""
        pool = await self.started(3)
        self.terminate()
        results = await DeferredList(
            [pool.run_query("SELECT 1") for _ in range(30)], consumeErrors=True
        )
        failures: list[Failure] = [cast(Failure, each) for good, each in results if not good]
        for failure in failures:
            failure.trap(StorageUnavailable)
        self.assertLessEqual(len(failures), 3)

    async def test_unnoticed_by_interactions(self) -> None:
        """An interaction that meets a dead connection goes to another, since nothing was done."""
        pool = await self.started(3)
        self.terminate()

        async def body(cursor: Cursor) -> None:
            await cursor.execute("SELECT 1")

        await gatherResults([pool.run_interaction(body) for _ in range(30)])

    async def test_dies_in_use(self) -> None:
        """A connection that dies during a statement fails that, and is replaced."""
        pool = await self.started(1)
        running = pool.run_query("SELECT pg_sleep(60)")
        waiting = pool.run_query("SELECT 1")
        await self.until(
            lambda: self.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                " AND datname = current_database()"
            )
        )
        self.terminate()
        await self.assertFailure(running, StorageUnavailable)
        self.assertEqual(await waiting, [(1,)])

    async def test_age(self) -> None:
        """A connection that is as old as it may be is replaced: an idle one at once, one that is
        lent when it is given back; no query fails for it, and nothing is logged.
        """
        pool = self.pool(2, age=0.2)
        with capturedLogs() as logged:
            await pool.start()
            first = await self.backend(pool)
            [(_, busy)] = await pool.run_query("SELECT pg_sleep(0.5), pg_backend_pid()")
            await self.until(lambda: self.meter.counts["database_replacements"] >= 4)
            await self.until(lambda: self.idle() == 2)
            after = self.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'mudserver'"
                " AND datname = current_database()"
            )
        self.assertNotIn((first,), after)
        self.assertNotIn((busy,), after)
        self.assertEqual(logged, [])

    async def test_demoted(self) -> None:
        """When a server says that it can't be written to any more, all connections to it are
        replaced, those too that only read; until there is a primary, nothing is answered.
        """
        server = embedded(Path.cwd() / self.mktemp())
        self.addCleanup(server.stop)
        dsn = await server.start()
        pool = self.pool(3, dsn=dsn, acquire=0.3)
        await pool.start()
        await self.until(lambda: self.idle() == 3)
        await pool.run_query("CREATE TABLE thing (id bigint)")

        def set_read_only(value: str) -> None:
            with connected(superuser(dsn)) as connection:
                cursor = connection.cursor()
                cursor.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
                cursor.execute("SELECT pg_reload_conf()")

        reading = pool.run_query("SELECT pg_sleep(0.5), pg_backend_pid()")
        set_read_only("on")
        failed: list[StorageUnavailable] = []
        while not failed:
            try:
                await pool.run_query("INSERT INTO thing VALUES (1)")
            except StorageUnavailable as error:
                failed.append(error)
        await reading
        await self.until(lambda: self.idle() == 0)
        with self.assertRaises(StorageUnavailable) as raised:
            await pool.run_query("SELECT count(*) FROM thing")
        self.assertIn("read-only", str(raised.exception))
        set_read_only("off")
        await self.until(lambda: self.idle() == 3)
        await pool.run_query("INSERT INTO thing VALUES (1)")

    async def test_server_away(self) -> None:
        """While the server is away queries fail within the acquire timeout and say why; when it
        is back, they work again.
        """
        server = embedded(Path.cwd() / self.mktemp())
        self.addCleanup(server.stop)
        pool = self.pool(2, dsn=await server.start(), acquire=0.3)
        await pool.start()
        await server.stop()
        await self.until(lambda: self.idle() == 0)
        with self.assertRaises(StorageUnavailable) as raised:
            await pool.run_query("SELECT 1")
        self.assertIn("connect", str(raised.exception))
        await server.start()
        await self.until(lambda: self.idle() == 2)
        self.assertEqual(await pool.run_query("SELECT 1"), [(1,)])


class WaitingTests(PoolTestCase):
    async def hold(self, pool: Pool) -> tuple["Deferred[None]", "Deferred[None]"]:
        """Borrow a connection; returns what gives it back and what tells that it is back."""
        inside: Deferred[None] = Deferred()
        release: Deferred[None] = Deferred()

        async def body(cursor: Cursor) -> None:
            inside.callback(None)
            await release

        done = pool.run_interaction(body)
        await inside
        return release, done

    async def test_acquire_timeout(self) -> None:
        """Who gets no connection in time is told so; the next in line is served."""
        pool = await self.started(1, acquire=0.05)
        release, done = await self.hold(pool)
        with self.assertRaises(StorageUnavailable):
            await pool.run_query("SELECT 1")
        self.assertEqual(self.meter.counts["database_acquire_refusals timeout"], 1)
        release.callback(None)
        await done
        self.assertEqual(await pool.run_query("SELECT 1"), [(1,)])

    async def test_full(self) -> None:
        """Who finds the queue full fails at once."""
        pool = await self.started(1, waiters=2)
        release, done = await self.hold(pool)
        waiting = [pool.run_query("SELECT 1") for _ in range(2)]
        self.failureResultOf(pool.run_query("SELECT 1"), StorageUnavailable)
        self.assertEqual(self.meter.gauges["database_waiters"], 2)
        release.callback(None)
        await done
        await gatherResults(waiting)

    async def test_in_order(self) -> None:
        """Who came first is served first."""
        pool = await self.started(1)
        served: list[object] = []

        async def ask(number: int) -> None:
            [(answer,)] = await pool.run_query("SELECT %s", (number,))
            served.append(answer)

        await gatherResults([Deferred.fromCoroutine(ask(number)) for number in range(10)])
        self.assertEqual(served, list(range(10)))

    async def test_close(self) -> None:
        """Closing fails those who wait, lets those who run come to their end, and fires when they
        have.
        """
        pool = await self.started(1)
        release, done = await self.hold(pool)
        waiting = pool.run_query("SELECT 1")
        closing = pool.close()
        self.failureResultOf(waiting, StorageUnavailable)
        self.failureResultOf(pool.run_query("SELECT 1"), StorageUnavailable)
        self.assertNoResult(closing)
        release.callback(None)
        await done
        await closing
        self.assertEqual(self.terminate(), 0)

    async def test_close_by_force(self) -> None:
        """What doesn't come to its end is broken off."""
        pool = await self.started(2, close=0.1)
        _, done = await self.hold(pool)
        running = pool.run_query("SELECT pg_sleep(60)")
        await pool.close()
        await self.assertFailure(running, StorageUnavailable)
        self.assertNoResult(done)
        done.cancel()
        await self.assertFailure(done, CancelledError)

    async def test_close_while_starting(self) -> None:
        """A pool closed while it starts leaves no connection."""
        pool = self.pool(2)
        starting = pool.start()
        await pool.close()
        await self.assertFailure(starting, StorageUnavailable)
        self.assertEqual(self.terminate(), 0)


class ConnectTests(PoolTestCase):
    async def refusal(self, **parameters: str) -> MudError:
        secret = {"password": "hunter2", **parameters}
        pool = self.pool(dsn=self.dsn.extended(secret), limits=Limits(connect=0.3))
        with self.assertRaises(MudError) as raised:
            await pool.start()
        self.assertNotIn("hunter2", str(raised.exception))
        return cast(MudError, raised.exception)

    async def test_refused(self) -> None:
        """A server that won't have us is quoted, with the database and without the password."""
        error = await self.refusal(user="nobody_of_that_name")
        self.assertIsInstance(error, StorageRefused)
        self.assertIn('role "nobody_of_that_name" does not exist', str(error))
        error = await self.refusal(dbname="nowhere")
        self.assertIsInstance(error, StorageRefused)
        self.assertIn('database "nowhere" does not exist', str(error))

    async def test_nobody_there(self) -> None:
        """Nobody there is another matter: it may pass."""
        self.assertIsInstance(await self.refusal(host="/nowhere"), StorageUnavailable)

    async def test_unknown_name(self) -> None:
        """A host that has no address is told by its name."""
        error = await self.refusal(host="nowhere.invalid")
        self.assertIsInstance(error, StorageUnavailable)
        self.assertIn("nowhere.invalid", str(error))

    async def test_no_answer(self) -> None:
        """A host that accepts the connection and then says nothing is given up in time."""
        with socket.create_server(("127.0.0.1", 0)) as hole:
            port = str(hole.getsockname()[1])
            error = await self.refusal(host="localhost", port=port)
        self.assertIsInstance(error, StorageUnavailable)
        self.assertIn("no answer within 0.3 s", str(error))
        self.assertIn("localhost", str(error))
