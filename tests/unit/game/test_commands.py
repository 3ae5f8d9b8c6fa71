"""What is typed is carried out once, shown at once, and acknowledged when committed."""

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.game import answers, journal, loop, missing
from mudserver.game.commands import LOAD_SECONDS
from mudserver.ids import GatewayId, InputNumber, RoomId
from mudserver.interfaces.authority import Origin, PasswordCredential, Register, Transport
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.continuity import InputsWanted
from mudserver.interfaces.play import EventId, OccupantsWanted, PasswordWanted, Show
from mudserver.world.applied import CharacterPlaced, ItemPlaced
from mudserver.world.model import Exit
from mudserver.world.role import Role
from tests.unit.game.theatre import HOME, PASSWORD, FakeGateway, GameTestCase


class CommandsTestCase(GameTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ann = self.enter("Ann")
        self.bob = self.enter("Bob")
        self.ids = {each.name: each.id for each in self.database.characters.values()}
        self.advance(journal.RIDE_SECONDS)
        self.gateway.forget()

    def wanted(self) -> list[int]:
        """After which of Ann's inputs those are wanted that did not come."""
        return [each.after for each in self.gateway.messages if isinstance(each, InputsWanted)]

    def codes(self) -> list[tuple[str | None, str | None]]:
        """The answers Ann got, as (id, code of the refusal)."""
        return [
            (settled.command, settled.refusal.code if settled.refusal else None)
            for settled in self.gateway.settled(self.ann)
        ]


class SpeakTest(CommandsTestCase):
    def test_say(self) -> None:
        """The speaker and the others each see their own sentence, in one view a kind."""
        self.type(self.ann, "say hello")
        self.assertEqual(self.gateway.lines(self.ann), ['You say, "hello"'])
        self.assertEqual(self.gateway.lines(self.bob), ['Ann says, "hello"'])

    def test_one_show_a_gateway(self) -> None:
        """However many look on, a gateway gets each view once."""
        other = FakeGateway(self.bus, GatewayId("other"))
        for name in ("Cid", "Dot", "Eve"):
            self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, HOME)))
            self.enter(name, other)
        self.gateway.forget()
        other.forget()
        self.type(self.ann, "say hello")
        shows = [message for message in self.gateway.messages if isinstance(message, Show)]
        self.assertEqual([len(show.sessions) for show in shows], [1, 1])
        (elsewhere,) = [message for message in other.messages if isinstance(message, Show)]
        self.assertEqual(len(elsewhere.sessions), 3)
        self.assertIs(elsewhere.view, shows[1].view)

    def test_times(self) -> None:
        """Messages carry the wall clock's time, in UTC."""
        self.type(self.ann, "say hello")
        (said,) = self.gateway.bodies(self.ann, "chat")
        self.assertRegex(str(said["time"]), r"^2026-01-01T00:00:\d\d\.\d{3}Z$")

    def test_inhabitants_answer(self) -> None:
        """An inhabitant reacts after what it reacts to was shown."""
        self.open_doors()
        self.type(self.ann, "north")
        self.assertEqual(self.gateway.types(self.ann)[-2:], ["room.state", "chat"])
        self.gateway.forget()
        self.type(self.ann, "say what time is it?")
        self.assertEqual(
            self.gateway.lines(self.ann),
            ['You say, "what time is it?"', 'Mrs Pellow says, "It is late."'],
        )

    def test_moving(self) -> None:
        """Who moves sees the new room; both rooms' occupants learn of it."""
        self.type(self.ann, "east")
        self.assertEqual(self.gateway.types(self.ann), ["room.state"])
        self.assertEqual(self.gateway.types(self.bob), ["presence", "room.delta"])
        self.gateway.forget()
        self.type(self.bob, "east")
        self.assertEqual(self.gateway.types(self.ann), ["presence", "room.delta"])


