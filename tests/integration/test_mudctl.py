"""mudctl against a running daemon."""

import re
import stat
from datetime import UTC, datetime

from twisted.trial.unittest import TestCase

from mudserver.bus.codec import Codec
from mudserver.bus.spool import Spool
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.ids import Epoch, InputNumber, SessionId
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import EventId, Show
from mudserver.interfaces.undelivered import Undelivered
from mudserver.view.line import View
from tests.integration.daemon import Daemon, mudctl
from tests.integration.postgres import connected, fresh_database
from tests.integration.telnet_client import connect
from tests.integration.web_client import Login, enter, register

PASSWORD = "correct horse battery"


class MudctlTests(TestCase):
    """What operators do to a running daemon."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.database = fresh_database(self)
        self.daemon = Daemon(self, self.database)
        await self.daemon.start()

    async def told(self, *arguments: str, say: str = "") -> str:
        """Run mudctl, and expect it to succeed; returns what it said."""
        ended = await mudctl(self, self.daemon, *arguments, say=say)
        self.assertEqual(ended.status, 0, ended.output)
        return ended.output

    async def bob(self) -> Login:
        return await register(self.daemon.http, "Bob", PASSWORD)

    async def test_status(self) -> None:
        """It says how the daemon is, and who plays by what."""
        ann = await connect(self, self.daemon.telnet)
        await ann.register("Ann", PASSWORD)
        await enter(self, await self.bob())
        status = await self.told("status")
        self.assertRegex(status, r"sessions +2\n")
        self.assertRegex(status, r"connections +2\n")
        self.assertRegex(status, r"state +running\n")
        sessions = await self.told("sessions")
        self.assertRegex(sessions, r"Ann +Ann +telnet +127\.0\.0\.1 +playing")
        self.assertRegex(sessions, r"Bob +Bob +websocket +127\.0\.0\.1 +playing")

    async def test_owner(self) -> None:
        """An account becomes owner, and is listed as such."""
        await self.bob()
        await self.told("account", "role", "Bob", "owner")
        self.assertRegex(await self.told("account", "list"), r"Bob +owner .* active +Bob\n")

    async def test_password(self) -> None:
        """A new password works, the old one doesn't, and what was logged in is logged out."""
        login = await self.bob()
        bob = await enter(self, login)
        await self.told("account", "password", "Bob", say="another horse battery\n")
        self.assertEqual(await bob.closed(), 3500)
        client = await connect(self, self.daemon.telnet)
        await client.expect("Name: ")
        await client.ask(f"connect Bob {PASSWORD}", "Name: ")
        await client.ask("connect Bob another horse battery", "> ")

    async def test_kick(self) -> None:
        """One who is kicked is told why, with 3503 or a farewell, and may come back."""
        ann = await connect(self, self.daemon.telnet)
        await ann.register("Ann", PASSWORD)
        login = await self.bob()
        bob = await enter(self, login)
        await self.told("kick", "ann", "Mind", "the", "step.")
        await ann.expect("Mind the step.")
        await ann.closed()
        await self.told("kick", "Bob")
        closing = await bob.expect("closing", code=3503)
        self.assertEqual(closing["reason"], "You were asked to leave.")
        self.assertNotIn("reconnect_after", closing)
        self.assertEqual(await bob.closed(), 3503)
        await enter(self, login)

    async def test_letters(self) -> None:
        """A change that the database refused is listed, shown, not replayed, and thrown away."""
        bob = await enter(self, await self.bob())
        with connected(self.database) as connection:
            connection.cursor().execute("ALTER TABLE item ADD CHECK (holder IS NULL) NOT VALID")
        self.assertEqual((await bob.answer("get ticket", "a"))["code"], "internal_error")
        listed = await self.told("deadletters", "list")
        (line,) = listed.splitlines()[1:]
        name = line.split()[0]
        self.assertRegex(line, r"^journal:\d+ +ItemPlaced .* 1 .*item_holder_check")
        self.assertIn('"holder": ', await self.told("deadletters", "show", name))
        refused = await mudctl(self, self.daemon, "deadletters", "replay", name)
        self.assertEqual(refused.status, 1)
        self.assertIn("can't be replayed", refused.output)
        self.assertIn("0 dead", await self.told("deadletters", "prune", "--older-than", "1d"))
        self.assertIn("1 dead", await self.told("deadletters", "prune", "--older-than", "0"))
        misused = await mudctl(self, self.daemon, "deadletters", "show", "17")
        self.assertEqual(misused.status, 2)

    async def test_letters_of_the_bus(self) -> None:
        """What the bus could not deliver is listed, shown, and delivered after all, once."""
        bob = await enter(self, await self.bob())
        await bob.acknowledged("get ticket", "a")
        with connected(self.database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT session FROM session_input")
            ((session,),) = cursor.fetchall()
            view = View("chat", b'{"type":"chat","text":"Better late."}')
            event = EventId(SessionId("g-1"), InputNumber(1), 0)
            show = Show(view, (SessionId(session),), event, durable=True)
            cursor.execute(
                "INSERT INTO undelivered"
                " (message, subject, kind, payload, error, attempts, first_at, last_at)"
                " VALUES ('i:1', %s, 'FromWorld', %s, 'Nobody.', 3, now(), now())",
                (
                    f"gateway.{session.partition('-')[0]}",
                    Codec(VOCABULARY).encode(FromWorld(Epoch(1), show)),
                ),
            )
        (line,) = (await self.told("deadletters", "list", "--of", "bus")).splitlines()[1:]
        name = line.split()[0]
        self.assertRegex(line, r"^bus:\d+ +FromWorld .* 3 .*Nobody\. \(gateway\.")
        self.assertIn(session, await self.told("deadletters", "show", name))
        await self.told("deadletters", "replay", name)
        await bob.expect("chat", text="Better late.")
        again = await mudctl(self, self.daemon, "deadletters", "replay", name)
        self.assertEqual(again.status, 1)

    async def test_letters_left(self) -> None:
        """What a process of another name left in a file is told of at the start, and kept once."""
        path = self.daemon.state / "world-old.spool"
        now = datetime.now(UTC)
        letter = Undelivered("i:1", "gateway.a", "FromWorld", b"x", "Nobody.", 3, now, now)
        Spool(path).append((letter,))
        await self.daemon.stop()
        self.daemon.launch()
        told = re.compile(f"1 dead letters of .* lie in {re.escape(str(path))}")
        await self.daemon.log.expect(told)
        await self.daemon.log.expect("reaches it by")
        for _ in range(2):
            Spool(path).append((letter,))
            self.assertIn(" dead letters of ", await self.told("deadletters", "import", str(path)))
            self.assertFalse(path.exists())
        (line,) = (await self.told("deadletters", "list", "--of", "bus")).splitlines()[1:]
        self.assertRegex(line, r"^bus:\d+ +FromWorld .* 3 .*Nobody\. \(gateway\.")

    async def test_revoke(self) -> None:
        """What was logged in is logged out with 3500 or a farewell, and its token is worth
        nothing.
        """
        login = await self.bob()
        bob = await enter(self, login)
        self.assertIn("log-ins of Bob are ended", await self.told("revoke", "Bob"))
        await bob.expect("closing", code=3500)
        self.assertEqual(await bob.closed(), 3500)
        refused = await login.call("POST", "/api/session/ticket")
        self.assertEqual(refused.status, 401)
        ann = await connect(self, self.daemon.telnet)
        await ann.register("Ann", PASSWORD)
        await self.told("revoke", "Ann")
        await ann.expect("You have been logged out.")
        await ann.closed()

    async def test_drain(self) -> None:
        """The daemon lets all go, saves, and exits 0."""
        bob = await enter(self, await self.bob())
        await self.told("drain")
        await bob.expect("closing", code=3001)
        ended = await self.daemon.program.ended()
        self.assertEqual(ended.status, 0, ended.output)

    async def test_refusals(self) -> None:
        """What can't be done is said, with status 1; misuse has status 2."""
        for arguments, words in (
            (("kick", "Nobody"), "There is no Nobody in the world now."),
            (("revoke", "Nobody"), "Nobody"),
            (("account", "role", "Nobody", "owner"), "Nobody"),
        ):
            ended = await mudctl(self, self.daemon, *arguments)
            self.assertEqual(ended.status, 1, ended.output)
            self.assertIn(words, ended.output)
            self.assertNotIn("Traceback", ended.output)
        ended = await mudctl(self, self.daemon, "account", "role", "Bob", "king")
        self.assertEqual(ended.status, 2)
        self.assertIn("owner", ended.output)

    async def test_nobody_answers(self) -> None:
        """Without a daemon, the path of the socket is named."""
        await self.daemon.stop()
        ended = await mudctl(self, self.daemon, "status")
        self.assertEqual(ended.status, 1)
        self.assertIn(f"no mudserver answers at {self.daemon.control}", ended.output)

    async def test_mode(self) -> None:
        """The admin socket is its owner's alone."""
        mode = self.daemon.control.stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
