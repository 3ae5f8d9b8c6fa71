"""Those who come in by what isn't theirs, or isn't valid any more."""

import http.client
from collections.abc import Sequence
from typing import ClassVar

from tests.faults.bystander import PASSWORD
from tests.faults.case import FaultCase
from tests.faults.peer import (
    ACCOMPLICE,
    ATTACKER,
    ask_for_websocket,
    connect,
    enter,
    open_websocket,
    together,
)
from tests.faults.visitors import hellos, invite
from tests.integration.web_client import Login, Message, request

#: An address that is nobody's (RFC 5737).
FORGED = "203.0.113.7"


class SiteTests(FaultCase):
    """Requests from where they shouldn't come, or that say so."""

    async def test_cross_site(self) -> None:
        """Another site's page gets 403 before any upgrade, and so does another name of ours."""
        for number, origin in enumerate(
            ("http://evil.example", "https://localhost", "null", "http://localhost.x"), 1
        ):
            peer = await ask_for_websocket(self, self.daemon.http, headers={"Origin": origin})
            await peer.expect(b"^HTTP/1.1 403 ")
            await self.counted(number, "refusals", reason="bad_origin")
            await peer.hang_up()
        stranger = await connect(self, self.daemon.http)
        stranger.write(b"GET /ws HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\n\r\n")
        await stranger.expect(b"^HTTP/1.1 403 ")
        await self.counted(1, "refusals", reason="bad_host")
        await stranger.hang_up()
        await self.survived()

    async def test_forged_address(self) -> None:
        """Who isn't a trusted proxy can't name another address: neither in headers nor by the PROXY
        protocol.
        """
        forged = {
            "X-Forwarded-For": f"{FORGED}, 127.0.0.1",
            "X-Forwarded-Proto": "https",
            "Forwarded": f"for={FORGED}",
            "X-Real-IP": FORGED,
        }
        peer = await open_websocket(self, self.daemon.http, headers=forged)
        self.assertEqual((await peer.ended()).code, 3502)
        await self.counted(1, "closes", transport="websocket", code="3502")
        terminal = await connect(self, self.daemon.telnet)
        terminal.write(f"PROXY TCP4 {FORGED} 127.0.0.1 4711 4000\r\n".encode())
        await terminal.expect(b"A name has 2 to 20 letters")
        await terminal.closed()
        await self.counted(1, "closes", transport="telnet", code="3502")
        wrong = {"name": "Ann", "password": "not the password"}
        for _ in range(6):
            reply = await request(
                self.daemon.http, "POST", "/api/session", wrong, forged, source=ACCOMPLICE
            )
            self.assertEqual(reply.status, http.client.FORBIDDEN)
        await self.counted(6, "http_requests", method="POST", status="403")
        self.assertNotIn(FORGED, self.daemon.log.text)
        self.assertIn(ACCOMPLICE, self.daemon.log.text)
        await self.survived()


class TokenTests(FaultCase):
    """Tokens that end while somebody plays."""

    async def test_expired(self) -> None:
        """Who plays on a token that ends is warned, and closed with 3005."""
        visitors = invite(self.dsn, 1, life=4.0)
        (hello,) = hellos(self.dsn, visitors)
        peer = await enter(self, self.daemon.http, hello)
        await peer.hear("expiring")
        await peer.hear("closing", code=3005)
        self.assertEqual((await peer.ended()).code, 3005)
        await self.counted(1, "closes", transport="websocket", code="3005")
        await self.survived()

    async def test_revoked(self) -> None:
        """Who logs out elsewhere is closed with 3500, and so is nobody else."""
        eve = await self.account("Eve")
        other = await self.account("Oscar")
        peers = await together(
            enter(self, self.daemon.http, hello)
            for hello in (await eve.hello(), await other.hello())
        )
        self.assertEqual((await eve.call("DELETE", "/api/session")).status, 204)
        await peers[0].hear("closing", code=3500)
        self.assertEqual((await peers[0].ended()).code, 3500)
        await self.counted(1, "closes", transport="websocket", code="3500")
        peers[1].command("say I stay.", "1")
        await peers[1].hear("ack", id="1")
        peers[1].say({"type": "bye"})
        await peers[1].closed()
        await self.survived()


