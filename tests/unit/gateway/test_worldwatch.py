"""Worlds come and go; sessions stay."""

import itertools

from twisted.internet.defer import Deferred

from mudserver.errors import CloseCode, Unavailable
from mudserver.game.opening import HOLD_SECONDS
from mudserver.gateway.dress import JsonDress
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.reattaching import MAX_RESENT
from mudserver.gateway.worldwatch import MAX_LEAVERS
from mudserver.ids import CommandId, Epoch, Generation, InputNumber, SessionId
from mudserver.interfaces.authority import Transport
from mudserver.interfaces.continuity import (
    AllReattached,
    Held,
    InputsWanted,
    Reattach,
    WorldClosing,
    WorldOpened,
)
from mudserver.interfaces.play import Attach, Detached, Ended, Input, Settled
from mudserver.session.moment import Moment
from mudserver.session.outbox import Outbox, OutboxLimits
from mudserver.session.session import Play, session_machine
from mudserver.session.unsettled import UNANSWERED
from mudserver.tasks import MAX_TASKS
from tests.unit.gateway.bench import GATEWAY, HOME, MARK, FakeWire, attended, player
from tests.unit.gateway.continuity_bench import AWAY, BACK, ContinuityTestCase

PROMPT = b"> " + MARK


class AwayTest(ContinuityTestCase):
    """While there is no world."""

    def test_told(self) -> None:
        """Every player is told once, whichever way they came; no connection is closed."""
        _, browser, _ = self.browser()
        _, terminal, _ = self.terminal()
        browser.take()
        self.die()
        self.turn()
        told = [m for m in browser.messages() if m["type"] != "mark"]
        self.assertEqual(
            [(m["type"], m["level"], m["text"], m["time"]) for m in told],
            [("system", "warning", AWAY, "2026-01-01T00:00:00.000Z")],
        )
        self.assertEqual(terminal.take(), AWAY.encode() + b"\r\n" + PROMPT)
        self.pass_time(20.0)
        self.assertNotIn("system", self.types(browser))
        self.assertIsNone(browser.closed)
        self.assertEqual(self.meter.gauges["world_present"], 0.0)

    def test_input_waits(self) -> None:
        """What is typed is numbered and kept, not sent."""
        link, _, session = self.browser()
        self.command(link, "one", "c1")
        self.die()
        self.command(link, "two", "c2")
        self.pass_time(10.0)
        self.assertEqual(self.world.texts, ["one"])
        kept = self.seat(session).play.unsettled.after(self.seat(session).play.unsettled.settled)
        self.assertEqual([each.text for each in kept], ["one", "two"])

    def test_input_is_bounded(self) -> None:
        """Too much of it is refused, each line with a word, by telnet, too."""
        link, browser, ann = self.browser()
        other, terminal, bob = self.terminal()
        self.die()
        for session in (ann, bob):
            self.typed(session, UNANSWERED.items)
        self.turn()
        browser.take()
        terminal.take()
        self.command(link, "look", "c1")
        other.line("look")
        self.turn()
        (error,) = [m for m in browser.messages() if m["type"] == "error"]
        self.assertEqual((error["code"], error["id"]), ("rate_limited", "c1"))
        self.assertIn(b"Too much waits for the world already.", terminal.take())

    def test_nobody_is_let_in(self) -> None:
        """Who comes anew, or comes back, is told to try later."""
        link, _, session = self.browser()
        link.lost("reset")
        self.die()
        for resume in (None, {"session": session, "secret": "s", "seq": 0}):
            self.assertIs(self.connect(resume).code, CloseCode.TRY_LATER)

    def test_resume_is_refused(self) -> None:
        """A paused session can't be resumed, and is there for a later try."""
        _, wire, session = self.browser()
        (welcome,) = [m for m in wire.messages() if m["type"] == "welcome"]
        self.links[-1].lost("reset")
        self.die()
        resume = {"session": session, "secret": welcome["resume"], "seq": 0}
        self.assertIs(self.connect(resume).code, CloseCode.TRY_LATER)
        self.come_back()
        self.assertIs(self.connect(resume).code, CloseCode.TRY_LATER)
        self.reattach()
        before = len(self.world.asked)
        self.connect(resume)
        self.assertEqual(len(self.world.asked), before + 1)
        self.world.admit(generation=11, recovered=True)

    def test_questions(self) -> None:
        """What only the world knows is refused, with the time after which to ask again."""
        link, wire, _ = self.browser()
        self.die()
        wire.take()
        self.send(link, {"type": "occupants", "after": 0})
        self.send(link, {"type": "refresh", "token": "t"})
        self.turn()
        errors = [m for m in wire.messages() if m["type"] == "error"]
        self.assertEqual(
            [(m["code"], m["retry_after"]) for m in errors],
            [("unavailable", 5.0), ("unavailable", 5.0)],
        )

    def test_long_absence(self) -> None:
        """Connected players stay, however long; link-dead ones as long as they may be resumed."""
        _, terminal, bob = self.terminal()
        link, _, ann = self.browser()
        self.die()
        link.lost("reset")
        for _ in range(20):
            self.pass_time(30.0)
            self.links[0].answered()
        self.assertIsNone(terminal.closed)
        self.assertIsNotNone(self.shared.switchboard.seat(bob))
        self.assertIsNone(self.shared.switchboard.seat(ann))

    def connect(self, resume: dict[str, object] | None) -> FakeWire:
        wire = FakeWire()
        link = JsonLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address))
        self.links.append(link)
        link.accepted()
        link.opened()
        hello: dict[str, object] = {"type": "hello", "ticket": "t", "csrf": "c"}
        self.send(link, hello if resume is None else hello | {"resume": resume})
        return wire


