"""
What a peer may send by mistake or in malice.

Each gets a clear error on its own channel and is counted, and nobody else notices.
"""

import random
import re

from attrs import frozen
from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon
from tests.integration.postgres import fresh_database
from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.web_client import (
    Login,
    WebSocketPlayer,
    enter,
    open_websocket,
    register,
    request,
)

PASSWORD = "correct horse battery"
MEGABYTE = 1_000_000


@frozen
class Bystander:
    """Two who play meanwhile, in one room."""

    ann: TelnetClient
    bob: WebSocketPlayer

    async def is_undisturbed(self) -> None:
        """Have each say something that the other hears."""
        await self.ann.ask("say Fine weather.", 'You say, "Fine weather."')
        await self.bob.expect("chat", text="Fine weather.", **{"from": "Ann"})
        self.bob.command("say So it is.")
        await self.ann.expect('Bob says, "So it is."')


class BadInputCase(TestCase):
    """A daemon with two players."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.daemon = Daemon(self, fresh_database(self))
        await self.daemon.start()
        ann = await connect(self, self.daemon.telnet, "Ann")
        await ann.register("Ann", PASSWORD)
        self.login = await register(self.daemon.http, "Bob", PASSWORD)
        self.others = Bystander(ann, await enter(self, self.login))

    async def finish(self) -> None:
        """Expect that nobody was disturbed, and that nothing failed on our side."""
        await self.others.is_undisturbed()
        for word in ("Traceback", "Unhandled", "#critical"):
            self.assertNotIn(word, self.daemon.log.text)
        ended = await self.daemon.stop()
        self.assertEqual(ended.status, 0)

    async def counted(self, metric: str, **labels: str) -> float:
        """Return what ``/metrics`` says of a counter."""
        page = await request(self.daemon.operations, "GET", "/metrics")
        words = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
        line = re.search(
            rf"^mud_{metric}_total{{{re.escape(words)}}} (\S+)$", page.text, re.MULTILINE
        )
        return 0.0 if line is None else float(line[1])


class TelnetTests(BadInputCase):
    """On the telnet port."""

    async def test_long_line(self) -> None:
        """A line of a megabyte is refused once, and the next one counts; before the log-in, and
        after it.
        """
        client = await connect(self, self.daemon.telnet)
        await client.expect("Name: ")
        client.write(b"a" * MEGABYTE + b"\r\n")
        await client.expect("That line is too long: 4096 bytes at most.")
        await client.register("Eve", PASSWORD)
        client.write(b"say " + b"a" * MEGABYTE + b"\r\n")
        await client.expect("That line is too long: 4096 bytes at most.")
        await client.ask("say Sorry.", 'You say, "Sorry."')
        self.assertNotIn("aaaa", client.said.text)
        await client.ask("say " + "a" * 3000, "A command has at most 2000 characters.")
        self.assertEqual(await self.counted("refusals", reason="too_long"), 3)
        await self.finish()

    async def test_rubbish(self) -> None:
        """Binary rubbish is answered as a name that won't do, and closed when it is too much."""
        for seed in range(4):
            client = await connect(self, self.daemon.telnet)
            await client.expect("Name: ")
            client.write(random.Random(seed).randbytes(1_000) + b"\r\n")
            await client.expect("A name has 2 to 20 letters")
        client = await connect(self, self.daemon.telnet)
        client.write(random.Random(5).randbytes(MEGABYTE))
        await client.expect("Too many messages.")
        await client.closed()
        self.assertEqual(await self.counted("closes", transport="telnet", code="3013"), 1)
        await self.finish()

    async def test_telnet_rubbish(self) -> None:
        """Commands that nobody knows, and a subnegotiation of a megabyte, are passed over; who asks
        for options without end is closed.
        """
        client = await connect(self, self.daemon.telnet)
        client.write(b"\xff\xfa\xc9" + b"a" * MEGABYTE + b"\xff\xf0")
        client.write(b"".join(bytes((255, code)) for code in range(1, 240, 4)))
        client.write(b"\xff\xfd\x2a\xff\xfb\x63\xff\xfa\xff\xf0\r\n")
        await client.register("Eve", PASSWORD)
        self.assertEqual(await self.counted("refusals", reason="telnet_too_long"), 1)
        self.assertEqual(await self.counted("refusals", reason="telnet_malformed"), 1)
        client.write(b"\xff\xfd\x2a" * 1_000 + b"\xff\xfb\x63" * 1_000)
        await client.expect("Too many messages.")
        await client.closed()
        await self.finish()

    async def test_http(self) -> None:
        """A browser on the telnet port is told so in HTTP."""
        for start in (b"GET / HTTP/1.1", b"POST /api/session HTTP/1.1", b"PRI * HTTP/2.0"):
            client = await connect(self, self.daemon.telnet)
            client.write(start + b"\r\nHost: localhost\r\n\r\n")
            await client.closed()
            self.assertTrue(client.raw.startswith(b"HTTP/1.1 400 Bad Request\r\n"), client.raw)
            self.assertIn("This port speaks telnet", client.said.text)
        reply = await request(self.daemon.telnet, "GET", "/")
        self.assertEqual(reply.status, 400)
        self.assertEqual(await self.counted("refusals", reason="http_on_telnet"), 4)
        await self.finish()

    async def test_names(self) -> None:
        """A name that won't do is refused with the reason; one that was taken meanwhile, too."""
        client = await connect(self, self.daemon.telnet)
        await client.expect("Name: ")
        for name in ("X", "Look", "Someone", "M4x", "Mrs Pellow", "'; DROP TABLE account; --"):
            client.send(name)
            await client.expect(re.compile(r"[A-Z][^\r\n]+\.\r\nName: "))
        rivals = [await connect(self, self.daemon.telnet) for _ in range(2)]
        for rival in rivals:
            await rival.expect("Name: ")
            await rival.ask("eve", "Create Eve? (y/n) ")
            await rival.ask("y", "Password: ")
            await rival.ask(PASSWORD, "Again: ")
        first, second = rivals
        await first.ask(PASSWORD, "> ")
        await second.ask(PASSWORD, re.compile(r"taken[^\r\n]*\r\nName: "))
        await second.ask("EVE", "Password: ")
        await self.finish()

    async def test_passwords(self) -> None:
        """A password that won't do is refused with the reason; a wrong one three times."""
        client = await connect(self, self.daemon.telnet)
        await client.expect("Name: ")
        await client.ask("Eve", "(y/n) ")
        await client.ask("y", "Password: ")
        for password in ("short", "password", "a" * 200):
            await client.ask(password, "Again: ")
            await client.ask(password, re.compile(r"[A-Z][^\r\n]+\.\r\nPassword: "))
        await client.hang_up()
        client = await connect(self, self.daemon.telnet)
        await client.expect("Name: ")
        for attempt in range(3):
            await client.ask("Ann", "Password: ")
            client.send("not the password")
            if attempt < 2:
                await client.expect("Name: ")
        await client.expect("Too many failures.")
        await client.closed()
        self.assertEqual(await self.counted("closes", transport="telnet", code="3502"), 1)
        self.assertEqual(await self.counted("refusals", reason="wrong_credentials"), 3)
        await self.finish()

    async def test_flood(self) -> None:
        """Commands without end close the connection of who sends them."""
        client = await connect(self, self.daemon.telnet)
        await client.register("Eve", PASSWORD)
        client.write(b"look\r\n" * 300)
        await client.expect("Too many commands: slow down.")
        await client.expect("Too many messages.")
        await client.closed()
        self.assertEqual(await self.counted("closes", transport="telnet", code="3013"), 1)
        self.assertGreater(await self.counted("refusals", reason="rate_limited"), 0)
        await self.finish()


