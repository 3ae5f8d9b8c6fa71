"""Coming into the world, leaving it, and all that can happen between."""

from twisted.internet.defer import Deferred

from mudserver.errors import (
    BusUnavailable,
    CloseCode,
    NoSuchCharacter,
    NotAuthenticated,
    Overloaded,
    PlayerError,
    StorageUnavailable,
    Unavailable,
)
from mudserver.game.farewells import FAREWELL_SECONDS
from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.game.tokens import hash_secret
from mudserver.ids import GatewayId, SessionId, TokenHash
from mudserver.interfaces.authority import (
    LogIn,
    Origin,
    PasswordCredential,
    Revoke,
    TicketCredential,
    Transport,
)
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.continuity import Moved
from mudserver.interfaces.play import Attached
from tests.unit.game.theatre import HOME, PASSWORD, FakeGateway, GameTestCase, Opened

ANN = PasswordCredential("Ann", PASSWORD)


class AttachTest(GameTestCase):
    def test_answer_first_then_full_state(self) -> None:
        """The answer comes before anything is shown; then come the character and the room."""
        session = self.enter("Ann")
        self.assertIsInstance(self.gateway.of(session)[0], Opened)
        self.assertEqual(self.gateway.types(session)[:2], ["char.state", "room.state"])
        (room,) = self.gateway.bodies(session, "room.state")
        self.assertEqual(room["room"]["name"], "The Steps")  # type: ignore[index]

    def test_attached(self) -> None:
        """The answer says who plays, on whose authority, and that nothing was recovered."""
        attaching = self.gateway.attach(self.log_in("Ann"))
        self.advance()
        attached = self.successResultOf(attaching)
        self.assertEqual(attached.character, "Ann")
        self.assertEqual(attached.generation, 1)
        self.assertFalse(attached.recovered)
        self.assertEqual(attached.attended.name, "Ann")
        self.assertIn(attached.attended.token, self.database.tokens)

    def test_others_see_it(self) -> None:
        """Those in the room see someone come, and get the delta; the newcomer gets neither."""
        ann = self.enter("Ann")
        self.gateway.forget()
        bob = self.enter("Bob")
        self.assertEqual(self.gateway.types(ann), ["presence", "room.delta"])
        self.assertEqual(self.gateway.lines(ann), ["Bob enters the world."])
        self.assertNotIn("room.delta", self.gateway.types(bob))
        (state,) = self.gateway.bodies(bob, "room.state")
        (delta,) = self.gateway.bodies(ann, "room.delta")
        self.assertEqual(delta["to"], state["version"])

    def test_refused(self) -> None:
        """A wrong password or another's character opens nothing."""
        self.failureResultOf(self.gateway.attach(PasswordCredential("Ann", "wrong")), PlayerError)
        error = self.failureResultOf(self.gateway.attach(ANN, character="Bob"), PlayerError)
        self.assertIsInstance(error.value, NoSuchCharacter)
        self.advance()
        self.assertEqual(len(self.game.sessions), 0)

    def test_character_by_name(self) -> None:
        """A character is chosen by its name; case doesn't matter."""
        attaching = self.gateway.attach(ANN, character="aNN")
        self.advance()
        self.assertEqual(self.successResultOf(attaching).character, "Ann")

    def test_database_away(self) -> None:
        """With the database away nobody comes in, and nothing stays behind."""
        self.database.failure = StorageUnavailable("away")
        self.failureResultOf(self.gateway.attach(ANN), StorageUnavailable)
        self.database.failure = None
        self.assertEqual(self.game.presence._expected._arriving, {})
        self.enter("Ann")

    def test_given_up(self) -> None:
        """Who gives up before the loop has its turn doesn't come in."""
        attaching = self.gateway.attach(ANN)
        attaching.cancel()
        self.failureResultOf(attaching)
        self.advance()
        self.assertEqual(len(self.game.sessions), 0)
        self.assertEqual(len(self.game.world.characters), 0)

    def test_session_id_twice(self) -> None:
        """A gateway that gives the same id to two sessions is refused the second."""
        ann = self.enter("Ann")
        attaching = self.gateway.attach(PasswordCredential("Bob", PASSWORD), session=ann)
        self.advance()
        self.failureResultOf(attaching, Unavailable)
        self.flushLoggedErrors(ValueError)
        self.assertEqual(len(self.game.sessions), 1)

    def test_token_revoked_meanwhile(self) -> None:
        """A token that is revoked while its owner attaches opens nothing."""
        logged_in = self.successResultOf(
            self.bus.request(WORLD, LogIn("Ann", PASSWORD, HOME, Transport.WEBSOCKET))
        )
        attaching = self.gateway.attach(TicketCredential(logged_in.ticket, logged_in.csrf))
        self.successResultOf(self.bus.request(WORLD, Revoke(logged_in.token)))
        self.advance()
        self.failureResultOf(attaching, NotAuthenticated)
        self.assertEqual(len(self.game.sessions), 0)


