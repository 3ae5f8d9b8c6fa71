"""What a token, an account and a wrong password mean for a running daemon."""

from hashlib import sha256

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon, mudctl
from tests.integration.postgres import connected, fresh_database
from tests.integration.telnet_client import connect
from tests.integration.web_client import enter, log_in, register, request

PASSWORD = "correct horse battery"

#: Seconds that a token has left: enough to come in by it.
LEFT = 4

# Thirty days after the log-in a token ends, however much it is used.
_AGE = """
    UPDATE token SET created = now() - interval '30 days' + interval '{0} seconds',
        expires = now() + interval '{0} seconds'
    WHERE account = (SELECT id FROM account WHERE name = '{1}')
"""

_FAILED = """
    INSERT INTO failed_login (account, network, at, forgiven)
    SELECT '{}', '127.0.0.1', now(), false FROM generate_series(1, 20)
"""


class AuthorityTests(TestCase):
    """Ann and Bob have accounts."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.database = fresh_database(self)
        self.daemon = Daemon(self, self.database)
        await self.daemon.start()
        self.ann = await register(self.daemon.http, "Ann", PASSWORD)
        self.bob = await register(self.daemon.http, "Bob", PASSWORD)

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        with connected(self.database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    async def status(self, name: str, password: str = PASSWORD) -> int:
        """Try to log in over HTTP."""
        body = {"name": name, "password": password}
        return (await request(self.daemon.http, "POST", "/api/session", body)).status

    async def test_token_expired_mid_session(self) -> None:
        """Whose token ends is warned, and closed 3005; who refreshes in time goes on, and who came
        by telnet, too.
        """
        telnet = await connect(self, self.daemon.telnet)
        await telnet.register("Cid", PASSWORD)
        for name in ("Ann", "Bob", "Cid"):
            self.execute(_AGE.format(LEFT, name))
        ann, bob = await enter(self, self.ann), await enter(self, self.bob)
        for player in (ann, bob):
            warning = await player.expect("expiring")
            self.assertLessEqual(warning["in"], LEFT)
        other = await (await log_in(self.daemon.http, "Ann", PASSWORD)).hello()
        ann.say({"type": "refresh", "ticket": other["ticket"]})
        await ann.expect("refreshed")
        self.assertEqual(await bob.closed(), 3005)
        await bob.expect("closing", code=3005)
        await ann.acknowledged("say I am still here.", "a")
        await telnet.ask("look", "> ")
        self.assertEqual((await self.bob.call("GET", "/api/session")).status, 401)

    async def test_disabled(self) -> None:
        """A disabled account is out until it is enabled again."""
        ann, bob = await enter(self, self.ann), await enter(self, self.bob)
        await mudctl(self, self.daemon, "account", "disable", "Ann")
        self.assertEqual(await ann.closed(), 3500)
        self.assertEqual(await self.status("Ann"), 403)
        await mudctl(self, self.daemon, "account", "enable", "ann")
        self.assertEqual(await self.status("Ann"), 200)
        self.assertEqual((await self.ann.call("GET", "/api/session")).status, 401)
        await bob.acknowledged("say She is back.", "a")

    async def test_failed_logins_survive_a_restart(self) -> None:
        """They are written down, and who had to wait before a restart has to after it."""
        self.assertEqual(await self.status("Ann", "wrong sentence"), 401)
        await self.daemon.stop()
        digest = sha256(b"ann").hexdigest()
        rows = "SELECT account, network FROM failed_login"
        self.assertEqual(self.execute(rows), [(digest, "127.0.0.1")])
        self.execute(_FAILED.format(digest))
        await self.daemon.start()
        self.assertEqual(await self.status("Ann"), 429)
        self.assertEqual(await self.status("Bob"), 200)