class ChannelTest(CommandsTestCase):
    def test_heard_everywhere(self) -> None:
        """A line is heard wherever one is, by the speaker too, as one view a kind of viewer."""
        self.type(self.bob, "east")
        self.gateway.forget()
        self.type(self.ann, "chat hello", "a")
        for session in (self.ann, self.bob):
            self.assertEqual(self.gateway.lines(session), ["[chat] Ann: hello"])
        self.assertEqual(self.codes(), [("a", None)])
        shown = [each for each in self.gateway.messages if isinstance(each, Show)]
        self.assertEqual(len(shown), 2)

    def test_turned_off(self) -> None:
        """One who has turned a channel off neither hears it nor speaks there, until on again."""
        self.type(self.ann, "channel chat off", "a")
        self.gateway.forget()
        self.type(self.bob, "chat one")
        self.type(self.bob, "newbie two")
        self.type(self.ann, "chat three", "b")
        self.assertEqual(self.gateway.lines(self.ann), ["[newbie] Bob: two"])
        self.assertEqual(self.codes(), [("b", "not_allowed")])
        self.type(self.ann, "channel chat on")
        self.type(self.bob, "chat four")
        self.assertEqual(self.gateway.lines(self.ann)[-1], "[chat] Bob: four")

    def test_acknowledged_when_committed(self) -> None:
        """That a channel is off is acknowledged after its commit, and outlives a restart."""
        self.database.hold()
        self.type(self.ann, "channel chat off", "a")
        self.assertEqual(self.codes(), [])
        self.database.release()
        self.assertEqual(self.codes(), [("a", None)])
        self.successResultOf(self.service.stopService())
        self.database.tokens.clear()  # a new run has new secrets; this one's repeat themselves
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        self.ann = self.enter("Ann")
        self.bob = self.enter("Bob")
        self.type(self.bob, "chat one")
        self.assertNotIn("[chat] Bob: one", self.gateway.lines(self.ann))

    def test_muted_speaker(self) -> None:
        """Those who mute a player are spared what they say on channels."""
        self.type(self.bob, "mute ann")
        self.gateway.forget()
        self.type(self.ann, "chat hello")
        self.assertEqual(self.gateway.lines(self.bob), [])

    def test_staff(self) -> None:
        """The staff's channel is not there for players; one who is appointed hears it at once."""
        self.type(self.ann, "staff hello", "a")
        self.assertEqual(self.codes(), [("a", "not_here")])
        self.game.presence.appoint(self.database.characters[self.ids["Bob"]].account, Role.ADMIN)
        self.advance()
        self.type(self.bob, "staff hello")
        self.assertEqual(self.gateway.lines(self.bob)[-1], "[staff] Bob: hello")
        self.assertEqual(self.gateway.lines(self.ann), [])
        self.game.presence.appoint(self.database.characters[self.ids["Ann"]].account, Role.OWNER)
        self.advance()
        self.type(self.bob, "staff welcome")
        self.assertEqual(self.gateway.lines(self.ann)[-1], "[staff] Bob: welcome")
        self.game.presence.appoint(self.database.characters[self.ids["Ann"]].account, Role.PLAYER)
        self.advance()
        self.gateway.forget()
        self.type(self.bob, "staff still there?")
        self.assertEqual(self.gateway.lines(self.ann), [])

    def test_costs_no_query(self) -> None:
        """What is said on a channel asks the database nothing."""
        self.database.failure = StorageUnavailable("away")
        self.type(self.ann, "chat hello", "a")
        self.assertEqual(self.gateway.lines(self.bob), ["[chat] Ann: hello"])
        self.assertEqual(self.codes(), [("a", None)])
        self.database.failure = None


