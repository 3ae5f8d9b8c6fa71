"""
Players play on whatever happens to the database, and nothing that was acknowledged is lost.

In each test players go about, take, drop and mute as fast as they can while the database is
hindered; others talk. Afterwards all that was acknowledged is stored, once, and the rest whole or
not at all (see `tests.crash`).
"""

import re
import subprocess
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from mudserver.storage.dsn import Dsn
from tests.crash.company import PASSWORD
from tests.crash.ordeal import Ordeal
from tests.crash.stage import Stage, own_server
from tests.integration.postgres import connected, fresh_database
from tests.integration.program import until
from tests.integration.relay import COMMIT, Fate, Relay
from tests.integration.replica import ReplicatedServers
from tests.integration.transcript import DEADLINE
from tests.integration.web_client import request

#: The journal's pressure at which nothing may change any more.
NO_CHANGES = 3

#: The size of a disk that is to be full: a new cluster takes half of it.
DISK_MEGABYTES = 120

#: How often the log may say the same of one fault.
MOST_REPETITIONS = 3

#: How many lines it may have on one fault.
MOST_LINES = 40

_TERMINATE = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name LIKE 'mudserver%%' AND datname = current_database() AND {condition}
"""

#: Looks until a transaction of the daemon's is between two statements, and ends its connection.
_TERMINATE_BETWEEN_STATEMENTS = """
SET statement_timeout = 20000;
DO $$
DECLARE found integer := 0;
BEGIN
    WHILE found = 0 LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT count(pg_terminate_backend(pid)) INTO found FROM pg_stat_activity
        WHERE application_name LIKE 'mudserver%' AND datname = current_database()
            AND state = 'idle in transaction';
    END LOOP;
END
$$
"""

_BEFORE_CHANGES = """
    CREATE FUNCTION hindrance() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN {statement}; RETURN NULL; END$$;
    CREATE TRIGGER hindrance BEFORE UPDATE ON item EXECUTE FUNCTION hindrance();
    CREATE TRIGGER hindrance BEFORE UPDATE ON character EXECUTE FUNCTION hindrance();
    CREATE TRIGGER hindrance BEFORE INSERT OR DELETE ON mute EXECUTE FUNCTION hindrance();
