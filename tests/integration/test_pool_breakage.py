"""A pool whose connections break, or can't be had."""

import socket
from pathlib import Path
from typing import cast

from twisted.internet.defer import CancelledError, Deferred, DeferredList, gatherResults
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from mudserver.errors import MudError, StorageRefused, StorageUnavailable
from mudserver.storage.connection import Limits
from mudserver.storage.pool import Cursor, Pool
from tests.integration.pools import PoolTestCase
from tests.integration.postgres import connected, embedded, superuser


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