class FullWorldTest(GameTestCase):
    limits = GameLimits(AccountLimits(), PresenceLimits(sessions=1))

    def test_full(self) -> None:
        """A full world takes nobody in but those who are in it already."""
        ann = self.enter("Ann")
        attaching = self.gateway.attach(PasswordCredential("Bob", PASSWORD))
        self.advance()
        self.failureResultOf(attaching, Overloaded)
        self.enter("Ann")
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.PLAYING_ELSEWHERE])


class TakeoverTest(GameTestCase):
    def test_second_login(self) -> None:
        """The newer connection plays on; the older is ended; nobody else notices."""
        bob = self.enter("Bob")
        first = self.enter("Ann")
        self.gateway.forget()
        attaching = self.gateway.attach(ANN)
        self.advance()
        second = self.successResultOf(attaching)
        (ended,) = self.gateway.ended(first)
        self.assertEqual(ended.code, CloseCode.PLAYING_ELSEWHERE)
        assert ended.farewell is not None
        self.assertEqual(second.generation, 2)
        self.assertFalse(second.recovered)
        self.assertLess(
            self.gateway.messages.index(ended),
            self.gateway.messages.index(Opened(second.session)),
        )
        self.assertEqual(self.gateway.types(second.session), ["char.state", "room.state", "text"])
        self.assertEqual(self.gateway.of(bob), [])
        self.assertEqual(len(self.game.sessions), 2)

    def test_old_one_is_dropped(self) -> None:
        """What the older connection still sends is dropped, its end included."""
        first = self.enter("Ann")
        second = self.enter("Ann")
        self.gateway.forget()
        self.gateway.type(first, "say hello")
        self.gateway.detach(first)
        self.gateway.detach(first, by_choice=True)
        self.advance()
        self.assertEqual(self.gateway.messages, [])
        self.assertEqual(self.meter.counts["inputs_dropped stale"], 1)
        self.type(second, "say hello")
        self.assertEqual(self.gateway.lines(second), ['You say, "hello"'])

    def test_queued_inputs_of_the_old_one(self) -> None:
        """What the older connection had sent before is done before; later work isn't lost."""
        first = self.enter("Ann")
        self.gateway.type(first, "say before")
        attaching = self.gateway.attach(ANN)
        self.advance()
        second = self.successResultOf(attaching).session
        self.assertIn('You say, "before"', self.gateway.lines(first))
        self.type(second, "say after")
        self.assertIn('You say, "after"', self.gateway.lines(second))

    def test_across_gateways(self) -> None:
        """The older session may be at another gateway, which alone is told."""
        other = FakeGateway(self.bus, GatewayId("other"))
        first = self.enter("Ann", other)
        self.gateway.forget()
        second = self.enter("Ann")
        self.assertEqual([e.code for e in other.ended(first)], [CloseCode.PLAYING_ELSEWHERE])
        self.assertEqual(self.gateway.ended(first), [])
        self.assertIn("room.state", self.gateway.types(second))

    def test_two_at_once(self) -> None:
        """Of two who attach at once one plays in the end, and the other is told."""
        attaching = [self.gateway.attach(ANN) for _ in range(2)]
        self.advance()
        first, second = (self.successResultOf(each).session for each in attaching)
        self.assertEqual([e.code for e in self.gateway.ended(first)], [CloseCode.PLAYING_ELSEWHERE])
        self.assertEqual(self.gateway.ended(second), [])
        self.assertEqual(len(self.game.sessions), 1)