"""
_UNHINDERED = "DROP FUNCTION hindrance() CASCADE"


async def pause(seconds: float) -> None:
    """Let time go by: that of an outage, or of a server that is slow."""
    await deferLater(reactor, seconds)


async def until_true(ask: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    """Ask until the answer is yes."""
    give_up_at = reactor.seconds() + DEADLINE
    while not await ask():
        if reactor.seconds() > give_up_at:
            raise AssertionError("the answer was never yes")
        await pause(0.2)


def small_disk(case: TestCase) -> Path:
    """
    Mount a disk that is soon full; it goes with the test.

    Raises:
        SkipTest: We may not.
    """
    path = Path(tempfile.mkdtemp())
    case.addCleanup(path.rmdir)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=0755", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode:
        raise SkipTest(f"no disk can be mounted: {done.stderr.decode().strip()}")
    case.addCleanup(subprocess.run, ["umount", str(path)], check=True)
    return path


def fill(file: Path) -> None:
    """Write a file until its disk is full."""
    with file.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(1024 * 1024))
        except OSError:
            return


class FaultTests(TestCase):
    """What happens to a database that is used by players."""

    timeout = 180

    def setUp(self) -> None:
        self.ordeal: Ordeal

    async def begin(self, stage: Stage) -> None:
        self.ordeal = Ordeal(self, stage)
        await self.ordeal.begin()

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Execute something as the one who may do anything."""
        with connected(self.ordeal.stage.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def terminate(self, condition: str) -> None:
        """End those of the daemon's connections, of which there must be one."""
        ((ended,),) = self.execute(_TERMINATE.format(condition=condition))
        self.assertGreater(int(str(ended)), 0, condition)

    def logged_in_moderation(self, *words: str) -> None:
        """See that the log says what happened, and hardly more than once."""
        logged = self.ordeal.logged()
        text = "\n".join(f"{times} x {line}" for line, times in logged.items())
        for word in words:
            self.assertIn(word, text)
        self.assertNotIn("Traceback", text)
        self.assertNotIn("Unhandled", text)
        self.assertLessEqual(max(logged.values(), default=0), MOST_REPETITIONS, text)
        self.assertLessEqual(logged.total(), MOST_LINES, text)

    # ------------------------------------------------------------ the server is gone

    async def test_stopped_and_started(self) -> None:
        """The server is stopped, and started again."""
        server, dsn = await own_server(self)
        await self.begin(Stage(self, dsn, server=server))
        async with self.ordeal.endured():
            await server.stop()
            await self.ordeal.talk()
            await pause(3.0)
            await self.ordeal.talk()
            await server.start()
            await self.ordeal.saves()
        self.logged_in_moderation("can't be saved", "saved again")

    async def test_embedded_killed(self) -> None:
        """Our own server is killed, and started again by us."""
        await self.begin(Stage(self))
        async with self.ordeal.endured():
            self.ordeal.stage.kill_postgres()
            await self.ordeal.talk()
            await self.ordeal.saves()
        self.logged_in_moderation("PostgreSQL ended by itself", "accepts connections again")

    async def test_embedded_connection_killed(self) -> None:
        """One process of our own server is killed, upon which the server ends all of them."""
        await self.begin(Stage(self))
        async with self.ordeal.endured():
            self.ordeal.stage.kill_backend()
            await self.ordeal.talk()
            await self.ordeal.saves()
        self.logged_in_moderation("PostgreSQL: ")

    # ------------------------------------------------------------ a connection is lost

    async def test_idle_connections_terminated(self) -> None:
        """The connections that do nothing are ended."""
        await self.begin(Stage(self, fresh_database(self)))
        async with self.ordeal.endured():
            self.terminate("state = 'idle'")
            await self.ordeal.talk()
            await self.ordeal.saves()
        self.logged_in_moderation("connection")

    async def test_terminated_in_query(self) -> None:
        """A connection is ended while its statement is executed."""
        await self.begin(Stage(self, fresh_database(self)))
        async with self.ordeal.endured():
            with closing(self.ordeal.stage.hold_writes()):
                await until(self.ordeal.stage.waiting, lambda: "nothing was written")
                self.terminate("wait_event_type = 'Lock'")
                await self.ordeal.talk()
            await self.ordeal.saves()
        self.logged_in_moderation("can't be saved", "saved again")

    async def test_terminated_in_transaction(self) -> None:
        """A connection is ended between two statements of a transaction, again and again."""
        await self.begin(Stage(self, fresh_database(self)))
        async with self.ordeal.endured():
            for _ in range(5):
                await deferToThread(self.execute, _TERMINATE_BETWEEN_STATEMENTS)
                await self.ordeal.talk()
            await self.ordeal.saves()

    async def test_terminated_at_commit(self) -> None:
        """A connection is ended while the server commits: nothing is committed."""
        await self.begin(Stage(self, fresh_database(self)))
        async with self.ordeal.endured():
            with closing(self.ordeal.stage.hold_commits()):
                await until(self.ordeal.stage.committing, lambda: "nothing was committed")
                self.terminate("query = 'COMMIT' AND state = 'active'")
                await self.ordeal.talk()
            await self.ordeal.saves()
        self.ordeal.stage.clean_up()
        self.logged_in_moderation("can't be saved", "saved again")

    async def cut_at_commit(self, fate: Fate) -> None:
        relay = Relay(self, fresh_database(self))
        await relay.listen()
        await self.begin(Stage(self, relay.server, reach=relay.dsn))
        cuts = 0

        def decide(data: bytes) -> Fate:
            nonlocal cuts
            if data != COMMIT or cuts == 5:
                return Fate.PASS
            cuts += 1
            return fate

        async with self.ordeal.endured():
            relay.decide = decide
            await until(lambda: cuts == 5, lambda: f"{cuts} commits were cut")
            await self.ordeal.talk()
            await self.ordeal.saves()

    async def test_commit_lost(self) -> None:
        """Connections break before the server hears of the commit; it is found not to have been."""
        await self.cut_at_commit(Fate.LOSE)

    async def test_answer_to_commit_lost(self) -> None:
        """Connections break before we hear of the commit; it is found to have been."""
        await self.cut_at_commit(Fate.LOSE_ANSWER)

    # ------------------------------------------------------------ the server is slow

    async def held_up(self, dsn: Dsn, seconds: float) -> None:
        await self.begin(Stage(self, dsn))
        async with self.ordeal.endured():
            with closing(self.ordeal.stage.hold_writes()):
                await until(self.ordeal.stage.waiting, lambda: "nothing was written")
                await pause(seconds)
                await self.ordeal.talk()
            await self.ordeal.saves()

    async def test_statement_timeout(self) -> None:
        """Somebody's lock outlasts the time that statements have, several times over."""
        limits = {"options": "-c statement_timeout=300 -c lock_timeout=0"}
        await self.held_up(fresh_database(self).extended(limits), 2.0)
        self.logged_in_moderation("statement timeout", "saved again")

    async def test_lock_timeout(self) -> None:
        """Somebody's lock outlasts the time that locks are waited for, several times over."""
        limits = {"options": "-c statement_timeout=0 -c lock_timeout=300"}
        await self.held_up(fresh_database(self).extended(limits), 2.0)
        self.logged_in_moderation("lock timeout", "saved again")

    async def test_lock_wait(self) -> None:
        """Somebody's lock is waited for."""
        await self.held_up(fresh_database(self), 1.0)
        self.logged_in_moderation()

    async def test_slow_queries(self) -> None:
        """Each statement that changes something takes five seconds."""
        await self.begin(Stage(self, fresh_database(self)))
        async with self.ordeal.endured():
            self.execute(_BEFORE_CHANGES.format(statement="PERFORM pg_sleep(5)"))
            self.ordeal.eve.command("mute Zed", "slow")
            for _ in range(5):
                await pause(1.0)
                await self.ordeal.talk()
            # Waits for the statement that is under way; those after it are fast.
            self.execute(_UNHINDERED)
            await self.ordeal.eve.expect("ack", id="slow")
            await self.ordeal.eve.acknowledged("unmute Zed", "fast")
        self.logged_in_moderation()

    async def test_pool_exhausted(self) -> None:
        """Every connection is busy with what players who come in want to know: they wait or are
        refused, those who are there play on, and all recovers.
        """
        await self.begin(Stage(self, fresh_database(self), "--database-pool=2"))
        port = self.ordeal.stage.daemon.http
        body = {"name": "Eve", "password": PASSWORD}
        async with self.ordeal.endured():
            with closing(psycopg2.connect(self.ordeal.stage.dsn.conninfo())) as connection:
                connection.cursor().execute("LOCK TABLE account IN ACCESS EXCLUSIVE MODE")
                replies = [request(port, "POST", "/api/session", body) for _ in range(6)]
                arrivals = [Deferred.fromCoroutine(reply) for reply in replies]
                await until(lambda: len(self.busy()) == 2, lambda: f"busy: {self.busy()}")
                await self.ordeal.talk()
                first = await arrivals[-1]
                self.assertEqual(first.status, 503)
                await self.ordeal.talk()
            statuses = [(await arrival).status for arrival in arrivals[:-1]]
            self.assertLessEqual(set(statuses), {200, 503})
            await self.ordeal.saves()
        again = await request(port, "POST", "/api/session", body)
        self.assertEqual(again.status, 200)

    def busy(self) -> list[tuple[object, ...]]:
        return self.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'mudserver%'"
            " AND datname = current_database() AND wait_event_type = 'Lock'"
        )

    async def test_stalled(self) -> None:
        """While nothing can be saved, players are told, then nobody new is let in, then nothing
        may change any more, and they talk on; when it can, all of that is over by itself.
        """
        await self.begin(Stage(self, fresh_database(self)))
        daemon, sue = self.ordeal.stage.daemon, self.ordeal.sue
        body = {"name": "Eve", "password": PASSWORD}

        async def refused() -> bool:
            return (await request(daemon.http, "POST", "/api/session", body)).status == 503

        async def pressure() -> float:
            page = await request(daemon.operations, "GET", "/metrics")
            found = re.search(r"^mud_journal_pressure (\S+)$", page.text, re.MULTILINE)
            return float(found[1]) if found else 0.0

        async def pressed() -> bool:
            return await pressure() == NO_CHANGES

        async def eased() -> bool:
            return await pressure() < NO_CHANGES

        async with self.ordeal.endured():
            with closing(self.ordeal.stage.hold_writes()):
                await sue.expect("system", level="alert")
                await self.ordeal.talk()
                await until_true(refused)
                await self.ordeal.talk()
                await until_true(pressed)
                answer = await sue.answer("mute Zed", "too late")
                self.assertEqual((answer["type"], answer.get("code")), ("error", "unavailable"))
                self.assertGreater(answer["retry_after"], 0)
                await self.ordeal.talk()
            await until_true(eased)
            await self.ordeal.saves()
            await sue.acknowledged("mute Zed", "too late")
            await sue.acknowledged("unmute Zed", "in time")
            await sue.expect("system", level="info")
            self.assertFalse(await refused())
        self.logged_in_moderation("can't keep up", "keeps up again")

    # ------------------------------------------------------------ the disk is full

    async def test_disk_full_at_a_write(self) -> None:
        """What the server says of a full disk is taken for something that passes."""
        await self.begin(Stage(self, fresh_database(self)))
        full = "RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'"
        async with self.ordeal.endured():
            self.execute(_BEFORE_CHANGES.format(statement=full))
            self.ordeal.eve.command("mute Zed", "full")
            await pause(2.0)
            await self.ordeal.talk()
            self.assertNotIn("full", [each.get("id") for each in self.ordeal.eve.messages])
            self.execute(_UNHINDERED)
            await self.ordeal.eve.expect("ack", id="full")
            await self.ordeal.eve.acknowledged("unmute Zed", "empty")
        self.logged_in_moderation("No space left on device", "saved again")

    async def test_disk_full(self) -> None:
        """The server's disk is full, of which it dies, and can't start again before there is room;
        then all goes on by itself.
        """
        disk = small_disk(self)
        server, dsn = await own_server(self, disk / "postgres")
        await self.begin(Stage(self, dsn, server=server))
        filler = disk / "filler"
        async with self.ordeal.endured():
            await deferToThread(fill, filler)
            await until(self.out_of_room, lambda: "the server has room still")
            await self.ordeal.talk()
            await pause(1.0)
            await self.ordeal.talk()
            filler.unlink()
            await self.ordeal.saves()
        self.logged_in_moderation("can't be saved", "saved again")

    def out_of_room(self) -> bool:
        """Have the server ask for more of its disk; returns whether that has killed it."""
        try:
            self.execute("SELECT pg_switch_wal()")
        except psycopg2.Error:
            return True
        return False

    # ------------------------------------------------------------ another server takes over

    async def test_failover(self) -> None:
        """The server dies, and its synchronous standby takes its place."""
        servers = ReplicatedServers(self)
        await servers.start()
        await self.begin(Stage(self, servers.dsn))
        async with self.ordeal.endured():
            await servers.fail()
            await self.ordeal.talk()
            await pause(1.0)
            await deferToThread(servers.promote)
            await self.ordeal.saves()
        self.logged_in_moderation("can't be saved", "saved again")
