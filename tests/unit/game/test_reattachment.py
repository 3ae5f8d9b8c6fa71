"""Sessions go on in the next world, as they were, and what was typed is carried out once."""

from datetime import timedelta
from typing import cast

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mudserver.errors import CloseCode, StorageUnavailable, Unavailable
from mudserver.game import attendance, journal
from mudserver.game.late_words import LATE_SECONDS
from mudserver.ids import (
    AccountId,
    CommandId,
    GatewayId,
    Generation,
    InputNumber,
    SessionId,
    TokenHash,
)
from mudserver.interfaces.authority import Register, Transport
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.continuity import MAX_HELD, Held, Moved, Reattach, Reattached
from mudserver.interfaces.play import Detached, Input, Refusal, Settled, Show
from mudserver.interfaces.rows import CharacterRow
from mudserver.world.bans import Ban, BanKind
from tests.unit.game.succession import HoldingGateway, SuccessionTestCase
from tests.unit.game.theatre import HOME, PASSWORD, Opened


class GoOnTest(SuccessionTestCase):
    """A world is killed, and another opens."""

    def test_as_it_was(self) -> None:
        """The same session has another generation, and is shown its state behind the answer."""
        self.carry_out(self.ann, "get lamp")
        self.carry_out(self.ann, "east")
        self.holding.forget()
        answer = self.succeed()
        self.assertEqual(
            answer.sessions,
            (
                Reattached(self.ann, Generation(2), InputNumber(2)),
                Reattached(self.bob, Generation(2), InputNumber(0)),
            ),
        )
        self.assertEqual(answer.epoch, self.holding.epoch)
        self.assertEqual(self.holding.of(self.ann)[0], Opened(self.ann))
        self.assertEqual(self.holding.types(self.ann), ["char.state", "room.state"])
        self.assertEqual(self.holding.types(self.bob), ["char.state", "room.state"])
        (own,) = self.holding.bodies(self.ann, "char.state")
        (room,) = self.holding.bodies(self.ann, "room.state")
        self.assertIn("a brass lamp", str(own["inventory"]))
        self.assertIn("The Mole", str(room["room"]))
        self.carry_out(self.ann, "say here")
        self.assertEqual(self.holding.lines(self.ann)[-1], 'You say, "here"')

    def test_together(self) -> None:
        """All who were in a room see each other there, and nobody is told a story."""
        self.succeed()
        for session in (self.ann, self.bob):
            (room,) = self.holding.bodies(session, "room.state")
            self.assertIn("'Ann'", str(room))
            self.assertIn("'Bob'", str(room))
            self.assertEqual(self.holding.bodies(session, "presence"), [])
            self.assertEqual(self.holding.bodies(session, "room.delta"), [])

    def test_one_after_the_other(self) -> None:
        """Who is back already learns by deltas of those who come later."""
        self.kill()
        self.open_next()
        self.holding.ask(self.ann)
        self.advance(5.0)
        self.holding.forget()
        self.holding.ask(self.bob)
        self.advance()
        self.assertEqual(self.holding.types(self.ann), ["room.delta"])
        self.assertEqual(self.holding.types(self.bob), ["char.state", "room.state"])

    def late(self, *typed: str) -> None:
        """Have Ann play on in the next world, before Bob is back."""
        self.kill()
        self.open_next()
        self.holding.ask(self.ann)
        self.advance(5.0)
        for text in typed:
            self.carry_out(self.ann, text)
        self.holding.forget()

    def test_late(self) -> None:
        """Who comes back after others have played on is shown what these said on channels, in its
        order and once; not what is for nobody but those who are there.
        """
        self.late("chat one", "say here", "chat two", "tell Bob three")
        self.holding.ask(self.bob)
        self.advance()
        self.carry_out(self.ann, "chat four")
        self.holding.ask(self.bob)
        self.advance()
        heard = [line for line in self.holding.lines(self.bob) if "Ann:" in line]
        self.assertEqual(heard, [f"[chat] Ann: {word}" for word in ("one", "two", "four")])
        self.assertNotIn("[chat] Ann: one", self.holding.lines(self.ann))
        shows = [each for each in self.holding.of(self.bob) if isinstance(each, Show)]
        said = [each for each in shows if each.event is not None and each.view.type == "chat"]
        self.assertEqual([(each.durable, each.again) for each in said[:2]], [(True, True)] * 2)

    def test_late_and_deaf(self) -> None:
        """They are spared what they would have been spared in time."""
        self.carry_out(self.bob, "mute Ann")
        self.late("chat one")
        self.holding.ask(self.bob)
        self.advance()
        self.assertEqual([line for line in self.holding.lines(self.bob) if "one" in line], [])

    def test_too_late(self) -> None:
        """A world doesn't remember it for ever."""
        self.late("chat one")
        self.advance(LATE_SECONDS)
        self.holding.ask(self.bob)
        self.advance()
        self.assertEqual([line for line in self.holding.lines(self.bob) if "one" in line], [])

    def test_told_who_is_late(self) -> None:
        """What an earlier world was told for somebody waits until they are back."""
        self.holding.deaf = True
        self.carry_out(self.ann, "tell Bob one", "a")
        self.advance(journal.RIDE_SECONDS)
        self.holding.deaf = False
        self.late()
        self.holding.send_again(self.ann)
        self.advance()
        self.assertEqual(self.holding.settled(self.ann)[0].refusal, None)
        self.assertTrue(self.holding.settled(self.ann)[0].under_way)
        for _ in range(2):
            self.holding.ask(self.bob)
            self.advance()
        heard = [line for line in self.holding.lines(self.bob) if "one" in line]
        self.assertEqual(heard, ['Ann tells you, "one"'])
        self.assertEqual(len(self.game.deliveries), 0)

    def test_told_who_stays_away(self) -> None:
        """It waits for a while, whether or not anybody comes back; then it is given up."""
        self.holding.deaf = True
        for number in ("one", "two"):
            self.carry_out(self.ann, f"tell Bob {number}", number)
        self.advance(journal.RIDE_SECONDS)
        self.holding.deaf = False
        self.late()
        one, two = self.holding.unsettled[self.ann]
        self.holding.send(self.ann, one)
        self.advance(1.0)
        self.holding.send(self.ann, two)
        self.advance()
        self.assertEqual(len(self.game.repeats), 2)
        self.advance(LATE_SECONDS - 1.0)
        self.assertEqual(len(self.game.repeats), 1)
        self.assertEqual(len(self.game.deliveries), 1)
        self.advance(1.0)
        self.assertEqual(len(self.game.repeats), 0)
        self.assertEqual(len(self.game.deliveries), 0)
        self.holding.ask(self.bob)
        self.advance()
        self.assertEqual(self.told_by_ann(), [])

    def test_stopped_while_it_waits(self) -> None:
        """A world that stops lets the speaker's gateway keep it, for the next one."""
        self.holding.deaf = True
        self.carry_out(self.ann, "tell Bob one", "a")
        self.advance(journal.RIDE_SECONDS)
        self.holding.deaf = False
        self.late()
        self.holding.send_again(self.ann)
        self.advance()
        game = self.game
        self.assertEqual(len(game.repeats), 1)
        self.successResultOf(self.service.stopService())
        self.assertEqual(len(game.repeats), 0)
        self.assertEqual(len(game.deliveries), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.open_next()

    def test_said_again_once(self) -> None:
        """One world says it again once, however often it is sent; it only answers each time."""
        self.holding.deaf = True
        self.carry_out(self.ann, "tell Bob one", "a")
        self.advance(journal.RIDE_SECONDS)
        self.holding.deaf = False
        self.succeed()
        generation = self.holding.generations[self.ann]
        for _ in range(3):
            self.bus.publish(
                WORLD, Input(self.ann, generation, InputNumber(1), "tell Bob one", CommandId("a"))
            )
            self.advance()
        self.assertEqual(len(self.holding.settled(self.ann)), 4)
        self.assertEqual(self.meter.counts["words_repeated"], 1)

    def test_told_by_a_beginning(self) -> None:
        """What was told to one is not told to another whose name begins so."""
        self.successResultOf(self.bus.request(WORLD, Register("Bobby", PASSWORD, HOME)))
        bobby = self.come_in("Bobby")
        self.holding.deaf = True
        self.carry_out(self.ann, "tell Bob one", "a")
        self.advance(journal.RIDE_SECONDS)
        self.holding.deaf = False
        self.kill()
        self.open_next()
        self.holding.ask(self.ann, bobby)
        self.advance(5.0)
        self.holding.send_again(self.ann)
        self.advance()
        told = [line for line in self.holding.lines(bobby) if "tells" in line]
        self.assertEqual(told, [])
        self.holding.ask(self.bob)
        self.advance()
        self.assertEqual(self.told_by_ann(), ['Ann tells you, "one"'])

    def test_answered_and_not_saved(self) -> None:
        """What an earlier world has answered, and not saved, is said, too, as soon as they are back
        whom it is for; nothing else of it counts.
        """
        self.late()
        for text in ("tell Bob one", "chat two"):
            number = self.holding.number(self.ann)
            generation = self.holding.generations[self.ann]
            again = Input(self.ann, generation, number, text, CommandId(text), answered=True)
            self.bus.publish(WORLD, again)
            self.advance()
        first, second = self.holding.settled(self.ann)
        self.assertEqual((first.refusal, first.under_way), (None, True))
        self.assertEqual((second.refusal, second.number), (None, 2))
        self.holding.ask(self.bob)
        self.advance()
        self.assertEqual(self.told_by_ann(), ['Ann tells you, "one"'])
        heard = [line for line in self.holding.lines(self.bob) if "two" in line]
        self.assertEqual(heard, ["[chat] Ann: two"])

    def told_by_ann(self) -> list[str]:
        return [line for line in self.holding.lines(self.bob) if "Ann tells you" in line]

    def test_refused_and_not_heard(self) -> None:
        """What was refused is not said by the next world, where it knows."""
        self.carry_out(self.bob, "mute Ann")
        self.holding.deaf = True
        self.carry_out(self.ann, "tell Bob one", "a")
        self.carry_out(self.bob, "unmute Ann")
        self.advance(journal.RIDE_SECONDS)
        self.holding.deaf = False
        self.assertEqual(self.succeed().sessions[0].applied, 1)
        self.assertEqual(self.told_by_ann(), [])
        self.assertIsNotNone(self.holding.settled(self.ann)[0].refusal)

    def test_refused_for_now_and_not_heard(self) -> None:
        """Nor what it has its client try again."""
        self.holding.deaf = True
        for number in range(60):
            self.carry_out(self.ann, f"tell Bob {number}", f"c{number}")
        self.advance(journal.RIDE_SECONDS)
        self.holding.deaf = False
        self.succeed()
        done = [each for each in self.holding.settled(self.ann) if each.refusal is None]
        self.assertLess(len(done), 60)
        self.assertEqual(len(self.told_by_ann()), len(done))

    def test_repeated_and_not_heard(self) -> None:
        """What was answered by the client's id, and not carried out, is not said either."""
        self.carry_out(self.ann, "tell Bob one", "a")
        self.holding.deaf = True
        self.carry_out(self.ann, "tell Bob one", "a")
        self.carry_out(self.ann, "say nothing")
        self.advance(journal.RIDE_SECONDS)
        self.holding.deaf = False
        self.assertEqual(self.succeed().sessions[0].applied, 3)
        self.assertEqual(self.told_by_ann(), ['Ann tells you, "one"'])
        answers = [(each.number, each.refusal) for each in self.holding.settled(self.ann)]
        self.assertEqual(answers, [(1, None), (2, None), (3, None)])

    def test_uncommitted(self) -> None:
        """What was not committed is carried out again, and shown once."""
        self.holding.type_held(self.ann, "get lamp", "a")
        self.clock.advance(0)
        self.assertEqual(self.holding.settled(self.ann), [])
        answer = self.succeed()
        self.assertEqual(answer.sessions[0].applied, 0)
        self.assertEqual(
            self.holding.settled(self.ann), [Settled(self.ann, InputNumber(1), CommandId("a"))]
        )
        self.assertEqual(
            [line for line in self.holding.lines(self.ann) if "pick up" in line],
            ["You pick up a brass lamp."],
        )
        self.assertEqual(
            [line for line in self.holding.lines(self.bob) if "picks up" in line],
            ["Ann picks up a brass lamp."],
        )

    def test_committed_but_not_heard(self) -> None:
        """What was committed is answered only."""
        self.holding.deaf = True
        self.carry_out(self.ann, "get lamp", "a")
        self.carry_out(self.ann, "drop feather", "b")
        self.advance(journal.RIDE_SECONDS)
        self.holding.deaf = False
        answer = self.succeed()
        self.assertEqual(answer.sessions[0].applied, 2)
        first, second = self.holding.settled(self.ann)
        self.assertEqual((first.number, first.refusal), (1, None))
        assert second.refusal is not None
        self.assertEqual(second.number, 2)
        self.assertNotIn("chat", self.holding.types(self.ann))

    def test_remembered_answers(self) -> None:
        """A client's id gets the same answer from the next world, refusals too."""
        self.carry_out(self.ann, "get moon", "a")
        self.carry_out(self.ann, "get lamp", "b")
        refused, done = self.holding.settled(self.ann)
        self.succeed()
        self.holding.forget()
        self.carry_out(self.ann, "get moon", "a")
        self.carry_out(self.ann, "get lamp", "b")
        again = self.holding.settled(self.ann)
        self.assertEqual([each.refusal for each in again], [refused.refusal, done.refusal])
        assert refused.refusal is not None
        self.assertEqual(self.holding.types(self.ann), [])

    def test_settled_but_not_committed(self) -> None:
        """What a gateway knows to be settled is not carried out again, though nothing of it was
        committed.
        """
        self.holding.type_held(self.ann, "say hello")
        self.clock.advance(0)
        self.assertEqual(self.holding.held[self.ann].settled, 1)
        self.assertEqual(self.succeed().sessions[0].applied, 1)

    def test_linkdead(self) -> None:
        """Who has no connection comes back without a word, has a grace of its own, and leaves."""
        self.holding.held[self.bob] = evolve(self.holding.held[self.bob], linkdead=True)
        self.succeed()
        self.assertTrue([each.linkdead for each in self.game.sessions][1])
        self.assertEqual(self.holding.bodies(self.ann, "presence"), [])
        self.advance(120.0)
        self.assertEqual([each.name for each in self.game.sessions], ["Ann"])
        self.assertEqual(len(self.holding.ended(self.bob)), 1)

    def test_stale_world(self) -> None:
        """A world that was superseded saves nothing, ends no session, and isn't heard."""
        self.holding.type_held(self.ann, "get lamp")
        self.clock.advance(0)
        stale, clock = self.kill(), self.clock
        old = cast(Clock, stale._ports.clock)
        self.open_next()
        self.come_back()
        self.holding.forget()
        old.advance(1.0)
        self.assertEqual(len(self.fenced), 1)
        self.assertEqual(self.holding.messages, [])
        self.assertEqual(len(stale.game.sessions), 2)
        self.successResultOf(stale.stopService())
        self.assertEqual(self.holding.messages, [])
        self.assertEqual(old.getDelayedCalls(), [])
        self.assertIs(self.clock, clock)

    def test_database_away(self) -> None:
        """While the database is away it is to be tried again."""
        self.kill()
        self.open_next()
        self.database.failure = StorageUnavailable("away")
        asking = self.holding.ask()
        self.advance()
        self.failureResultOf(asking, Unavailable)
        self.database.failure = None
        self.assertEqual(len(self.come_back().sessions), 2)
        self.assertEqual(len(self.game.sessions), 2)

    def test_too_many(self) -> None:
        """More than `MAX_HELD` at once are a fault."""
        held = self.holding.held[self.ann]
        asking = self.bus.request(WORLD, Reattach(self.holding.id, (held,) * (MAX_HELD + 1)))
        self.failureResultOf(asking, Unavailable)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class VerifiedTest(SuccessionTestCase):
    """Who may not go on."""

    def outcome(self, session: SessionId) -> CloseCode | None:
        """How a session fares in the next world."""
        self.kill()
        self.open_next()
        asking = self.holding.ask()
        self.advance()
        for each in self.successResultOf(asking).sessions:
            if each.session == session:
                return None if each.ended is None else each.ended.code
        raise AssertionError(session)

    def revoke(self, session: SessionId) -> None:
        token = self.holding.held[session].attended.token
        self.successResultOf(self.account_store.revoke_token(token))

    def test_revoked(self) -> None:
        """Whose token was revoked meanwhile is out; the others go on."""
        self.revoke(self.ann)
        self.assertEqual(self.outcome(self.ann), CloseCode.REVOKED)
        self.assertEqual([each.name for each in self.game.sessions], ["Bob"])

    def test_revoked_telnet(self) -> None:
        """So it is on telnet."""
        self.revoke(self.bob)
        self.assertEqual(self.outcome(self.bob), CloseCode.REVOKED)

    def test_unknown_token(self) -> None:
        """A token that nobody knows is none."""
        held = self.holding.held[self.ann]
        attended = evolve(held.attended, token=TokenHash("0" * 64))
        self.holding.held[self.ann] = evolve(held, attended=attended)
        self.assertEqual(self.outcome(self.ann), CloseCode.REVOKED)

    def test_anothers_token(self) -> None:
        """Nor is another's."""
        held, bobs = self.holding.held[self.ann], self.holding.held[self.bob].attended.token
        self.holding.held[self.ann] = evolve(held, attended=evolve(held.attended, token=bobs))
        self.assertEqual(self.outcome(self.ann), CloseCode.REVOKED)

    def expire(self, session: SessionId) -> None:
        token = self.holding.held[session].attended.token
        self.successResultOf(self.account_store.extend_token(token, self.utc_now()))

    def test_expired(self) -> None:
        """Whose token has ended is to log in again."""
        self.expire(self.ann)
        self.assertEqual(self.outcome(self.ann), CloseCode.EXPIRED)

    def test_expired_telnet(self) -> None:
        """On telnet a session outlives its token's end."""
        self.expire(self.bob)
        self.assertIsNone(self.outcome(self.bob))

    def test_prolonged(self) -> None:
        """The end of a token is as it is stored."""
        later = self.utc_now() + timedelta(days=3)
        token = self.holding.held[self.ann].attended.token
        self.successResultOf(self.account_store.extend_token(token, later))
        self.assertIsNone(self.outcome(self.ann))
        session = self.game.sessions.get(self.ann)
        assert session is not None
        self.assertEqual(session.attended.expires, later)

    def test_closed_account(self) -> None:
        """Whose account was closed is out."""
        account = self.holding.held[self.ann].attended.account
        known = self.database.accounts[account]
        self.database.accounts[account] = evolve(known, disabled=True)
        self.assertEqual(self.outcome(self.ann), CloseCode.BANNED)

    def test_banned(self) -> None:
        """Who was banned is out."""
        self.database.bans[BanKind.NAME, "ann"] = Ban(
            BanKind.NAME, "ann", "Ann", None, "", self.utc_now(), None, ""
        )
        self.assertEqual(self.outcome(self.ann), CloseCode.BANNED)

    def test_anothers_character(self) -> None:
        """Nobody plays another account's character."""
        held = self.holding.held[self.ann]
        self.holding.held[self.ann] = evolve(held, character="Bob")
        self.assertEqual(self.outcome(self.ann), CloseCode.REVOKED)

    def test_anothers_session(self) -> None:
        """Nobody goes on with a session in which another character has played."""
        self.carry_out(self.bob, "get lamp")
        held = self.holding.held.pop(self.ann)
        self.holding.held[self.bob] = evolve(held, session=self.bob)
        self.assertEqual(self.outcome(self.bob), CloseCode.REVOKED)

    def test_played_elsewhere(self) -> None:
        """Whose character is played by another session by now is told so."""
        self.kill()
        self.open_next()
        other = HoldingGateway(self.bus, GatewayId("other"))
        self.come_in("Ann", gateway=other)
        asking = self.holding.ask(self.ann)
        self.advance()
        (outcome,) = self.successResultOf(asking).sessions
        assert outcome.ended is not None
        self.assertEqual(outcome.ended.code, CloseCode.PLAYING_ELSEWHERE)
        self.assertEqual(other.ended(next(iter(other.held))), [])


class TakenOverTest(SuccessionTestCase):
    """Ann came in anew at another gateway, and the first one had not heard of that in time."""

    def setUp(self) -> None:
        super().setUp()
        self.other = HoldingGateway(self.bus, GatewayId("other"))
        before = self.holding.held[self.ann]
        self.later = self.come_in("Ann", gateway=self.other)
        self.holding.held[self.ann] = before
        self.holding.forget()
        self.other.forget()
        self.kill()
        self.open_next()

    def lose(self, gateway: HoldingGateway, session: SessionId) -> None:
        gateway.held[session] = evolve(gateway.held[session], linkdead=True)

    def reattach(self, gateway: HoldingGateway, session: SessionId) -> CloseCode | None:
        asking = gateway.ask(session)
        self.advance()
        (outcome,) = self.successResultOf(asking).sessions
        return None if outcome.ended is None else outcome.ended.code

    def linkdead(self) -> bool:
        session = self.game.sessions.get(self.later)
        assert session is not None
        return self.game.world.character(session.character).linkdead

    def check(self) -> None:
        """Ann plays at the other gateway, by her later session, and others see her there."""
        self.advance(5.0)
        (session,) = self.game.sessions
        self.assertEqual((session.id, session.gateway), (self.later, self.other.id))
        self.assertEqual(self.other.types(self.later), ["char.state", "room.state"])
        self.other.type_held(self.later, "say here", None)
        self.advance()
        self.assertEqual(self.other.lines(self.later)[-1], 'You say, "here"')

    def test_old_one_first(self) -> None:
        """The session from which the player was gone makes way for that where the player is."""
        self.lose(self.holding, self.ann)
        self.assertIsNone(self.reattach(self.holding, self.ann))
        self.assertIsNone(self.reattach(self.other, self.later))
        (ended,) = self.holding.ended(self.ann)
        self.assertEqual(ended.code, CloseCode.PLAYING_ELSEWHERE)
        self.assertFalse(self.linkdead())
        self.check()

    def test_old_one_twice(self) -> None:
        """So it does where its gateway has named it again, by which its generation has grown."""
        self.lose(self.holding, self.ann)
        for _ in range(3):
            self.assertIsNone(self.reattach(self.holding, self.ann))
        self.assertIsNone(self.reattach(self.other, self.later))
        self.check()

    def test_both_connected(self) -> None:
        """Where both are connected, the later one has it."""
        self.assertIsNone(self.reattach(self.holding, self.ann))
        self.assertIsNone(self.reattach(self.other, self.later))
        self.check()

    def test_neither_connected(self) -> None:
        """So it has where neither is, and its player may still come back."""
        self.lose(self.holding, self.ann)
        self.lose(self.other, self.later)
        self.assertIsNone(self.reattach(self.holding, self.ann))
        self.assertIsNone(self.reattach(self.other, self.later))
        (session,) = self.game.sessions
        self.assertEqual((session.id, session.linkdead), (self.later, True))
        self.assertTrue(self.game.world.character(session.character).linkdead)

    def test_later_one_first(self) -> None:
        """Where the later one comes first, the other is told so."""
        self.assertIsNone(self.reattach(self.other, self.later))
        self.assertEqual(self.reattach(self.holding, self.ann), CloseCode.PLAYING_ELSEWHERE)
        self.check()


class TakenOverUntoldTest(TakenOverTest):
    """The same, with gateways of an older version, which don't say when sessions began."""

    def setUp(self) -> None:
        super().setUp()
        for gateway, session in ((self.holding, self.ann), (self.other, self.later)):
            gateway.held[session] = evolve(gateway.held[session], began=None)


class TakenOverHereTest(SuccessionTestCase):
    """Ann came in anew at another gateway, by a world that the first one speaks to later."""

    def setUp(self) -> None:
        super().setUp()
        self.other = HoldingGateway(self.bus, GatewayId("other"))
        self.kill()
        self.open_next()
        self.later = self.come_in("Ann", gateway=self.other)
        for _ in range(2):  # its link breaks, so that it names what it has
            self.assertIsNone(self.outcome(self.other, self.later))

    def outcome(self, gateway: HoldingGateway, session: SessionId) -> CloseCode | None:
        asking = gateway.ask(session)
        self.advance()
        (outcome,) = self.successResultOf(asking).sessions
        return None if outcome.ended is None else outcome.ended.code

    def refused(self, held: Held) -> None:
        """What the first gateway holds is over; the other goes on."""
        self.holding.held[self.ann] = evolve(held, generation=Generation(9))
        self.assertEqual(self.outcome(self.holding, self.ann), CloseCode.PLAYING_ELSEWHERE)
        (session,) = self.game.sessions
        self.assertEqual(session.id, self.later)

    def test_connected(self) -> None:
        """She plays where she came in last, however often her session was named before."""
        self.refused(self.holding.held[self.ann])

    def test_linkdead(self) -> None:
        """So she does where that connection is lost: the other one is of a session that is over."""
        self.other.held[self.later] = evolve(self.other.held[self.later], linkdead=True)
        self.assertIsNone(self.outcome(self.other, self.later))
        self.refused(self.holding.held[self.ann])

    def test_untold(self) -> None:
        """A gateway of an older version doesn't say when its session began: before this world."""
        self.refused(evolve(self.holding.held[self.ann], began=None))


class CutTest(SuccessionTestCase):
    """The world goes on, but its gateway was cut off."""

    def test_resumed(self) -> None:
        """A session that the world knows goes on without reading anything, with full state."""
        self.holding.type_held(self.ann, "look")
        self.advance()
        self.database.failure = StorageUnavailable("away")
        self.holding.forget()
        asking = self.holding.ask()
        self.advance()
        answer = self.successResultOf(asking)
        self.assertEqual([each.generation for each in answer.sessions], [2, 2])
        self.assertEqual(answer.sessions[0].applied, 1)
        self.assertEqual(self.holding.types(self.ann), ["char.state", "room.state"])
        asking = self.holding.ask(self.ann)
        self.advance()
        self.assertEqual(self.successResultOf(asking).sessions[0].generation, 3)
        self.database.failure = None

    def test_lost_inputs(self) -> None:
        """What was lost on the way is sent again, and carried out once."""
        self.holding.type_held(self.ann, "say one")
        publish, self.bus.publish = self.bus.publish, lambda *_: None  # type: ignore[method-assign]
        self.holding.type_held(self.ann, "say two")
        self.bus.publish = publish  # type: ignore[method-assign]
        self.holding.type_held(self.ann, "say three")
        self.advance()
        said = [body["text"] for body in self.holding.bodies(self.ann, "chat")]
        self.assertEqual(said, ["one", "two", "three"])
        self.assertEqual(len(self.holding.settled(self.ann)), 3)

    def test_ended_meanwhile(self) -> None:
        """A session that has ended while its gateway didn't hear it doesn't go on."""
        self.holding.deaf = True
        self.carry_out(self.ann, "quit")
        self.holding.deaf = False
        asking = self.holding.ask(self.ann)
        self.advance()
        (outcome,) = self.successResultOf(asking).sessions
        assert outcome.ended is not None
        self.assertEqual(outcome.ended.code, CloseCode.NORMAL)
        self.assertEqual([each.name for each in self.game.sessions], ["Bob"])

    def test_named_again_while_read(self) -> None:
        """What a gateway named last holds, though what was named before is read later."""
        self.kill()
        self.open_next()
        waiting: list[Deferred[None]] = []
        characters = self.world_store.characters

        def slow(account: AccountId) -> Deferred[tuple[CharacterRow, ...]]:
            waiting.append(Deferred())
            return waiting[-1].addCallback(lambda _: characters(account))

        self.world_store.characters = slow  # type: ignore[method-assign]
        held = Reattach(self.holding.id, (self.holding.held[self.ann],))
        first = self.bus.request(WORLD, held)
        second = self.holding.ask(self.ann)
        self.advance()
        for each in reversed(waiting):
            each.callback(None)
            self.advance()
        (outcome,) = self.successResultOf(second).sessions
        self.assertEqual(outcome.generation, 2)
        self.assertEqual(self.successResultOf(first).sessions, (outcome,))
        self.holding.all_back()
        self.advance()
        self.assertEqual(self.holding.types(self.ann), ["char.state", "room.state"])
        self.carry_out(self.ann, "say here")
        self.assertEqual(self.holding.lines(self.ann)[-1], 'You say, "here"')

    def test_left_while_read(self) -> None:
        """What was read before a character left is read again."""
        self.kill()
        self.open_next()
        other = HoldingGateway(self.bus, GatewayId("other"))
        session = self.come_in("Ann", gateway=other)
        self.advance(5.0)
        read: list[tuple[CharacterRow, ...]] = []
        waiting: list[Deferred[None]] = []
        characters = self.world_store.characters

        def slow(account: AccountId) -> Deferred[tuple[CharacterRow, ...]]:
            rows = self.successResultOf(characters(account))
            read.append(rows)
            waiting.append(Deferred())
            return waiting[-1].addCallback(lambda _: rows)

        self.world_store.characters = slow  # type: ignore[method-assign]
        asking = self.holding.ask(self.ann)
        other.type_held(session, "get lamp")
        self.advance()
        self.bus.publish(WORLD, Detached(session, other.held[session].generation, quit=True))
        self.advance()
        waiting.pop().callback(None)
        self.advance()
        waiting.pop().callback(None)
        self.advance()
        (outcome,) = self.successResultOf(asking).sessions
        self.assertIsNone(outcome.ended)
        self.assertEqual([len(rows[0].items) for rows in read], [0, 1])
        self.assertIn("a brass lamp", str(self.holding.bodies(self.ann, "char.state")))

    def test_anothers_session(self) -> None:
        """A session of another account is nobody's to go on with."""
        held = self.holding.held[self.ann]
        self.holding.held[self.bob] = evolve(held, session=self.bob)
        asking = self.holding.ask(self.bob)
        self.advance()
        (outcome,) = self.successResultOf(asking).sessions
        assert outcome.ended is not None
        self.assertEqual(outcome.ended.code, CloseCode.REVOKED)
        self.assertEqual(len(self.game.sessions), 2)


class TwoHoldTest(SuccessionTestCase):
    """A session was moved to another gateway, and both hold it when the next world opens."""

    def setUp(self) -> None:
        super().setUp()
        self.other = HoldingGateway(self.bus, GatewayId("other"))
        before = self.holding.held[self.ann]
        moving = self.other.enter("Ann", resume=self.ann)
        self.advance()
        self.successResultOf(moving)
        self.assertNotIn(self.ann, self.holding.held)
        self.holding.held[self.ann] = before  # it has not heard that
        self.kill()
        self.open_next()

    def reattach(self, gateway: HoldingGateway) -> Reattached:
        asking = gateway.ask(self.ann)
        self.advance()
        return self.successResultOf(asking).sessions[0]

    def check(self) -> None:
        (session,) = self.game.sessions
        self.assertEqual(session.gateway, self.other.id)
        self.assertEqual(session.generation, self.other.held[self.ann].generation)

    def test_new_one_first(self) -> None:
        """The one where it was moved to has it; the other is told."""
        self.assertIsNone(self.reattach(self.other).ended)
        late = self.reattach(self.holding).ended
        assert late is not None
        self.assertEqual(late.code, CloseCode.PLAYING_ELSEWHERE)
        self.check()

    def test_old_one_first(self) -> None:
        """So it is where the other comes first."""
        self.assertIsNone(self.reattach(self.holding).ended)
        self.assertIsNone(self.reattach(self.other).ended)
        self.assertEqual([type(each) for each in self.holding.of(self.ann)][-1], Moved)
        self.check()

    def test_old_one_knows_less(self) -> None:
        """Where the other knows of more answers, which no world has saved, what follows those is
        taken.
        """
        self.other.held[self.ann] = evolve(self.other.held[self.ann], settled=InputNumber(2))
        for _ in range(2):
            self.other.number(self.ann)
        self.assertIsNone(self.reattach(self.holding).ended)
        self.assertEqual(self.reattach(self.other).applied, 2)
        self.other.type_held(self.ann, "say three")
        self.advance(5.0)
        self.assertEqual([each.number for each in self.other.settled(self.ann)], [3])

    def test_old_one_twice(self) -> None:
        """And where that comes twice before: its player is gone from there, and here at the other
        one; but not where both have lost it.
        """
        self.holding.held[self.ann] = evolve(self.holding.held[self.ann], linkdead=True)
        for _ in range(2):
            self.assertIsNone(self.reattach(self.holding).ended)
        there = self.other.held[self.ann]
        self.other.held[self.ann] = evolve(there, linkdead=True)
        self.assertIsNotNone(self.reattach(self.other).ended)
        self.other.held[self.ann] = there
        self.assertIsNone(self.reattach(self.other).ended)
        self.check()


class GoneGatewayTest(SuccessionTestCase):
    """A gateway that is gone."""

    def test_gone(self) -> None:
        """Those who played by it are link-dead, and leave after the grace."""
        self.holding.withdraw()
        self.advance(attendance.GONE_SECONDS - 1.0)
        self.assertFalse(any(each.linkdead for each in self.game.sessions))
        self.advance(1.0)
        self.assertTrue(all(each.linkdead for each in self.game.sessions))
        self.advance(120.0)
        self.assertEqual(len(self.game.sessions), 0)

    def test_back_too_late(self) -> None:
        """Where it was only cut off, its players are told to come back, not that they have left."""
        held = dict(self.holding.held)
        self.holding.withdraw()
        self.advance(attendance.GONE_SECONDS)
        self.advance(120.0)
        self.holding.held.update(held)  # the word that they ended has not come to it
        self.holding.come()
        asking = self.holding.ask()
        self.advance(0.0)
        answers = self.successResultOf(asking).sessions
        self.assertEqual(len(answers), 2)
        for each in answers:
            assert each.ended is not None
            self.assertEqual(each.ended.code, CloseCode.EXPIRED)
            self.assertTrue(each.ended.code.reconnectable)

    def test_back_in_time(self) -> None:
        """Within some seconds nobody notices anything."""
        self.holding.withdraw()
        self.advance(attendance.GONE_SECONDS - 1.0)
        self.holding.come()
        self.advance(attendance.GONE_SECONDS)
        self.assertFalse(any(each.linkdead for each in self.game.sessions))
        self.assertEqual(self.holding.messages, [])

    def test_another_of_its_name(self) -> None:
        """Where a gateway of the same name is there soon, those it doesn't name have no link."""
        self.holding.withdraw()
        self.holding.come()
        asking = self.holding.ask(self.ann)
        self.advance(0.0)
        self.successResultOf(asking)
        del self.holding.held[self.bob]
        cid = self.come_in("Ann")  # while it names the others
        self.holding.all_back()
        self.advance(attendance.GONE_SECONDS)
        self.assertEqual(
            {each.name: each.linkdead for each in self.game.sessions},
            {"Ann": False, "Bob": True},
        )
        self.assertIn(cid, self.holding.held)

    def test_revived(self) -> None:
        """A gateway that was cut off for longer brings them back; late words of the loss mean
        nothing.
        """
        before = self.holding.held[self.ann].generation
        self.holding.withdraw()
        self.advance(attendance.GONE_SECONDS)
        self.holding.come()
        asking = self.holding.ask()
        self.advance()
        self.successResultOf(asking)
        self.bus.publish(WORLD, Detached(self.ann, before, quit=True))
        self.advance(200.0)
        self.assertEqual([each.linkdead for each in self.game.sessions], [False, False])

    def test_others(self) -> None:
        """It concerns nobody who plays by another gateway by then."""
        other = HoldingGateway(self.bus, GatewayId("other"))
        moving = other.enter("Ann", resume=self.ann)
        self.advance()
        self.successResultOf(moving)
        self.holding.withdraw()
        self.advance(attendance.GONE_SECONDS)
        self.assertEqual(
            {each.name: each.linkdead for each in self.game.sessions},
            {"Ann": False, "Bob": True},
        )

    def test_moved_at_that_moment(self) -> None:
        """Nor anybody who moves to another one before it is their turn."""
        session = self.game.sessions.get(self.ann)
        assert session is not None
        self.game.links.lost(session)
        self.game.presence.move(session, GatewayId("other"))
        self.advance()
        self.assertFalse(session.linkdead)


things = st.sampled_from(["get lamp", "drop lamp", "east", "west", "say hello", "get moon"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("type"), things),
        st.tuples(st.sampled_from(["wait", "kill", "stop", "lose", "cut", "deaf"]), st.just("")),
    ),
    max_size=14,
)


