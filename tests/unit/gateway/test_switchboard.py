"""The switchboard leads from the bus to connections."""

import json

from attrs import define, evolve, field
from twisted.logger import capturedLogs

from mudserver.errors import CloseCode
from mudserver.gateway.dress import JsonDress, TerminalDress
from mudserver.gateway.seat import Seat
from mudserver.gateway.switchboard import HOLD_BYTES, HOLD_SECONDS, Switchboard
from mudserver.ids import InputNumber, SessionId
from mudserver.interfaces.bus import Message, gateway_subject
from mudserver.interfaces.play import Ended, EventId, PasswordWanted, Refusal, Settled, Show
from mudserver.session.outbox import Frame, Outbox, OutboxLimits
from mudserver.session.session import Play, Stage, session_machine
from mudserver.session.showings import MAX_SHOWINGS
from mudserver.view.line import View
from tests.unit.gateway.bench import GATEWAY, GatewayTestCase, player, unframe, view


@define(eq=False)
class Carrier:
    """Remembers what it was told."""

    writable: bool = True
    bursts: list[list[bytes]] = field(factory=list)
    told: list[object] = field(factory=list)

    def carry(self, burst: list[bytes]) -> None:
        self.bursts.append(burst)

    def overflow(self) -> None:
        self.told.append("overflow")

    def crashed(self, doing: str) -> None:
        self.told.append(f"crashed: {doing}")

    def settled(self, settled: Settled) -> None:
        self.told.append(settled)

    def ended(self, ended: Ended) -> None:
        self.told.append(ended)

    def replaced(self) -> None:
        self.told.append("replaced")

    def outrun(self) -> None:
        self.told.append("outrun")

    def expiring(self, seconds: float) -> None:
        self.told.append(seconds)

    def password_wanted(self) -> None:
        self.told.append("password")

    def gap(self) -> None:
        self.told.append("gap")


class BrokenCarrier(Carrier):
    """Can't write."""

    def carry(self, burst: list[bytes]) -> None:
        raise ZeroDivisionError


class CountingDress(JsonDress):
    """Counts how often it dresses."""

    dressed = 0

    def dress(self, view: View) -> Frame:
        type(self).dressed += 1
        return super().dress(view)

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CountingDress)


class Unknown(Message):
    """Nothing for a gateway."""