class BackTest(ContinuityTestCase):
    """A world is there again."""

    def test_new_gateway(self) -> None:
        """A gateway without sessions says at once that all are re-attached."""
        self.assertEqual(self.all_reattached, [AllReattached(GATEWAY, 0, 0.0)])

    def test_named(self) -> None:
        """All sessions are named, the link-dead too, with all that the world needs to know."""
        link, _, ann = self.browser()
        self.command(link, "look")
        self.command(link, "look")
        self.world.settle(ann, 1)
        _, _, bob = self.terminal()
        link.lost("reset")
        self.die()
        self.come_back()
        request = self.reattach()
        self.assertEqual(request.gateway, GATEWAY)
        self.assertEqual(
            request.held,
            (
                Held(
                    ann,
                    Generation(1),
                    attended("Ann"),
                    "Ann",
                    Transport.WEBSOCKET,
                    HOME,
                    linkdead=True,
                    settled=self.seat(ann).play.unsettled.settled,
                ),
                Held(
                    bob,
                    Generation(1),
                    attended("Bob"),
                    "Bob",
                    Transport.TELNET,
                    HOME,
                    linkdead=False,
                    settled=self.seat(bob).play.unsettled.settled,
                ),
            ),
        )
        self.assertEqual([held.settled for held in request.held], [1, 0])
        self.assertEqual(self.seat(ann).play.generation, 10)
        self.assertTrue(self.seat(ann).play.gapped)
        self.assertEqual(self.world.detached, [])

    def test_moments(self) -> None:
        """They are named with when they began, and what is under way is sent with when it was said,
        as the worlds before have told.
        """
        self.world.began = Moment(Epoch(1), 5)
        link, _, session = self.browser()
        self.world.began = None
        self.terminal()
        said = Moment(Epoch(1), 7)
        for number, each in enumerate((None, said, None), 1):
            self.command(link, f"chat {number}")
            settled = Settled(session, InputNumber(number), None, under_way=True, said=each)
            self.world.send(settled)
        self.command(link, "chat 4")
        self.die()
        self.come_back()
        request = self.reattach()
        self.assertEqual([held.began for held in request.held], [Moment(Epoch(1), 5), None])
        self.assertEqual(
            [(each.number, each.answered, each.said) for each in self.world.inputs],
            [(1, True, None), (2, True, said), (3, True, None), (4, False, None)],
        )

    def test_goes_on(self) -> None:
        """A gap, a word, then what the world shows; what was typed is sent again in order, what
        is typed then comes behind it; and the world hears that this is all.
        """
        link, wire, session = self.browser()
        self.command(link, "one", "c1")
        self.die()
        self.command(link, "two")
        self.turn()
        wire.take()
        self.clock.advance(3.0)
        self.come_back()
        self.command(link, "three")
        self.reattach(generation=7, applied=1)
        self.world.show("The hall.", session)
        self.command(link, "four")
        self.turn()
        self.assertEqual(self.types(wire), ["gap", "system", "text"])
        self.assertEqual(
            self.world.inputs,
            [
                Input(session, Generation(7), number, text, command)  # type: ignore[arg-type]
                for number, text, command in (
                    (1, "one", CommandId("c1")),
                    (2, "two", None),
                    (3, "three", None),
                    (4, "four", None),
                )
            ],
        )
        self.assertEqual(self.all_reattached, [AllReattached(GATEWAY, 1, 3.0, Epoch(2))])
        self.assertEqual(self.world.messages.index(self.all_reattached[0]), 3)

    def test_goes_on_behind_another_gateway(self) -> None:
        """What was typed meanwhile, and what is typed then, comes behind what the world has carried
        out for a gateway that held the session as well; what was sent before keeps its place.
        """
        link, _, session = self.browser()
        self.command(link, "one", "c1")
        self.die()
        self.command(link, "two", "c2")
        self.come_back()
        self.reattach(applied=3)
        self.turn()
        self.command(link, "three", "c3")
        sent = [(i.number, i.text) for i in self.world.inputs]
        self.assertEqual(sent, [(1, "one"), (2, ""), (3, ""), (4, "two"), (5, "three")])
        for number in range(1, 6):
            self.world.settle(session, number, f"c{number}")
        self.assertEqual(len(self.seat(session).play.unsettled), 0)

    def test_sent_again_keeps_its_place(self) -> None:
        """What was sent again to one world comes by the same number to the next, which may know it
        from the database; and the next line behind all that was sent.
        """
        link, _, session = self.browser()
        self.command(link, "chat one")
        self.world.send(Settled(session, InputNumber(1), None, under_way=True))
        self.die()
        self.command(link, "two")
        for epoch in (2, 3):
            self.come_back(epoch)
            self.reattach(applied=epoch - 1)
            self.turn()
            sent = [(i.number, i.text) for i in self.world.inputs]
            self.assertEqual(sent, [(1, "chat one"), (2, "two")])
            self.die()
        self.come_back(4)
        self.reattach(applied=2)
        self.world.settle(session, 2)
        self.die()
        for epoch, text in ((5, "three"), (6, "four")):
            self.come_back(epoch)
            self.reattach(applied=2)
            self.die()
            self.command(link, text)
        self.come_back(7)
        self.reattach(applied=2)
        self.turn()
        sent = [(i.number, i.text) for i in self.world.inputs]
        self.assertEqual(sent, [(1, "chat one"), (3, "three"), (4, "four")])

    def test_answer_to_another_gateway(self) -> None:
        """What another gateway has sent by the number of what waits here may be answered here,
        before the world has told how many it took: what waits is not answered by that.
        """
        link, _, session = self.browser()
        self.command(link, "one", "c1")
        self.world.settle(session, 1, "c1")
        self.die()
        self.command(link, "two", "c2")
        self.command(link, "three", "c3")
        self.come_back()
        self.world.send(Settled(session, InputNumber(2), None, under_way=True))
        self.reattach(applied=2)
        self.turn()
        sent = [(i.number, i.text) for i in self.world.inputs]
        self.assertEqual(sent, [(3, "two"), (4, "three")])

    def test_terminal_goes_on(self) -> None:
        """A terminal shows one line that the world is back, and then the room."""
        link, wire, session = self.terminal()
        self.die()
        link.line("look")
        self.turn()
        wire.take()
        self.come_back()
        self.reattach()
        self.world.show("The hall.", session)
        self.turn()
        self.assertEqual(wire.take(), BACK.encode() + b"\r\nThe hall.\r\n" + PROMPT)
        self.assertEqual(self.world.texts, ["look"])

    def test_gap_is_counted(self) -> None:
        """The gap says how many messages were sent before it."""
        _, wire, session = self.browser()
        self.world.show("one", session)
        self.turn()
        self.die()
        self.come_back()
        wire.take()
        self.reattach()
        (gap,) = [m for m in wire.messages() if m["type"] == "gap"]
        self.assertEqual(gap["seq"], 2)  # the one, and that the world is away

    def test_at_once(self) -> None:
        """Where another world follows at once nobody is told of an absence that wasn't."""
        _, wire, _ = self.browser()
        wire.take()
        self.world.withdraw()
        self.come_back()
        self.reattach()
        self.turn()
        self.assertEqual(self.types(wire), ["gap"])

    def test_ended(self) -> None:
        """A session that doesn't go on ends as the world says; the others go on."""
        _, wire, ann = self.browser()
        _, _, bob = self.terminal()
        self.die()
        self.come_back()
        self.reattach(Ended(ann, CloseCode.BANNED, "You are banned."))
        self.assertIs(wire.code, CloseCode.BANNED)
        self.assertIsNone(self.shared.switchboard.seat(ann))
        self.assertIsNone(self.seat(bob).pause)
        self.assertEqual(self.all_reattached[-1].sessions, 1)
        self.assertEqual(self.meter.counts["reattachments ended"], 1)

    def test_tried_again(self) -> None:
        """While the world is there and can't, it is asked again after growing waits."""
        self.browser()
        self.die()
        self.come_back()
        asked = []
        for _ in range(60):
            if self.world.asked:
                asked.append(self.clock.seconds())
                self.world.answer(Unavailable("The database is away."))
            self.clock.advance(0.25)
        waits = [b - a for a, b in itertools.pairwise(asked)]
        self.assertEqual(waits, sorted(waits))
        self.assertLess(len(asked), 10)
        self.assertEqual(self.all_reattached, [])
        self.clock.advance(5.0)
        self.reattach()
        self.assertEqual(len(self.all_reattached), 1)

    def test_unanswered(self) -> None:
        """A world that does not answer is asked again: soon, as it does not wait long for those
        who come back, and then after ever longer times.
        """
        self.browser()
        self.die()
        self.come_back()
        asked = [self.clock.seconds()] * len(self.world.asked)
        while self.clock.seconds() < 60.0:
            self.clock.advance(0.125)
            asked += [self.clock.seconds()] * (len(self.world.asked) - len(asked))
        waits = [b - a for a, b in itertools.pairwise(asked)]
        self.assertLess(waits[0], HOLD_SECONDS)
        self.assertEqual(waits, sorted(waits))
        self.assertLess(len(asked), 10)

    def test_dies_again(self) -> None:
        """A world that dies while it is asked changes nothing; the next one is asked anew, and
        players are told once that the world is away, and once that it is back.
        """
        link, wire, session = self.browser()
        self.command(link, "one")
        self.die()
        self.come_back(2)
        late = self.world.asked[0][1]
        self.die()
        self.come_back(3)
        self.assertEqual(len(self.world.asked), 1)
        late.callback(None)  # whatever a dead world says
        self.reattach(generation=3)
        self.turn()
        self.assertEqual(
            [m["text"] for m in wire.messages() if m["type"] == "system"], [AWAY, BACK]
        )
        self.assertEqual([(i.generation, i.text) for i in self.world.inputs], [(3, "one")])
        self.assertEqual(len(self.all_reattached), 1)
        self.assertIsNone(self.seat(session).pause)

    def test_dies_while_inputs_are_sent(self) -> None:
        """Much that was typed is sent again over several turns; a world that dies meanwhile leaves
        those whose turn hasn't come to the next one.
        """
        _, _, ann = self.browser()
        _, _, bob = self.terminal()
        self.typed(ann, MAX_RESENT)
        self.typed(bob, 1)
        self.die()
        self.come_back(2)
        self.reattach()
        self.assertEqual({each.session for each in self.world.inputs}, {ann})
        self.assertIsNone(self.seat(ann).pause)
        self.world.withdraw()
        self.turn()
        self.assertIsNotNone(self.seat(bob).pause)
        self.come_back(3)
        self.assertEqual(len(self.reattach().held), 2)
        self.turn()
        self.assertEqual({each.session for each in self.world.inputs}, {ann, bob})
        self.assertEqual(len(self.all_reattached), 1)

    def test_inputs_over_several_turns(self) -> None:
        """Where it lives on, all get their turn."""
        _, _, ann = self.browser()
        _, _, bob = self.terminal()
        self.typed(ann, MAX_RESENT)
        self.typed(bob, 1)
        self.die()
        self.come_back(2)
        self.reattach()
        self.assertEqual(len(self.world.inputs), MAX_RESENT)
        self.turn()
        self.assertEqual(len(self.world.inputs), MAX_RESENT + 1)
        self.assertEqual(len(self.all_reattached), 1)

    def test_our_fault(self) -> None:
        """A failure by our own fault is logged, and the world is asked again."""
        _, _, session = self.browser()
        self.die()
        self.come_back()
        self.world.answer(None)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.clock.advance(1.0)
        self.reattach()
        self.assertIsNone(self.seat(session).pause)

    def test_wanted_while_away(self) -> None:
        """A question for inputs that comes late is left to the next world."""
        link, _, session = self.browser()
        self.command(link, "one")
        self.die()
        self.world.send(InputsWanted(session, InputNumber(0)))
        self.assertEqual(self.world.texts, ["one"])

    def test_outdated_answer(self) -> None:
        """The answer of a world that another one has followed doesn't count."""
        self.browser()
        self.die()
        self.come_back(3)
        self.tell_all(WorldOpened())
        self.world.epoch = 2
        self.reattach()
        self.assertEqual(self.all_reattached, [])
        self.world.epoch = 3
        self.pass_time(1.0)
        self.reattach()
        self.assertEqual(len(self.all_reattached), 1)

    def test_opened(self) -> None:
        """That a world has opened makes no difference to who is attached to it already."""
        _, _, session = self.browser()
        self.die()
        self.come_back()
        self.reattach()
        self.tell_all(WorldOpened())
        self.assertEqual(self.world.asked, [])
        self.assertIsNone(self.seat(session).pause)

    def test_opened_while_asked(self) -> None:
        """Nor to who is named to it and waits for its answer."""
        _, _, session = self.browser()
        self.die()
        self.come_back()
        self.tell_all(WorldOpened())
        self.assertEqual(len(self.world.asked), 1)
        self.reattach()
        self.assertIsNone(self.seat(session).pause)
        self.assertEqual(len(self.all_reattached), 1)

    def test_opened_after_a_refusal(self) -> None:
        """Who waits to be named again needn't any longer."""
        _, _, session = self.browser()
        self.die()
        self.come_back()
        self.world.answer(Unavailable("The database is away."))
        self.tell_all(WorldOpened())
        self.reattach()
        self.assertIsNone(self.seat(session).pause)

    def test_opened_behind_another(self) -> None:
        """While sessions go on with one world, a later one opens: all are named to that."""
        _, _, ann = self.browser()
        self.terminal()
        self.typed(ann, MAX_RESENT)
        self.die()
        self.come_back(2)
        self.reattach()
        self.assertIsNone(self.seat(ann).pause)
        self.world.epoch = 3
        self.tell_all(WorldOpened())
        self.assertEqual(len(self.reattach().held), 2)
        self.turn()
        self.assertEqual([each.epoch for each in self.all_reattached], [Epoch(3)])

    def test_opened_unseen(self) -> None:
        """A later world that nobody saw coming is gone on with."""
        _, _, session = self.browser()
        self.world.epoch = 2
        self.tell_all(WorldOpened())
        self.reattach()
        self.assertIsNone(self.seat(session).pause)

    def test_closing(self) -> None:
        """A world that closes is heeded no more, though it still responds; then the next is."""
        link, wire, _ = self.browser()
        wire.take()
        self.tell_all(WorldClosing())
        self.turn()
        self.assertEqual(self.types(wire), ["system"])
        self.command(link, "look")
        self.assertEqual(self.world.texts, [])
        self.reattach()
        self.assertEqual(len(self.all_reattached), 1)  # the first one, of the start
        self.die()
        self.come_back()
        self.reattach()
        self.assertEqual(self.world.texts, ["look"])
        self.assertEqual(len(self.all_reattached), 1)

    def test_closing_late(self) -> None:
        """That an earlier world closes may come after the next one is there."""
        _, _, session = self.browser()
        self.world.withdraw()
        self.come_back(2)
        self.world.epoch = 1
        self.tell_all(WorldClosing())
        self.world.epoch = 2
        self.world.asked.pop(0)
        self.reattach()
        self.assertIsNone(self.seat(session).pause)
        self.world.epoch = 1
        self.tell_all(WorldClosing())
        self.assertIsNone(self.seat(session).pause)

    def test_batches(self) -> None:
        """A crowd is named in batches of 200, four at a time."""
        for number in range(1_001):
            self.seat_for(f"s{number}")
        self.die()
        self.come_back()
        self.assertEqual([len(r.held) for r, _ in self.world.asked], [200] * 4)  # type: ignore[attr-defined]
        while self.world.asked:
            self.reattach()
        self.assertEqual(self.all_reattached, [AllReattached(GATEWAY, 1_001, 0.0, Epoch(2))])
        self.assertEqual(self.meter.counts["reattachments went_on"], 1_001)
        for seat in self.shared.switchboard.seats():
            self.shared.switchboard.remove(seat)

    def test_no_room(self) -> None:
        """Where there is no room for another task it is begun later."""
        _, _, session = self.browser()
        waiting = [Deferred[None]() for _ in range(MAX_TASKS)]
        for each in waiting:
            self.shared.tasks.run("something", each)
        self.die()
        self.come_back()
        self.assertEqual(self.world.asked, [])
        for each in waiting:
            each.callback(None)
        self.clock.advance(1.0)
        self.reattach()
        self.assertIsNone(self.seat(session).pause)

    def seat_for(self, name: str) -> None:
        play = Play(SessionId(name), Outbox(OutboxLimits()))
        seat = self.shared.switchboard.add(play, session_machine(play), JsonDress(), player())
        seat.session.attach(Generation(1))


