"""How WebSocket clients come in."""

import json
from hashlib import sha256

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred

from mudserver.errors import Banned, CloseCode, NotAuthenticated, TooManyTries, WrongCredentials
from mudserver.gateway.json_link import RECONNECT_SPREAD, JsonLink
from mudserver.interfaces.authority import PasswordCredential, TicketCredential, Transport
from mudserver.interfaces.play import Attach, Detached
from mudserver.tasks import MAX_TASKS
from tests.unit.gateway.bench import GATEWAY, HOME
from tests.unit.gateway.json_links import HELLO, LIMITS, JsonLinkTestCase


class GreetingTest(JsonLinkTestCase):
    """The first message says who comes."""

    def test_hello(self) -> None:
        """A ticket is shown to the world, with all it needs to judge."""
        link, wire = self.connect()
        self.send(link, HELLO, character="Beth")
        request = self.asked()
        self.assertEqual(request.credential, TicketCredential("t", "c"))
        self.assertEqual(
            (request.gateway, request.character, request.transport, request.origin, request.resume),
            (GATEWAY, "Beth", Transport.WEBSOCKET, HOME, None),
        )
        self.assertEqual(wire.messages(), [])

    def test_login(self) -> None:
        """So are name and password."""
        link, _ = self.connect()
        self.send(link, {"type": "login", "name": "Ann", "password": "a long sentence"})
        self.assertEqual(self.asked().credential, PasswordCredential("Ann", "a long sentence"))
        self.assertIsNone(self.asked().character)

    def test_sessions_have_names_of_their_own(self) -> None:
        """Each connection offers a session id that can't be guessed."""
        for _ in range(2):
            self.send(self.connect()[0], HELLO)
        first, second = (r.session for r in self.world.requests if isinstance(r, Attach))
        self.assertNotEqual(first, second)
        self.assertEqual(first[: len(GATEWAY) + 1], f"{GATEWAY}-")
        self.assertEqual(len(first), len(GATEWAY) + 33)

    def test_wrong_first_message(self) -> None:
        """Whatever else comes first closes 3501, with the reason."""
        for first in (
            '{"type": "command", "text": "look"}',
            '{"type": "ping"}',
            '{"type": "hello", "ticket": "t"}',
            '{"type": "hello", "ticket": "t", "csrf": "c", "x": 1}',
            '{"type": "nonsense"}',
            "GET / HTTP/1.1",
            "[" * 1000,
            "",
        ):
            link, wire = self.connect()
            self.send(link, first)
            self.assertIs(wire.code, CloseCode.BAD_REQUEST, first)
            (closing,) = wire.messages()
            self.assertEqual((closing["type"], closing["code"]), ("closing", 3501))
            self.assertTrue(closing["reason"])
            self.assertNotIn("reconnect_after", closing)
        self.assertEqual(self.world.requests, [])

    def test_binary(self) -> None:
        """A binary message closes 1003."""
        link, wire = self.connect()
        link.received(json.dumps(HELLO).encode(), binary=True)
        self.assertIs(wire.code, CloseCode.UNSUPPORTED_DATA)

    def test_silence(self) -> None:
        """Who doesn't say hello in ten seconds is closed 3502."""
        _, wire = self.connect()
        self.pass_time(9.5)
        self.assertIsNone(wire.closed)
        self.pass_time(1.0)
        self.assertIs(wire.code, CloseCode.NOT_AUTHENTICATED)

    def test_no_handshake(self) -> None:
        """A connection whose handshake doesn't come to an end is closed, too, without a word."""
        _, wire = self.connect(opened=False)
        self.pass_time(10.5)
        self.assertIs(wire.code, CloseCode.NOT_AUTHENTICATED)
        self.assertEqual(wire.writes, [])

    def test_a_slow_world_is_not_the_clients_fault(self) -> None:
        """While the world looks up who comes, the client's time stands still."""
        link, wire = self.connect()
        self.pass_time(9.0)
        self.send(link, HELLO)
        self.pass_time(9.0)
        self.assertIsNone(wire.closed)
        self.world.admit()
        self.assertEqual([m["type"] for m in wire.messages()], ["welcome"])

    def test_refused(self) -> None:
        """A refusal is told as an error, and closes with the code that fits."""
        for error, code in (
            (WrongCredentials("No."), CloseCode.NOT_AUTHENTICATED),
            (TooManyTries("Wait.", retry_after=7.0), CloseCode.TRY_LATER),
            (NotAuthenticated("Old.", CloseCode.EXPIRED), CloseCode.EXPIRED),
            (NotAuthenticated("Spent."), CloseCode.REVOKED),
            (Banned("Never."), CloseCode.BANNED),
        ):
            link, wire = self.connect()
            self.send(link, HELLO)
            self.world.answer(error)
            told, closing = wire.messages()
            self.assertEqual((told["type"], told["code"]), ("error", error.code))
            self.assertEqual(told.get("retry_after"), error.retry_after)
            self.assertEqual((closing["type"], closing["code"]), ("closing", code))
            self.assertGreaterEqual(closing.get("reconnect_after", 0.0), error.retry_after or 0.0)
            self.assertIs(wire.code, code)
            self.assertEqual(self.meter.counts[f"refusals {error.code}"] > 0, True)

    def test_the_world_is_away(self) -> None:
        """With no world the connection closes 3011, and says when to come back."""
        self.world.withdraw()
        link, wire = self.connect()
        self.send(link, HELLO)
        self.assertIs(wire.code, CloseCode.TRY_LATER)
        self.assertEqual(wire.messages()[-1]["reconnect_after"], RECONNECT_SPREAD * 0.5)

    def test_the_world_doesn_t_answer(self) -> None:
        """Nor does anyone wait for ever for a world that says nothing."""
        link, wire = self.connect()
        self.send(link, HELLO)
        self.pass_time(10.5)
        self.assertIs(wire.code, CloseCode.TRY_LATER)

    def test_the_world_gives_up(self) -> None:
        """Nor where the world ends in the middle of its answer."""
        link, wire = self.connect()
        self.send(link, HELLO)
        self.world.answer(CancelledError())
        self.assertIs(wire.code, CloseCode.TRY_LATER)

    def test_lost_while_authenticating(self) -> None:
        """A connection that is gone when the world lets it in is detached at once."""
        link, wire = self.connect()
        self.send(link, HELLO)
        link.lost("reset")
        session = self.world.admit(generation=3).session
        self.assertEqual(self.world.detached, [Detached(session, 3, quit=False)])  # type: ignore[arg-type]
        self.assertEqual(wire.writes, [])
        self.assertEqual(len(self.shared.switchboard), 0)

    def test_no_room_in_the_background(self) -> None:
        """Where too much is under way already, the client is asked to come later."""
        others: Deferred[None] = Deferred()
        for _ in range(MAX_TASKS):
            self.shared.tasks.run("others", others)
        link, wire = self.connect()
        self.send(link, HELLO)
        self.assertIs(wire.code, CloseCode.TRY_LATER)
        others.callback(None)