class AnswerTest(CommandsTestCase):
    def test_after_the_commit(self) -> None:
        """What changes something is shown at once, and acknowledged after its commit."""
        self.database.hold()
        self.type(self.ann, "get lamp", "a")
        self.assertEqual(self.gateway.lines(self.ann), ["You pick up a brass lamp."])
        self.assertEqual(self.codes(), [])
        self.database.release()
        self.assertEqual(self.codes(), [("a", None)])

    def test_moving(self) -> None:
        """A walk is acknowledged when the new place is committed."""
        self.database.hold()
        self.type(self.ann, "east", "a")
        self.assertEqual(self.gateway.types(self.ann), ["room.state"])
        self.assertEqual(self.codes(), [])
        self.database.release()
        self.assertEqual(self.codes(), [("a", None)])

    def test_nothing_changed(self) -> None:
        """What changes nothing is acknowledged at once."""
        self.database.hold()
        self.type(self.ann, "look", "a")
        self.assertEqual(self.codes(), [("a", None)])
        self.database.release()

    def test_in_order(self) -> None:
        """No answer overtakes an earlier one of the same session; others aren't held up."""
        self.database.hold()
        self.type(self.ann, "get lamp", "a")
        self.type(self.ann, "look", "b")
        self.type(self.ann, "frobnicate", "c")
        self.type(self.bob, "look", "d")
        self.assertEqual(self.codes(), [])
        self.assertEqual(len(self.gateway.settled(self.bob)), 1)
        self.database.release()
        self.assertEqual(self.codes(), [("a", None), ("b", None), ("c", "unknown_command")])

    def test_without_id(self) -> None:
        """An input without an id is settled by its number."""
        number = self.gateway.type(self.ann, "look")
        self.advance()
        (settled,) = self.gateway.settled(self.ann)
        self.assertEqual((settled.number, settled.command), (number, None))

    def test_refused(self) -> None:
        """What can't be done is refused with a code and a sentence."""
        self.type(self.ann, "north", "a")
        self.assertEqual(self.codes(), [("a", "closed")])

    def test_repeated_id(self) -> None:
        """A repeated id gets the same answer, and nothing is shown."""
        self.type(self.ann, "say hello", "a")
        self.type(self.ann, "north", "b")
        self.gateway.forget()
        self.type(self.ann, "say hello", "a")
        self.type(self.ann, "north", "b")
        self.assertEqual(self.codes(), [("a", None), ("b", "closed")])
        self.assertEqual(self.gateway.types(self.ann), [])
        self.assertEqual(self.gateway.of(self.bob), [])

    def test_repeated_before_the_commit(self) -> None:
        """An id repeated before its commit is answered once, and carried out once."""
        self.database.hold()
        self.type(self.ann, "get lamp", "a")
        self.type(self.ann, "get lamp", "a")
        self.database.release()
        self.assertEqual(self.codes(), [("a", None), (None, None)])
        self.assertEqual(len(self.gateway.lines(self.ann)), 1)

    def test_older_attachment(self) -> None:
        """What an older attachment of a resumed session still sends is dropped."""
        self.gateway.attach(PasswordCredential("Ann", PASSWORD), resume=self.ann)
        self.advance()
        self.gateway.type(self.ann, "say hello", "a", generation=1)
        self.advance()
        self.assertEqual(self.codes(), [])
        self.assertEqual(self.gateway.lines(self.bob), [])

    def test_ids_survive_a_resume(self) -> None:
        """A session that is resumed still knows what it has done."""
        self.type(self.ann, "say hello", "a")
        self.gateway.detach(self.ann)
        self.gateway.attach(PasswordCredential("Ann", PASSWORD), resume=self.ann)
        self.advance()
        self.gateway.forget()
        self.type(self.ann, "say hello", "a")
        self.assertEqual(self.codes(), [("a", None)])
        self.assertEqual(self.gateway.lines(self.bob), [])

    def test_sent_again(self) -> None:
        """An input that the gateway sends again is applied once."""
        number = self.gateway.type(self.ann, "say hello")
        self.gateway.type(self.ann, "say hello", number=number)
        self.advance()
        self.gateway.type(self.ann, "say hello", number=number)
        self.advance()
        self.assertEqual(self.gateway.lines(self.bob), ['Ann says, "hello"'])

    def test_database_away(self) -> None:
        """While nothing can be saved one plays on; what was done is acknowledged afterwards."""
        self.database.failure = StorageUnavailable("away")
        self.type(self.ann, "get lamp", "a")
        self.type(self.ann, "drop lamp", "b")
        self.assertEqual(self.codes(), [])
        self.database.failure = None
        self.advance(10.0)
        self.assertEqual(self.codes(), [("a", None), ("b", None)])

    def test_refused_by_the_database(self) -> None:
        """What the database refuses for good isn't acknowledged, nor when it is sent again."""
        self.database.refuses = lambda row: isinstance(row, ItemPlaced)
        self.type(self.ann, "get lamp", "a")
        self.assertEqual(self.codes(), [("a", "internal_error")])
        self.type(self.ann, "get lamp", "a")
        self.assertEqual(self.codes(), [("a", "internal_error")] * 2)
        (letter,) = self.database.letters.values()
        self.assertIsInstance(letter.letter.row, ItemPlaced)

    def test_broken_database(self) -> None:
        """A database that refuses everything is no fault of what is to be saved: that waits."""
        self.database.failure = StorageRefused("no", "42501")
        self.type(self.ann, "get lamp", "a")
        self.advance(10.0)
        self.assertEqual(self.codes(), [])
        self.database.failure = None
        self.advance(10.0)
        self.assertEqual(self.codes(), [("a", None)])
        # Of what was typed, and of who logged in.
        self.assertEqual(len(self.flushLoggedErrors(StorageRefused)), 2)

    def test_too_much_unanswered(self) -> None:
        """When too many inputs wait for their answers, the next is not taken; when there is room,
        the gateway is asked for it.
        """
        self.database.hold()
        self.gateway.type(self.ann, "get lamp", "first")
        for number in range(answers.MAX_UNANSWERED - 1):
            self.gateway.type(self.ann, "look")
            if number % 100 == 0:
                self.clock.advance(0)
        self.clock.advance(0)
        number = self.gateway.type(self.ann, "look", "late")
        self.advance(missing.AGAIN_SECONDS)
        self.assertEqual((self.codes(), self.wanted()), ([], []))
        self.database.release()
        self.advance(missing.AGAIN_SECONDS)
        self.assertEqual(self.wanted(), [answers.MAX_UNANSWERED])
        self.gateway.type(self.ann, "look", "late", number=number)
        self.advance()
        self.assertEqual(self.codes()[-1], ("late", None))

    def test_too_much_queued(self) -> None:
        """When too much waits in the lane, the excess is refused, in order, and leaves no hole."""
        for number in range(loop.MAX_LANE_WORK + 1):
            self.gateway.type(self.ann, "look", str(number))
        self.clock.advance(0)
        codes = self.codes()
        self.assertEqual(codes[-1], (str(loop.MAX_LANE_WORK), "unavailable"))
        self.assertEqual([code for _, code in codes[:-1]], [None] * loop.MAX_LANE_WORK)
        self.type(self.ann, "look", "next")
        self.assertEqual((self.codes()[-1], self.wanted()), (("next", None), []))


