"""How WebSocket clients come back."""

from attrs import evolve

from mudserver.errors import CloseCode, Unavailable
from mudserver.interfaces.continuity import StatesWanted
from mudserver.interfaces.play import Detached, Refusal
from mudserver.session.outbox import OutboxLimits
from tests.unit.gateway.bench import GATEWAY
from tests.unit.gateway.json_links import LIMITS, JsonLinkTestCase


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

    def test_tried_again(self) -> None:
        """What came by the old connection, and is answered with the word to try again, may come
        again by the new one: that is another try.
        """
        self.command(self.link, "one", "c1")
        self.link.lost("reset")
        link, wire = self.come_back(self.welcome, seq=2)
        self.world.admit(generation=2, recovered=True)
        self.world.settle(self.session, 1, "c1", Refusal("unavailable", "Not now.", 1.0))
        self.turn()
        self.assertEqual(wire.messages()[-1].get("retry_after"), 1.0)
        self.command(link, "one", "c1")
        self.assertEqual((self.world.inputs[-1].number, self.world.inputs[-1].command), (2, "c1"))

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
