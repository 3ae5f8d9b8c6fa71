"""What is answered, and when."""

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.game import answers, journal, loop, missing
from mudserver.ids import RoomId
from mudserver.interfaces.authority import PasswordCredential
from mudserver.world.applied import CharacterPlaced, ItemPlaced
from mudserver.world.model import Exit
from tests.unit.game.scene import CommandsTestCase
from tests.unit.game.theatre import PASSWORD


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