class SwitchboardTest(GatewayTestCase):
    def setUp(self) -> None:
        super().setUp()
        CountingDress.dressed = 0
        self.board = self.shared.switchboard

    def tearDown(self) -> None:
        for seat in tuple(self.board._seats.values()):
            self.board.remove(seat)
        super().tearDown()

    def seat(
        self,
        name: str,
        dress: JsonDress | TerminalDress | None = None,
        carrier: Carrier | None = None,
        limits: OutboxLimits | None = None,
    ) -> tuple[Seat, Carrier]:
        play = Play(SessionId(name), Outbox(limits or OutboxLimits()))
        seat = self.board.add(play, session_machine(play), dress or JsonDress(), player())
        seat.carrier = carrier = carrier or Carrier()
        return seat, carrier

    def shown(self, carrier: Carrier) -> list[str]:
        """The texts that a connection was sent."""
        data = b"".join(frame for burst in carrier.bursts for frame in burst)
        return [json.loads(payload)["text"] for payload in unframe(data)]

    def test_dressed_once_per_dress(self) -> None:
        """One view for many is dressed once for each kind of connection, and shared."""
        carriers = [self.seat(str(number), CountingDress())[1] for number in range(5)]
        _, terminal = self.seat("t", TerminalDress())
        self.world.show("Hello.", *map(SessionId, "01234t"))
        self.turn()
        self.assertEqual(CountingDress.dressed, 1)
        first = carriers[0].bursts[0][0]
        for carrier in carriers:
            self.assertIs(carrier.bursts[0][0], first)
        self.assertEqual(terminal.bursts, [[b"Hello.\r\n"]])
        self.assertEqual(self.meter.counts["frames"], 2)

    def test_one_write_per_turn(self) -> None:
        """All that one reactor turn shows a session is one burst, in order."""
        _, carrier = self.seat("a")
        for text in ("one", "two", "three"):
            self.world.show(text, SessionId("a"))
        self.assertEqual(carrier.bursts, [])
        self.turn()
        (burst,) = carrier.bursts
        self.assertEqual(unframe(b"".join(burst)), [view(t).body for t in ("one", "two", "three")])
        self.world.show("four", SessionId("a"))
        self.turn()
        self.assertEqual(len(carrier.bursts), 2)

    def test_nothing_for_a_terminal(self) -> None:
        """A view without a line isn't shown to terminals, and makes no burst."""
        seat, carrier = self.seat("t", TerminalDress())
        self.world.send(Show(View("char.state", b"{}", None), (SessionId("t"),)))
        self.turn()
        self.assertEqual((carrier.bursts, seat.play.outbox.count), ([], 0))

    def test_bytes_are_counted(self) -> None:
        """What is shown is counted in bytes, for each who is shown it."""
        self.seat("a")
        self.seat("b")
        self.world.show("Hello.", SessionId("a"), SessionId("b"))
        self.turn()
        frame = JsonDress().dress(view("Hello."))
        self.assertEqual(self.meter.counts["fanout_bytes"], 2 * len(frame.data))

    def test_strangers(self) -> None:
        """Messages for sessions that aren't here are ignored."""
        _, carrier = self.seat("a")
        self.world.show("Hello.", SessionId("x"), SessionId("a"))
        self.world.settle(SessionId("x"))
        self.world.end(SessionId("x"))
        self.world.send(PasswordWanted(SessionId("x")))
        self.turn()
        self.assertEqual((len(carrier.bursts), carrier.told), (1, []))

    def test_told(self) -> None:
        """Each message reaches the connection that carries its session."""
        _, carrier = self.seat("a")
        _, other = self.seat("b")
        self.typed(SessionId("a"), 3)
        self.world.settle(SessionId("a"), 3, "c1")
        self.world.send(PasswordWanted(SessionId("a")))
        settled, password = carrier.told
        self.assertIsInstance(settled, Settled)
        self.assertEqual(password, "password")
        self.assertEqual(other.told, [])

    def test_answered_once(self) -> None:
        """An input is answered once, however often the world settles it; an unknown one never."""
        _, carrier = self.seat("a")
        self.typed(SessionId("a"), 2)
        for number in (2, 2, 1, 2, 1, 3):
            self.world.settle(SessionId("a"), number)
        self.assertEqual(
            [each.number for each in carrier.told if isinstance(each, Settled)], [2, 1]
        )

    def test_refused_early(self) -> None:
        """What was refused before an earlier input was settled is not sent again as it was."""
        seat, _ = self.seat("a")
        self.typed(SessionId("a"), 2)
        no = Refusal("unavailable", "Too much at once.", 1.0)
        self.world.send(Settled(SessionId("a"), InputNumber(2), None, no))
        self.assertEqual([bool(each.text) for each in seat.play.unsettled.left()], [True, False])

    def test_outdated_world(self) -> None:
        """What a world says that another one has followed is dropped, and counted."""
        _, carrier = self.seat("a")
        self.typed(SessionId("a"), 1)
        self.world.epoch = 2
        self.world.show("Now.", SessionId("a"))
        self.world.epoch = 1
        self.world.show("Then.", SessionId("a"))
        self.world.settle(SessionId("a"))
        self.world.end(SessionId("a"))
        self.turn()
        self.assertEqual(self.shown(carrier), ["Now."])
        self.assertEqual(carrier.told, [])
        self.assertEqual(self.meter.counts["messages_outdated"], 3)

    def test_late_from_an_earlier_world(self) -> None:
        """What must arrive and has a name is shown though another world has followed, to who was
        not shown it yet; and the later one doesn't show it to them again.
        """
        _, ann = self.seat("a")
        _, bob = self.seat("b")
        event = EventId(SessionId("e"), InputNumber(7), 0)

        def tell(epoch: int, *sessions: str, durable: bool = True, named: bool = True) -> None:
            self.world.epoch = epoch
            who = tuple(map(SessionId, sessions))
            name = event if named else None
            self.world.send(Show(view(f"Hi by {epoch}."), who, name, durable=durable))

        self.world.epoch = 2
        self.world.show("Now.", SessionId("a"))
        tell(1, "a", durable=False)
        tell(1, "a", named=False)
        tell(1, "a")
        tell(1, "a", "b")
        tell(2, "a", "b")
        tell(1, "a", "b")
        self.turn()
        self.assertEqual(self.shown(ann), ["Now.", "Hi by 1."])
        self.assertEqual(self.shown(bob), ["Hi by 1."])
        self.assertEqual(self.meter.counts["messages_outdated"], 2)

    def test_shown_by_an_earlier_world(self) -> None:
        """What the earlier world has shown to somebody isn't shown to them again, whatever it is
        now; to others it is.
        """
        _, ann = self.seat("a")
        _, bob = self.seat("b")

        def show(text: str, index: int, *sessions: str) -> None:
            event = EventId(SessionId("a"), InputNumber(7), index)
            self.world.send(Show(view(text), tuple(map(SessionId, sessions)), event))

        show("You wave.", 0, "a")
        show("You smile.", 1, "a")
        show("You smile.", 1, "a")
        self.world.epoch = 2
        show("You wave.", 0, "a")
        show("Ann waves.", 0, "b")
        show("You smile.", 1, "a", "b")
        show("You sit.", 2, "a")
        self.turn()
        self.assertEqual(self.shown(ann), ["You wave.", "You smile.", "You smile.", "You sit."])
        self.assertEqual(self.shown(bob), ["Ann waves.", "You smile."])
        self.assertEqual(self.meter.counts["showings_repeated"], 2)

    def test_too_late_to_be_seen(self) -> None:
        """What was lost on its way, and comes from the next world, is not shown behind what was
        done after it: but to the one who did it, and if it must arrive.
        """
        _, ann = self.seat("a")
        _, bob = self.seat("b")

        def show(number: int, *, durable: bool = False) -> None:
            event = EventId(SessionId("a"), InputNumber(number), 4)
            both = tuple(map(SessionId, "ab"))
            self.world.send(Show(view(f"Deed {number}."), both, event, durable=durable))

        show(2)
        self.world.epoch = 2
        show(1)
        show(0, durable=True)
        show(2)
        show(3)
        show(4)
        self.turn()
        self.assertEqual(self.shown(ann), [f"Deed {number}." for number in (2, 1, 0, 3, 4)])
        self.assertEqual(self.shown(bob), [f"Deed {number}." for number in (2, 0, 3, 4)])

    def test_replayed(self) -> None:
        """What an operator has delivered after all is shown once, to who didn't see it yet."""
        _, ann = self.seat("a")
        _, bob = self.seat("b")
        event = EventId(SessionId("a"), InputNumber(7), 0)
        self.world.send(Show(view("Hi."), (SessionId("a"),), event, durable=True))
        both = tuple(map(SessionId, "ab"))
        for _ in range(2):
            self.world.send(Show(view("Hi."), both, event, durable=True, again=True))
        self.turn()
        self.assertEqual((self.shown(ann), self.shown(bob)), (["Hi."], ["Hi."]))

    def test_said_again_first(self) -> None:
        """What is said again comes once, where the first showing of the same world comes later: it
        was under way to this gateway when the session went to another one, and came back.
        """
        _, ann = self.seat("a")
        _, bob = self.seat("b")
        event = EventId(SessionId("e"), InputNumber(7), 0)
        self.world.send(Show(view("Hi."), (SessionId("a"),), event, durable=True, again=True))
        both = tuple(map(SessionId, "ab"))
        self.world.send(Show(view("Hi."), both, event, durable=True))
        self.turn()
        self.assertEqual((self.shown(ann), self.shown(bob)), (["Hi."], ["Hi."]))

    def test_said_is_remembered(self) -> None:
        """What was said to somebody is not shown again, however much else was shown since."""
        _, ann = self.seat("a")
        hers = EventId(SessionId("b"), InputNumber(1), 0)
        said = Show(view("Hi."), (SessionId("a"),), hers, durable=True)
        self.world.send(said)
        for number in range(MAX_SHOWINGS + 1):
            event = EventId(SessionId("b"), InputNumber(number + 2), 0)
            self.world.send(Show(view("Wind."), (SessionId("c"),), event))
        self.world.epoch = 2
        self.world.send(evolve(said, again=True))
        self.turn()
        self.assertEqual(self.shown(ann), ["Hi."])

    def test_not_from_a_world(self) -> None:
        """What doesn't say which world it is from is no message for sessions."""
        _, carrier = self.seat("a")
        with capturedLogs() as events:
            self.bus.publish(gateway_subject(GATEWAY), Show(view("Boo!"), (SessionId("a"),)))
        self.turn()
        self.assertEqual((carrier.bursts, len(events)), ([], 1))

    def test_routes(self) -> None:
        """What is no part of play goes to whom it concerns."""
        unknown: list[Unknown] = []
        self.board.route(Unknown, unknown.append)
        self.world.send(Unknown())
        self.assertEqual(len(unknown), 1)

    def test_link_dead(self) -> None:
        """What a link-dead session is shown is counted and kept; what it is told is not."""
        seat, _ = self.seat("a")
        seat.carrier = None
        self.world.show("Hello.", SessionId("a"))
        self.world.settle(SessionId("a"), 1, "c1")
        self.world.send(PasswordWanted(SessionId("a")))
        self.turn()
        self.assertEqual(seat.play.outbox.count, 1)
        self.assertEqual(len(seat.play.outbox.replay(0)), 1)

    def test_full(self) -> None:
        """What a full transport doesn't take waits, uncounted, until the session is touched."""
        seat, carrier = self.seat("a")
        carrier.writable = False
        self.world.show("Hello.", SessionId("a"))
        self.turn()
        self.assertEqual((carrier.bursts, seat.play.outbox.count), ([], 0))
        carrier.writable = True
        self.board.touch(seat)
        self.turn()
        self.assertEqual((len(carrier.bursts), seat.play.outbox.count), (1, 1))

    def test_overflow(self) -> None:
        """Once more waits than may, the connection is told, and nothing is lost."""
        seat, carrier = self.seat("a", TerminalDress(), limits=OutboxLimits(pending=10))
        carrier.writable = False
        self.world.show("12345", SessionId("a"))
        self.assertEqual(carrier.told, [])
        self.world.show("12345", SessionId("a"))
        self.assertEqual(carrier.told, ["overflow"])
        seat.carrier = None
        self.turn()
        self.assertEqual(seat.play.outbox.count, 2)

    def test_ended(self) -> None:
        """A session that the world ends is told so, and is gone."""
        seat, carrier = self.seat("a")
        self.world.end(SessionId("a"), CloseCode.KICKED)
        (ended,) = carrier.told
        assert isinstance(ended, Ended)
        self.assertIs(ended.code, CloseCode.KICKED)
        self.assertEqual(len(self.board), 0)
        self.assertIs(seat.session.stage(), Stage.ENDED)
        self.assertIsNone(seat.carrier)

    def test_one_that_fails(self) -> None:
        """A session that can't be flushed loses its connection, and nobody else anything."""
        _, first = self.seat("a")
        _, broken = self.seat("b", carrier=BrokenCarrier())
        _, last = self.seat("c")
        self.world.show("Hello.", *map(SessionId, "abc"))
        self.turn()
        self.assertEqual((len(first.bursts), len(last.bursts)), (1, 1))
        self.assertEqual((first.told, broken.told, last.told), ([], ["crashed: output"], []))

    def test_removed_while_waiting(self) -> None:
        """What still waited for a session that was removed is not written."""
        seat, carrier = self.seat("a")
        self.world.show("Hello.", SessionId("a"))
        self.board.remove(seat)
        self.turn()
        self.assertEqual(carrier.bursts, [])

    def test_a_namesake_stays(self) -> None:
        """To remove a session that was replaced by one of its name doesn't remove that."""
        old, _ = self.seat("a")
        new, _ = self.seat("a")
        self.board.remove(old)
        self.assertIs(self.board.seat(SessionId("a")), new)

    def test_given_up(self) -> None:
        """When its time has come, a link-dead session is given up."""
        seat, _ = self.seat("a")
        seat.carrier = None
        seat.deadline = self.clock.seconds() + 5.0
        self.shared.reaper.watch(seat)
        self.pass_time(4.5)
        self.assertEqual(len(self.board), 1)
        self.world.show("Hello.", SessionId("a"))
        self.turn()
        self.pass_time(1.0)
        self.assertEqual(len(self.board), 0)
        self.assertFalse(seat.play.outbox.holds_since(0))

    def test_unknown_messages(self) -> None:
        """What isn't for gateways changes nothing."""
        _, carrier = self.seat("a")
        self.world.send(Unknown())
        self.assertEqual(carrier.told, [])

    def test_stop(self) -> None:
        """To stop is to flush what waits, and to listen no longer."""
        _, carrier = self.seat("a")
        self.world.show("Hello.", SessionId("a"))
        self.board.stop()
        self.assertEqual(len(carrier.bursts), 1)
        self.world.show("Too late.", SessionId("a"))
        self.turn()
        self.assertEqual(len(carrier.bursts), 1)
        self.board.stop()