class LostTest(CommandsTestCase):
    """Inputs that don't arrive."""

    def type_at(self, *numbers: int) -> None:
        for number in numbers:
            self.gateway.type(self.ann, f"say {number}", f"c{number}", number=number)
        self.clock.advance(0)

    def said(self) -> list[str]:
        return [str(body["text"]) for body in self.gateway.bodies(self.ann, "chat")]

    def test_hole(self) -> None:
        """What comes too early is not carried out; what is missing is asked for, once."""
        self.type_at(1, 3, 4)
        self.assertEqual((self.said(), self.wanted()), (["1"], [1]))
        self.type_at(2, 3, 4)
        self.assertEqual(self.said(), ["1", "2", "3", "4"])
        self.assertEqual(self.codes(), [(f"c{number}", None) for number in (1, 2, 3, 4)])
        self.clock.advance(missing.AGAIN_SECONDS)
        self.assertEqual(self.wanted(), [1])
        self.assertEqual(self.meter.counts["inputs_dropped early"], 2)

    def test_asked_again(self) -> None:
        """While it is missing it is asked for each second, but not for ever; a new one begins
        anew.
        """
        self.type_at(2)
        for number in range(1, 3 * missing.MAX_ASKS):
            self.assertEqual(self.wanted(), [0] * min(number, missing.MAX_ASKS))
            self.clock.advance(missing.AGAIN_SECONDS)
        self.type_at(3)
        self.assertEqual(len(self.wanted()), missing.MAX_ASKS + 1)

    def test_another_hole(self) -> None:
        """Of two holes one after the other, each is asked for at once."""
        self.type_at(2, 1, 3)
        self.assertEqual(self.wanted(), [0, 1])

    def test_over(self) -> None:
        """Of a session that is over nothing is wanted."""
        self.type_at(2)
        self.gateway.detach(self.ann, by_choice=True)
        self.advance(missing.AGAIN_SECONDS)
        self.assertEqual(self.wanted(), [0])


class NamesTest(CommandsTestCase):
    """What is shown has a name, where it comes of an input."""

    def names(self) -> list[tuple[str, EventId | None, bool]]:
        """Type of view, its name, and whether it must arrive, of all that was shown."""
        shown = [each for each in self.gateway.messages if isinstance(each, Show)]
        return [(each.view.type, each.event, each.durable) for each in shown]

    def test_named(self) -> None:
        """Each view that comes of an input has its own name; states and deltas have none."""
        self.type(self.ann, "say hello")
        self.type(self.ann, "east")
        said, *went = self.names()[1:]
        self.assertEqual(said[1], EventId(self.ann, InputNumber(1), 8))
        self.assertEqual(len({name for _, name, _ in self.names() if name}), 3)
        self.assertEqual(
            [(type, name is not None) for type, name, _ in went],
            [("presence", True), ("room.delta", False), ("room.state", False)],
        )

    def test_alone(self) -> None:
        """Whoever else is there, a view has the same name."""
        self.type(self.ann, "say hello")
        self.gateway.detach(self.bob, by_choice=True)
        self.advance()
        self.type(self.ann, "say hello")
        mine = [name.index for kind, name, _ in self.names() if kind == "chat" and name]
        self.assertEqual(mine, [0, 8, 0])

    def test_reactions(self) -> None:
        """What inhabitants do about it counts on."""
        self.open_doors()
        self.type(self.ann, "north")
        self.gateway.forget()
        self.type(self.ann, "say what time is it?")
        mine, reaction = (name for _, name, _ in self.names())
        assert mine is not None
        assert reaction is not None
        self.assertEqual((mine.number, reaction.number), (2, 2))
        self.assertNotEqual(mine.index, reaction.index)

    def test_nobody_typed_it(self) -> None:
        """What comes of no input has no name."""
        self.gateway.detach(self.bob)
        self.advance()
        self.assertEqual(self.names(), [("presence", None, False)])

    def test_must_arrive(self) -> None:
        """Tells and lines of channels must arrive; what is said in a room need not."""
        for text in ("tell bob hello", "chat hello", "say hello"):
            self.type(self.ann, text)
        self.assertEqual([must for _, _, must in self.names()], [True] * 4 + [False] * 2)


