"""Sessions that are resumed at another gateway than the one that has them."""

from hashlib import sha256
from itertools import islice
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, succeed

from mudserver.errors import BusUnavailable, CloseCode, NotAuthenticated, Paused, Unavailable
from mudserver.gateway.claims import owner_of, resume_secret, session_id
from mudserver.gateway.departures import ANSWER_SECONDS, KEPT_SECONDS, MAX_KEPT
from mudserver.gateway.dress import JsonDress
from mudserver.gateway.early import MAX_EARLY
from mudserver.gateway.handovers import AGAIN_SECONDS, ASKING_SECONDS, MAX_COMING
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.seat import Pause
from mudserver.gateway.shown import MAX_LATEST
from mudserver.ids import CommandId, Epoch, GatewayId, Generation, InputNumber, SessionId
from mudserver.interfaces.authority import Describe
from mudserver.interfaces.bus import Request, gateway_subject
from mudserver.interfaces.continuity import (
    MAX_TOLD,
    FromWorld,
    HandedOver,
    HandOver,
    Held,
    Moved,
    Reattach,
    StatesWanted,
    Vouch,
    Vouched,
)
from mudserver.interfaces.play import (
    Attach,
    Attached,
    Detached,
    Ended,
    EventId,
    Input,
    Settled,
    Show,
)
from mudserver.session.moment import Moment
from mudserver.session.outbox import Outbox, OutboxLimits
from mudserver.session.session import Play, session_machine
from tests.unit.gateway.bench import GATEWAY, HOME, NOW, FakeWire, Secrets, attended, player, view
from tests.unit.gateway.continuity_bench import ContinuityTestCase
from tests.unit.gateway.shared import make_shared

OTHER = GatewayId("other")

#: When the session did, and when something was said.
BEGAN, SAID = Moment(Epoch(1), 3), Moment(Epoch(1), 7)


class HandoverTestCase(ContinuityTestCase):
    """Two gateways of one world: the client was at the first, and comes to the other."""

    def setUp(self) -> None:
        super().setUp()
        self.shared.handovers.start()
        self.other = make_shared(
            OTHER,
            self.bus,
            self.clock,
            self.meter,
            limits=self.limits,
            token_bytes=Secrets(),
            utc_now=lambda: NOW,
        )
        self.other.switchboard.start()
        self.other.reaper.start()
        self.other.handovers.start()
        self.link, self.wire, self.session = self.browser()
        (self.welcome,) = [m for m in self.wire.messages() if m["type"] == "welcome"]
        self.there: list[JsonLink] = []

    def tearDown(self) -> None:
        for link in self.there:
            link.lost("The test is over.")
        self.pass_time(self.limits.resume + 10.0)
        self.assertEqual(len(self.other.switchboard), 0)
        self.assertEqual(len(self.other.tasks), 0)
        self.assertEqual(len(self.other.reaper), 0)
        self.other.handovers.stop()
        self.other.reaper.stop()
        self.shared.handovers.stop()
        super().tearDown()

    def come(self, seq: int, secret: str | None = None, **fields: Any) -> FakeWire:
        """The client comes to the other gateway."""
        wire = FakeWire()
        place = self.other.admission.admit(HOME.address)
        link = JsonLink(self.other, wire, HOME, place)
        self.there.append(link)
        link.accepted()
        link.opened()
        resume = {
            "session": self.session,
            "secret": self.welcome["resume"] if secret is None else secret,
            "seq": seq,
        } | fields
        self.send(link, {"type": "hello", "ticket": "t", "csrf": "c", "resume": resume})
        return wire

    def move(self, generation: int = 2, applied: int = 0) -> Attach:
        """The world lets the client go on at the other gateway, and tells the first."""
        request = self.world.asked[0][0]
        assert isinstance(request, Attach)
        self.moved(generation)
        self.let_in(generation, applied)
        return request

    def moved(self, generation: int) -> None:
        self.world.send(Moved(self.session, Generation(generation)))

    def let_in(self, generation: int, applied: int = 0) -> None:
        self.world.answer(
            Attached(
                self.session,
                Generation(generation),
                attended(),
                "Ann",
                recovered=True,
                applied=InputNumber(applied),
                began=BEGAN,
            )
        )

    def show_there(self, text: str) -> None:
        self.bus.publish(
            gateway_subject(OTHER),
            FromWorld(Epoch(self.world.epoch), Show(view(text), (self.session,))),
        )

    def brief(self, wire: FakeWire) -> list[object]:
        """Each message by what matters here."""
        return [
            message.get("text") or (message["type"], message.get("recovered"), message.get("seq"))
            for message in wire.messages()
        ]


