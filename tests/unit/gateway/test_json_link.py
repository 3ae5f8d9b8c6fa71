"""A link of ``mud.v1.json``, from hello to goodbye."""

import json
from hashlib import sha256
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred

from mudserver.errors import (
    Banned,
    CloseCode,
    NotAuthenticated,
    TooManyTries,
    Unavailable,
    WrongCredentials,
)
from mudserver.gateway.json_link import RECONNECT_SPREAD, JsonLink
from mudserver.gateway.seat import Seat
from mudserver.gateway.shared import LinkLimits
from mudserver.ids import InputNumber, SessionId, TokenHash
from mudserver.interfaces.authority import PasswordCredential, Refresh, TicketCredential, Transport
from mudserver.interfaces.continuity import InputsWanted, StatesWanted
from mudserver.interfaces.play import (
    Attach,
    Detached,
    Expiring,
    OccupantsWanted,
    PasswordWanted,
    Refusal,
)
from mudserver.session.outbox import OutboxLimits
from mudserver.session.unsettled import ANSWERED
from mudserver.tasks import MAX_TASKS
from tests.unit.gateway.bench import GATEWAY, HOME, FakeWire, GatewayTestCase, attended

LIMITS = LinkLimits()
HELLO = {"type": "hello", "ticket": "t", "csrf": "c"}


class JsonLinkTestCase(GatewayTestCase):
    """Links that speak ``mud.v1.json``, and their wires."""

    def connect(self, opened: bool = True) -> tuple[JsonLink, FakeWire]:
        wire = FakeWire()
        link = JsonLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address))
        self.links.append(link)
        link.accepted()
        if opened:
            link.opened()
        return link, wire

    def send(self, link: JsonLink, message: dict[str, Any] | str | bytes, **fields: object) -> None:
        if isinstance(message, dict):
            message = json.dumps(message | fields)
        data = message.encode() if isinstance(message, str) else message
        link.received(data, binary=False)

    def command(self, link: JsonLink, text: str, id: str | None = None) -> None:
        fields = {} if id is None else {"id": id}
        self.send(link, {"type": "command", "text": text} | fields)

    def enter(self) -> tuple[JsonLink, FakeWire, SessionId, dict[str, Any]]:
        """Bring a player in; returns the welcome, too."""
        link, wire = self.connect()
        self.send(link, HELLO)
        session = self.world.admit().session
        (welcome,) = wire.messages()
        return link, wire, session, welcome

    def come_back(
        self, welcome: dict[str, Any], seq: int, secret: str | None = None
    ) -> tuple[JsonLink, FakeWire]:
        """Connect again and ask to resume."""
        link, wire = self.connect()
        resume = {
            "session": welcome["session"],
            "secret": welcome["resume"] if secret is None else secret,
            "seq": seq,
        }
        self.send(link, HELLO, resume=resume)
        return link, wire

    def asked(self) -> Attach:
        """The newest request to be let in."""
        request = self.world.requests[-1]
        assert isinstance(request, Attach)
        return request

    def seat(self, session: SessionId) -> Seat:
        seat = self.shared.switchboard.seat(session)
        assert seat is not None
        return seat


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