class CommittedTest(CommandsTestCase):
    """What is known of a session's inputs after a crash."""

    def committed(self) -> tuple[int, dict[str, str | None]]:
        """How far Ann has come, and the answers by command."""
        done = self.successResultOf(self.journal_store.committed(self.ann))
        if done is None:
            return 0, {}
        return done.number, {row.command: row.code for row in done.answers}

    def test_with_the_change(self) -> None:
        """The input and its answer are committed together with what they changed."""
        self.type(self.ann, "get lamp", "a")
        self.assertEqual(self.committed(), (1, {"a": None}))
        self.gateway.type(self.ann, "mute bob", "b")
        self.clock.advance(0)
        self.assertEqual(self.committed(), (2, {"a": None, "b": None}))

    def test_without_id(self) -> None:
        """Of an input without an id, its number is."""
        self.type(self.ann, "get lamp")
        self.assertEqual(self.committed(), (1, {}))

    def test_rides_along(self) -> None:
        """What changed nothing is noted with the next change, in its place."""
        self.type(self.ann, "say hello", "a")
        self.type(self.ann, "north", "b")
        self.type(self.ann, "frobnicate", "c")
        self.assertEqual(self.committed(), (0, {}))
        self.type(self.bob, "get lamp")
        self.assertEqual(self.committed(), (3, {"a": None, "b": "closed", "c": "unknown_command"}))

    def test_rides_alone(self) -> None:
        """If no change comes, it is noted after some seconds."""
        self.type(self.ann, "say hello", "a")
        self.advance(journal.RIDE_SECONDS)
        self.assertEqual(self.committed(), (1, {"a": None}))

    def test_to_be_tried_again(self) -> None:
        """An answer that says when to try again isn't remembered."""
        self.database.failure = StorageUnavailable("away")
        self.type(self.ann, "mute cid", "a")
        self.database.failure = None
        self.type(self.ann, "get lamp", "b")
        self.assertEqual(self.committed(), (2, {"b": None}))

    def test_never_ahead(self) -> None:
        """No number is committed before all inputs below it are done."""
        for number in range(loop.MAX_LANE_WORK + 1):
            self.gateway.type(self.ann, "look", str(number))
        place = CharacterPlaced(self.ids["Ann"], self.game.world.start)
        self.game.journal.append([place], urgent=True)
        self.assertEqual(self.committed()[0], 0)
        self.advance()
        self.assertEqual(self.codes()[-1], (str(loop.MAX_LANE_WORK), "unavailable"))
        self.type(self.bob, "get lamp")
        self.assertEqual(self.committed()[0], loop.MAX_LANE_WORK)
        self.type(self.ann, "east")
        self.assertEqual(self.committed()[0], loop.MAX_LANE_WORK + 2)

    def test_refused(self) -> None:
        """What was refused by the database is remembered so, in the transaction of the rest."""
        self.database.refuses = lambda row: isinstance(row, ItemPlaced)
        self.type(self.ann, "get lamp", "a")
        self.assertEqual(self.committed(), (1, {"a": "internal_error"}))

    def test_failed_in_the_midst(self) -> None:
        """What a command did before it failed is saved; its answer is that it failed."""
        world = self.game.world
        (mole,) = [room for room in world.rooms.values() if room.key == "mole"]
        ways = dict(mole.exits)
        mole.exits.update({direction: Exit(RoomId(9_999)) for direction in ways})
        done = self.meter.counts["commands done"]
        self.type(self.ann, "east", "a")
        self.assertEqual(self.codes(), [("a", "internal_error")])
        self.advance(journal.RIDE_SECONDS)
        self.assertEqual(self.meter.counts["commands done"], done)
        self.assertEqual(self.committed(), (1, {"a": "internal_error"}))
        self.assertEqual(self.database.characters[self.ids["Ann"]].room, mole.id)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        mole.exits.update(ways)


class FailureTest(CommandsTestCase):
    def test_costs_itself_only(self) -> None:
        """A command that fails by our fault is refused and logged; the game goes on."""
        way = next(iter(self.game.world.room(self.game.world.start).exits.values()))
        del self.game.world._rooms[way.to]
        direction = next(iter(self.game.world.room(self.game.world.start).exits))
        self.game.world.room(self.game.world.start).exits[direction] = type(way)(way.to)
        self.gateway.type(self.ann, str(direction), "a")
        self.gateway.type(self.bob, "say hello", "b")
        self.advance()
        self.assertEqual(self.codes(), [("a", "internal_error")])
        self.assertEqual(len(self.gateway.settled(self.bob)), 1)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def tearDown(self) -> None:
        # The world was broken on purpose: it can't be left in order.
        self.game.world.__init__(self.game.world.start)  # type: ignore[misc]
        for session in self.game.sessions:
            self.game.sessions.remove(session)
        super().tearDown()


