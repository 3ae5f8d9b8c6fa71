"""The embedded PostgreSQL: made, started, stopped, killed and hindered."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import skipUnless

import attrs
import psycopg2.errors
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SkipTest, TestCase
from zope.interface import provider

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.dsn import Dsn
from mudserver.storage.embedded import EmbeddedPostgres
from mudserver.storage.privilege import plan_launch, server_user
from tests.integration.postgres import ROOT, connected, embedded, superuser

AS_ROOT = os.geteuid() == 0

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")


def ask(dsn: Dsn, statement: str) -> list[tuple[object, ...]]:
    with connected(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def exists(path: Path) -> bool:
    return path.exists()


def entries(directory: str) -> list[Path]:
    return list(Path(directory).iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def may_run_python(prefix: Sequence[str]) -> bool:
    look = ["sh", "-c", 'test -x "$1" && test -r "$2"', "sh", sys.executable, attrs.__file__]
    return subprocess.run([*prefix, *look], check=False).returncode == 0


def alive(pid: int) -> bool:
    try:
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
    except FileNotFoundError:
        return False


class EmbeddedTests(TestCase):
    timeout = 60

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        self.directory = self.base / "with space" / "postgres"

    def use_open_directory(self) -> None:
        """Move to where every user may enter; trial's own directory is closed."""
        self.base = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.base)
        self.base.chmod(0o755)
        self.directory = self.base / "with space" / "postgres"

    def embedded(self, **environ: str) -> EmbeddedPostgres:
        server = embedded(self.directory, {**os.environ, **environ})
        self.addCleanup(server.stop)
        return server

    def pid(self) -> int:
        text = (self.directory / "cluster" / "postmaster.pid").read_text()
        return int(text.split("\n")[0])

    def spawn(self, *prefix: str, **environ: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.integration.postgres", self.directory],
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        return process

    def sleeper(self, owner: os.stat_result) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            ["sleep", "600"],
            user=owner.st_uid if AS_ROOT else None,
            group=owner.st_gid if AS_ROOT else None,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    async def daemon(self, *prefix: str, **environ: str) -> tuple["subprocess.Popen[bytes]", Dsn]:
        """Start an embedded PostgreSQL in a process that may be killed."""
        process = self.spawn(*prefix, **environ)
        assert process.stdout is not None
        line = await deferToThread(process.stdout.readline)
        word, _, conninfo = line.decode().strip().partition(" ")
        self.assertEqual(word, "ready", conninfo)
        return process, Dsn.parse(conninfo)

    async def kill(self, process: "subprocess.Popen[bytes]") -> None:
        process.send_signal(signal.SIGKILL)
        await deferToThread(process.wait)

    def logged(self, key: str) -> list[str]:
        """Return what will be logged under a key."""
        values: list[str] = []

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            values.append(str(event.get(key, "")))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        return values

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await deferLater(reactor, 0.01)

    async def test_new(self) -> None:
        """A new database is UTF-8 and safe against crashes, listens only on a socket in a private
        directory, and belongs to a role that is no superuser.
        """
        dsn = await self.embedded().start()
        self.assertEqual(
            ask(
                dsn,
                "SELECT current_user::text, current_database()::text, rolsuper,"
                " current_setting('server_encoding'), current_setting('fsync'),"
                " current_setting('full_page_writes'), current_setting('data_checksums'),"
                " current_setting('listen_addresses'), current_setting('TimeZone')"
                " FROM pg_roles WHERE rolname = current_user",
            ),
            [("mudserver", "mudserver", False, "UTF8", "on", "on", "on", "", "UTC")],
        )
        ask(dsn, "CREATE TABLE mine ()")
        for name in ("socket", "cluster"):
            self.assertEqual(mode(self.directory / name), 0o700)

    async def test_again(self) -> None:
        """What was committed is there after a stop and a start, and a stop ends the process."""
        server = self.embedded()
        dsn = await server.start()
        ask(dsn, "CREATE TABLE kept AS SELECT 7 AS number")
        pid = self.pid()
        await server.stop()
        self.assertFalse(alive(pid))
        self.assertFalse((self.directory / "cluster" / "postmaster.pid").exists())
        self.assertEqual(ask(await server.start(), "SELECT number FROM kept"), [(7,)])

    async def test_own_session(self) -> None:
        """The server has a session of its own, so that the terminal's Ctrl-C is ours alone."""
        await self.embedded().start()
        self.assertEqual(os.getsid(self.pid()), self.pid())

    async def test_open_session_does_not_delay_stop(self) -> None:
        """A session that is still open, even in a transaction, is broken off by a stop."""
        server = self.embedded()
        dsn = await server.start()
        with connected(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("CREATE TABLE half ()")
            pid = self.pid()
            await server.stop()
        self.assertFalse(alive(pid))

    async def test_stop_without_start(self) -> None:
        """To stop what doesn't run does nothing."""
        await self.embedded().stop()
        self.assertFalse(self.directory.exists())

    async def test_interrupted_making(self) -> None:
        """What an interrupted first start left behind doesn't stop the next, and is removed."""
        half = self.directory / "cluster.new-half"
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18\n")
        await self.embedded().start()
        self.assertFalse(half.exists())

    async def test_stopped_while_making(self) -> None:
        """A stop during the first start breaks it off; a later start makes the database whole."""
        server = self.embedded()
        starting = server.start()
        await self.until(lambda: list(self.directory.glob("cluster.new-*/base")))
        await server.stop()
        await self.assertFailure(starting, CancelledError)
        self.assertEqual(list(self.directory.glob("cluster*")), [])
        self.assertEqual(ask(await server.start(), "SELECT 1"), [(1,)])

    async def test_killed_while_making(self) -> None:
        """A kill -9 during the first start leaves no process, and a later start works."""
        process = self.spawn()
        await self.until(lambda: list(self.directory.glob("cluster.new-*/base")))
        await self.kill(process)
        self.assertFalse((self.directory / "cluster").exists())
        self.assertEqual(ask(await self.embedded().start(), "SELECT 1"), [(1,)])

    async def test_second_daemon(self) -> None:
        """A second mudserver in the same directory is refused and told who is there, and the
        first goes on.
        """
        process, dsn = await self.daemon()
        with self.assertRaises(EmbeddedPostgresError) as raised:
            await self.embedded().start()
        self.assertIn(f"process {process.pid}", str(raised.exception))
        self.assertEqual(ask(dsn, "SELECT 1"), [(1,)])

    async def test_killed(self) -> None:
        """After a kill -9 the server ends by itself, and the next start waits for that and finds
        all that was committed.
        """
        process, dsn = await self.daemon()
        ask(dsn, "CREATE TABLE kept AS SELECT 7 AS number")
        pid = self.pid()
        await self.kill(process)
        self.assertEqual(ask(await self.embedded().start(), "SELECT number FROM kept"), [(7,)])
        self.assertFalse(alive(pid))

    async def test_killed_without_setpriv(self) -> None:
        """Without setpriv a server survives the kill -9 of its master, and the next start ends
        it.
        """
        self.use_open_directory()
        path = str(self.base / "nothing here")
        process, _ = await self.daemon(PATH=path)
        pid = self.pid()
        await self.kill(process)
        self.assertTrue(alive(pid))
        self.assertEqual(ask(await self.embedded(PATH=path).start(), "SELECT 1"), [(1,)])
        self.assertFalse(alive(pid))

    async def test_id_used_again(self) -> None:
        """A postmaster.pid that names a process which is no PostgreSQL, as after a reboot, is no
        hindrance, and neither is one that names nothing.
        """
        server = self.embedded()
        await server.start()
        path = self.directory / "cluster" / "postmaster.pid"
        text = path.read_text()
        await server.stop()
        # PostgreSQL takes only a process of its own user for a possible sibling.
        other = self.sleeper(path.parent.stat())
        for first in (str(other.pid), "not a number", "4194303"):
            path.write_text("\n".join([first, *text.split("\n")[1:]]))
            self.assertEqual(ask(await server.start(), "SELECT 1"), [(1,)])
            await server.stop()
        self.assertIsNone(other.poll())

    async def test_server_killed(self) -> None:
        """A server that ends by itself is started again, on the same socket."""
        dsn = await self.embedded().start()
        ask(dsn, "CREATE TABLE kept AS SELECT 7 AS number")
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        formats = self.logged("log_format")
        await self.until(lambda: "PostgreSQL accepts connections again" in formats)
        self.assertNotEqual(self.pid(), pid)
        self.assertEqual(ask(dsn, "SELECT number FROM kept"), [(7,)])

    async def test_other_major_version(self) -> None:
        """Data of another major version is refused, with the way to upgrade, and left alone."""
        server = self.embedded()
        await server.start()
        await server.stop()
        version = self.directory / "cluster" / "PG_VERSION"
        made = version.read_text()
        version.write_text("9\n")
        with self.assertRaises(EmbeddedPostgresError) as raised:
            await server.start()
        for word in ("PostgreSQL 9", "pg_dump", "PG_BIN", "cluster"):
            self.assertIn(word, str(raised.exception))
        version.write_text(made)
        await server.start()

    async def test_faulty_settings(self) -> None:
        """A server that doesn't start is no process left, and the error has its last words."""
        server = self.embedded()
        await server.start()
        await server.stop()
        with (self.directory / "cluster" / "postgresql.conf").open("a") as settings:
            settings.write("max_connections = many\n")
        with self.assertRaises(EmbeddedPostgresError) as raised:
            await server.start()
        self.assertIn("max_connections", str(raised.exception))
        self.assertFalse((self.directory / "cluster" / "postmaster.pid").exists())

    async def test_long_path(self) -> None:
        """A directory whose path is too long for a socket is none for clients, and neither a stop
        nor a kill -9 leaves anything elsewhere.
        """
        elsewhere = tempfile.TemporaryDirectory()
        self.addCleanup(elsewhere.cleanup)
        places = {"XDG_RUNTIME_DIR": elsewhere.name, "TMPDIR": elsewhere.name}
        self.directory = self.base / ("long" * 20) / "postgres"
        process, dsn = await self.daemon(**places)
        self.assertEqual(ask(dsn, "SELECT 1"), [(1,)])
        await self.kill(process)
        server = self.embedded(**places)
        dsn = await server.start()
        self.assertEqual(ask(dsn, "SELECT 1"), [(1,)])
        await server.stop()
        self.assertEqual(entries(elsewhere.name), [])

    async def test_log(self) -> None:
        """What PostgreSQL logs goes to our log, without the statements."""
        lines = self.logged("line")
        server = self.embedded()
        dsn = await server.start()
        with self.assertRaises(psycopg2.errors.UndefinedColumn):
            ask(dsn, "SELECT nonsense, 'hunter2'")
        await server.stop()
        self.assertTrue(any("ready to accept connections" in line for line in lines))
        self.assertTrue(any("nonsense" in line for line in lines))
        self.assertFalse(any("hunter2" in line for line in lines))

    async def test_nothing_found(self) -> None:
        """Where the programs are missing, the error says where to get them."""
        server = EmbeddedPostgres(
            reactor,  # type: ignore[arg-type]
            self.directory,
            os.environ,
            binaries=self.base,
        )
        with self.assertRaises(EmbeddedPostgresError):
            await server.start()
        await server.stop()

    @skipUnless(AS_ROOT, "only root runs PostgreSQL as somebody else")
    async def test_closed_to_the_servers_user(self) -> None:
        """As root, a directory that the server's user may not enter is no hindrance, and stays
        closed.
        """
        closed = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, closed)
        self.directory = closed / "below" / "postgres"
        dsn = await self.embedded().start()
        self.assertEqual(ask(dsn, "SELECT 1"), [(1,)])
        self.assertNotEqual((self.directory / "cluster").stat().st_uid, 0)
        self.assertEqual(mode(closed), 0o700)
        # The role of mudserver can't read files by it.
        with self.assertRaises(psycopg2.errors.InsufficientPrivilege):
            ask(dsn, "SELECT pg_read_file('/etc/shadow')")

    @skipUnless(AS_ROOT, "only root runs PostgreSQL as somebody else")
    def test_passage(self) -> None:
        """As root, programs below a directory that the server's user may not enter are started,
        and find their own files by access(2), as PostgreSQL does.
        """
        closed = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, closed)
        program = closed / "program"
        program.write_text("#!/bin/sh\nexit 0\n")
        program.chmod(0o755)
        user = server_user(None)
        assert user is not None
        launch = plan_launch(user, [program, closed], os.environ)
        look = "import os, sys; sys.exit(os.getuid() == 0 or not os.access(sys.argv[1], os.R_OK))"
        done = subprocess.run(launch.command(sys.executable, "-c", look, str(program)), check=False)
        self.assertEqual(done.returncode, 0)
        self.assertTrue(launch.dies_with_us)

    @skipUnless(AS_ROOT, "only root can become an ordinary user")
    async def test_ordinary_user(self) -> None:
        """An ordinary user runs it as himself; then root runs it as that user."""
        self.use_open_directory()
        os.chown(self.base, 65534, 65534)
        if not may_run_python(NOBODY):
            raise SkipTest("an ordinary user may not run this Python")
        process, dsn = await self.daemon(*NOBODY)
        ask(superuser(dsn), "CREATE TABLE kept AS SELECT 7 AS number")
        owner = (self.directory / "cluster").stat().st_uid
        self.assertEqual(owner, 65534)
        assert process.stdin is not None
        process.stdin.close()
        await deferToThread(process.wait)
        dsn = await self.embedded().start()
        self.assertEqual(ask(superuser(dsn), "SELECT number FROM kept"), [(7,)])