class ResumeTest(JsonLinkTestCase):
    """A client that lost its connection goes on where it was."""

    limits = evolve(LIMITS, outbox=OutboxLimits(replay_messages=5))

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, self.welcome = self.enter()
        self.show("1", "2")
        self.wire.take()

    def show(self, *texts: str) -> None:
        for text in texts:
            self.world.show(text, self.session)
        self.turn()

    def test_recovered(self) -> None:
        """What was missed follows exactly, then the mark; the new secret is another."""
        self.link.lost("reset")
        self.show("3", "4")
        _, wire = self.come_back(self.welcome, seq=1)
        self.assertEqual(self.asked().resume, self.session)
        self.world.admit(generation=2, recovered=True)
        welcome, *missed, mark = wire.messages()
        self.assertEqual((welcome["recovered"], welcome["seq"]), (True, 1))
        self.assertEqual(welcome["session"], self.session)
        self.assertNotEqual(welcome["resume"], self.welcome["resume"])
        self.assertEqual([m["text"] for m in missed], ["2", "3", "4"])
        self.assertEqual(mark, {"type": "mark", "seq": 4})
        self.show("5")
        self.assertEqual([m.get("text") for m in wire.messages()], ["5"])
        self.assertEqual(self.meter.counts["resumes recovered"], 1)

    def test_nothing_missed(self) -> None:
        """Who missed nothing gets the welcome and the mark."""
        self.link.lost("reset")
        _, wire = self.come_back(self.welcome, seq=2)
        self.world.admit(generation=2, recovered=True)
        self.assertEqual([m["type"] for m in wire.messages()], ["welcome", "mark"])

    def test_no_longer_given_up(self) -> None:
        """A session that was resumed stays, however long ago its connection was lost."""
        self.link.lost("reset")
        link, wire = self.come_back(self.welcome, seq=2)
        self.world.admit(generation=2, recovered=True)
        for _ in range(15):
            self.pass_time(10.0)
            link.answered()
        wire.take()
        self.show("3")
        self.assertEqual([m.get("text") for m in wire.messages()], ["3", None])

    def test_inputs_go_on(self) -> None:
        """Inputs keep their numbers, and name the new attachment."""
        self.command(self.link, "one")
        self.link.lost("reset")
        link, _ = self.come_back(self.welcome, seq=2)
        self.world.admit(generation=2, recovered=True)
        self.command(link, "two")
        self.assertEqual(
            [(i.number, i.generation) for i in self.world.inputs[-2:]], [(1, 2), (2, 2)]
        )

    def test_shown_while_authenticating(self) -> None:
        """What is shown while the world looks is missed, too, and replayed in its place."""
        self.link.lost("reset")
        _, wire = self.come_back(self.welcome, seq=2)
        self.show("3")
        self.world.show("4", self.session)  # in the turn in which the world lets it in
        self.world.admit(generation=2, recovered=True)
        self.turn()
        texts = [m.get("text", m["type"]) for m in wire.messages()]
        self.assertEqual(texts, ["welcome", "3", "mark", "4"])

    def test_gone_while_authenticating(self) -> None:
        """
        Where the new connection is gone when the world lets it in, the old one goes, too.

        The world heeds it no more; the session can be gone on with by a third.
        """
        link, _ = self.come_back(self.welcome, seq=2)
        link.lost("reset")
        self.world.admit(generation=2, recovered=True)
        self.assertEqual(
            [(d.generation, d.quit) for d in self.world.detached], [(1, False), (2, False)]
        )
        self.assertIs(self.wire.code, CloseCode.PLAYING_ELSEWHERE)
        self.link.lost("closed")
        self.show("3")
        _, wire = self.come_back(self.welcome, seq=2)
        self.world.admit(generation=3, recovered=True)
        self.assertEqual([m.get("text") for m in wire.messages()], [None, "3", None])

    def test_wrong_secret(self) -> None:
        """A wrong secret resumes nothing: the world decides, and sends full state."""
        self.link.lost("reset")
        _, wire = self.come_back(self.welcome, seq=2, secret="wrong")
        self.assertIsNone(self.asked().resume)
        self.world.admit()
        (welcome,) = wire.messages()
        self.assertEqual((welcome["recovered"], welcome["seq"]), (False, 0))
        self.assertEqual(self.meter.counts["resumes refused"], 1)

    def test_unknown_session(self) -> None:
        """So does a session that isn't here."""
        self.link.lost("reset")
        self.come_back(self.welcome | {"session": "nobody"}, seq=2)
        self.assertIsNone(self.asked().resume)
        self.world.admit()

    def test_gap(self) -> None:
        """A client that missed more than is kept gets full state."""
        self.link.lost("reset")
        self.show("3", "4", "5", "6", "7")
        self.come_back(self.welcome, seq=1)
        self.assertIsNone(self.asked().resume)
        self.assertEqual(self.meter.counts["resumes gap"], 1)
        self.world.admit()

    def test_from_the_future(self) -> None:
        """So does one that claims to have seen more than was sent."""
        self.link.lost("reset")
        self.come_back(self.welcome, seq=3)
        self.assertIsNone(self.asked().resume)
        self.world.admit()

    def test_the_gap_opens_while_authenticating(self) -> None:
        """Where what was missed is gone when the world lets it in, the client comes once more."""
        self.link.lost("reset")
        _, wire = self.come_back(self.welcome, seq=1)
        self.show("3", "4", "5", "6", "7")
        self.world.admit(generation=2, recovered=True)
        self.assertIs(wire.code, CloseCode.TRY_LATER)
        self.assertEqual([m["type"] for m in wire.messages()], ["closing"])
        self.assertEqual(self.world.detached[-1], Detached(self.session, 2, quit=False))  # type: ignore[arg-type]
        self.assertEqual(len(self.shared.switchboard), 0)
        self.come_back(self.welcome, seq=1)
        self.assertIsNone(self.asked().resume)
        self.world.admit(generation=3)

    def test_the_window_closes_while_authenticating(self) -> None:
        """So does one whose session was given up meanwhile: it isn't attached to nothing."""
        self.link.lost("reset")
        self.pass_time(self.limits.resume - 1.0)
        _, wire = self.come_back(self.welcome, seq=2)
        self.pass_time(2.0)
        self.assertEqual(len(self.shared.switchboard), 0)
        self.world.admit(generation=2, recovered=True)
        self.assertIs(wire.code, CloseCode.TRY_LATER)

    def test_after_the_window(self) -> None:
        """After the window there is nothing to resume."""
        self.link.lost("reset")
        self.pass_time(self.limits.resume + 1.0)
        self.come_back(self.welcome, seq=2)
        self.assertIsNone(self.asked().resume)
        self.world.admit()

    def test_old_secret(self) -> None:
        """The old secret works until the client, having the new one, sends its next message."""
        self.link.lost("reset")
        link, _ = self.come_back(self.welcome, seq=2)
        self.world.admit(generation=2, recovered=True)
        link.lost("the welcome was lost, too")
        link, wire = self.come_back(self.welcome, seq=2)
        self.assertEqual(self.asked().resume, self.session)
        self.world.admit(generation=3, recovered=True)
        newest = wire.messages()[0]
        self.send(link, {"type": "ping"})
        link.lost("reset")
        self.come_back(self.welcome, seq=2)
        self.assertIsNone(self.asked().resume)
        self.world.answer(Unavailable("Later."))
        self.come_back(newest, seq=2)
        self.assertEqual(self.asked().resume, self.session)
        self.world.admit(generation=4, recovered=True)

    def test_early_messages_don_t_end_the_old_secret(self) -> None:
        """What the client sent before the welcome doesn't prove that it has the new secret."""
        self.link.lost("reset")
        link, _ = self.come_back(self.welcome, seq=2)
        self.command(link, "look")
        self.world.admit(generation=2, recovered=True)
        link.lost("the welcome was lost")
        self.come_back(self.welcome, seq=2)
        self.assertEqual(self.asked().resume, self.session)
        self.world.admit(generation=3, recovered=True)

    def test_inputs_again(self) -> None:
        """What has no answer yet is sent again as that of the new attachment, before what is
        typed now.
        """
        self.command(self.link, "one")
        self.command(self.link, "two")
        self.world.settle(self.session, 1)
        self.link.lost("reset")
        before = len(self.world.inputs)
        link, _ = self.come_back(self.welcome, seq=2)
        self.command(link, "three")
        self.world.admit(generation=2, recovered=True)
        self.assertEqual(
            [(i.generation, i.number, i.text) for i in self.world.inputs[before:]],
            [(2, 2, "two"), (2, 3, "three")],
        )

    def test_gapped(self) -> None:
        """Who comes back and was not told of a gap is told, and gets full state."""
        self.link.lost("reset")
        self.seat(self.session).play.gapped = True
        _, wire = self.come_back(self.welcome, seq=2)
        self.world.admit(generation=2, recovered=True)
        self.assertEqual(
            [(m["type"], m["seq"]) for m in wire.messages()],
            [("welcome", 2), ("gap", 2), ("mark", 2)],
        )
        self.assertEqual(self.world.messages[-1], StatesWanted(GATEWAY, (self.session,)))
        self.assertFalse(self.seat(self.session).play.gapped)

    def test_half_open(self) -> None:
        """An old connection that still seems to stand is closed, and keeps nothing back."""
        self.wire.take()
        self.link.full()
        self.show("3")
        _, wire = self.come_back(self.welcome, seq=2)
        self.world.admit(generation=2, recovered=True)
        self.assertIs(self.wire.code, CloseCode.PLAYING_ELSEWHERE)
        self.turn()
        self.assertEqual([m.get("text") for m in wire.messages()], [None, None, "3"])
        self.link.lost("at last")
        self.assertEqual(self.world.detached, [])
        self.show("4")
        self.assertEqual([m.get("text") for m in wire.messages()], ["4"])

    def test_taken_over(self) -> None:
        """Where the world made another session of it, the old one ends and nothing is replayed."""
        self.link.lost("reset")
        self.show("3")
        _, wire = self.come_back(self.welcome, seq=2)
        session = self.world.admit(recovered=False).session
        self.world.end(self.session, CloseCode.PLAYING_ELSEWHERE)
        self.assertNotEqual(session, self.session)
        (welcome,) = wire.messages()
        self.assertEqual((welcome["recovered"], welcome["session"]), (False, session))
        self.assertIsNone(self.shared.switchboard.seat(self.session))