class WaitingTest(CommandsTestCase):
    def test_absent_player(self) -> None:
        """Muting an absent player looks the name up; the lane waits, in order, and no other."""
        self.successResultOf(self.bus.request(WORLD, Register("Cid", PASSWORD, HOME)))
        self.database.hold()
        self.gateway.type(self.ann, "mute cid", "a")
        self.gateway.type(self.ann, "say done", "b")
        self.type(self.bob, "say meanwhile", "c")
        self.assertEqual(self.gateway.lines(self.bob), ['You say, "meanwhile"'])
        self.database.release()
        self.advance()
        self.assertEqual(self.codes(), [("a", None), ("b", None)])
        self.assertEqual(
            self.gateway.lines(self.ann)[-2:], ["You no longer hear Cid.", 'You say, "done"']
        )
        self.assertEqual(len(self.database.mutes), 1)

    def test_unknown_player(self) -> None:
        """A name that nobody has is refused."""
        self.type(self.ann, "mute nobody", "a")
        self.assertEqual(self.codes(), [("a", "not_here")])

    def test_database_away(self) -> None:
        """With the database away, what needs it is refused, and the rest goes on."""
        self.database.failure = StorageUnavailable("away")
        self.gateway.type(self.ann, "mute cid", "a")
        self.type(self.ann, "say hello", "b")
        self.assertEqual(self.codes(), [("a", "unavailable"), ("b", None)])

    def test_too_slow(self) -> None:
        """What isn't loaded in time is refused, and the lane goes on."""
        self.database.hold()
        self.gateway.type(self.ann, "mute cid", "a")
        self.gateway.type(self.ann, "say hello", "b")
        self.clock.advance(0)
        self.clock.advance(LOAD_SECONDS)
        self.clock.advance(0)
        self.assertEqual(self.codes(), [("a", "unavailable"), ("b", None)])
        self.database._held = None

    def test_gone_meanwhile(self) -> None:
        """If the session ends while its command waits, nothing happens any more."""
        self.database.hold()
        self.type(self.ann, "mute cid", "a")
        self.game.presence.kick("Ann", "Out.")
        self.clock.advance(0)
        self.gateway.forget()
        self.database.release()
        self.advance()
        self.assertEqual(len(self.database.mutes), 0)
        self.assertEqual(self.gateway.types(self.ann), [])

    def test_mutes_are_written_at_once(self) -> None:
        """A mute is protection: it doesn't wait for more to be written."""
        self.gateway.type(self.ann, "mute bob", "a")
        self.clock.advance(0)
        self.assertEqual(len(self.database.mutes), 1)
        self.assertEqual(self.codes(), [("a", None)])
        self.type(self.bob, "say hello")
        self.assertNotIn('Bob says, "hello"', self.gateway.lines(self.ann))


