"""Mutes and silences through a real daemon, and through its death."""

import re

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon, mudctl
from tests.integration.postgres import fresh_database
from tests.integration.telnet_client import connect
from tests.integration.web_client import (
    WebSocketPlayer,
    enter,
    log_in,
    open_websocket,
    register,
    request,
)

PASSWORD = "correct horse battery"


class ModerationTests(TestCase):
    """Ann, Bob, and Cat, who keeps order."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.daemon = Daemon(self, fresh_database(self))
        await self.daemon.start()
        for name in ("Ann", "Bob", "Cat"):
            await register(self.daemon.http, name, PASSWORD)

    async def player(self, name: str) -> WebSocketPlayer:
        return await enter(self, await log_in(self.daemon.http, name, PASSWORD))

    async def appoint(self, name: str, role: str) -> None:
        ended = await mudctl(self, self.daemon, "account", "role", name, role)
        self.assertEqual(ended.status, 0, ended.output)

    async def refused(self, player: WebSocketPlayer, text: str, id: str, code: str) -> None:
        answer = await player.answer(text, id)
        self.assertEqual((answer["type"], answer.get("code")), ("error", code))

    async def test_silence(self) -> None:
        """A new admin silences at once; the silence outlives a kill -9, and can be ended."""
        cat, bob = await self.player("Cat"), await self.player("Bob")
        await self.refused(cat, "silence bob", "1", "not_allowed")
        await self.appoint("Cat", "admin")
        await cat.expect("text", text="Your role here is now admin.")
        await cat.acknowledged("silence bob 2h Enough of it.", "2")
        await bob.expect("text", style="system")
        await self.refused(bob, "say hello", "1", "silenced")
        heard = await cat.expect("chat", channel="say")
        self.assertEqual(heard["line"], '[silenced] Bob says, "hello"')
        await self.daemon.kill()
        await self.daemon.start()
        bob, cat = await self.player("Bob"), await self.player("Cat")
        await self.refused(bob, "say hello", "1", "silenced")
        await cat.acknowledged("unsilence bob", "1")
        await bob.expect("text", text="You are heard again.")
        await bob.acknowledged("say hello", "2")

    async def test_channels(self) -> None:
        """A channel that is off, and a silence on one, outlive a kill -9."""
        await self.appoint("Cat", "admin")
        ann, bob, cat = [await self.player(name) for name in ("Ann", "Bob", "Cat")]
        await ann.acknowledged("channel newbie off", "1")
        await cat.acknowledged("silence bob on chat 2h Enough of it.", "1")
        await self.refused(bob, "chat hello", "1", "silenced")
        heard = await cat.expect("chat", channel="chat")
        self.assertEqual(heard["line"], "[silenced] [chat] Bob: hello")
        await self.daemon.kill()
        await self.daemon.start()
        ann, bob, cat = [await self.player(name) for name in ("Ann", "Bob", "Cat")]
        await self.refused(bob, "chat hello", "1", "silenced")
        await self.refused(ann, "newbie hello", "1", "not_allowed")
        await bob.acknowledged("newbie hello", "2")
        heard = await cat.expect("chat", channel="newbie")
        self.assertEqual((heard["from"], heard["line"]), ("Bob", "[newbie] Bob: hello"))
        await cat.acknowledged("unsilence bob on chat", "1")
        await bob.acknowledged("chat at last", "3")
        heard = await ann.expect("chat")
        self.assertEqual((heard["channel"], heard["text"]), ("chat", "at last"))

    async def test_mute(self) -> None:
        """An absent player is muted for a time, which outlives a kill -9; staff can't be muted."""
        await self.appoint("Cat", "owner")
        ann = await self.player("Ann")
        await self.refused(ann, "mute cat", "1", "not_allowed")
        await ann.acknowledged("mute bob 2h He shouts.", "2")
        await self.daemon.kill()
        await self.daemon.start()
        ann, bob = await self.player("Ann"), await self.player("Bob")
        ann.command("mute")
        await ann.expect("text", text="You mute:\n  Bob (for 2 hours more)")
        await self.refused(bob, "tell ann hello", "1", "not_allowed")
        await ann.acknowledged("unmute bob", "2")
        await bob.acknowledged("tell ann hello", "2")

    async def operate(self, *words: str) -> str:
        ended = await mudctl(self, self.daemon, *words)
        self.assertEqual(ended.status, 0, ended.output)
        return ended.output

    async def test_ban(self) -> None:
        """A ban sends away with 3507 and a reason, outlives a kill -9, holds for HTTP, WebSocket
        and telnet, and can be ended; who did what is in the log.
        """
        await self.appoint("Cat", "admin")
        cat, bob = await self.player("Cat"), await self.player("Bob")
        login = await log_in(self.daemon.http, "Bob", PASSWORD)
        await cat.acknowledged("ban bob 2h Enough of it.", "1")
        closing = await bob.expect("closing", code=3507)
        self.assertRegex(closing["reason"], "^Your account is banned until .*: Enough of it.$")
        self.assertEqual(await bob.closed(), 3507)
        await self.daemon.kill()
        await self.daemon.start()
        who = {"name": "Bob", "password": PASSWORD}
        bearer = {"Authorization": f"Bearer {login.token}"}
        for answer in (
            await request(self.daemon.http, "POST", "/api/session", who),
            await request(self.daemon.http, "GET", "/api/session", None, bearer),
        ):
            self.assertEqual((answer.status, answer.json["error"]["code"]), (403, "banned"))
        player = await open_websocket(self, self.daemon.http)
        player.say({"type": "login", **who})
        await player.expect("error", code="banned")
        self.assertEqual(await player.closed(), 3507)
        terminal = await connect(self, self.daemon.telnet)
        terminal.send(f"connect Bob {PASSWORD}")
        await terminal.expect(re.compile("Your account is banned until .*: Enough of it."))
        await terminal.closed()
        self.assertIn("Enough of it.", await self.operate("bans"))
        await self.operate("unban", "bob")
        await self.player("Bob")
        log = await self.operate("audit")
        for words in ("ban ", "unban ", "role ", "Cat", "127.0.0.1", "uid", "Enough of it."):
            self.assertIn(words, log)

    async def test_ban_by_mudctl(self) -> None:
        """An operator bans names and networks; those that would lock everybody out only by force:
        then whoever comes is refused at the door.
        """
        await self.operate("ban", "zoe", "2d", "Rude.")
        reply = await request(
            self.daemon.http, "POST", "/api/accounts", {"name": "Zoe", "password": PASSWORD}
        )
        self.assertEqual((reply.status, reply.json["error"]["code"]), (403, "banned"))
        refused = await mudctl(self, self.daemon, "ban", "127.0.0.0/8")
        self.assertEqual(refused.status, 1)
        self.assertIn("lock out", refused.output)
        ann = await self.player("Ann")
        await self.operate("ban", "--force", "127.0.0.0/8", "2d", "Spam.")
        self.assertEqual(await ann.closed(), 3507)
        await self.daemon.kill()
        await self.daemon.start()
        for path in ("/", "/ws", "/api/session"):
            reply = await request(self.daemon.http, "GET", path)
            self.assertEqual(reply.status, 403, path)
            self.assertIn("Spam.", reply.text)
        terminal = await connect(self, self.daemon.telnet)
        await terminal.expect(re.compile("Your network is banned until .*: Spam."))
        await terminal.closed()
        await self.operate("unban", "127.0.0.1/8")
        await self.player("Ann")