class PlayTest(JsonLinkTestCase):
    """Messages of a player who is in."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, _ = self.enter()

    def told(self) -> list[dict[str, Any]]:
        """All messages of control that came since the last time."""
        self.turn()
        return [m for m in self.wire.messages() if m["type"] not in ("text", "mark")]

    def test_commands(self) -> None:
        """Commands reach the world numbered, with their ids."""
        self.command(self.link, "look")
        self.command(self.link, "say hi", "c2")
        self.assertEqual(
            [(i.session, i.generation, i.number, i.text, i.command) for i in self.world.inputs],
            [(self.session, 1, 1, "look", None), (self.session, 1, 2, "say hi", "c2")],
        )

    def test_wanted_again(self) -> None:
        """Commands that the world misses are sent again, in order and without holes."""
        for text in ("one", "two", "three", "four"):
            self.command(self.link, text, text)
        self.world.settle(self.session, 3, "three")
        before = len(self.world.inputs)
        self.world.send(InputsWanted(self.session, InputNumber(1)))
        self.world.send(InputsWanted(SessionId("x"), InputNumber(0)))
        self.assertEqual(
            [(i.number, i.text, i.command) for i in self.world.inputs[before:]],
            [(2, "two", "two"), (3, "three", "three"), (4, "four", "four")],
        )

    def test_too_many_unsettled(self) -> None:
        """While too many commands have no answer, further ones are refused by their ids."""
        self.typed(self.session, ANSWERED.items)
        self.command(self.link, "look", "c1")
        self.assertEqual(self.world.inputs, [])
        (error,) = self.told()
        self.assertEqual((error["code"], error["id"]), ("rate_limited", "c1"))
        self.world.settle(self.session, 1)
        self.command(self.link, "look", "c2")
        self.assertEqual([i.number for i in self.world.inputs], [ANSWERED.items + 1])

    def test_gap(self) -> None:
        """That something was lost is told with the count of what was sent, behind all that."""
        self.turn()
        self.wire.take()
        self.world.show("one", self.session)
        self.link.gap()
        self.world.show("two", self.session)
        self.turn()
        told = [(m["type"], m.get("seq")) for m in self.wire.messages() if m["type"] != "mark"]
        self.assertEqual(told, [("text", None), ("gap", 1), ("text", None)])

    def test_gap_of_a_slow_reader(self) -> None:
        """Where what waits can't be written yet, it is counted behind the gap."""
        self.turn()
        self.wire.take()
        self.link.full()
        self.world.show("one", self.session)
        self.link.gap()
        self.link.drained()
        self.turn()
        self.assertEqual([m["type"] for m in self.wire.messages()][:2], ["gap", "text"])

    def test_ack(self) -> None:
        """A settled command with an id is acknowledged; one without is not."""
        self.typed(self.session, 2)
        self.world.settle(self.session, 1, "c1")
        self.world.settle(self.session, 2)
        self.assertEqual(self.told(), [{"type": "ack", "id": "c1"}])

    def test_ack_after_output(self) -> None:
        """What a command shows comes before its ack."""
        self.typed(self.session, 1)
        self.world.show("You wave.", self.session)
        self.world.settle(self.session, 1, "c1")
        self.turn()
        self.assertEqual([m["type"] for m in self.wire.messages()], ["text", "ack", "mark"])

    def test_error(self) -> None:
        """A refused command gets an error instead, which counts as the world counted it."""
        self.typed(self.session, 1)
        self.world.settle(self.session, 1, "c1", Refusal("no_such_thing", "What?", 3.0))
        self.assertEqual(
            self.told(),
            [
                {
                    "type": "error",
                    "code": "no_such_thing",
                    "message": "What?",
                    "id": "c1",
                    "retry_after": 3.0,
                }
            ],
        )

    def test_bad_messages(self) -> None:
        """A message that can't be understood gets an error; the connection stays."""
        for message, code in (
            ("not JSON", "bad_json"),
            ('{"type": "fly"}', "bad_type"),
            ('{"type": "command", "text": "x", "more": 1}', "bad_field"),
            ('{"type": "command", "text": "' + "x" * 2_001 + '"}', "too_long"),
            ("[" * 11 + "]" * 11, "too_deep"),
            (json.dumps(HELLO), "bad_type"),
        ):
            self.send(self.link, message)
            (error,) = self.told()
            self.assertEqual((error["type"], error["code"]), ("error", code))
            self.assertGreater(self.meter.counts[f"refusals {code}"], 0)
        self.assertIsNone(self.wire.closed)

    def test_too_many_bad_messages(self) -> None:
        """Fifty refusals are borne; the next closes 3013. Hello again is one of them."""
        for _ in range(50):
            self.send(self.link, HELLO)
        self.assertIsNone(self.wire.closed)
        self.send(self.link, "not JSON")
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_refusals_are_forgiven(self) -> None:
        """Whoever is refused now and then may stay."""
        for _ in range(120):
            self.send(self.link, "not JSON")
            self.pass_time(1.0)
            self.link.answered()
        self.assertIsNone(self.wire.closed)

    def test_binary(self) -> None:
        """A binary message closes 1003."""
        self.link.received(b"{}", binary=True)
        self.assertIs(self.wire.code, CloseCode.UNSUPPORTED_DATA)

    def test_ping(self) -> None:
        """A ping gets a pong with its id."""
        self.send(self.link, {"type": "ping", "id": "p1"})
        self.send(self.link, {"type": "ping"})
        self.assertEqual(self.told(), [{"type": "pong", "id": "p1"}, {"type": "pong"}])

    def test_occupants(self) -> None:
        """The next page of occupants is asked of the world."""
        self.send(self.link, {"type": "occupants", "after": 7})
        self.assertEqual(self.world.messages, [OccupantsWanted(self.session, 1, 7)])  # type: ignore[arg-type]

    def test_password_wanted(self) -> None:
        """A client with forms is told how to change the password in one line."""
        self.world.send(PasswordWanted(self.session))
        (error,) = self.told()
        self.assertEqual(error["code"], "not_allowed")
        self.assertIn("password OLD NEW", error["message"])

    def test_bye(self) -> None:
        """A goodbye closes 1000 and leaves no link-dead session."""
        self.send(self.link, {"type": "bye"})
        self.assertIs(self.wire.code, CloseCode.NORMAL)
        self.assertEqual(self.world.detached, [Detached(self.session, 1, quit=True)])  # type: ignore[arg-type]
        self.assertEqual(len(self.shared.switchboard), 0)
        self.assertEqual(self.told()[-1]["code"], 1000)

    def test_after_the_goodbye(self) -> None:
        """What still comes after a goodbye is ignored, and costs nothing."""
        self.send(self.link, {"type": "bye"})
        before = self.meter.counts.copy()
        self.command(self.link, "say still here")
        self.send(self.link, "not JSON")
        self.link.received(b"", binary=True)
        self.assertEqual(self.world.texts, [])
        self.assertEqual(self.meter.counts, before)

    def test_ended(self) -> None:
        """A session that the world ends closes with its code, after all that waited."""
        self.world.show("Last words.", self.session)
        self.world.end(self.session, CloseCode.KICKED, "Out!")
        shown, closing = self.wire.messages()
        self.assertEqual(shown["text"], "Last words.")
        self.assertEqual(closing, {"type": "closing", "code": 3503, "reason": "Out!"})
        self.assertEqual(self.wire.closed, (CloseCode.KICKED, "Out!"))
        self.assertEqual(self.world.detached, [])
        self.assertEqual(len(self.shared.switchboard), 0)

    def test_lost(self) -> None:
        """A lost connection is told to the world, and the session waits to be resumed."""
        self.link.lost("reset")
        self.assertEqual(self.world.detached, [Detached(self.session, 1, quit=False)])  # type: ignore[arg-type]
        self.assertEqual(len(self.shared.roster), 0)
        self.assertEqual(len(self.shared.switchboard), 1)
        self.assertEqual(len(self.shared.reaper), 1)  # the session; the link waits for nothing
        self.assertEqual(self.meter.counts["closes websocket lost"], 1)
        self.link.lost("again")
        self.link.full()
        self.assertEqual(len(self.world.detached), 1)
        self.assertEqual(len(self.shared.reaper), 1)

    def test_closed_by_the_peer(self) -> None:
        """A peer that closes is link-dead; one that lingers is dropped."""
        self.link.parting(1001, by_peer=True)
        self.assertEqual(self.world.detached, [Detached(self.session, 1, quit=False)])  # type: ignore[arg-type]
        self.pass_time(2.5)
        self.assertTrue(self.wire.aborted)
        self.link.lost("gone")
        self.assertEqual(self.meter.counts["closes websocket 1000"], 1)

    def test_faults_that_the_transport_finds(self) -> None:
        """A goodbye by which the transport answers a fault is the reason that counts."""
        for code, counted in ((1009, 1009), (1007, 1007), (1002, 1002), (1011, 1002)):
            link, _, _, _ = self.enter()
            link.parting(code, by_peer=False)
            before = self.meter.counts[f"closes websocket {counted}"]
            link.lost("gone")
            self.assertEqual(self.meter.counts[f"closes websocket {counted}"], before + 1)

    def test_abort(self) -> None:
        """Whoever doesn't leave within two seconds of our goodbye is dropped."""
        self.link.close(CloseCode.RESTART, "Later.")
        self.pass_time(1.5)
        self.assertFalse(self.wire.aborted)
        self.pass_time(1.0)
        self.assertTrue(self.wire.aborted)

    def test_first_reason_counts(self) -> None:
        """One goodbye is said, whatever comes after it."""
        self.link.close(CloseCode.KICKED, "Out!")
        self.link.close(CloseCode.RESTART, "Later.")
        self.world.end(self.session, CloseCode.REVOKED)
        self.assertEqual(len(self.told()), 1)
        self.assertIs(self.wire.code, CloseCode.KICKED)

    def test_failed_output(self) -> None:
        """A connection to which output was lost closes 3004 rather than go on with a hole."""
        try:
            int("one")
        except ValueError:
            self.link.crashed("output")
        self.assertIs(self.wire.code, CloseCode.INTERNAL_ERROR)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class RefreshTest(JsonLinkTestCase):
    """A client extends its session."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, _ = self.enter()

    def told(self) -> dict[str, Any]:
        self.turn()
        (message,) = self.wire.messages()
        return message

    def test_refreshed(self) -> None:
        """The world's answer is told."""
        self.send(self.link, {"type": "refresh", "ticket": "t"})
        self.assertEqual(self.world.answer(attended()), Refresh(self.session, None, "t"))
        self.assertEqual(self.told(), {"type": "refreshed", "expires": "2026-01-02T03:04:05Z"})

    def test_remembered(self) -> None:
        """What the session rests on from then on is what the next world is told."""
        later = evolve(attended(), token=TokenHash("beef"))
        self.send(self.link, {"type": "refresh", "ticket": "t"})
        self.world.answer(later)
        self.assertEqual(self.seat(self.session).player.attended, later)

    def test_refused(self) -> None:
        """So is its refusal, and that it is away."""
        self.send(self.link, {"type": "refresh", "token": "t"})
        self.world.answer(NotAuthenticated("No."))
        self.assertEqual(self.told()["code"], "not_authenticated")
        self.send(self.link, {"type": "refresh", "token": "t"})
        self.world.answer(Unavailable("Away.", retry_after=5.0))
        told = self.told()
        self.assertEqual((told["code"], told["retry_after"]), ("unavailable", 5.0))
        self.assertIsNone(self.wire.closed)

    def test_expiring(self) -> None:
        """A warning of the world is told."""
        self.world.send(Expiring(self.session, 300.0))
        self.assertEqual(self.told(), {"type": "expiring", "in": 300.0})

    def test_refusals_are_charged(self) -> None:
        """Whoever goes on to refresh by what is worth nothing is closed 3013."""
        for _ in range(51):
            self.send(self.link, {"type": "refresh", "token": "t"})
            self.world.answer(NotAuthenticated("No."))
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_one_at_a_time(self) -> None:
        """A client has one refresh under way, so that it can't fill the background with them."""
        for _ in range(10):
            self.send(self.link, {"type": "refresh", "ticket": "t"})
        self.assertEqual(len(self.shared.tasks), 1)
        self.world.answer(attended())
        self.send(self.link, {"type": "refresh", "ticket": "t"})
        self.assertEqual(len(self.shared.tasks), 1)
        self.world.answer(attended())

    def test_lost_meanwhile(self) -> None:
        """An answer that comes when the connection is gone is nobody's."""
        self.send(self.link, {"type": "refresh", "ticket": "t"})
        self.link.lost("reset")
        self.world.answer(attended())
        self.assertEqual(self.wire.writes, [])