class EarlyMessagesTest(JsonLinkTestCase):
    """What a client sends before the welcome waits for it."""

    limits = evolve(LIMITS, early=4)

    def test_in_order(self) -> None:
        """Early messages are kept and done in order, after the welcome."""
        link, wire = self.connect()
        self.send(link, HELLO)
        self.command(link, "look")
        self.send(link, {"type": "ping", "id": "p"})
        self.command(link, "say hi")
        self.assertEqual(self.world.messages, [])
        self.world.admit()
        self.assertEqual(self.world.texts, ["look", "say hi"])
        self.turn()
        self.assertEqual([m["type"] for m in wire.messages()], ["welcome", "pong"])

    def test_misunderstood(self) -> None:
        """An early message that can't be understood gets its error in its turn."""
        link, wire = self.connect()
        self.send(link, HELLO)
        self.send(link, {"type": "command", "text": 1, "id": "c1"})
        self.assertIsNone(wire.closed)
        self.world.admit()
        self.turn()
        _, error = wire.messages()
        self.assertEqual((error["code"], error["id"]), ("bad_field", "c1"))

    def test_bounded(self) -> None:
        """More of them than may wait close 3013."""
        link, wire = self.connect()
        self.send(link, HELLO)
        for _ in range(4):
            self.command(link, "look")
        self.assertIsNone(wire.closed)
        self.command(link, "look")
        self.assertIs(wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_bye(self) -> None:
        """What follows an early goodbye is not done any more."""
        link, wire = self.connect()
        self.send(link, HELLO)
        self.send(link, {"type": "bye"})
        self.command(link, "say still here")
        session = self.world.admit().session
        self.assertEqual(self.world.texts, [])
        self.assertEqual(self.world.detached, [Detached(session, 1, quit=True)])  # type: ignore[arg-type]
        self.assertIs(wire.code, CloseCode.NORMAL)


class WelcomeTest(JsonLinkTestCase):
    """Welcome, state, mark: in this order."""

    def test_welcome(self) -> None:
        """The welcome says all that a client needs to know."""
        _, _, session, welcome = self.enter()
        secret = welcome.pop("resume")
        self.assertEqual(len(secret), 64)
        self.assertEqual(
            welcome,
            {
                "type": "welcome",
                "session": session,
                "character": "Ann",
                "recovered": False,
                "seq": 0,
                "heartbeat": 25.0,
                "limits": {"message": 10_240, "text": 2_000, "commands": 10.0, "burst": 30},
            },
        )
        self.assertTrue(
            self.seat(session).play.secrets.accepts(sha256(secret.encode()).hexdigest())
        )

    def test_state_then_mark(self) -> None:
        """The first state follows in one write, then a mark with the count of it."""
        _, wire, session, _ = self.enter()
        self.world.show("state", session)
        self.world.show("more", session)
        self.world.show("aside", session, play=False)
        self.turn()
        self.assertEqual(len(wire.writes), 1)
        *state, mark = wire.messages()
        self.assertEqual([m["text"] for m in state], ["state", "more", "aside"])
        self.assertEqual(mark, {"type": "mark", "seq": 2})

    def test_a_mark_each_heartbeat(self) -> None:
        """What was sent since is marked within a heartbeat, however much the client says."""
        link, wire, session, _ = self.enter()
        self.world.show("one", session)
        self.turn()
        self.world.show("two", session)
        self.turn()
        self.assertEqual([m["type"] for m in wire.messages()], ["text", "mark", "text"])
        self.chat(link, 24)
        self.assertEqual(wire.messages(), [])
        self.chat(link, 2)
        self.assertEqual(wire.messages(), [{"type": "mark", "seq": 2}])
        self.assertEqual(wire.probes, 0)

    def chat(self, link: JsonLink, seconds: int) -> None:
        """Let a client say something each second that isn't answered."""
        for _ in range(seconds):
            self.send(link, {"type": "occupants", "after": 0})
            self.pass_time(1.0)

    def test_a_mark_is_not_late(self) -> None:
        """A mark comes a heartbeat after the last one, however long the client isn't due."""
        link, wire, session, _ = self.enter()
        self.chat(link, 5)
        self.world.show("one", session)
        self.turn()
        self.chat(link, 20)
        wire.take()
        self.world.show("two", session)
        self.turn()
        self.chat(link, 6)
        self.assertEqual([m["type"] for m in wire.messages()], ["text", "mark"])

    def test_a_mark_waits(self) -> None:
        """Nor is a mark written while the transport is full."""
        link, wire, session, _ = self.enter()
        self.world.show("one", session)
        self.turn()
        self.chat(link, 20)
        self.world.show("two", session)
        self.turn()
        wire.take()
        link.full()
        self.chat(link, 8)
        self.assertEqual(wire.writes, [])
        link.drained()
        self.chat(link, 1)
        self.assertEqual(wire.messages(), [{"type": "mark", "seq": 2}])

    def test_no_mark_for_nothing(self) -> None:
        """Where nothing was sent since the last mark, there is no other."""
        link, wire, session, _ = self.enter()
        self.world.show("one", session)
        self.turn()
        wire.take()
        for _ in range(12):
            self.pass_time(20.0)
            link.answered()
        self.assertEqual(wire.messages(), [])

    def test_carried_later(self) -> None:
        """A burst that comes a heartbeat after the last mark carries one."""
        link, wire, session, _ = self.enter()
        self.world.show("one", session)
        self.turn()
        for _ in range(3):
            self.pass_time(10.0)
            link.answered()
        wire.take()
        self.world.show("two", session)
        self.turn()
        self.assertEqual(
            [m["type"] for m in wire.messages()], ["text", "mark"], "in the same write"
        )