class MeanwhileTest(ContinuityTestCase):
    """Players don't wait for worlds."""

    def test_lost_while_away(self) -> None:
        """Who loses the connection meanwhile is named as link-dead, and nothing else is told."""
        link, _, ann = self.browser()
        self.die()
        self.world.messages.clear()
        link.lost("reset")
        self.assertEqual(self.world.detached, [])
        self.come_back()
        request = self.reattach()
        self.assertEqual([(held.session, held.linkdead) for held in request.held], [(ann, True)])
        self.assertEqual(self.world.detached, [])

    def test_quit_while_away(self) -> None:
        """Who leaves on purpose is not named; the world is told, as it may know the session."""
        link, _, ann = self.browser()
        self.die()
        self.send(link, {"type": "bye"})
        self.assertEqual(self.world.detached, [])
        self.come_back()
        self.assertEqual(self.world.asked, [])
        self.assertEqual(self.world.detached, [Detached(ann, Generation(1), quit=True)])
        self.assertEqual(len(self.all_reattached), 1)

    def test_leavers_are_bounded(self) -> None:
        """Of too many who leave, the world is not told."""
        self.die()
        for number in range(MAX_LEAVERS + 1):
            leaver = Detached(SessionId(str(number)), Generation(1), quit=True)
            self.shared.worldwatch.left(leaver)
        self.come_back()
        self.assertEqual(len(self.world.detached), MAX_LEAVERS)

    def test_lost_while_asked(self) -> None:
        """Who loses the connection while the world is asked is link-dead afterwards."""
        link, _, ann = self.browser()
        self.die()
        self.come_back()
        link.lost("reset")
        self.reattach(generation=5)
        self.assertEqual(self.world.detached, [Detached(ann, Generation(5), quit=False)])
        self.assertTrue(self.seat(ann).play.gapped)

    def test_quit_while_asked(self) -> None:
        """Who leaves on purpose then is told as gone, under the new generation."""
        link, _, ann = self.browser()
        self.die()
        self.come_back()
        self.send(link, {"type": "bye"})
        self.reattach(generation=5)
        self.assertIn(Detached(ann, Generation(5), quit=True), self.world.detached)

    def test_let_in_by_a_world_that_is_gone(self) -> None:
        """Whoever is let in by a world that is gone by then is named to the next."""
        link, wire = self.hello()
        self.world.withdraw()
        session = self.world.admit().session
        self.assertIsNotNone(self.seat(session).pause)
        self.turn()
        self.assertEqual(self.types(wire), ["welcome", "system"])
        self.command(link, "look")
        self.come_back()
        self.assertEqual(self.reattach().held[0].session, session)
        self.assertEqual(self.world.texts, ["look"])

    def test_let_in_by_the_world_before(self) -> None:
        """So is whoever is let in by the last world when the next one is there already."""
        self.hello()
        self.world.withdraw()
        self.come_back()
        session = self.world.admit().session
        self.assertEqual(self.reattach().held[0].session, session)
        self.assertIsNone(self.seat(session).pause)

    def test_let_in_one_by_one(self) -> None:
        """The others who are named, or on their way in, are not asked for again because of it."""
        for _ in range(2):
            self.hello()
        self.world.withdraw()
        self.come_back()
        asked = self.world.asked
        first = self.world.admit().session
        self.hello()
        second = self.world.admit().session
        self.assertEqual([type(request) for request, _ in asked], [Reattach, Attach])
        asked.reverse()
        last = self.world.admit().session
        self.assertIsNone(self.seat(last).pause)
        for session in (first, second):
            self.assertEqual([held.session for held in self.reattach().held], [session])
        self.assertEqual(self.world.asked, [])
        self.assertEqual(self.all_reattached[-1].sessions, 2)

    def hello(self) -> tuple[JsonLink, FakeWire]:
        """Somebody wants to come in."""
        wire = FakeWire()
        link = JsonLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address))
        self.links.append(link)
        link.accepted()
        link.opened()
        self.send(link, {"type": "hello", "ticket": "t", "csrf": "c"})
        return link, wire
