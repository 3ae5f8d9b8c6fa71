"""
What is refused, what fails and what ends at connections: one line each, with whom it concerns.

Whatever fails costs its own connection at most.
"""

from collections.abc import Callable, Sequence

from attrs import define, evolve
from twisted.logger import LogEvent, LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import CloseCode, WrongCredentials
from mudserver.gateway.admission import Place
from mudserver.gateway.dress import JsonDress
from mudserver.gateway.incidents import ADDRESS_LINES, ALL_LINES, Incidents, Peer
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.seat import Seat
from mudserver.gateway.telnet import TelnetFactory
from mudserver.ids import SessionId
from mudserver.interfaces.authority import LogIn
from mudserver.interfaces.bus import Message
from mudserver.interfaces.play import Refusal
from mudserver.session.outbox import Frame
from mudserver.view.line import View
from tests.unit.gateway.bench import HOME, FakeWire
from tests.unit.gateway.json_links import HELLO, JsonLinkTestCase
from tests.unit.gateway.test_telnet import TelnetTestCase
from tests.unit.gateway.web_bench import Bench

CONTEXT = ("transport", "address", "session", "character")


def about(events: Sequence[LogEvent]) -> list[tuple[object, ...]]:
    """Whom each line concerns."""
    return [tuple(event.get(key) for key in CONTEXT) for event in events]


def refusals(events: Sequence[LogEvent]) -> list[LogEvent]:
    return [event for event in events if "left_out" in event]


def failures(events: Sequence[LogEvent]) -> list[LogEvent]:
    return [event for event in events if event["log_level"] is LogLevel.critical]


@define(eq=False)
class BreakingWire(FakeWire):
    """Breaks where it is told to."""

    breaks: frozenset[str] = frozenset()

    def write(self, data: bytes) -> None:
        if "write" in self.breaks:
            raise ZeroDivisionError
        super().write(data)

    def probe(self) -> None:
        if "probe" in self.breaks:
            raise ZeroDivisionError
        super().probe()


class BreakingBus(LoopbackBus):
    """Can't publish, once it is broken."""

    broken = False

    def publish(
        self, subject: str, message: Message, delivered: Callable[[], None] | None = None
    ) -> None:
        if self.broken:
            raise ZeroDivisionError
        super().publish(subject, message, delivered)


class BreakingPlace(Place):
    """Can't be left."""

    def leave(self) -> None:
        super().leave()
        raise ZeroDivisionError


class BreakingDress(JsonDress):
    """Dresses nothing."""

    def dress(self, view: View) -> Frame:
        raise ZeroDivisionError


class RefusedTest(JsonLinkTestCase):
    """Each refused message is a line, as long as they are few."""

    def test_in_play(self) -> None:
        """A refused message names session, character, address, transport and cause."""
        link, _, session, _ = self.enter()
        with capturedLogs() as events:
            self.send(link, {"type": "command", "text": "x", "secret": "hush"})
        (event,) = refusals(events)
        self.assertEqual(about([event]), [("websocket", HOME.address, session, "Ann")])
        self.assertEqual((event["code"], event["cause"]), ("bad_field", "can't be understood"))
        self.assertNotIn("hush", repr(event))

    def test_first_message(self) -> None:
        """So does a first message that is none, and one whom the world does not let in."""
        link, _ = self.connect()
        with capturedLogs() as events:
            self.send(link, "rubbish")
            link, _ = self.connect()
            self.send(link, HELLO)
            self.world.answer(WrongCredentials("No."))
        self.assertEqual(
            [(event["code"], event["cause"]) for event in refusals(events)],
            [
                ("bad_json", "no first message"),
                ("wrong_credentials", "not let into the world"),
            ],
        )
        self.assertEqual(set(about(refusals(events))), {("websocket", HOME.address, None, None)})

    def test_by_the_world(self) -> None:
        """What the world refuses as too much is a line; that one can't go west is none."""
        _, _, session, _ = self.enter()
        self.typed(session, 2)
        with capturedLogs() as events:
            self.world.settle(session, 1, refusal=Refusal("not_allowed", "No way."))
            self.world.settle(session, 2, refusal=Refusal("rate_limited", "Slow down.", 1.0))
        self.assertEqual([event["code"] for event in refusals(events)], ["rate_limited"])

    def test_a_flood_is_throttled(self) -> None:
        """A flood is ten lines; the next one, later, says how many were left out."""
        link, _, _, _ = self.enter()
        with capturedLogs() as events:
            for _ in range(40):
                self.send(link, "rubbish")
        self.assertEqual(len(refusals(events)), int(ADDRESS_LINES.burst))
        self.pass_time(11.0)
        with capturedLogs() as events:
            self.send(link, "rubbish")
        self.assertEqual([event["left_out"] for event in refusals(events)], [30])

    def test_many_addresses(self) -> None:
        """A flood from everywhere is bounded, too, in lines and in what is remembered of it."""
        incidents = Incidents(self.clock)
        with capturedLogs() as events:
            for number in range(1_000):
                peer = Peer("telnet", f"198.51.{number // 250}.{number % 250}")
                incidents.refused(peer, "too_many_connections", "not let in")
        self.assertEqual(len(refusals(events)), int(ALL_LINES.burst))
        self.pass_time(100.0)
        incidents.refused(Peer("telnet", "192.0.2.9"), "too_many_connections", "not let in")
        self.assertEqual(len(incidents._of_address), 1)