class PasswordTest(CommandsTestCase):
    def test_asked(self) -> None:
        """Without words the gateway of a terminal is told to ask."""
        attaching = self.gateway.attach(
            PasswordCredential("Ann", PASSWORD), transport=Transport.TELNET
        )
        self.advance()
        ann = self.successResultOf(attaching).session
        self.gateway.forget()
        self.type(ann, "password", "a")
        self.assertEqual(self.gateway.of(ann)[0], PasswordWanted(ann))

    def test_asked_of_a_program(self) -> None:
        """A client without prompts is told to say it all at once."""
        self.type(self.ann, "password", "a")
        self.assertEqual(self.codes(), [("a", "bad_command")])
        self.assertEqual(len(self.gateway.of(self.ann)), 1)

    def test_invisible_marks(self) -> None:
        """What would reorder or hide a line for others is taken out of what was typed."""
        self.type(self.ann, "say he\u202ello\u200b")
        self.assertEqual(self.gateway.lines(self.bob), ['Ann says, "hello"'])

    def test_changed(self) -> None:
        """With both words it is changed; other logins end, this one goes on."""
        other = self.log_in("Ann")
        self.type(self.ann, f"password {PASSWORD.replace(' ', '')} x", "a")
        self.assertEqual(self.codes(), [("a", "wrong_credentials")])
        self.change_to("one-word-secret")
        self.gateway.forget()
        self.type(self.ann, "password one-word-secret another-word-secret", "b")
        self.assertEqual(self.gateway.lines(self.ann), ["Your password is changed."])
        self.assertEqual(self.codes(), [("b", None)])
        self.failureResultOf(self.gateway.attach(other))
        self.assertEqual(self.gateway.ended(self.ann), [])
        self.gateway.attach(PasswordCredential("Ann", "another-word-secret"))
        self.advance()

    def change_to(self, password: str) -> None:
        account = self.successResultOf(self.account_store.by_name("Ann"))
        assert account is not None
        hash = self.successResultOf(self.game.accounts._hasher.hash(password))
        session = self.game.sessions.get(self.ann)
        assert session is not None
        self.successResultOf(
            self.account_store.set_password(account.id, hash, session.attended.token)
        )

    def test_not_after_leaving(self) -> None:
        """A password isn't changed any more for a session that is over."""
        self.change_to("one-word-secret")
        self.gateway.type(self.ann, "quit", "a")
        self.gateway.type(self.ann, "password one-word-secret another-word-secret", "b")
        self.advance()
        self.assertEqual(self.codes(), [("a", None), ("b", "not_allowed")])
        attaching = self.gateway.attach(PasswordCredential("Ann", "one-word-secret"))
        self.advance()
        self.successResultOf(attaching)

    def test_only_encrypted(self) -> None:
        """Over a connection that others read no password is taken, but over telnet."""
        session = self.game.sessions.get(self.ann)
        assert session is not None
        session.origin = Origin("198.51.100.1", secure=False)
        self.type(self.ann, "password old new-secret-word", "a")
        session.transport = Transport.TELNET
        self.type(self.ann, "password old new-secret-word", "b")
        self.assertEqual(self.codes(), [("a", "insecure"), ("b", "wrong_credentials")])

    def test_never_logged(self) -> None:
        """Passwords are in no log, whatever goes wrong."""
        logged: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            logged.append(repr(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.database.failure = StorageRefused("no")
        self.type(self.ann, "password old-secret-word new-secret-word", "a")
        self.database.failure = None
        self.assertEqual(self.codes(), [("a", "internal_error")])
        self.flushLoggedErrors(StorageRefused)
        self.assertNotEqual(logged, [])
        self.assertNotIn("secret-word", "".join(logged))


class OccupantsTest(CommandsTestCase):
    def test_page(self) -> None:
        """A page of occupants goes to the one who asked, and isn't play."""
        session = self.game.sessions.get(self.ann)
        assert session is not None
        self.bus.publish(WORLD, OccupantsWanted(self.ann, session.generation, 0))
        self.advance()
        (page,) = self.gateway.bodies(self.ann, "occupants")
        self.assertEqual([each["name"] for each in page["page"]], ["Ann", "Bob"])  # type: ignore[attr-defined]
        self.assertEqual(self.gateway.of(self.bob), [])

    def test_unknown_session(self) -> None:
        """Of a session that is over nothing is asked."""
        session = self.game.sessions.get(self.ann)
        assert session is not None
        self.type(self.ann, "quit")
        self.gateway.forget()
        self.bus.publish(WORLD, OccupantsWanted(self.ann, session.generation, 0))
        self.advance()
        self.assertEqual(self.gateway.messages, [])


class MuteTest(CommandsTestCase):
    def test_ends_by_itself(self) -> None:
        """A mute with an end is in force until then, and no longer."""
        self.type(self.ann, "mute bob 30 He shouts.", "a")
        self.assertEqual(self.gateway.lines(self.ann), ["You no longer hear Bob, for 30 minutes."])
        self.gateway.forget()
        self.type(self.bob, "say hello")
        self.assertEqual(self.gateway.lines(self.ann), [])
        self.clock.advance(30 * 60)
        self.type(self.bob, "say again")
        self.assertEqual(self.gateway.lines(self.ann), ['Bob says, "again"'])

    def test_outlives_the_session(self) -> None:
        """A mute, with its end, is there again when the character comes back."""
        self.type(self.ann, "mute bob 30")
        self.gateway.detach(self.ann, by_choice=True)
        self.advance()
        self.ann = self.enter("Ann")
        self.clock.advance(29 * 60)
        self.type(self.ann, "mute")
        self.assertEqual(self.gateway.lines(self.ann)[-1], "You mute:\n  Bob (for 1 minute more)")
        self.clock.advance(60)
        self.type(self.ann, "mute")
        self.assertEqual(self.gateway.lines(self.ann)[-1], "You mute nobody.")

    def test_absent_staff(self) -> None:
        """Those who keep order can't be muted, even while they are away."""
        boss = self.successResultOf(self.account_store.register("Boss", "$argon2id$"))
        self.successResultOf(self.account_store.set_role(boss.id, Role.ADMIN))
        self.type(self.ann, "mute boss", "a")
        self.assertEqual(self.codes(), [("a", "not_allowed")])
        self.assertEqual(len(self.database.mutes), 0)

    def test_appointed(self) -> None:
        """One who becomes staff is heard at once by those who muted them."""
        self.type(self.ann, "mute bob")
        bob = self.game.sessions.playing(self.game.world.characters_beginning("bob").__next__().id)
        assert bob is not None
        self.game.presence.appoint(bob.attended.account, Role.ADMIN)
        self.advance()
        self.assertEqual(self.gateway.lines(self.bob), ["Your role here is now admin."])
        self.type(self.bob, "say hello")
        self.assertEqual(self.gateway.lines(self.ann)[-1], 'Bob says, "hello"')

    def test_appointed_while_arriving(self) -> None:
        """Whenever an account is appointed while its character arrives, the role holds."""
        for turns, name in enumerate(("Cid", "Dot", "Eve", "Fay", "Gus", "Hal")):
            self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, HOME)))
            row = self.successResultOf(self.account_store.by_name(name))
            assert row is not None
            attaching = self.gateway.attach(PasswordCredential(name, PASSWORD))
            self.clock.pump([0.0] * turns)
            self.successResultOf(self.account_store.set_role(row.id, Role.ADMIN))
            self.game.presence.appoint(row.id, Role.ADMIN)
            self.advance()
            self.successResultOf(attaching)
            character = self.game.world.character_named(name)
            assert character is not None
            self.assertIs(character.role, Role.ADMIN, name)


