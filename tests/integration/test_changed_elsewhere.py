"""What another process changes in the database, or an operator in psql, is in force here."""

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon
from tests.integration.postgres import connected, fresh_database, superuser
from tests.integration.telnet_client import connect
from tests.integration.web_client import enter, log_in, register, request

PASSWORD = "correct horse battery"

_REVOKE = """
    UPDATE token SET revoked_at = now() WHERE account = (SELECT id FROM account WHERE name = '{}')
"""


class ChangedElsewhereTests(TestCase):
    """Ann and Bob play; nobody asks the daemon for anything."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.database = fresh_database(self)
        self.daemon = Daemon(self, self.database)
        await self.daemon.start()
        for name in ("Ann", "Bob"):
            await register(self.daemon.http, name, PASSWORD)
        self.ann = await enter(self, await log_in(self.daemon.http, "Ann", PASSWORD))
        self.bob = await enter(self, await log_in(self.daemon.http, "Bob", PASSWORD))

    def execute(self, statement: str) -> None:
        with connected(superuser(self.database)) as connection:
            connection.cursor().execute(statement)

    async def test_revoked(self) -> None:
        """Revoked tokens: whoever acts by them is logged out, by telnet too; nobody else is."""
        telnet = await connect(self, self.daemon.telnet)
        await telnet.log_in("Bob", PASSWORD)
        self.execute(_REVOKE.format("Bob"))
        await telnet.closed()
        self.assertEqual(await self.bob.closed(), 3510)
        await self.ann.acknowledged("say Where is he?", "a")
        self.execute(_REVOKE.format("Ann"))
        self.assertEqual(await self.ann.closed(), 3500)

    async def test_closed(self) -> None:
        """A closed account: its sessions end, and it can't log in."""
        self.execute("UPDATE account SET disabled = true WHERE name = 'Ann'")
        self.assertEqual(await self.ann.closed(), 3500)
        body = {"name": "Ann", "password": PASSWORD}
        reply = await request(self.daemon.http, "POST", "/api/session", body)
        self.assertEqual(reply.status, 403)
        await self.bob.acknowledged("say She is gone.", "a")

    async def test_role(self) -> None:
        """A role: it is had at once."""
        self.execute("UPDATE account SET role = 'admin' WHERE name = 'Ann'")
        await self.ann.expect("text", text="Your role here is now admin.")
        await self.ann.acknowledged("silence bob", "a")

    async def test_while_nothing_was_heard(self) -> None:
        """What was changed while our listening connection was gone is in force once it is back."""
        name = self.database.database
        self.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'mudserver notices' AND datname = current_database()"
        )
        await self.daemon.log.expect("Notices of the database are not heard for now")
        self.execute(_REVOKE.format("Bob"))
        await self.ann.acknowledged("say Is he still here?", "a")
        await self.bob.acknowledged("say I am.", "b")
        self.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        self.assertEqual(await self.bob.closed(), 3500)
        await self.daemon.log.expect("Notices of the database are heard again")
        await self.ann.acknowledged("say And now?", "c")
