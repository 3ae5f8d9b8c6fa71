"""
Players play on whatever happens to the database, and nothing that was acknowledged is lost.

In each test players go about, take, drop and mute as fast as they can while the database is
hindered; others talk. Afterwards all that was acknowledged is stored, once, and the rest whole or
not at all (see `tests.crash`).
"""

from contextlib import closing

import psycopg2
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from mudserver.storage.dsn import Dsn
from tests.crash.company import PASSWORD
from tests.crash.stage import Stage
from tests.integration.faults import FaultTestCase, pause
from tests.integration.postgres import fresh_database
from tests.integration.program import until
from tests.integration.relay import COMMIT, Fate, Relay
from tests.integration.web_client import request

_TERMINATE = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name LIKE 'mudserver%' AND datname = current_database() AND {condition}
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


class ConnectionTests(FaultTestCase):
    """A connection is lost."""

    def terminate(self, condition: str) -> None:
        """End those of the daemon's connections, of which there must be one."""
        ((ended,),) = self.execute(_TERMINATE.format(condition=condition))
        self.assertGreater(int(str(ended)), 0, condition)

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
        self.logged_in_moderation("Connections to the database break", times=5)

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
        self.logged_in_moderation("Connections to the database break", times=5)

    async def test_commit_lost(self) -> None:
        """Connections break before the server hears of the commit; it is found not to have been."""
        await self.cut_at_commit(Fate.LOSE)

    async def test_answer_to_commit_lost(self) -> None:
        """Connections break before we hear of the commit; it is found to have been."""
        await self.cut_at_commit(Fate.LOSE_ANSWER)


class SlownessTests(FaultTestCase):
    """The server takes its time."""

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
            self.hinder("PERFORM pg_sleep(5)")
            self.ordeal.eve.command("mute Zed", "slow")
            for _ in range(5):
                await pause(1.0)
                await self.ordeal.talk()
            self.no_longer_hinder()
            await self.ordeal.eve.expect("ack", id="slow")
            await self.ordeal.eve.acknowledged("unmute Zed", "fast")
        self.logged_in_moderation("can't keep up")

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
        # Each request that is refused has a line of its own.
        self.logged_in_moderation(
            "Callers get no connection to the database in time",
            "Callers get connections",
            times=len(arrivals),
        )

    def busy(self) -> list[tuple[object, ...]]:
        return self.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'mudserver%'"
            " AND datname = current_database() AND wait_event_type = 'Lock'"
        )


class RefusalTests(FaultTestCase):
    """The server refuses what it would do at another time."""

    async def test_disk_full_at_a_write(self) -> None:
        """What the server says of a full disk is taken for something that passes."""
        await self.begin(Stage(self, fresh_database(self)))
        full = "RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'"
        async with self.ordeal.endured():
            self.hinder(full)
            self.ordeal.eve.command("mute Zed", "full")
            await pause(2.0)
            await self.ordeal.talk()
            self.assertNotIn("full", self.ordeal.eve.answered)
            self.no_longer_hinder()
            await self.ordeal.eve.expect("ack", id="full")
            await self.ordeal.eve.acknowledged("unmute Zed", "empty")
        self.logged_in_moderation("No space left on device", "saved again")