class PacingTest(JsonLinkTestCase):
    """Commands pass at a steady rate."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, _ = self.enter()

    def paste(self, amount: int) -> None:
        for number in range(amount):
            self.command(self.link, f"go {number}", f"c{number}")

    def test_burst(self) -> None:
        """Thirty pass at once, the excess in its turn: ten a second, in order."""
        self.paste(60)
        self.assertEqual(len(self.world.inputs), 30)
        self.clock.pump([0.03] * 34)
        self.assertEqual(len(self.world.inputs), 40)
        self.clock.pump([0.03] * 100)
        self.assertEqual(self.world.texts, [f"go {number}" for number in range(60)])

    def test_refused(self) -> None:
        """What finds a hundred waiting is refused, with when to try again."""
        self.paste(132)
        self.turn()
        errors = self.wire.messages()
        self.assertEqual([error["id"] for error in errors], ["c130", "c131"])
        self.assertEqual({error["code"] for error in errors}, {"rate_limited"})
        self.assertAlmostEqual(errors[0]["retry_after"], 0.1)
        self.assertIsNone(self.wire.closed)

    def test_bytes_wait_too(self) -> None:
        """Sixteen KiB may wait, counted in bytes as they are in UTF-8."""
        self.paste(30)
        for _ in range(5):
            self.command(self.link, "ü" * 2_000)
        self.turn()
        self.assertEqual(len(self.wire.messages()), 1)

    def test_too_many_refusals(self) -> None:
        """Whoever goes on after fifty refusals is closed 3013, and what waited is forgotten."""
        self.paste(130 + 50)
        self.assertIsNone(self.wire.closed)
        self.paste(1)
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)
        self.pass_time(20.0)
        self.assertEqual(len(self.world.inputs), 30)

    def test_lost(self) -> None:
        """What waited when the connection was lost is not done."""
        self.paste(40)
        self.link.lost("reset")
        self.pass_time(10.0)
        self.assertEqual(len(self.world.inputs), 30)

    def test_out_of_band(self) -> None:
        """Two hundred other messages pass at once; the excess is refused, then closed 3013."""
        for number in range(201):
            self.send(self.link, {"type": "ping", "id": str(number)})
        self.turn()
        *pongs, error = self.wire.messages()
        self.assertEqual(len(pongs), 200)
        self.assertEqual((error["code"], error["id"]), ("rate_limited", "200"))
        self.assertAlmostEqual(error["retry_after"], 1 / 50)
        for _ in range(50):
            self.send(self.link, {"type": "occupants", "after": 0})
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)
        self.assertEqual(self.world.messages[:-1], [])

    def test_out_of_band_leaves_commands_alone(self) -> None:
        """Other messages don't use up what commands may."""
        for _ in range(200):
            self.send(self.link, {"type": "ping"})
        self.paste(30)
        self.assertEqual(len(self.world.inputs), 30)

    def test_pongs(self) -> None:
        """Pongs that nobody asked for are charged like pings."""
        for _ in range(200):
            self.link.ponged()
        self.assertIsNone(self.wire.closed)
        for _ in range(51):
            self.link.ponged()
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_ping_frames(self) -> None:
        """Ping frames are charged like other messages, and a flood of them closes."""
        for _ in range(200):
            self.link.pinged(b"x")
        self.assertIsNone(self.wire.closed)
        self.assertEqual(self.meter.counts["refusals rate_limited"], 0)
        for _ in range(51):
            self.link.pinged(b"x")
        self.assertEqual(self.wire.take().count(b"\x8a\x01x"), 200)
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)


