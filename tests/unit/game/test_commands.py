"""What is typed is carried out once, shown at once, and acknowledged when committed."""

from mudserver.errors import StorageUnavailable
from mudserver.game import missing
from mudserver.game.commands import LOAD_SECONDS
from mudserver.interfaces.authority import Register
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import OccupantsWanted
from tests.unit.game.scene import CommandsTestCase
from tests.unit.game.theatre import HOME, PASSWORD


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
