"""TLS to PostgreSQL: whom we talk to is verified as the settings say, on every connection."""

from contextlib import closing
from pathlib import Path

import psycopg2
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mudserver.storage.dsn import Dsn
from tests.integration.certificates import Authority
from tests.integration.daemon import Daemon
from tests.integration.test_foreign_server import PASSWORD, ForeignServer
from tests.integration.web_client import enter, register

_CONNECTIONS = """
    SELECT a.application_name, s.ssl FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
"""


class DatabaseTlsTests(TestCase):
    """A server whose certificate is of the name ``localhost``, unless a test says otherwise."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.authority = Authority()
        self.server = ForeignServer(self)
        await self.server.make()

    async def serve(self, host: str = "localhost") -> None:
        """Have the server use TLS, by a certificate of that name."""
        await self.server.stop()
        self.server.install(self.authority.sign(host))
        await self.server.start("--ssl=on")

    def dsn(self, mode: str, authority: Authority | None = None) -> Dsn:
        root = Path(self.mktemp()).absolute()
        root.write_bytes((authority or self.authority).root)
        parameters = {"host": "localhost", "sslmode": mode, "sslrootcert": str(root)}
        return self.server.dsn.extended(parameters)

    async def refused(self, dsn: Dsn) -> str:
        """Start a daemon, and expect that it ends at once, with a clear reason."""
        daemon = Daemon(self, dsn)
        ended = await daemon.launch().ended()
        self.assertEqual(ended.status, 1, ended.output)
        self.assertNotIn("Traceback", ended.output)
        self.assertNotIn("is waited for", ended.output)
        (reason,) = [line for line in ended.output.splitlines() if "can't start" in line]
        return reason

    async def test_verified(self) -> None:
        """With ``verify-full`` and the right authority all is as ever, and every connection of ours
        is encrypted: those of the pool, the one that listens, and the one that has the turn.
        """
        await self.serve()
        daemon = Daemon(self, self.dsn("verify-full"))
        await daemon.start()
        bob = await enter(self, await register(daemon.http, "Bob", PASSWORD))
        await bob.acknowledged("get ticket", "take")
        connections = await deferToThread(self.connections)
        self.assertEqual(
            {(" ".join(str(name).split()[:2]), encrypted) for name, encrypted in connections},
            {("mudserver", True), ("mudserver notices", True), ("mudserver world", True)},
        )
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)

    def connections(self) -> list[tuple[object, ...]]:
        with (
            closing(psycopg2.connect(self.dsn("verify-full").conninfo())) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_CONNECTIONS)
            return list(cursor.fetchall())

    async def test_wrong_name(self) -> None:
        """A certificate of another name is refused by ``verify-full``; ``verify-ca`` takes it."""
        await self.serve("db.example.org")
        reason = await self.refused(self.dsn("verify-full"))
        self.assertIn('certificate for "db.example.org" does not match host name', reason)
        await Daemon(self, self.dsn("verify-ca")).start()

    async def test_wrong_authority(self) -> None:
        """A certificate that another authority signed is refused, by ``verify-ca`` too; even where
        that authority has the same name.
        """
        await self.serve()
        reason = await self.refused(self.dsn("verify-ca", Authority("another one")))
        self.assertIn("certificate verify failed", reason)
        reason = await self.refused(self.dsn("verify-full", Authority()))
        self.assertIn("signature failure", reason)

    async def test_no_root(self) -> None:
        """A file of authorities that isn't there is named."""
        await self.serve()
        dsn = self.dsn("verify-full").extended({"sslrootcert": "/nowhere/root.crt"})
        self.assertIn("/nowhere/root.crt", await self.refused(dsn))

    async def test_plain_server(self) -> None:
        """A server without TLS is refused where it is required, before any password is sent."""
        for mode in ("require", "verify-full"):
            reason = await self.refused(self.dsn(mode))
            self.assertIn("server does not support SSL", reason)

    async def test_plain_client(self) -> None:
        """A server that requires TLS doesn't let us in without, and its words are told."""
        await self.server.stop()
        self.server.install(self.authority.sign("localhost"))
        self.server.require_tls()
        await self.server.start("--ssl=on")
        self.assertIn("no encryption", await self.refused(self.dsn("disable")))
        await Daemon(self, self.dsn("verify-full")).start()