class TurnedAwayTest(TelnetTestCase):
    def test_logged(self) -> None:
        """A connection that is not let in is a line with its address."""
        for _ in range(3):
            self.connect()
        with capturedLogs() as events:
            TelnetFactory.buildProtocol(self.factory, self.connections[0].transport.getPeer())
        self.assertEqual(about(refusals(events)), [("telnet", "192.0.2.1", None, None)])


class HttpTest(SynchronousTestCase):
    """HTTP requests that are refused are lines, too."""

    def test_logged(self) -> None:
        """A page of another origin, and a password that is wrong, with the client's address."""
        bench = Bench()
        bench.world.answers[LogIn] = WrongCredentials("No.")
        forwarded = {"X-Forwarded-For": "192.0.2.8", "X-Forwarded-Proto": "https"}
        with capturedLogs() as events:
            bench.ask("GET", "/", headers={"Origin": "https://evil.example"})
            body = b'{"name": "Ann", "password": "hush-word"}'
            bench.ask("POST", "/api/session", body, headers=forwarded)
            bench.ask("GET", "/")
        self.assertEqual(
            [(event["code"], event["address"]) for event in refusals(events)],
            [("bad_origin", "127.0.0.1"), ("wrong_credentials", "192.0.2.8")],
        )
        self.assertNotIn("hush-word", repr(events))


class ClosedTest(JsonLinkTestCase):
    """Each connection that ends is one line, whatever ended it."""

    def test_causes(self) -> None:
        """It has session, character, address, transport, code and cause."""
        ends = {
            "The peer was reset.": lambda link, _: link.lost("The peer was reset."),
            "Out!": lambda _, session: self.world.end(session),
            "Goodbye.": lambda link, _: self.send(link, {"type": "bye"}),
            "The client closed the connection (1001).": lambda link, _: link.parting(1001, True),
            "You read too slowly.": lambda link, _: link.overflow(),
            "Binary messages aren't spoken here.": lambda link, _: link.received(b"", binary=True),
        }
        for cause, end in ends.items():
            link, _, session, _ = self.enter()
            with capturedLogs() as events:
                end(link, session)
                link.lost("gone")
                link.lost("again")
            closed = [event for event in events if "reason" in event]
            self.assertEqual(about(closed), [("websocket", HOME.address, session, "Ann")])
            self.assertEqual([event["reason"] for event in closed], [cause])

    def test_before_the_log_in(self) -> None:
        """One that carried no session has none in its line."""
        link, _ = self.connect()
        with capturedLogs() as events:
            link.lost("reset")
        self.assertEqual(about(events), [("websocket", HOME.address, None, None)])


