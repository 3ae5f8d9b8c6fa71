"""
Players play on while there is no database, and nothing that was acknowledged is lost.

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
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from tests.crash.company import PASSWORD
from tests.crash.stage import Stage, own_server
from tests.integration.faults import FaultTestCase, pause
from tests.integration.postgres import fresh_database
from tests.integration.program import until
from tests.integration.replica import ReplicatedServers
from tests.integration.transcript import DEADLINE
from tests.integration.web_client import request

#: The journal's pressure at which nothing may change any more.
NO_CHANGES = 3

#: The size of a disk that is to be full: a new cluster takes half of it.
DISK_MEGABYTES = 120


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


class OutageTests(FaultTestCase):
    """The server is away, and comes back, or another one does."""

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

    async def test_stalled(self) -> None:
        """While nothing can be saved, players are told, then nobody new is let in, then nothing
        may change any more, and they talk on; when it can, all of that is over by itself. Each
        begins when the settings say.
        """
        options = (
            "--pressure-alarm-after=0.5",
            "--pressure-no-log-ins-after=2",
            "--pressure-no-changes-after=5",
        )
        await self.begin(Stage(self, fresh_database(self), *options))
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

    async def test_failover(self) -> None:
        """The server dies, and its synchronous standby takes its place."""
        servers = ReplicatedServers(self)
        await servers.start()
        await self.begin(Stage(self, servers.dsn, reach=servers.reach))
        async with self.ordeal.endured():
            await servers.fail()
            await self.ordeal.talk()
            await pause(1.0)
            await deferToThread(servers.promote)
            await self.ordeal.saves()
        # Whether a flush was tried in between, and put off, is a matter of moments.
        self.logged_in_moderation("Connections to the database break", "are whole again")

    async def test_demoted(self) -> None:
        """The server lives on, but is no primary any more; its synchronous standby takes its
        place, and nobody stays behind.
        """
        servers = ReplicatedServers(self)
        await servers.start()
        await self.begin(Stage(self, servers.dsn, reach=servers.reach))
        async with self.ordeal.endured():
            await deferToThread(servers.demote)
            await self.ordeal.talk()
            await pause(1.0)
            await deferToThread(servers.promote)
            await self.ordeal.saves()
            await until(
                lambda: not servers.connected_to("primary"), lambda: "some stayed with the demoted"
            )
        self.assertIn("mudserver notices", servers.connected_to("standby"))
        self.logged_in_moderation("Connections to the database break", "are whole again")
