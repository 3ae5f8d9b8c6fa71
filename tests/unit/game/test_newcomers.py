"""What was said is not said again to sessions that began later."""

from attrs import evolve

from mudserver.bus.loopback import LoopbackBus
from mudserver.game.late_words import KEPT_SECONDS, LATE_SECONDS
from mudserver.ids import CommandId, InputNumber, SessionId
from mudserver.interfaces.authority import Register
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Input, Settled
from mudserver.session.moment import Moment
from tests.unit.game.held_up_bus import HeldUpBus
from tests.unit.game.succession import SuccessionTestCase
from tests.unit.game.theatre import HOME, PASSWORD


class MomentsTest(SuccessionTestCase):
    """When sessions began, and when something was said."""

    def began(self, session: SessionId) -> Moment:
        found = self.game.sessions.get(session)
        assert found is not None
        assert found.began is not None
        return found.began

    def test_sessions(self) -> None:
        """Each begins later than the one before, and is the same in worlds that follow, where
        others begin later still.
        """
        again = self.come_in("Bob")
        first, second = self.began(self.ann), self.began(again)
        told = [self.holding.held[each].began for each in (self.ann, again)]
        self.assertEqual(told, [first, second])
        self.succeed()
        self.assertEqual([self.began(each) for each in (self.ann, again)], [first, second])
        self.assertTrue(first < second < self.began(self.come_in("Bob")))

    def test_resumed(self) -> None:
        """A session that goes on by another connection began when it did."""
        before = self.began(self.ann)
        attaching = self.holding.enter("Ann", resume=self.ann)
        self.advance()
        attached = self.successResultOf(attaching)
        self.assertTrue(attached.recovered)
        self.assertEqual((attached.began, self.began(self.ann)), (before, before))

    def test_said(self) -> None:
        """The speaker's gateway is told when that was said which it keeps: no earlier than the last
        session began, and before the next one.
        """
        before = self.began(self.bob)
        self.carry_out(self.ann, "chat one")
        after = self.began(self.come_in("Bob"))
        (settled,) = self.holding.settled(self.ann)
        self.assertTrue(settled.under_way)
        assert settled.said is not None
        self.assertTrue(before <= settled.said < after)
        self.advance(KEPT_SECONDS)
        self.carry_out(self.ann, "look")
        self.assertIsNone(self.holding.settled(self.ann)[-1].said)