class ResumeElsewhereTest(HandoverTestCase):
    def test_named_by_gateway(self) -> None:
        """The id of a session names its gateway."""
        self.assertEqual(owner_of(self.session), GATEWAY)
        self.assertEqual(owner_of(session_id(GatewayId("a-b"), "12ef")), "a-b")
        for odd in ("", "12ef", "-12ef", "a.b-12", "*-12", "a b-12", "x" * 65 + "-1", "é-1"):
            self.assertIsNone(owner_of(SessionId(odd)), odd)

    def test_named_by_secret(self) -> None:
        """Where a session has moved, its secret names the gateway that has it."""
        self.assertEqual(resume_secret(GATEWAY, self.session, "12ef"), "12ef")
        moved = resume_secret(OTHER, self.session, "12ef")
        self.assertEqual(owner_of(self.session, moved), OTHER)
        self.assertEqual(owner_of(self.session, "12ef"), GATEWAY)
        for odd in (".12ef", "a.b.12ef", "*.12ef", "x" * 65 + ".12ef"):
            self.assertIsNone(owner_of(self.session, odd), odd)

    def test_recovered(self) -> None:
        """All that was missed comes first, then what was shown meanwhile; the first gateway has
        the session no more, and its connection is closed.
        """
        for text in ("one", "two", "three"):
            self.world.show(text, self.session)
        self.turn()
        self.world.show("four", self.session)
        wire = self.come(1)
        self.assertEqual(self.move().resume, self.session)
        self.show_there("five")
        self.turn()
        self.assertEqual(
            self.brief(wire),
            [
                ("welcome", True, 1),
                "two",
                "three",
                "four",
                ("mark", None, 4),
                "five",
            ],
        )
        self.assertIs(self.wire.code, CloseCode.PLAYING_ELSEWHERE)
        self.assertIsNone(self.shared.switchboard.seat(self.session))
        self.assertEqual(self.world.detached, [])
        self.assertEqual(self.meter.counts["resumes recovered"], 1)

    def test_link_dead(self) -> None:
        """A session whose connection is lost moves as well; nothing of it stays behind."""
        self.link.lost("reset")
        self.world.show("one", self.session)
        self.turn()
        wire = self.come(0)
        self.move()
        self.assertEqual(self.brief(wire)[:2], [("welcome", True, 0), "one"])
        self.pass_time(KEPT_SECONDS + 1.0)
        self.assertEqual(len(self.shared.reaper), 1)  # the repairs'

    def test_inputs(self) -> None:
        """What has no answer yet is sent again from there, and numbers go on."""
        self.command(self.link, "one", "c1")
        self.command(self.link, "two", "c2")
        self.world.settle(self.session, 1, "c1")
        wire = self.come(0)
        self.world.messages.clear()
        self.move(generation=5)
        self.command(self.there[0], "three", "c3")
        self.assertEqual(
            [(i.generation, i.number, i.text, i.command) for i in self.world.inputs],
            [(5, 2, "two", "c2"), (5, 3, "three", "c3")],
        )
        self.bus.publish(
            gateway_subject(OTHER),
            FromWorld(Epoch(1), Settled(self.session, InputNumber(2), CommandId("c2"))),
        )
        self.turn()
        self.assertIn("ack", self.types(wire))

    def test_sent_again_by_both(self) -> None:
        """What its client sends again, since it has no answer, is answered once, though the gateway
        sends it again, too: whether that answer is there or on its way by then.
        """
        for number in (1, 2):
            self.command(self.link, "look", f"c{number}")
        wire = self.come(0)
        self.world.messages.clear()
        self.move()
        self.settle_there(1)
        for number in (1, 2):
            self.command(self.there[0], "look", f"c{number}")
        self.settle_there(2)
        self.assertEqual([(i.number, i.command) for i in self.world.inputs], [(1, "c1"), (2, "c2")])
        self.assertEqual(self.types(wire), ["welcome", "ack", "ack"])
        for number in (1, 2):
            self.command(self.there[0], "look", f"c{number}")
        self.assertEqual([i.number for i in self.world.inputs[2:]], [3, 4])

    def settle_there(self, number: int) -> None:
        settled = Settled(self.session, InputNumber(number), CommandId(f"c{number}"))
        self.bus.publish(gateway_subject(OTHER), FromWorld(Epoch(1), settled))
        self.turn()

    def test_moved_late(self) -> None:
        """The first gateway gives nothing away before it has seen that the session moved, so that
        nothing is missing; output waits for that.
        """
        wire = self.come(0)
        self.let_in(2)
        self.show_there("two")
        self.turn()
        self.assertEqual(wire.take(), b"")
        self.world.show("one", self.session)
        self.moved(2)
        self.turn()
        self.assertEqual(self.brief(wire), [("welcome", True, 0), "one", ("mark", None, 1), "two"])

    def test_no_handover(self) -> None:
        """Without what was missed in time the client gets full state, and numbers go on behind
        those that the world knows.
        """
        wire = self.come(0)
        self.let_in(2, applied=7)
        self.show_there("two")
        self.world.messages.clear()
        self.pass_time(ASKING_SECONDS + 1.0)
        self.assertEqual(self.brief(wire)[:2], [("welcome", False, 0), "two"])
        self.assertEqual(self.world.messages, [StatesWanted(OTHER, (self.session,))])
        self.command(self.there[0], "look")
        self.assertEqual(
            self.world.inputs, [Input(self.session, Generation(2), InputNumber(8), "look")]
        )
        self.assertEqual(self.meter.counts["resumes unanswered"], 1)
        self.moved(2)

    def said(self, text: str, number: int, *, durable: bool = True, again: bool = False) -> Show:
        """Something that another player has said by an input."""
        event = EventId(SessionId("g-eve"), InputNumber(number), 4)
        return Show(view(text), (self.session,), event, durable, again)

    def tell_there(self, *shows: Show, epoch: int = 1) -> None:
        for show in shows:
            self.bus.publish(gateway_subject(OTHER), FromWorld(Epoch(epoch), show))
        self.turn()

    def test_shown_before(self) -> None:
        """What the first gateway has shown no world shows again at the other, neither what is said
        again nor what is carried out again; nor what that is too late for.
        """
        self.world.send(self.said("one", 1))
        self.world.send(self.said("two", 2, durable=False))
        wire = self.come(0)
        self.move()
        self.turn()
        wire.take()
        self.tell_there(
            self.said("one", 1, again=True),
            self.said("nought", 0, again=True),
            epoch=2,
        )
        for number, text in enumerate(("nought", "one", "two", "three")):
            self.tell_there(self.said(text, number, durable=False), epoch=2)
        self.tell_there(self.said("one", 1), epoch=3)
        self.assertEqual(self.brief(wire), ["nought", "three"])

    def test_too_late_in_the_same_world(self) -> None:
        """That it is too late holds at once, where the other one knows the next world already."""
        self.world.send(self.said("two", 2, durable=False))
        self.tell_there(self.said("before", 1), epoch=2)
        wire = self.come(0)
        self.move()
        self.turn()
        wire.take()
        for number in (1, 2, 3):
            self.tell_there(self.said(str(number), number, durable=False), epoch=2)
        self.assertEqual(self.brief(wire), ["3"])
        self.tell_there(*(self.said(str(n), n, durable=False) for n in (0, 4)), epoch=3)
        self.assertEqual(self.brief(wire), ["4"])
        others = (EventId(SessionId(f"x-{n}"), InputNumber(1), 4) for n in range(MAX_LATEST))
        shown = self.other.switchboard._seen
        for some in iter(lambda: tuple(islice(others, MAX_TOLD)), ()):
            shown.bring(SessionId("x"), (), some)
        self.assertEqual(sum(map(len, shown._latest_elsewhere.values())), MAX_LATEST)

    def come_back_here(self, wire: FakeWire, generation: int, seq: int) -> FakeWire:
        """The client returns from the other gateway to the first."""
        (welcome,) = [each for each in wire.messages() if each["type"] == "welcome"]
        self.there[-1].lost("reset")
        back = FakeWire()
        link = JsonLink(self.shared, back, HOME, self.shared.admission.admit(HOME.address))
        self.links.append(link)
        link.accepted()
        link.opened()
        resume = {"session": self.session, "secret": welcome["resume"], "seq": seq}
        self.send(link, {"type": "hello", "ticket": "t", "csrf": "c", "resume": resume})
        moved = Moved(self.session, Generation(generation))
        self.bus.publish(gateway_subject(OTHER), FromWorld(Epoch(1), moved))
        self.let_in(generation)
        return back

    def test_shown_before_that(self) -> None:
        """It brings that along to the third gateway, too: here, back to the first."""
        self.world.send(self.said("one", 1))
        wire = self.come(0)
        self.move()
        self.tell_there(self.said("two", 2))
        back = self.come_back_here(wire, 3, 2)
        self.world.epoch = 2
        for number, text in enumerate(("one", "two", "three"), 1):
            self.world.send(self.said(text, number, again=True))
        self.turn()
        self.assertEqual(self.brief(back)[2:], ["three"])

    def test_too_late_for_the_first(self) -> None:
        """What reaches the first gateway behind the move counts as shown nowhere: the world shows
        it at the other one, and may do so at the first again.
        """
        self.come(0)
        self.moved(2)
        self.world.send(self.said("one", 1))
        self.let_in(2)
        self.assertEqual(self.shared.switchboard.shown_to(self.session), ((), ()))

    def test_answer_comes_late(self) -> None:
        """What is shown before it is known here that the world lets the client in waits, and is
        shown once, where the first gateway has shown it, too.
        """
        self.world.send(self.said("one", 1))
        wire = self.come(0)
        self.tell_there(self.said("one", 1, again=True), self.said("two", 2, again=True))
        self.move()
        self.turn()
        self.assertEqual(self.brief(wire), [("welcome", True, 0), "one", ("mark", None, 1), "two"])

    def test_answer_is_lost(self) -> None:
        """Where the world's answer never comes the client comes again, and goes on by the next one:
        with all that it was shown by the first gateway, and was to be shown here meanwhile.
        """
        self.world.send(self.said("one", 1))
        wire = self.come(0)
        self.world.send(Moved(self.session, Generation(2), OTHER))
        self.tell_there(self.said("one", 1, again=True), self.said("two", 2))
        self.world.answer(BusUnavailable("Nobody knows."))
        self.assertIs(wire.code, CloseCode.TRY_LATER)
        self.tell_there(self.said("three", 3))
        wire = self.come(0)
        request = self.world.asked[0][0]
        assert isinstance(request, Attach)
        self.assertEqual(request.resume, self.session)
        self.let_in(3)
        self.turn()
        self.assertEqual(
            self.brief(wire),
            [("welcome", True, 0), "one", ("mark", None, 1), "two", "three"],
        )

    def test_comes_once_more(self) -> None:
        """Who came by another try is no longer waited for on account of the first one; so what
        comes for it when it returns from elsewhere, later, is kept as long as that takes.
        """
        self.come(0)
        self.world.send(Moved(self.session, Generation(2), OTHER))
        self.world.answer(BusUnavailable("Nobody knows."))
        self.come(0)
        self.let_in(3)
        there = Moved(self.session, Generation(4), GATEWAY)
        self.bus.publish(gateway_subject(OTHER), FromWorld(Epoch(1), there))
        self.assertIsNone(self.other.switchboard.seat(self.session))
        self.other.switchboard.expect(self.session)
        self.pass_time(KEPT_SECONDS + 1.0)
        self.tell_there(self.said("four", 4))
        self.assertEqual(len(tuple(self.other.switchboard._early.take(self.session))), 1)

    def test_earlier_try_fails_late(self) -> None:
        """A try that the world never answers, and which ends when another one has come in, takes
        nothing from a later coming: what is shown then waits for what was shown before.
        """
        self.come(0)
        wire = self.come(0)
        self.world.asked.reverse()
        self.move(2)
        self.turn()
        self.world.answer(BusUnavailable("Nobody knows."))
        back = self.come_back_here(wire, 3, 0)
        self.world.send(self.said("one", 1))
        self.turn()
        (welcome, *_) = back.messages()
        again = self.come(0, welcome["resume"])
        self.let_in(4)
        self.tell_there(self.said("one", 1, again=True), self.said("two", 2, again=True))
        self.moved(4)
        self.turn()
        self.assertEqual(self.brief(again), [("welcome", True, 0), "one", ("mark", None, 1), "two"])

    def test_never_comes(self) -> None:
        """For who doesn't come again it is kept for a while only, of a bounded number of them."""
        self.come(0)
        self.world.send(Moved(self.session, Generation(2), OTHER))
        self.world.answer(BusUnavailable("Nobody knows."))
        self.tell_there(self.said("one", 1))
        self.assertTrue(self.other.switchboard._early)
        self.pass_time(KEPT_SECONDS + 1.0)
        self.assertFalse(self.other.switchboard._early)
        for number in range(MAX_COMING + 1):
            expected = self.other.switchboard.expect(SessionId(str(number)))
            self.other.handovers.may_come(expected)
        kept = self.other.switchboard._early.sift(
            FromWorld(Epoch(1), Show(view("x"), (SessionId("0"), SessionId("1"))))
        )
        assert kept is not None
        self.assertEqual(kept.message, Show(view("x"), (SessionId("0"),)))

    def test_too_much_comes_early(self) -> None:
        """Where too much comes before that, the client is told that it isn't all."""
        wire = self.come(0)
        for number in range(MAX_EARLY + 1):
            self.tell_there(self.said(str(number), number))
        self.world.messages.clear()
        self.move()
        self.turn()
        self.assertEqual(self.brief(wire)[:2], [("welcome", False, 0), "0"])
        self.assertEqual(self.world.messages, [StatesWanted(OTHER, (self.session,))])

    def test_asked_again(self) -> None:
        """Where no answer comes it is asked again, for what was missed can be had nowhere else."""
        self.world.show("one", self.session)
        self.shared.handovers.stop()

        def deaf(request: Request[object]) -> Deferred[object]:
            return succeed(Vouched("Ann")) if isinstance(request, Vouch) else Deferred()

        silent = self.bus.respond(gateway_subject(GATEWAY), deaf)
        wire = self.come(0)
        self.let_in(2)
        silent()
        self.shared.handovers.start()
        self.moved(2)
        self.pass_time(ANSWER_SECONDS + AGAIN_SECONDS)
        self.assertEqual(self.brief(wire)[:2], [("welcome", True, 0), "one"])

    def test_lost_on_the_way(self) -> None:
        """What is lost on the way to the first gateway, shortly before the session moves or before
        it hears so, its client is told of at the other.
        """
        self.shared.switchboard._note_loss()
        self.turn()
        wire = self.come(0)
        self.world.messages.clear()
        self.move()
        self.assertEqual(self.types(wire), ["welcome", "gap"])
        self.assertIn(StatesWanted(OTHER, (self.session,)), self.world.messages)

    def test_answered_before(self) -> None:
        """What was answered before an earlier input isn't there, and what is under way is for the
        next world to say again.
        """
        for number, text in enumerate(("one", "tell Eve two", "three"), 1):
            self.command(self.link, text, f"c{number}")
        two = Settled(self.session, InputNumber(2), CommandId("c2"), under_way=True, said=SAID)
        self.world.send(two)
        wire = self.come(0)
        self.world.messages.clear()
        self.move()
        self.assertEqual(
            [(each.command, each.answered, each.said) for each in self.world.inputs],
            [("c1", False, None), ("c2", True, SAID), ("c3", False, None)],
        )
        for number in (1, 2, 3):
            settled = Settled(self.session, InputNumber(number), CommandId(f"c{number}"))
            self.bus.publish(gateway_subject(OTHER), FromWorld(Epoch(1), settled))
        self.turn()
        self.assertEqual([m["id"] for m in wire.messages() if m["type"] == "ack"], ["c1", "c3"])

    def test_nonsense(self) -> None:
        """What can't be from a gateway is as no answer."""
        self.shared.handovers.stop()

        def odd(request: Request[object]) -> Deferred[object]:
            if isinstance(request, Vouch):
                return succeed(Vouched("Ann"))
            return succeed(HandedOver(0, (b"one",), InputNumber(0), InputNumber(0), ()))

        silent = self.bus.respond(gateway_subject(GATEWAY), odd)
        wire = self.come(0)
        self.let_in(2)
        self.assertEqual(self.brief(wire), [("welcome", False, 0)])
        silent()

    def test_ended_meanwhile(self) -> None:
        """A session that the world ends while it moves is over: the client comes again."""
        wire = self.come(0)
        self.let_in(2)
        ended = Ended(self.session, CloseCode.KICKED, "Out!")
        self.bus.publish(gateway_subject(OTHER), FromWorld(Epoch(1), ended))
        self.pass_time(ASKING_SECONDS + 1.0)
        self.assertIs(wire.code, CloseCode.TRY_LATER)
        self.assertIsNone(self.other.switchboard.seat(self.session))

    def test_owner_is_gone(self) -> None:
        """Where the first gateway is gone a new session begins, a second later."""
        self.shared.handovers.stop()
        wire = self.come(0)
        self.pass_time(ANSWER_SECONDS)
        request = self.world.asked[0][0]
        assert isinstance(request, Attach)
        self.assertIsNone(request.resume)
        self.assertEqual(owner_of(request.session), OTHER)
        self.world.admit()
        (welcome,) = [m for m in wire.messages() if m["type"] == "welcome"]
        self.assertFalse(welcome["recovered"])
        self.assertEqual(self.meter.counts["resumes unanswered"], 1)

    def test_owner_is_cut_off(self) -> None:
        """One whose link is broken for a moment is asked again."""
        self.shared.handovers.stop()
        self.come(0)
        self.assertEqual(self.world.asked, [])
        self.shared.handovers.start()
        self.pass_time(ANSWER_SECONDS)
        self.move()
        self.assertEqual(self.meter.counts["resumes recovered"], 1)

    def test_owner_says_nothing(self) -> None:
        """One that doesn't answer is waited for a second."""
        self.shared.handovers.stop()
        silent = self.bus.respond(gateway_subject(GATEWAY), lambda _: Deferred())
        self.come(0)
        self.assertEqual(self.world.asked, [])
        self.pass_time(1.0)
        self.assertIsNone(self.world.asked[0][0].resume)  # type: ignore[attr-defined]
        self.world.admit()
        silent()

    def test_refused(self) -> None:
        """A wrong secret, a count from before what is kept, or one from the future, another form of
        messages, a session that isn't there: none is gone on with.
        """
        odd: tuple[dict[str, Any], ...] = (
            {"secret": "guess"},
            {"seq": 1},
            {"session": session_id(GATEWAY, "beef")},
            {"session": session_id(OTHER, "beef")},
            {"session": "rubbish"},
            {"session": session_id(GatewayId("nobody"), "beef")},
        )
        for fields in odd:
            self.come(**{"seq": 0} | fields)
            request = self.world.asked[-1][0]
            assert isinstance(request, Attach)
            self.assertIsNone(request.resume, fields)
        self.assertIsNone(self.wire.closed)
        while self.world.asked:
            self.world.admit()

    def test_gapped(self) -> None:
        """Where something was lost on the way, the client is told of it, and full state follows."""
        self.link.lost("reset")
        self.shared.switchboard.gap(self.seat(self.session))
        wire = self.come(0)
        self.world.messages.clear()
        self.move()
        self.assertEqual(self.types(wire), ["welcome", "gap"])
        self.assertEqual(self.world.messages, [StatesWanted(OTHER, (self.session,))])

    def test_paused(self) -> None:
        """While the first gateway waits for a world the client is told to come again: the session
        stays what it is.
        """
        self.seat(self.session).pause = Pause(0.0)
        wire = self.come(0)
        self.assertIs(wire.code, CloseCode.TRY_LATER)
        self.assertEqual(self.world.asked, [])
        self.assertIsNotNone(self.shared.switchboard.seat(self.session))

    def test_gone_meanwhile(self) -> None:
        """A client that is gone before it is in finds its session there the next time."""
        self.world.show("one", self.session)
        self.come(0)
        self.there[0].lost("reset")
        self.move()
        self.assertEqual(self.world.detached, [Detached(self.session, Generation(2), quit=False)])
        self.show_there("two")
        self.turn()
        wire = self.come(0)
        self.let_in(3)
        self.assertEqual(self.brief(wire)[:3], [("welcome", True, 0), "one", "two"])

    def test_next_resume(self) -> None:
        """There it can be resumed as if it had begun there, by the new secret."""
        self.world.show("one", self.session)
        wire = self.come(0)
        self.move()
        (welcome,) = [m for m in wire.messages() if m["type"] == "welcome"]
        self.assertEqual(welcome["session"], self.session)
        self.there[0].lost("reset")
        self.show_there("two")
        self.turn()
        wire = self.come(1, welcome["resume"])
        self.let_in(3)
        self.assertEqual(self.brief(wire)[:2], [("welcome", True, 1), "two"])

    def test_back_again(self) -> None:
        """From there it can go on: the new secret says which gateway has the session by now."""
        self.world.show("one", self.session)
        wire = self.come(0)
        self.move()
        (welcome,) = [m for m in wire.messages() if m["type"] == "welcome"]
        self.there[0].lost("reset")
        self.show_there("two")
        self.turn()
        back = FakeWire()
        link = JsonLink(self.shared, back, HOME, self.shared.admission.admit(HOME.address))
        self.links.append(link)
        link.accepted()
        link.opened()
        resume = {"session": self.session, "secret": welcome["resume"], "seq": 1}
        self.send(link, {"type": "hello", "ticket": "t", "csrf": "c", "resume": resume})
        request = self.world.asked[0][0]
        assert isinstance(request, Attach)
        self.assertEqual(request.resume, self.session)
        moved = Moved(self.session, Generation(3))
        self.bus.publish(gateway_subject(OTHER), FromWorld(Epoch(self.world.epoch), moved))
        self.let_in(3)
        (welcome, text, _) = back.messages()
        self.assertEqual((welcome["recovered"], text["text"]), (True, "two"))
        self.assertNotIn(".", welcome["resume"])
        self.assertIsNone(self.other.switchboard.seat(self.session))

    def test_gone_while_the_world_was_another(self) -> None:
        """A world that follows meanwhile learns that the client is gone, too."""
        self.other.worldwatch.start()
        self.come(0)
        self.let_in(2)
        self.die()
        self.come_back()
        self.there[0].lost("reset")
        self.pass_time(ASKING_SECONDS + 1.0)
        held = self.named_there()[0]
        self.assertEqual((held.session, held.linkdead), (self.session, True))
        self.other.worldwatch.stop()

    def test_twice_at_once(self) -> None:
        """Of two connections that come for it at once, the later one has it."""
        first = self.come(0)
        second = self.come(0)
        self.move(2)
        self.let_in(3)
        self.turn()
        self.assertIs(first.code, CloseCode.PLAYING_ELSEWHERE)
        self.pass_time(ASKING_SECONDS + 1.0)
        self.assertEqual(self.brief(second)[0], ("welcome", False, 0))
        seat = self.other.switchboard.seat(self.session)
        assert seat is not None
        self.assertIs(seat.carrier, self.there[1])

    def named_there(self) -> list[Held]:
        """What the other gateway has named to the world, in order."""
        requests = [request for request in self.world.requests if isinstance(request, Reattach)]
        return [held for each in requests if each.gateway == OTHER for held in each.held]

    def test_named_when_it_is_here(self) -> None:
        """To a world that follows meanwhile it is named when it is here: before, nobody knows which
        of its inputs are settled. Without its past those are that the world knew, so that none that
        is typed later waits for one that nobody has.
        """
        self.other.worldwatch.start()
        self.come(0)
        self.let_in(2, applied=7)
        self.die()
        self.come_back()
        self.assertEqual(self.named_there(), [])
        self.pass_time(ASKING_SECONDS + 1.0)
        held = self.named_there()[0]
        self.assertEqual((held.settled, held.linkdead), (7, False))
        self.other.worldwatch.stop()

    def test_named_with_its_past(self) -> None:
        """With its past, what is settled is as the first gateway has it."""
        for number in (1, 2, 3):
            self.command(self.link, "look", f"c{number}")
        self.world.settle(self.session, 1, "c1")
        self.other.worldwatch.start()
        self.come(0)
        self.let_in(2, applied=3)
        self.die()
        self.moved(2)
        self.come_back()
        self.pass_time(ASKING_SECONDS + 1.0)
        self.assertEqual(self.named_there()[0].settled, 1)
        self.other.worldwatch.stop()

    def test_world_gone_meanwhile(self) -> None:
        """Where the world dies while the session moves, the next one is told of it."""
        self.other.worldwatch.start()
        self.come(0)
        self.let_in(2)
        self.die()
        self.come_back()
        self.pass_time(ASKING_SECONDS + 1.0)
        requests = [request for request, _ in self.world.asked if isinstance(request, Reattach)]
        last = [request for request in requests if request.gateway == OTHER][-1].held
        self.assertEqual([(h.session, h.linkdead) for h in last], [(self.session, False)])
        self.assertEqual(last[0].began, BEGAN)
        self.other.worldwatch.stop()


