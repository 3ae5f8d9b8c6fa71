"""Notices of a real PostgreSQL, whose connection is broken on purpose."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import psycopg2
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from mudserver.interfaces.notices import INotices, Topic
from mudserver.storage import notices
from mudserver.storage.connection import IReactorForConnections, Limits
from mudserver.storage.dsn import Dsn
from mudserver.storage.notices import LIMITS, NoticeListener
from tests.contract.notices import NoticesContract
from tests.integration.database import migrated_database
from tests.integration.postgres import connected, embedded, superuser
from tests.unit.game.theatre import CountingMeter

_OURS = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE application_name = 'mudserver notices' AND datname = current_database()"
)


class NoticesTestCase(TestCase):
    """One listener, and others who sound."""

    timeout = 60

    async def listen(self, dsn: Dsn, pulse: float = 10.0, limits: Limits = LIMITS) -> None:
        self.dsn = dsn
        self.meter = CountingMeter()
        self.notices: INotices
        self.listener = self.notices = NoticeListener(
            cast(IReactorForConnections, reactor), dsn, self.meter, pulse, limits
        )
        self.told: list[str] = []
        self.notices.subscribe(Topic.ACCOUNT, self.told.append, lambda: self.told.append("missed"))
        self.addCleanup(self.listener.stop)
        self.listener.start()
        await self.until(lambda: self.told == ["missed"])
        self.told.clear()

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Be another process."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await deferLater(reactor, 0.01)

    async def sound(self, text: str) -> None:
        before = self.told.count(text)
        self.execute(f"SELECT pg_notify('{Topic.ACCOUNT.value}', '{text}')")
        await self.until(lambda: self.told.count(text) > before)

    async def lose(self) -> None:
        before = self.told.count("missed")
        self.terminate()
        await self.until(lambda: self.told.count("missed") > before)

    def terminate(self) -> None:
        """End the listening connection."""
        [(pid,)] = self.ours()
        self.assertEqual(self.execute(f"SELECT pg_terminate_backend({pid})"), [(True,)])

    def ours(self) -> list[tuple[object, ...]]:
        """The listening connections: their processes."""
        return self.execute(_OURS)


class PostgresNoticesTests(NoticesTestCase, NoticesContract):
    """What all notices do, by a real server, and what only that can."""

    async def setUp(self) -> None:  # type: ignore[override]
        await self.listen(migrated_database(self))

    async def test_committed(self) -> None:
        """A notice is heard when its transaction commits, and never if that is undone."""
        with closing(psycopg2.connect(self.dsn.conninfo())) as connection:
            cursor = connection.cursor()
            cursor.execute("NOTIFY mudserver_account, 'undone'")
            connection.rollback()
            cursor.execute("NOTIFY mudserver_account, 'done'; NOTIFY mudserver_account, 'done'")
            await self.sound("1")
            self.assertEqual(self.told, ["1"])
            connection.commit()
        await self.until(lambda: "done" in self.told)
        self.assertEqual(self.told, ["1", "done"])

    async def test_terminated_again_and_again(self) -> None:
        """However often the connection is ended, it comes back and says so; the log has two lines
        for each time, and the connection is one of its own.
        """
        with capturedLogs() as logged:
            for number in range(5):
                await self.lose()
                await self.sound(str(number))
        self.assertEqual(self.meter.counts["notice_gaps"], 5)
        self.assertEqual(self.meter.gauges["notices_listening"], 1.0)
        self.assertEqual(len(logged), 10)
        self.assertEqual(len(self.ours()), 1)

    async def test_stop(self) -> None:
        """Who stops leaves no connection."""
        await self.listener.stop()
        await self.until(lambda: not self.ours())
        self.assertEqual(self.meter.gauges["notices_listening"], 0.0)


class TriggerTests(NoticesTestCase):
    """What changes of rows are told."""

    async def setUp(self) -> None:  # type: ignore[override]
        await self.listen(migrated_database(self))
        self.execute(
            """
            WITH account AS (
                INSERT INTO account (id, name, password_hash)
                VALUES (7, 'ann', 'x'), (8, 'bob', 'x')
            )
            INSERT INTO name (key, account) VALUES ('ann', 7), ('bob', 8)
            """
        )
        for number, expires in enumerate(("1 hour", "1 hour", "1 hour", "-1 hour")):
            self.execute(
                "INSERT INTO token (hash, csrf_hash, account, created, expires)"
                f" VALUES (encode(sha256('{number}'), 'hex'), encode(sha256('c'), 'hex'), 7,"
                f" now() - interval '1 day', now() + interval '{expires}')"
            )

    async def heard(self, statement: str, *texts: str) -> None:
        """Expect that a statement, by itself, has just that heard."""
        self.told.clear()
        self.execute(statement)
        await self.sound("end")
        self.assertEqual(self.told, [*texts, "end"], statement)

    async def test_accounts(self) -> None:
        """Another role, a closed account: the account, once; what changes nothing, nothing."""
        await self.heard("UPDATE account SET role = 'admin'", "7", "8")
        await self.heard("UPDATE account SET role = 'admin'")
        await self.heard("UPDATE account SET disabled = true WHERE id = 8", "8")
        await self.heard("UPDATE account SET password_hash = 'y'")

    async def test_tokens(self) -> None:
        """Revoked or deleted tokens: their account, once however many; what is granted, prolonged,
        or swept out, nothing.
        """
        await self.heard("UPDATE token SET expires = expires + interval '1 second'")
        await self.heard("UPDATE token SET revoked_at = now()", "7")
        await self.heard("UPDATE token SET revoked_at = NULL", "7")
        await self.heard("DELETE FROM token WHERE expires < now()")
        await self.heard("DELETE FROM token WHERE expires > now()", "7")


class ServerTests(NoticesTestCase):
    """A server that goes away."""

    def logged(self, events: Sequence[LogEvent]) -> list[str]:
        """Return what the listener said, without what the server did."""
        return [
            str(formatEvent(each))
            for each in events
            if each["log_namespace"].startswith(notices.__name__)
        ]

    async def test_read_only(self) -> None:
        """A server that becomes read-only, as a demoted primary does, is left at the next pulse,
        and heard again when it can be written to.
        """
        server = embedded(Path.cwd() / self.mktemp())
        self.addCleanup(server.stop)
        await self.listen(await server.start(), pulse=0.05)

        def set_read_only(value: str) -> None:
            with connected(superuser(self.dsn)) as connection:
                cursor = connection.cursor()
                cursor.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
                cursor.execute("SELECT pg_reload_conf()")

        with capturedLogs() as logged:
            set_read_only("on")
            await self.until(lambda: self.logged(logged))
            self.assertEqual(self.meter.gauges["notices_listening"], 0.0)
            self.assertEqual(self.told, [])
            set_read_only("off")
            await self.until(lambda: self.told == ["missed"])
        lost, found = self.logged(logged)
        self.assertIn("the server has become read-only", lost)
        self.assertIn("heard again", found)

    async def test_hanging(self) -> None:
        """A server that hangs is noticed by its silence at a pulse."""
        limits = Limits(statement=0.1, grace=0.1)
        await self.listen(migrated_database(self), pulse=0.05, limits=limits)
        [(pid,)] = self.ours()
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        await self.until(lambda: self.told == ["missed"])

    async def test_restarted(self) -> None:
        """While the server is away it is tried with pauses, and the log says so once; when it is
        back, notices are heard, and a gap was told.
        """
        server = embedded(Path.cwd() / self.mktemp())
        self.addCleanup(server.stop)
        await self.listen(await server.start())
        with capturedLogs() as logged:
            await server.stop()
            await self.until(lambda: self.meter.gauges["notices_listening"] == 0.0)
            await deferLater(reactor, 0.5)
            await server.start()
            await self.until(lambda: self.told == ["missed"])
        self.assertEqual(len(self.logged(logged)), 2)
        await self.sound("1")