class LinkDeadTest(GameTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bob = self.enter("Bob")
        self.ann = self.enter("Ann")
        self.gateway.forget()

    def test_grace(self) -> None:
        """A character whose connection is lost stays for two minutes, and then leaves."""
        self.gateway.detach(self.ann)
        self.advance()
        (lost,) = self.gateway.bodies(self.bob, "presence")
        self.assertEqual(lost["event"], "linkdead")
        self.advance(119.0)
        self.assertEqual(len(self.game.sessions), 2)
        self.gateway.forget()
        self.advance(1.0)
        (left,) = self.gateway.bodies(self.bob, "presence")
        self.assertEqual(left["event"], "left")
        self.assertEqual(len(self.game.sessions), 1)
        self.assertEqual(len(self.gateway.ended(self.ann)), 1)

    def test_still_shown(self) -> None:
        """What happens meanwhile goes to the gateway, which keeps it."""
        self.gateway.detach(self.ann)
        self.type(self.bob, "say anyone?")
        self.assertIn('Bob says, "anyone?"', self.gateway.lines(self.ann))

    def test_resume(self) -> None:
        """Coming back to the same session goes on with it: no full state, a new generation."""
        self.gateway.detach(self.ann)
        self.advance(60.0)
        self.gateway.forget()
        attaching = self.gateway.attach(ANN, resume=self.ann)
        self.advance()
        attached = self.successResultOf(attaching)
        self.assertEqual(attached.session, self.ann)
        self.assertTrue(attached.recovered)
        self.assertEqual(attached.generation, 2)
        self.assertEqual(self.gateway.types(self.ann), [])
        self.assertEqual(
            [each["event"] for each in self.gateway.bodies(self.bob, "presence")], ["returned"]
        )
        self.advance(500.0)
        self.assertEqual(len(self.game.sessions), 2)

    def test_resume_before_the_loss_is_known(self) -> None:
        """One may come back before the old connection is known to be gone; nobody notices."""
        attaching = self.gateway.attach(ANN, resume=self.ann)
        self.advance()
        self.assertTrue(self.successResultOf(attaching).recovered)
        self.gateway.detach(self.ann, generation=1)
        self.advance(500.0)
        self.assertEqual(self.gateway.of(self.bob), [])
        self.assertEqual(len(self.game.sessions), 2)

    def test_loss_known_after_coming_back(self) -> None:
        """Word of the old connection's end means nothing once the new one is in."""
        attaching = self.gateway.attach(ANN, resume=self.ann)
        self.gateway.detach(self.ann, generation=1, by_choice=True)
        self.advance()
        self.assertTrue(self.successResultOf(attaching).recovered)
        self.assertEqual(len(self.game.sessions), 2)

    def test_back_at_the_last_moment(self) -> None:
        """Who is on the way in when the grace runs out is let in."""
        attaching: list[Deferred[Attached]] = []
        self.gateway.detach(self.ann)
        self.clock.callLater(
            120.0, lambda: attaching.append(self.gateway.attach(ANN, resume=self.ann))
        )
        self.clock.advance(0)
        self.clock.advance(120.0)
        self.advance()
        self.assertTrue(self.successResultOf(attaching[0]).recovered)
        self.assertEqual(self.gateway.ended(self.ann), [])
        self.assertEqual(len(self.game.sessions), 2)

    def test_resume_too_late(self) -> None:
        """After the grace there is nothing to go on with: a fresh session."""
        self.gateway.detach(self.ann)
        self.advance(121.0)
        attaching = self.gateway.attach(ANN, resume=self.ann)
        self.advance()
        attached = self.successResultOf(attaching)
        self.assertFalse(attached.recovered)
        self.assertNotEqual(attached.session, self.ann)
        self.assertIn("room.state", self.gateway.types(attached.session))

    def test_resume_of_anothers(self) -> None:
        """Another's session can't be resumed: one gets a session of one's own character."""
        attaching = self.gateway.attach(ANN, resume=self.bob)
        self.advance()
        attached = self.successResultOf(attaching)
        self.assertFalse(attached.recovered)
        self.assertEqual(attached.character, "Ann")
        self.assertEqual(self.gateway.ended(self.bob), [])

    def test_resume_at_another_gateway(self) -> None:
        """A session that is resumed at another gateway moves there: the first hears so behind all
        that it was shown, and whatever comes later goes to the other.
        """
        other = FakeGateway(self.bus, GatewayId("other"))
        self.gateway.type(self.bob, "say before")
        self.clock.advance(0)
        attaching = other.attach(ANN, resume=self.ann)
        self.advance()
        attached = self.successResultOf(attaching)
        self.assertEqual((attached.recovered, attached.session), (True, self.ann))
        self.type(self.bob, "say after")
        told = [each for each in self.gateway.of(self.ann) if not isinstance(each, Opened)]
        self.assertEqual(told[-1], Moved(self.ann, attached.generation, other.id))
        self.assertEqual(self.gateway.lines(self.ann), ['Bob says, "before"'])
        self.assertEqual(other.lines(self.ann), ['Bob says, "after"'])
        self.gateway.detach(self.ann)  # the old attachment's
        self.advance(500.0)
        self.assertEqual((len(self.game.sessions), self.gateway.ended(self.ann)), (2, []))

    def test_takeover_of_the_lost(self) -> None:
        """A fresh login to a character whose link is lost brings it back before all eyes."""
        self.gateway.detach(self.ann)
        self.advance()
        self.gateway.forget()
        self.enter("Ann")
        self.assertEqual(
            [each["event"] for each in self.gateway.bodies(self.bob, "presence")], ["returned"]
        )
        self.advance(500.0)
        self.assertEqual(len(self.game.sessions), 2)

    def test_lost_twice(self) -> None:
        """Each loss has a grace of its own; a second word of the same loss means nothing."""
        for _ in range(2):
            self.gateway.detach(self.ann)
            self.gateway.detach(self.ann)
            self.advance(100.0)
            attaching = self.gateway.attach(ANN, resume=self.ann)
            self.advance()
            self.assertTrue(self.successResultOf(attaching).recovered)
        events = [each["event"] for each in self.gateway.bodies(self.bob, "presence")]
        self.assertEqual(events, ["linkdead", "returned"] * 2)

    def test_leaves_while_coming_back(self) -> None:
        """If the character leaves after it was loaded, it is loaded again."""
        self.gateway.type(self.ann, "east")
        self.gateway.type(self.ann, "quit")
        attaching = self.gateway.attach(ANN, resume=self.ann)  # queues behind these
        self.advance()
        attached = self.successResultOf(attaching)
        self.assertFalse(attached.recovered)
        (state,) = self.gateway.bodies(attached.session, "room.state")
        self.assertEqual(state["room"]["name"], "The Mole")  # type: ignore[index]

    def test_comes_and_goes_while_coming_back(self) -> None:
        """Nor does it help to have been out of the world when the loading began."""
        self.type(self.ann, "quit")
        self.database.hold()
        self.gateway.type(self.bob, "mute absentee")
        self.clock.advance(0)
        held, self.database._held = self.database._held, None
        slow = self.gateway.attach(ANN, resume=self.bob)  # queues behind what waits there
        quick = self.enter("Ann")
        self.type(quick, "east")
        self.type(quick, "quit")
        for each in held or ():
            each()
        self.advance()
        (state,) = self.gateway.bodies(self.successResultOf(slow).session, "room.state")
        self.assertEqual(state["room"]["name"], "The Mole")  # type: ignore[index]


class LeaveTest(GameTestCase):
    def test_deliberate(self) -> None:
        """A deliberate end of the connection leaves the world at once, and means no grace."""
        bob, ann = self.enter("Bob"), self.enter("Ann")
        self.gateway.forget()
        self.gateway.detach(ann, by_choice=True)
        self.advance()
        self.assertEqual([each["event"] for each in self.gateway.bodies(bob, "presence")], ["left"])
        self.assertEqual(len(self.game.sessions), 1)
        self.assertEqual(self.gateway.ended(ann), [])

    def test_quit(self) -> None:
        """Quitting says goodbye, leaves, is answered, and only then closes the connection."""
        bob, ann = self.enter("Bob"), self.enter("Ann")
        self.gateway.forget()
        self.type(ann, "quit", "q")
        kinds = [type(message).__name__ for message in self.gateway.of(ann)]
        self.assertEqual(kinds, ["Show", "Settled", "Ended"])
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.NORMAL])
        self.assertEqual([each["event"] for each in self.gateway.bodies(bob, "presence")], ["left"])
        self.gateway.detach(ann)
        self.advance()

    def test_quit_after_unsaved(self) -> None:
        """Who quits is let go when what they did before is committed and acknowledged."""
        ann = self.enter("Ann")
        self.database.hold()
        self.type(ann, "get lamp", "g")
        self.type(ann, "quit", "q")
        self.assertEqual(self.gateway.ended(ann), [])
        self.assertEqual(len(self.game.sessions), 0)
        self.database.release()
        self.assertEqual([s.command for s in self.gateway.settled(ann)], ["g", "q"])
        self.assertEqual(len(self.gateway.ended(ann)), 1)

    def test_quit_while_the_database_is_away(self) -> None:
        """Who quits isn't held for long by what can't be saved now."""
        ann = self.enter("Ann")
        self.database.hold()
        self.type(ann, "get lamp", "g")
        self.type(ann, "quit", "q")
        self.clock.advance(FAREWELL_SECONDS)
        self.assertEqual(len(self.gateway.ended(ann)), 1)
        self.database.release()
        self.assertEqual(len(self.gateway.ended(ann)), 1)

    def test_typed_after_quit(self) -> None:
        """What was typed after quit isn't carried out, but answered."""
        bob, ann = self.enter("Bob"), self.enter("Ann")
        self.gateway.forget()
        self.gateway.type(ann, "quit", "q")
        self.gateway.type(ann, "say still here", "s")
        self.advance()
        answers = [(s.command, s.refusal and s.refusal.code) for s in self.gateway.settled(ann)]
        self.assertEqual(answers, [("q", None), ("s", "not_allowed")])
        self.assertEqual(self.gateway.lines(bob), ["Ann leaves the world."])
        self.assertEqual(len(self.gateway.ended(ann)), 1)

    def test_saved_and_restored(self) -> None:
        """Place and belongings are there again after leaving."""
        ann = self.enter("Ann")
        for line in ("get lamp", "east", "quit"):
            self.type(ann, line)
        session = self.enter("Ann")
        (char,) = self.gateway.bodies(session, "char.state")
        self.assertEqual([each["name"] for each in char["inventory"]], ["a brass lamp"])  # type: ignore[attr-defined]
        (state,) = self.gateway.bodies(session, "room.state")
        self.assertEqual(state["room"]["name"], "The Mole")  # type: ignore[index]

    def test_not_loaded_before_it_is_saved(self) -> None:
        """A character isn't loaded while what it did before isn't saved."""
        ann = self.enter("Ann")
        self.gateway.type(ann, "get lamp")
        self.gateway.type(ann, "quit")
        self.clock.pump([0.0] * 3)
        self.assertEqual(len(self.game.sessions), 0)
        attaching = self.gateway.attach(ANN)
        self.clock.pump([0.0] * 3)
        self.assertNoResult(attaching)
        self.advance()
        session = self.successResultOf(attaching).session
        (char,) = self.gateway.bodies(session, "char.state")
        self.assertEqual([each["name"] for each in char["inventory"]], ["a brass lamp"])  # type: ignore[attr-defined]

    def test_what_cannot_be_saved_keeps_others_out(self) -> None:
        """If what is dirty can't be saved for long, attaching fails instead of waiting on."""
        ann = self.enter("Ann")
        credential = self.log_in("Bob")
        self.database.hold()
        self.type(ann, "east")
        held, self.database._held = self.database._held, None
        attaching = self.gateway.attach(credential)
        self.clock.advance(5.0)
        self.failureResultOf(attaching, StorageUnavailable)
        for each in held or ():
            each()