class LoginTests(FaultCase):
    """Log-ins by the dozen."""

    async def test_race(self) -> None:
        """Of twenty who log in at once as one character, one plays, and 3510 tells the others."""
        (visitor,) = invite(self.dsn, 1)
        await self._race(hellos(self.dsn, [visitor] * 20))

    async def test_race_by_password(self) -> None:
        """The same of twenty who give their password: the right one is never too many."""
        await self.account("Racer")
        login = {"type": "login", "name": "Racer", "password": PASSWORD}
        await self._race([login] * 20)

    async def _race(self, greetings: Sequence[Message]) -> None:
        peers = await together(open_websocket(self, self.daemon.http) for _ in greetings)
        for peer, hello in zip(peers, greetings, strict=True):
            peer.say(hello)
        await self.counted(19, "closes", transport="websocket", code="3510")
        (winner,) = [peer for peer in peers if not peer.lost]
        for peer in peers:
            if peer is not winner:
                self.assertEqual((await peer.ended()).code, 3510)
        winner.command("say I won.", "1")
        await winner.hear("ack", id="1")
        now = await self.probe.measures()
        self.assertEqual(now.of("sessions"), self.before.of("sessions") + 1)
        winner.say({"type": "bye"})
        self.assertEqual((await winner.ended()).code, 1000)
        await self.survived()

    async def test_stuffing(self) -> None:
        """Who tries passwords of many accounts is soon only told to wait; those whose passwords are
        tried log in from elsewhere meanwhile.
        """
        statuses = []
        for number in range(40):
            name = ("Ann", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi")[number % 8]
            wrong = {"name": name, "password": f"password number {number}"}
            statuses.append(await self._try(wrong))
        self.assertEqual(statuses[:30], [401] * 30)
        self.assertIn(429, statuses[30:])  # one a second is still let through
        self.assertLessEqual(set(statuses[30:]), {401, 429})
        refused = statuses.count(401)
        await self.counted(refused, "logins", outcome="refused")
        await self.counted(40 - refused, "logins", outcome="throttled")
        right = {"name": "Bob", "password": PASSWORD}
        reply = await request(self.daemon.http, "POST", "/api/session", right)
        self.assertEqual(reply.status, http.client.OK)
        await self.survived()

    async def _try(self, body: Message) -> int:
        reply = await request(self.daemon.http, "POST", "/api/session", body, source=ATTACKER)
        return reply.status


class ReplayTests(FaultCase):
    """What was good once."""

    patience: ClassVar = {"grace": 3.0}

    async def test_ticket(self) -> None:
        """A ticket opens one WebSocket: a second use closes with 3500, and the first plays on."""
        eve = await self.account("Eve")
        hello = await eve.hello()
        first = await enter(self, self.daemon.http, hello)
        for number in (1, 2, 3):
            again = await open_websocket(self, self.daemon.http, ACCOMPLICE)
            again.say(hello)
            self.assertEqual((await again.ended()).code, 3500)
            await self.counted(number, "closes", transport="websocket", code="3500")
        first.command("say Still here.", "1")
        await first.hear("ack", id="1")
        first.say({"type": "bye"})
        await first.closed()
        await self.survived()

    async def test_resume(self) -> None:
        """A resume secret works until its successor is used; another account's never does."""
        eve, mallory = await self.account("Eve"), await self.account("Mallory")
        first = await enter(self, self.daemon.http, await eve.hello())
        old = _resume(await first.hear("welcome"))
        await first.hang_up()
        second = await self._resumed(eve, old)
        self.assertTrue(second["recovered"])
        third = await self._resumed(eve, old)
        self.assertFalse(third["recovered"])
        stolen = await self._resumed(mallory, _resume(third))
        self.assertFalse(stolen["recovered"])
        self.assertEqual(stolen["character"], "Mallory")
        await self.counted(1, "resumes", outcome="recovered")
        self.assertGreater(await self.grown("resumes", outcome="refused"), 0)
        await self.survived()

    async def _resumed(self, login: Login, resume: Message) -> Message:
        """Come back; the next message of the client confirms its new secret."""
        hello = {**await login.hello(), "resume": resume}
        peer = await open_websocket(self, self.daemon.http)
        peer.say(hello)
        welcome = await peer.hear("welcome")
        peer.command("look", "1")
        await peer.hear("ack", id="1")
        await peer.hang_up()
        return welcome


def _resume(welcome: Message) -> Message:
    return {"session": welcome["session"], "secret": welcome["resume"], "seq": welcome["seq"]}