class FailedTest(JsonLinkTestCase):
    """A callback that throws is one line, and costs its own connection."""

    def setUp(self) -> None:
        super().setUp()
        self.breaking = BreakingBus(self.clock)
        self.bystander, self.bystanders_wire, self.other, _ = self.enter()

    def tearDown(self) -> None:
        self.breaking.broken = False
        super().tearDown()

    def enter_breaking(
        self, place: Place | None = None
    ) -> tuple[JsonLink, BreakingWire, SessionId]:
        wire = BreakingWire()
        place = place or self.shared.admission.admit(HOME.address)
        link = JsonLink(self.shared, wire, HOME, place)
        self.links.append(link)
        link.accepted()
        link.opened()
        self.send(link, HELLO)
        return link, wire, self.world.admit(name="Bob").session

    def assert_only_it(self, events: Sequence[LogEvent], session: SessionId | None) -> None:
        """Expect one failure, about that session, and that the bystander goes on."""
        failed = failures(events)
        name = None if session is None else "Bob"
        self.assertEqual(about(failed), [("websocket", HOME.address, session, name)])
        self.assertGreater(len(self.flushLoggedErrors()), 0)
        self.world.show("Still here?", self.other)
        self.turn()
        self.assertIn("Still here?", [m.get("text") for m in self.bystanders_wire.messages()])
        self.assertIsNone(self.bystanders_wire.closed)

    def test_deadline(self) -> None:
        """A probe that can't be sent closes 3004."""
        _, wire, session = self.enter_breaking()
        wire.breaks = frozenset({"probe"})
        with capturedLogs() as events:
            self.bystander.answered()
            self.pass_time(24.0)
            self.bystander.answered()
            self.pass_time(1.5)
        self.assertIs(wire.code, CloseCode.INTERNAL_ERROR)
        self.assert_only_it(events, session)

    def test_even_the_goodbye(self) -> None:
        """Where not even the goodbye can be said, the connection is dropped."""
        link, wire, _ = self.enter_breaking()
        wire.breaks = frozenset({"write"})
        with capturedLogs() as events, link.guarded("a test"):
            wire.write(b"")
        self.assertEqual(len(failures(events)), 2)
        self.assertTrue(wire.aborted)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_a_goodbye_of_the_worlds(self) -> None:
        """Whose goodbye can't be said, whoever has asked for it, is let go all the same."""
        _, wire, session = self.enter_breaking()
        wire.breaks = frozenset({"write"})
        with capturedLogs() as events:
            self.world.end(session, CloseCode.KICKED)
        self.assertIs(wire.code, CloseCode.KICKED)
        self.bystander.answered()
        self.pass_time(2.5)
        self.assertTrue(wire.aborted)
        self.assert_only_it(events, session)

    def test_output(self) -> None:
        """Output that can't be made for one is made for the others, of the same event, too."""
        link, wire, session = self.enter_breaking()
        seat = self.shared.switchboard.seat(session)
        assert isinstance(seat, Seat)
        seat.dress = BreakingDress()
        with capturedLogs() as events:
            self.world.show("Hello.", session, self.other)
            self.turn()
        self.assertIs(wire.code, CloseCode.INTERNAL_ERROR)
        self.assertIn("Hello.", [m.get("text") for m in self.bystanders_wire.messages()])
        self.assert_only_it(events, session)
        link.lost("gone")

    def test_output_of_the_link_dead(self) -> None:
        """Nor does it end the others if it fails for one that is link-dead."""
        link, _, session = self.enter_breaking()
        seat = self.shared.switchboard.seat(session)
        assert isinstance(seat, Seat)
        link.lost("reset")
        seat.dress = BreakingDress()
        with capturedLogs() as events:
            self.world.show("Hello.", session, self.other)
        (failed,) = failures(events)
        self.assertEqual((failed["session"], failed["character"]), (session, "Bob"))
        self.turn()
        self.assertIn("Hello.", [m.get("text") for m in self.bystanders_wire.messages()])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_background(self) -> None:
        """An answer of the world that we can't take closes 3004, rather than wait for ever."""
        wire = BreakingWire()
        link = JsonLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address))
        self.links.append(link)
        link.accepted()
        link.opened()
        self.send(link, HELLO)
        with capturedLogs() as events:
            self.world.answer("no such thing")
        self.assertIs(wire.code, CloseCode.INTERNAL_ERROR)
        self.assertEqual(self.meter.counts["background_failures attach"], 1)
        self.assert_only_it(events, None)

    def test_command_in_its_turn(self) -> None:
        """A command that can't be passed on when its turn has come closes 3004."""
        self.breaking.subscribe("world", self.world.messages.append)
        self.breaking.respond("world", self.world._respond)
        self.shared = evolve(self.shared, bus=self.breaking)
        link, wire, session = self.enter_breaking()
        for _ in range(31):
            self.command(link, "look")
        self.breaking.broken = True
        with capturedLogs() as events:
            self.clock.advance(0.2)
        self.assertIs(failures(events)[0]["session"], session)
        self.assertTrue(wire.aborted)  # the world can't be told that the connection is gone, either
        self.breaking.broken = False
        self.assertGreater(len(self.flushLoggedErrors(ZeroDivisionError)), 0)

    def test_the_end(self) -> None:
        """Whatever fails when a connection ends, all else that it held is given back."""
        place = BreakingPlace()
        link, _, session = self.enter_breaking(place)
        present = len(self.shared.roster)
        with capturedLogs() as events:
            link.lost("reset")
        self.assertEqual(len(self.shared.roster), present - 1)
        self.assertEqual([m.session for m in self.world.detached], [session])
        self.assertIn("Connection closed: {code} {reason}", [e["log_format"] for e in events])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class SecretTest(JsonLinkTestCase):
    """No secret ever stands in a log."""

    def test_none(self) -> None:
        """Neither tickets nor passwords, words or resume secrets, refused or not."""
        secrets = ["hush-ticket", "hush-csrf", "hush-word", "hush-token", "hush-line"]
        with capturedLogs() as events:
            link, _ = self.connect()
            self.send(link, {"type": "hello", "ticket": secrets[0], "csrf": secrets[1]})
            self.world.answer(WrongCredentials("No."))
            link, wire = self.connect()
            self.send(link, {"type": "login", "name": "Ann", "password": secrets[2]})
            self.world.admit()
            (welcome,) = wire.messages()
            secrets.append(welcome["resume"])
            self.send(link, {"type": "refresh", "token": secrets[3]})
            self.world.answer(WrongCredentials("No."))
            self.send(link, {"type": "refresh", "token": secrets[3]})
            self.world.answer(ZeroDivisionError())
            for _ in range(200):
                self.command(link, secrets[4])
            self.send(link, {"type": "login", "name": "Ann", "password": secrets[2]})
            self.send(link, '{"type": "login", "password": "' + secrets[2])
            link.lost("reset")
        said = repr(events)
        for secret in secrets:
            self.assertNotIn(secret, said)
        self.assertIn("Connection closed", said)
        self.flushLoggedErrors(ZeroDivisionError)