class OwnerTest(HandoverTestCase):
    """What a gateway answers that has the session."""

    def vouch(self, seq: int = 0, secret: str | None = None, inflates: bool = False) -> Vouch:
        return Vouch(self.session, self.hashed if secret is None else secret, seq, inflates)

    @property
    def hashed(self) -> str:
        return sha256(self.welcome["resume"].encode()).hexdigest()

    def ask(self, request: Vouch | HandOver) -> Deferred[Any]:
        return self.bus.request(gateway_subject(GATEWAY), request, timeout=5.0)

    def hand_over(self, generation: int = 2, seq: int = 0, secret: str | None = None) -> HandOver:
        secret = self.hashed if secret is None else secret
        return HandOver(self.session, Generation(generation), secret, seq)

    def test_vouch(self) -> None:
        """It vouches for who shows the secret, and takes the messages as they are kept."""
        self.assertEqual(self.successResultOf(self.ask(self.vouch())).character, "Ann")
        for request in (
            self.vouch(secret="guess"),
            self.vouch(seq=1),
            self.vouch(inflates=True),
            Vouch(SessionId("g-x"), self.hashed, 0, inflates=False),
        ):
            self.failureResultOf(self.ask(request), NotAuthenticated)

    def test_paused(self) -> None:
        """While its world is away it vouches for nobody; who shows the secret may come later."""
        self.die()
        self.failureResultOf(self.ask(self.vouch()), Paused)
        self.failureResultOf(self.ask(self.vouch(secret="guess")), NotAuthenticated)

    def test_vouch_for_what_has_moved(self) -> None:
        """Of what has moved it vouches to the gateway that has it, and hands it over though the
        world has let the client in there once more.
        """
        self.world.send(Moved(self.session, Generation(2), OTHER))
        vouch = evolve(self.vouch(), asker=OTHER)
        self.assertEqual(self.successResultOf(self.ask(vouch)), Vouched("Ann"))
        for request in (
            self.vouch(),
            evolve(vouch, asker=GatewayId("third")),
            evolve(vouch, secret="guess"),
            evolve(vouch, seq=1),
        ):
            self.failureResultOf(self.ask(request), NotAuthenticated)
        self.successResultOf(self.ask(self.hand_over(generation=3)))

    def test_gapped_for_an_older_gateway(self) -> None:
        """It vouches for no session with a gap to a gateway that would not tell."""
        self.link.lost("reset")
        self.shared.switchboard.gap(self.seat(self.session))
        self.failureResultOf(self.ask(self.vouch()), NotAuthenticated)
        told = Vouch(self.session, self.hashed, 0, inflates=False, gaps=True)
        self.successResultOf(self.ask(told))

    def test_stays_without_move(self) -> None:
        """A session that the world doesn't move stays where it is."""
        asked = self.ask(self.hand_over())
        self.assertNoResult(asked)
        self.pass_time(ASKING_SECONDS + 1.0)
        self.failureResultOf(asked, Unavailable)
        self.assertIsNone(self.wire.closed)

    def test_asked_once_more_before_the_move(self) -> None:
        """Who asks again has given the first question up."""
        first, second = self.ask(self.hand_over()), self.ask(self.hand_over())
        self.failureResultOf(first, Unavailable)
        self.moved(2)
        self.successResultOf(second)

    def test_under_way(self) -> None:
        """It says for how long something is under way, and since when for players, and what was
        answered early, by its id.
        """
        for number, text in enumerate(("one", "tell Eve two"), 1):
            self.command(self.link, text, f"c{number}")
        said = Settled(self.session, InputNumber(2), CommandId("c2"), under_way=True, said=SAID)
        self.world.send(said)
        self.clock.advance(5.0)
        self.moved(2)
        handed = self.successResultOf(self.ask(self.hand_over()))
        self.assertEqual(handed.unsettled, ((1, "one", "c1"), (2, "tell Eve two", None)))
        self.assertEqual((handed.early, handed.ages), (((2, "c2"),), (5.0,)))
        self.assertEqual(handed.spoken, ((2, "tell Eve two", "c2"),))
        self.assertEqual(handed.moments, (SAID,))

    def test_wrong_asker(self) -> None:
        """What has moved is handed over to nobody but who is the one: by generation and secret."""
        self.moved(2)
        for request in (
            self.hand_over(generation=1),
            self.hand_over(secret="guess"),
            self.hand_over(seq=1),
        ):
            self.failureResultOf(self.ask(request), NotAuthenticated)
        handed = self.successResultOf(self.ask(self.hand_over()))
        self.assertEqual((handed.seq, handed.missed, handed.numbered), (0, (), 0))
        self.assertEqual(self.successResultOf(self.ask(self.hand_over())), handed)

    def test_wrong_asker_before_the_move(self) -> None:
        """So is who asks too early with a wrong secret."""
        self.failureResultOf(self.ask(self.hand_over(secret="guess")), NotAuthenticated)

    def test_kept_for_a_while(self) -> None:
        """What nobody asks for is forgotten."""
        self.moved(2)
        self.assertTrue(self.shared.switchboard._early)
        self.pass_time(KEPT_SECONDS + 1.0)
        self.assertFalse(self.shared.switchboard._early)
        self.failureResultOf(self.ask(self.hand_over()), NotAuthenticated)

    def test_keeps_so_many(self) -> None:
        """Of too many that have moved, the first are forgotten."""
        sessions = [SessionId(f"g-{number}") for number in range(MAX_KEPT)]
        for session in (self.session, *sessions):
            if session != self.session:
                play = Play(session, Outbox(OutboxLimits()))
                self.shared.switchboard.add(play, session_machine(play), JsonDress(), player())
            self.world.send(Moved(session, Generation(2)))
        self.failureResultOf(self.ask(self.hand_over()), NotAuthenticated)
        self.assertEqual(len(self.shared.handovers._departures), MAX_KEPT)
        self.pass_time(KEPT_SECONDS + 1.0)
        self.assertEqual(len(self.shared.handovers._departures), 0)

    def test_old_move(self) -> None:
        """That a session has moved before it came back is old news."""
        self.moved(1)
        self.assertIsNone(self.wire.closed)
        self.assertIsNotNone(self.shared.switchboard.seat(self.session))

    def test_other_requests(self) -> None:
        """It answers nothing else."""
        request = Describe("token")
        asked = self.bus.request(gateway_subject(GATEWAY), request)
        self.failureResultOf(asked, Unavailable)