class WebSocketTests(BadInputCase):
    """On the WebSocket."""

    async def closes(self, player: WebSocketPlayer, code: int) -> None:
        """Expect the connection to end with that code, and that to be counted."""
        self.assertEqual(await player.closed(), code)
        counted = await self.counted("closes", transport="websocket", code=str(code))
        self.assertEqual(counted, self._closed.get(code, 0) + 1)
        self._closed[code] = int(counted)

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self._closed: dict[int, int] = {}

    async def open(self) -> WebSocketPlayer:
        return await open_websocket(self, self.daemon.http)

    async def test_first_message(self) -> None:
        """Whoever doesn't begin as agreed is told why, and closed: 3501 for the form, 3500 for a
        ticket that isn't good.
        """
        for first in (
            b"hello",
            b"[]",
            b'{"type": "command", "text": "look"}',
            b'{"type": "hello"}',
        ):
            player = await self.open()
            player.sendMessage(first)
            closing = await player.expect("closing", code=3501)
            self.assertTrue(closing["reason"])
            self.assertNotIn("reconnect_after", closing)
            await self.closes(player, 3501)
        spent = await self.login.hello()
        player = await self.open()
        player.say(spent)
        await player.expect("welcome")
        for hello in (
            spent,
            {**spent, "ticket": "forged"},
            {**await self.login.hello(), "csrf": "x"},
        ):
            player = await self.open()
            player.say(hello)
            await player.expect("error")
            await player.expect("closing", code=3500)
            await self.closes(player, 3500)
        self.others = Bystander(self.others.ann, await enter(self, self.login))
        await self.finish()

    async def test_wrong_password(self) -> None:
        """A wrong password is an error, and closes: there is no second try on a connection."""
        player = await self.open()
        player.say({"type": "login", "name": "Bob", "password": "not the password"})
        await player.expect("error", code="wrong_credentials")
        await self.closes(player, 3502)
        await self.finish()

    async def test_messages(self) -> None:
        """What can't be understood is an error with its code, and play goes on."""
        bob = self.others.bob
        for message, code, id in (
            (b"say hello", "bad_json", None),
            (b'{"type": "command", "text": "look"', "bad_json", None),
            (b'{"type": "dance", "id": "a"}', "bad_type", "a"),
            (b'{"text": "look", "id": "b"}', "bad_type", "b"),
            (b'{"type": "command", "id": "c"}', "bad_field", "c"),
            (b'{"type": "command", "text": 7, "id": "d"}', "bad_field", "d"),
            (b'{"type": "command", "text": "look", "loud": true, "id": "e"}', "bad_field", "e"),
            (b"[" * 5000, "too_deep", None),
            (b'{"type":"command","id":"f","text":"' + b"a" * 2001 + b'"}', "too_long", "f"),
            (b'{"type": "command", "text": "say \\u0000", "id": "g"}', "bad_field", "g"),
        ):
            bob.sendMessage(message)
            error = await bob.expect("error", code=code)
            self.assertEqual(error.get("id"), id, message)
            self.assertTrue(error["message"])
        self.assertEqual(await self.counted("refusals", reason="bad_json"), 2)
        self.assertEqual(await self.counted("refusals", reason="too_deep"), 1)
        await self.finish()

    async def test_frames(self) -> None:
        """What breaks RFC 6455 closes with its codes: 1002, 1003, 1007, 1009."""
        too_large = b'{"type": "command", "text": "' + b"a" * MEGABYTE + b'"}'
        for send, code in (
            (lambda player: player.sendMessage(b"\x00\x01", isBinary=True), 1003),
            (lambda player: player.sendMessage(too_large), 1009),
            (lambda player: player.sendMessage(b"\xff\xfe"), 1007),
            (lambda player: player.sendFrame(opcode=5, payload=b"?"), 1002),
            (lambda player: player.sendFrame(opcode=1, payload=b"{}", rsv=4), 1002),
        ):
            player = await self.open()
            player.say(await self.login.hello())
            await player.expect("welcome")
            send(player)
            await self.closes(player, code)
        self.others = Bystander(self.others.ann, await enter(self, self.login))
        await self.finish()

    async def test_flood(self) -> None:
        """Commands without end are refused each by its id, and then close with 3013."""
        login = await register(self.daemon.http, "Eve", PASSWORD)
        eve = await enter(self, login)
        for number in range(300):
            eve.command("look", f"flood-{number}")
        error = await eve.expect("error", code="rate_limited")
        self.assertGreater(error["retry_after"], 0)
        await eve.expect("closing", code=3013)
        await self.closes(eve, 3013)
        await self.finish()