class SilenceTest(CommandsTestCase):
    def setUp(self) -> None:
        super().setUp()
        boss = self.successResultOf(self.bus.request(WORLD, Register("Boss", PASSWORD, HOME)))
        row = self.successResultOf(self.account_store.by_name(boss.account))
        assert row is not None
        self.successResultOf(self.account_store.set_role(row.id, Role.ADMIN))
        self.boss = self.enter("Boss")
        self.gateway.forget()

    def test_confirmed_when_committed(self) -> None:
        """A silence holds at once; the two hear of it when it is committed, and not before."""
        self.database.hold()
        self.gateway.type(self.boss, "silence bob 2h Enough.", "s")
        self.advance()
        self.assertEqual(self.gateway.lines(self.boss), [])
        self.assertEqual(self.gateway.settled(self.boss), [])
        self.assertEqual(self.gateway.lines(self.bob), [])
        self.database.release()
        self.advance()
        end = "until 2026-01-01 02:00 UTC: Enough."
        self.assertEqual(self.gateway.lines(self.boss), [f"Bob is silenced {end}"])
        self.assertEqual(self.gateway.lines(self.bob), [f"You are silenced {end}"])
        self.assertEqual([each.refusal for each in self.gateway.settled(self.boss)], [None])
        self.assertEqual(len(self.database.silences), 1)

    def test_written_at_once(self) -> None:
        """A silence doesn't wait for more to be written."""
        self.gateway.type(self.boss, "silence bob", "s")
        self.clock.advance(0)
        self.assertEqual(len(self.database.silences), 1)

    def test_hushed(self) -> None:
        """The words of the silenced are refused; staff who are there hear them, marked."""
        self.type(self.boss, "silence ann Enough.")
        self.gateway.forget()
        self.type(self.ann, "say hello", "a")
        self.type(self.ann, ":waves", "b")
        self.type(self.ann, "tell bob psst", "c")
        self.assertEqual(self.codes(), [("a", "silenced"), ("b", "silenced"), ("c", "silenced")])
        (refusal, *_) = [each.refusal for each in self.gateway.settled(self.ann)]
        assert refusal is not None
        self.assertEqual(refusal.message, "You are silenced: Enough.")
        self.assertEqual(self.gateway.lines(self.ann), [])
        self.assertEqual(self.gateway.lines(self.bob), [])
        self.assertEqual(
            self.gateway.lines(self.boss), ['[silenced] Ann says, "hello"', "[silenced] Ann waves"]
        )

    def test_ends(self) -> None:
        """A silence ends by itself, and by unsilence."""
        self.type(self.boss, "silence ann 30")
        self.clock.advance(30 * 60)
        self.type(self.ann, "say hello", "a")
        self.type(self.boss, "silence ann 30")
        self.type(self.boss, "unsilence ann")
        self.type(self.ann, "say hello", "b")
        self.assertEqual(self.codes(), [("a", None), ("b", None)])
        self.assertEqual(self.gateway.lines(self.boss)[-2], "Ann is heard again.")
        self.assertEqual(self.database.silences, {})

    def test_on_a_channel(self) -> None:
        """A silence on one channel concerns that channel alone; staff there hears it, marked."""
        self.type(self.boss, "silence ann on chat 30 Enough.")
        self.assertEqual(
            self.gateway.lines(self.ann),
            ["You are silenced on chat until 2026-01-01 00:30 UTC: Enough."],
        )
        self.gateway.forget()
        self.type(self.ann, "chat one", "a")
        self.type(self.ann, "newbie two", "b")
        self.type(self.ann, "say three", "c")
        self.assertEqual(self.codes(), [("a", "silenced"), ("b", None), ("c", None)])
        (refusal, *_) = [each.refusal for each in self.gateway.settled(self.ann)]
        assert refusal is not None
        self.assertEqual(
            refusal.message, "You are silenced on chat until 2026-01-01 00:30 UTC: Enough."
        )
        heard = ["[newbie] Ann: two", 'Ann says, "three"']
        self.assertEqual(self.gateway.lines(self.bob), heard)
        self.assertEqual(self.gateway.lines(self.boss), ["[silenced] [chat] Ann: one", *heard])
        self.clock.advance(30 * 60)
        self.type(self.ann, "chat four", "d")
        self.assertEqual(self.codes()[-1], ("d", None))

    def test_on_a_channel_written_at_once(self) -> None:
        """It doesn't wait for more to be written, and is lifted like any other."""
        self.gateway.type(self.boss, "silence bob on chat", "s")
        self.clock.advance(0)
        self.assertEqual(len(self.database.channel_silences), 1)
        self.type(self.boss, "unsilence bob on chat")
        self.assertEqual(self.database.channel_silences, {})

    def test_outlives_restarts(self) -> None:
        """An absent player is silenced, and is so still after a restart."""
        self.gateway.detach(self.ann, by_choice=True)
        self.advance()
        self.type(self.boss, "silence ann 2h")
        self.assertRegex(self.gateway.lines(self.boss)[-1], "^Ann is silenced until ")
        self.successResultOf(self.service.stopService())
        self.database.tokens.clear()  # a new run has new secrets; this one's repeat themselves
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        self.ann = self.enter("Ann")
        self.type(self.ann, "say hello", "a")
        self.assertEqual(self.codes(), [("a", "silenced")])

    def test_refused_by_the_database(self) -> None:
        """A silence that can't be saved is not confirmed, and doesn't hold."""
        self.database.refuses = lambda row: row.entity[0] == "silence"
        self.type(self.boss, "silence ann", "s")
        self.assertEqual(self.gateway.lines(self.boss), [])
        self.type(self.ann, "say hello", "a")
        self.assertEqual(self.codes(), [("a", None)])
        self.flushLoggedErrors()
