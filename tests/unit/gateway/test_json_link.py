"""A link of ``mud.v1.json`` in play, until the goodbye."""

import json
from typing import Any

from attrs import evolve

from mudserver.errors import CloseCode, NotAuthenticated, Unavailable
from mudserver.ids import InputNumber, SessionId, TokenHash
from mudserver.interfaces.authority import Refresh
from mudserver.interfaces.continuity import InputsWanted
from mudserver.interfaces.play import Detached, Expiring, OccupantsWanted, PasswordWanted, Refusal
from mudserver.session.unsettled import ANSWERED
from tests.unit.gateway.bench import attended
from tests.unit.gateway.json_links import HELLO, JsonLinkTestCase


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