class WebTests(BadInputCase):
    """On the web port, without a WebSocket."""

    async def test_api(self) -> None:
        """The API answers each mistake with its status, and a code and a sentence in JSON."""
        port = self.daemon.http
        for path, body, status, code in (
            ("/api/accounts", {"name": "ann", "password": PASSWORD}, 409, "name_taken"),
            ("/api/accounts", {"name": "X", "password": PASSWORD}, 422, "bad_name"),
            ("/api/accounts", {"name": "Eve", "password": "short"}, 422, "bad_password"),
            ("/api/session", {"name": "Ann", "password": "wrong"}, 401, "wrong_credentials"),
            ("/api/session", {"name": "Nobody", "password": "wrong"}, 401, "wrong_credentials"),
        ):
            reply = await request(port, "POST", path, body)
            self.assertEqual((reply.status, reply.json["error"]["code"]), (status, code))
            self.assertTrue(reply.json["error"]["message"])
        for faulty, status in (({"name": "Eve"}, 422), ("a" * 70_000, 413)):
            reply = await request(port, "POST", "/api/accounts", faulty)
            self.assertEqual(reply.status, status, reply.text)
        reply = await Login(port, "forged").call("POST", "/api/session/ticket")
        self.assertEqual(reply.status, 401)
        await self.finish()

    async def test_strangers(self) -> None:
        """Another site's page, and a name that isn't ours, get 403; no upgrade, 426."""
        port = self.daemon.http
        upgrade = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        for path, headers, status in (
            ("/", {"Host": "evil.example"}, 403),
            ("/ws", {**upgrade, "Origin": "http://evil.example"}, 403),
            ("/ws", {}, 426),
            ("/nowhere", {}, 404),
        ):
            reply = await request(port, "GET", path, headers=headers)
            self.assertEqual(reply.status, status, path)
        await self.finish()

    async def test_rubbish(self) -> None:
        """What isn't HTTP at all is answered with 400, and closed."""
        for rubbish in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"look\r\n\r\n"):
            client = await connect(self, self.daemon.http)
            client.write(rubbish)
            await client.closed()
            self.assertIn(" 400 ", client.said.text)
        await self.finish()