class WhateverHappensTest(SuccessionTestCase):
    """Worlds are killed and stopped, and messages lost, again and again."""

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    )
    @given(steps)
    def test_any(self, steps: list[tuple[str, str]]) -> None:
        """Each input is answered, its client's id always alike; nothing is shown twice; and what
        was acknowledged is there.
        """
        self.tearDown()
        self.setUp()
        typed = 0
        for step, text in steps:
            match step:
                case "type" | "lose":
                    typed += 1
                    publish = self.bus.publish
                    if step == "lose":
                        self.bus.publish = lambda *_: None  # type: ignore[method-assign]
                    self.holding.type_held(self.ann, text or "say lost", f"c{typed}")
                    self.bus.publish = publish  # type: ignore[method-assign]
                    self.clock.advance(0)
                case "wait":
                    self.advance()
                case "kill":
                    self.succeed()
                case "stop":
                    self.successResultOf(self.service.stopService())
                    self.open_next()
                    self.come_back()
                case "cut":
                    self.come_back()
                case _:
                    self.holding.deaf = not self.holding.deaf
        self.holding.deaf = False
        self.come_back()
        self.advance(3.0)
        self.assertEqual(self.holding.unsettled[self.ann], {})
        answers: dict[CommandId | None, set[Refusal | None]] = {}
        for settled in self.holding.settled(self.ann):
            answers.setdefault(settled.command, set()).add(settled.refusal)
        self.assertEqual([each for each in answers.values() if len(each) != 1], [])
        session = self.game.sessions.get(self.ann)
        assert session is not None
        self.assertEqual(session.answers.applied, typed)
        self.check_that_nothing_is_shown_twice()
        self.succeed()
        self.check_places()

    def check_that_nothing_is_shown_twice(self) -> None:
        said = [body["id"] for body in self.holding.bodies(self.ann, "chat") if "id" in body]
        self.assertEqual(len(said), len(set(map(str, said))))

    def check_places(self) -> None:
        """What is in memory is what is stored."""
        ann = self.game.world.character_named("Ann")
        assert ann is not None
        stored = self.database.characters[ann.id]
        self.assertEqual(stored.room, ann.room)
        carried = {each.id for each in self.database.items.values() if each.holder == ann.id}
        self.assertEqual({each.id for each in ann.items}, carried)
        self.assertEqual(self.holding.held[self.bob].transport, Transport.TELNET)