class EndTest(GameTestCase):
    def test_revoke(self) -> None:
        """Revoking a token ends what lives on it, and nothing else."""
        logged_in = self.successResultOf(
            self.bus.request(WORLD, LogIn("Ann", PASSWORD, HOME, Transport.WEBSOCKET))
        )
        attaching = self.gateway.attach(TicketCredential(logged_in.ticket, logged_in.csrf))
        bob = self.enter("Bob")
        ann = self.successResultOf(attaching).session
        self.successResultOf(self.bus.request(WORLD, Revoke(logged_in.token)))
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.REVOKED])
        self.assertEqual(self.gateway.ended(bob), [])
        self.assertEqual(len(self.game.sessions), 1)

    def test_revoked_while_link_dead(self) -> None:
        """A session that waits for its player is ended by revocation, too."""
        ann = self.enter("Ann")
        self.gateway.detach(ann)
        self.advance()
        self.game.presence.end_tokens([self.token_of(ann)])
        self.advance()
        self.assertEqual(len(self.game.sessions), 0)

    def test_revoked_in_a_paused_lane(self) -> None:
        """Revocation doesn't wait for what a command of the session waits for."""
        ann = self.enter("Ann")
        self.database.hold()
        self.type(ann, "mute absentee", "m")
        self.game.presence.end_tokens([self.token_of(ann)])
        self.clock.advance(0)
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.REVOKED])
        self.database.release()
        self.advance()

    def token_of(self, session: SessionId) -> TokenHash:
        found = self.game.sessions.get(session)
        assert found is not None
        return found.attended.token

    def test_remembered_revocations_are_bounded(self) -> None:
        """Revoked tokens are kept in mind no longer than an attachment can take."""
        for number in range(100):
            self.game.presence.end_tokens([TokenHash(hash_secret(str(number)))])
            self.clock.advance(6.0)
        self.assertLessEqual(len(self.game.presence._exclusions._tokens), 10)

    def test_kick(self) -> None:
        """A kicked character leaves, its connection is closed, and it may come back."""
        ann = self.enter("Ann")
        self.game.presence.kick("ann", "Mind your words.")
        self.advance()
        (ended,) = self.gateway.ended(ann)
        self.assertEqual((ended.code, ended.reason), (CloseCode.KICKED, "Mind your words."))
        self.assertRaises(PlayerError, self.game.presence.kick, "ann", "Again.")
        self.enter("Ann")

    def test_stop(self) -> None:
        """Stopping the world lets everyone leave, saves, and answers nobody any more."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.gateway.detach(bob)
        self.gateway.type(ann, "get lamp", "g")
        game = self.game
        self.successResultOf(self.service.stopService())
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.RESTART])
        self.assertEqual([s.command for s in self.gateway.settled(ann)], ["g"])
        self.assertEqual(len(game.sessions), 0)
        self.assertEqual(len(game.world.characters), 0)
        self.failureResultOf(self.gateway.attach(ANN), BusUnavailable)
        holders = [item.holder for item in self.database.items.values() if item.key == "lamp"]
        self.assertNotIn(None, holders)

    def test_origin_of_summary(self) -> None:
        """Operators see where a session's player is, as of the newest attachment."""
        ann = self.enter("Ann")
        self.gateway.detach(ann)
        self.gateway.attach(ANN, resume=ann, origin=Origin("198.51.100.9", secure=True))
        self.advance()
        (session,) = self.game.sessions
        self.assertEqual(session.summary.address, "198.51.100.9")
        self.assertFalse(session.summary.linkdead)
