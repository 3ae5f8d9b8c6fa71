"""On a PostgreSQL that isn't ours: the system's own, over TCP, with a password."""

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg2
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from mudserver.storage.dsn import Dsn
from mudserver.storage.privilege import User, server_user
from tests.integration.certificates import Certificate
from tests.integration.daemon import Daemon
from tests.integration.program import Program, free_port
from tests.integration.web_client import enter, register, request

PASSWORD = "correct horse battery"

_SECRET = "hunter/2@home"
_ROOT_SECRET = "the superuser's own"


def find_binaries() -> Path:
    """
    Find the newest PostgreSQL that the system has.

    Raises:
        SkipTest: It has none.
    """
    found = [
        path.parent
        for pattern in ("lib/postgresql/*/bin/initdb", "pgsql-*/bin/initdb", "bin/initdb")
        for path in Path("/usr").glob(pattern)
    ]
    if not found:
        raise SkipTest("the system has no PostgreSQL")
    return max(found, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))])


class ForeignServer:
    """
    A server that whoever runs it has set up for us: a role with a password, and its database.

    Args:
        case: The test that it belongs to.
    """

    def __init__(self, case: TestCase) -> None:
        self.port = free_port()
        self.dsn = Dsn(
            {
                "host": "127.0.0.1",
                "port": str(self.port),
                "user": "mud",
                "password": _SECRET,
                "dbname": "mud",
            }
        )
        self._case = case
        self._binaries = find_binaries()
        self._user = server_user(None)
        # Trial's own directory is closed to other users.
        base = Path(tempfile.mkdtemp())
        case.addCleanup(shutil.rmtree, base)
        self._directory = base / "server"
        self._directory.mkdir()
        if self._user is not None:
            for path in (base, self._directory):
                os.chown(path, self._user.uid, self._user.gid)

    async def make(self) -> None:
        """Make the cluster, start it, and set it up."""
        secret = self._directory / "secret"
        secret.write_text(_ROOT_SECRET)
        secret.chmod(0o644)
        made = await self._run(
            "initdb", "--auth=scram-sha-256", f"--pwfile={secret}", "--username=root", "--no-sync"
        ).ended()
        self._case.assertEqual(made.status, 0, made.output)
        await self.start()
        await deferToThread(self._set_up)

    async def start(self, *options: str) -> None:
        """Start it, and wait until it takes connections."""
        self._launch(*options)
        await self._server.said.expect("ready to accept connections")

    async def start_in_recovery(self) -> None:
        """Start it as a standby that takes no connections, and wait until it says so to clients."""
        (self._directory / "data" / "standby.signal").touch()
        self._launch("--hot_standby=off")
        await self._server.said.expect("entering standby mode")

    async def promote(self) -> None:
        """Make the standby take connections."""
        promoted = await self._run("pg_ctl", "promote", "--no-wait").ended()
        self._case.assertEqual(promoted.status, 0, promoted.output)
        await self._server.said.expect("ready to accept connections")

    def install(self, certificate: Certificate) -> None:
        """Give the server, which must be stopped, a certificate; ``--ssl=on`` uses it."""
        for name, content in (("server.crt", certificate.chain), ("server.key", certificate.key)):
            path = self._directory / "data" / name
            path.write_bytes(content)
            path.chmod(0o600)
            if self._user is not None:
                os.chown(path, self._user.uid, self._user.gid)

    def require_tls(self) -> None:
        """Let nobody in without TLS; for the next start."""
        rules = self._directory / "data" / "pg_hba.conf"
        rules.write_text("hostssl all all all scram-sha-256\n")

    def _launch(self, *options: str) -> None:
        self._server = self._run(
            "postgres",
            "--listen_addresses=127.0.0.1",
            f"--port={self.port}",
            "--unix_socket_directories=",
            "--fsync=off",
            *options,
        )

    async def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._server.signal(signal.SIGINT)
        await self._server.ended()

    def _run(self, program: str, *options: str) -> Program:
        command = [str(self._binaries / program), "-D", str(self._directory / "data"), *options]
        return Program(
            self._case,
            program,
            [*_as(self._user), *command],
            environment={"LC_ALL": "C"},
            directory=self._directory,
        )

    def _set_up(self) -> None:
        root = self.dsn.extended({"user": "root", "password": _ROOT_SECRET, "dbname": "postgres"})
        with closing(psycopg2.connect(root.conninfo())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("CREATE ROLE mud LOGIN PASSWORD %s", (_SECRET,))
                cursor.execute("CREATE DATABASE mud OWNER mud")


def _as(user: User | None) -> Sequence[str]:
    """Return what runs a program as somebody else."""
    if user is None:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise SkipTest("there is no setpriv to become PostgreSQL's user by")
    return (setpriv, f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", "--")


class ForeignServerTests(TestCase):
    """``--database postgresql://…``."""

    timeout = 120

    async def test_plays(self) -> None:
        """What was acknowledged is there after a kill -9; no password is ever logged."""
        server = ForeignServer(self)
        await server.make()
        daemon = Daemon(self, server.dsn)
        await daemon.start()
        self.assertIn(f"postgresql://mud@127.0.0.1:{server.port}/mud", daemon.log.text)
        self.assertFalse((daemon.state / "postgres").exists())
        login = await register(daemon.http, "Bob", PASSWORD)
        bob = await enter(self, login)
        await bob.acknowledged("get ticket", "take")
        await bob.acknowledged("north", "go")
        await daemon.kill()
        output = daemon.log.text
        await daemon.start()
        bob = await enter(self, login)
        (room,) = (each["room"] for each in bob.messages if each["type"] == "room.state")
        self.assertEqual(room["name"], "The Fish Hall")
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)
        self.assertNotIn("hunter", output + ended.output)

    async def test_wrong_password(self) -> None:
        """A password that the server doesn't take is said so, and not said."""
        server = ForeignServer(self)
        await server.make()
        daemon = Daemon(self, server.dsn.extended({"password": "sesame"}))
        ended = await daemon.launch().ended()
        self.assertEqual(ended.status, 1)
        self.assertIn('password authentication failed for user "mud"', ended.output)
        self.assertNotIn("sesame", ended.output)
        self.assertNotIn("Traceback", ended.output)

    async def test_restarted(self) -> None:
        """While the server is away players stay, nothing is acknowledged, and we aren't ready; when
        it is back, all is saved and acknowledged.
        """
        server = ForeignServer(self)
        await server.make()
        daemon = Daemon(self, server.dsn)
        await daemon.start()
        bob = await enter(self, await register(daemon.http, "Bob", PASSWORD))
        await server.stop()
        bob.command("get ticket", "take")
        bob.command("say Is anybody there?")
        await bob.expect("chat", text="Is anybody there?")
        ready = await request(daemon.operations, "GET", "/readyz")
        self.assertEqual((ready.status, ready.text), (503, "not ready: database\n"))
        self.assertNotIn("ack", [each["type"] for each in bob.messages])
        await server.start()
        await bob.expect("ack", id="take")
        ready = await request(daemon.operations, "GET", "/readyz")
        self.assertEqual(ready.status, 200)
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)