class HeartbeatTest(JsonLinkTestCase):
    """A peer that gives no sign of life is gone."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, _ = self.enter()

    def test_probe_and_expiry(self) -> None:
        """After 25 s of silence (less the jitter) a probe, ten more seconds later 3012."""
        self.pass_time(23.5)
        self.assertEqual(self.wire.probes, 0)
        self.pass_time(1.5)
        self.assertEqual(self.wire.probes, 1)
        self.pass_time(8.5)
        self.assertIsNone(self.wire.closed)
        self.pass_time(1.0)
        self.assertIs(self.wire.code, CloseCode.NO_PONG)

    def test_answers(self) -> None:
        """Whoever answers stays."""
        for _ in range(20):
            self.pass_time(10.0)
            if self.wire.probes:
                self.link.answered()
                self.wire.probes = 0
        self.assertIsNone(self.wire.closed)

    def test_words_are_no_answer(self) -> None:
        """A client that sends but doesn't read what it is sent is gone all the same."""
        self.pass_time(25.0)
        self.assertEqual(self.wire.probes, 1)
        for _ in range(11):
            self.send(self.link, {"type": "ping"})
            self.pass_time(1.0)
        self.assertIs(self.wire.code, CloseCode.NO_PONG)


class StallTest(JsonLinkTestCase):
    """A client that doesn't read loses its connection."""

    limits = evolve(LIMITS, outbox=OutboxLimits(pending=1_000))

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, self.welcome = self.enter()

    def test_held_back(self) -> None:
        """While the transport is full nothing is written; then all of it at once."""
        self.link.full()
        for text in ("1", "2"):
            self.world.show(text, self.session)
            self.turn()
        self.assertEqual(self.wire.writes, [])
        self.link.pinged(b"x")
        self.turn()
        self.assertEqual(self.wire.writes, [])
        self.link.drained()
        self.turn()
        self.assertEqual(len(self.wire.writes), 1)
        self.assertIn(b"\x8a\x01x", self.wire.writes[0])
        self.wire.writes[0] = self.wire.writes[0].replace(b"\x8a\x01x", b"")
        self.assertEqual([m.get("text") for m in self.wire.messages()], ["1", "2", None])

    def test_ten_seconds(self) -> None:
        """Ten seconds unread close 3008, and two more abort."""
        self.link.full()
        self.pass_time(5.0)
        self.link.full()  # to say it twice starts nothing anew
        self.pass_time(4.5)
        self.assertIsNone(self.wire.closed)
        self.pass_time(1.0)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)
        self.pass_time(2.5)
        self.assertTrue(self.wire.aborted)
        self.assertEqual(self.meter.counts["outbox_overflows websocket"], 1)

    def test_read_in_time(self) -> None:
        """Whoever reads in time stays."""
        for _ in range(5):
            self.link.full()
            self.pass_time(8.0)
            self.link.drained()
            self.link.answered()
        self.assertIsNone(self.wire.closed)

    def test_overflow(self) -> None:
        """More waiting bytes than may close at once; they are kept, uncut, for a resume."""
        self.link.full()
        self.world.show("x" * 900, self.session)
        self.assertIsNone(self.wire.closed)
        self.world.show("y" * 900, self.session)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)
        self.assertEqual([m["type"] for m in self.wire.messages()], ["closing"])
        self.link.lost("aborted")
        self.turn()
        _, wire = self.come_back(self.welcome, seq=0)
        self.world.admit(generation=2, recovered=True)
        _, first, second, mark = wire.messages()
        self.assertEqual((first["text"][0], second["text"][0], mark["seq"]), ("x", "y", 2))