class NewcomersTest(SuccessionTestCase):
    """Ann speaks, and the worlds that follow say it again; Bob logs in anew meanwhile."""

    def make_bus(self) -> LoopbackBus:
        self.held_up = HeldUpBus(self.clock)
        return self.held_up

    def said(self) -> Moment:
        """When Ann's last line was said, as her gateway was told."""
        said = self.holding.settled(self.ann)[-1].said
        assert said is not None
        return said

    def repeat(self, text: str, said: Moment | None, number: int = 1) -> Settled:
        """Have the world of now say again what Ann has said; returns what it answers."""
        again = Input(
            self.ann,
            self.holding.generations[self.ann],
            InputNumber(number),
            text,
            CommandId(f"c{number}"),
            answered=True,
            said=said,
        )
        self.bus.publish(WORLD, again)
        self.advance()
        return self.holding.settled(self.ann)[-1]

    def heard(self, session: SessionId, word: str) -> int:
        return sum(word in line for line in self.holding.lines(session))

    def late(self, *sessions: SessionId) -> None:
        """Kill the world; in the next one those play, and others are still to come back."""
        self.kill()
        self.open_next()
        self.holding.ask(*sessions)
        self.advance(5.0)

    def come_back_late(self, session: SessionId) -> None:
        self.holding.ask(session)
        self.advance()

    def test_newcomer(self) -> None:
        """A session that began after something was said is not shown it, by any world."""
        self.carry_out(self.ann, "chat one", "c1")
        self.assertEqual(self.heard(self.bob, "one"), 1)
        said, again = self.said(), self.come_in("Bob")
        for _ in range(2):
            self.succeed()
            self.assertEqual(self.repeat("chat one", said).said, said)
            self.assertEqual(self.heard(again, "one"), 0)

    def test_there_before(self) -> None:
        """One that began before is, as its gateway may not have shown it."""
        again = self.come_in("Bob")
        self.carry_out(self.ann, "chat one", "c1")
        self.holding.seen.clear()
        said = self.said()
        self.holding.forget()
        self.succeed()
        self.repeat("chat one", said)
        self.assertEqual(self.heard(again, "one"), 1)

    def test_not_known_when_said(self) -> None:
        """Where the answer of the earlier world was lost it was said before this one opened: those
        who began there may not have heard it, those who began here are not shown it.
        """
        self.carry_out(self.ann, "say nothing", "c1")
        eve = self.newcomer("Eve")
        self.late(self.ann, eve)
        again = self.come_in("Bob")
        settled = self.repeat("chat two", None, 2)
        self.assertEqual([self.heard(each, "two") for each in (eve, again)], [1, 0])
        assert settled.said is not None
        self.assertLess(self.sessions_began(eve), settled.said)
        self.assertLess(settled.said, self.sessions_began(again))

    def newcomer(self, name: str) -> SessionId:
        self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, HOME)))
        return self.come_in(name)

    def sessions_began(self, session: SessionId) -> Moment:
        began = self.holding.held[session].began
        assert began is not None
        return began

    def test_not_known_when_begun(self) -> None:
        """A session of which nobody knows when it began is shown all."""
        self.carry_out(self.ann, "chat one", "c1")
        said, again = self.said(), self.come_in("Bob")
        self.holding.held[again] = evolve(self.holding.held[again], began=None)
        self.succeed()
        self.repeat("chat one", said)
        self.assertEqual(self.heard(again, "one"), 1)

    def test_waiting(self) -> None:
        """So it is with what waits for somebody who isn't back: who logs in anew is not shown it,
        nor by the next world, where it waits again.
        """
        self.carry_out(self.ann, "say nothing", "c1")
        self.carry_out(self.ann, "chat one", "c2")
        said, eve = self.said(), self.newcomer("Eve")
        self.late(self.ann)
        settled = self.repeat("tell Bob two", said, 3)
        self.assertEqual((settled.under_way, settled.said, len(self.game.repeats)), (True, said, 1))
        again = self.come_in("Bob")
        self.come_back_late(eve)
        self.assertEqual((len(self.game.repeats), self.heard(again, "two")), (0, 0))

    def test_waiting_for_who_was_there(self) -> None:
        """Who comes back after all is shown it."""
        self.carry_out(self.ann, "chat one", "c1")
        said = self.said()
        self.late(self.ann)
        self.repeat("tell Bob two", said, 2)
        self.come_back_late(self.bob)
        self.assertEqual(self.heard(self.bob, "two"), 1)

    def test_late(self) -> None:
        """So it is with those who come back late: of what was said again, who began later is shown
        nothing; of what was said since the world opened, all.
        """
        self.carry_out(self.ann, "chat one", "c1")
        said, again = self.said(), self.come_in("Bob")
        self.late(self.ann)
        self.assertEqual(self.repeat("chat one", said).said, said)
        self.carry_out(self.ann, "chat two", "c2")
        self.come_back_late(again)
        self.assertEqual([self.heard(again, word) for word in ("one", "two")], [0, 1])

    def test_late_and_long_ago(self) -> None:
        """What is shown so is under way again since then, and was said when it was."""
        self.late(self.ann)
        self.carry_out(self.ann, "chat one", "c1")
        said = self.said()
        self.advance(LATE_SECONDS / 2)
        self.held_up.confirm()
        self.assertFalse(self.repeat("chat one", None).under_way)
        self.newcomer("Eve")
        self.come_back_late(self.bob)
        self.assertEqual(self.repeat("chat one", None).said, said)