class HoldTest(GatewayTestCase):
    """While the world is busy, what it shows waits for what it is about to show."""

    def setUp(self) -> None:
        super().setUp()
        self.busy = True
        self.board = Switchboard(GATEWAY, self.bus, self.clock, self.meter, busy=lambda: self.busy)
        self.board.start()
        play = Play(SessionId("a"), Outbox(OutboxLimits()))
        self.seat = self.board.add(play, session_machine(play), JsonDress(), player())
        self.seat.carrier = self.carrier = Carrier()

    def tearDown(self) -> None:
        self.board.remove(self.seat)
        self.board.stop()
        super().tearDown()

    def show(self, *texts: str) -> None:
        for text in texts:
            self.world.show(text, SessionId("a"))

    def shown(self) -> list[list[bytes]]:
        """What was written, by bursts."""
        return [unframe(b"".join(burst)) for burst in self.carrier.bursts]

    def test_goes_with_what_follows(self) -> None:
        """What several turns show goes as one burst, in order, once the world has no more to do."""
        self.show("one", "two")
        self.clock.advance(HOLD_SECONDS / 4)
        self.show("three")
        self.clock.advance(HOLD_SECONDS / 4)
        self.assertEqual(self.shown(), [])
        self.busy = False
        self.clock.advance(HOLD_SECONDS / 4)
        self.assertEqual(self.shown(), [[view(t).body for t in ("one", "two", "three")]])

    def test_not_for_long(self) -> None:
        """However long the world is busy, what is shown first waits no longer than it may."""
        self.show("one")
        steps = 10
        for _ in range(steps):
            self.assertEqual(self.shown(), [])
            self.show("more")
            self.clock.advance(HOLD_SECONDS / steps)
        self.assertEqual([len(burst) for burst in self.shown()], [1 + steps])

    def test_not_much(self) -> None:
        """Where more waits for one session than may, it is written at the end of the turn."""
        self.show("x" * HOLD_BYTES)
        self.turn()
        self.assertEqual(len(self.shown()), 1)

    def test_stopping(self) -> None:
        """What is held is written before the board stops."""
        self.show("one")
        self.board.stop()
        self.assertEqual(self.shown(), [[view("one").body]])
