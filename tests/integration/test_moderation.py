"""Mutes and silences through a real daemon, and through its death."""

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon, mudctl
from tests.integration.postgres import fresh_database
from tests.integration.web_client import WebSocketPlayer, enter, log_in, register

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
