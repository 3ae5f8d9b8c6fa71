"""The oracle finds nothing wrong where promises are kept, and each kind of broken promise."""

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.crash.history import (
    CONTAINERS,
    OPEN,
    Deed,
    Drop,
    Get,
    Go,
    Idle,
    Item,
    Mute,
    Outcome,
    Place,
    Player,
    Put,
    Shut,
    Stored,
    TakeOut,
    Unmute,
)
from tests.crash.oracle import differences
from tests.unit.crash.play import BEGINNING, WAYS, Play

PLAYERS = ("Ann", "Bob", "Tom")
ITEMS = ("lamp", "rope", "book", None)

players = st.sampled_from(PLAYERS)
deeds: st.SearchStrategy[Deed] = st.one_of(
    st.builds(Go, st.sampled_from(("north", "east", "south", "west"))),
    st.builds(Get, st.sampled_from(ITEMS)),
    st.builds(Drop, st.sampled_from(ITEMS)),
    st.builds(Put, st.sampled_from(ITEMS), st.sampled_from(CONTAINERS)),
    st.builds(TakeOut, st.sampled_from(ITEMS), st.sampled_from(CONTAINERS)),
    st.builds(Shut, st.just("hatch"), st.booleans()),
    st.builds(Mute, st.sampled_from(("Bob", "Zed"))),
    st.builds(Unmute, st.sampled_from(("Bob", "Zed"))),
    st.just(Idle("say hello")),
)
steps = st.one_of(
    st.tuples(st.just("send"), players, deeds),
    st.tuples(st.sampled_from(("carry out", "carry out", "answer")), players, st.none()),
    st.tuples(st.just("commit"), st.just("Ann"), st.none()),
)


def put(stored: Stored, item: Item, place: Place) -> Stored:
    """Return the same with an item elsewhere."""
    items = tuple((each, place if each == item else where) for each, where in stored.items)
    return evolve(stored, items=items)


def move(stored: Stored, player: Player, room: str) -> Stored:
    """Return the same with a player elsewhere."""
    return evolve(stored, rooms={**stored.rooms, player: room})


class SoundTests(SynchronousTestCase):
    """What keeps the promises is right."""

    @settings(max_examples=300, deadline=None)
    @given(st.lists(steps, max_size=60))
    def test_any_course(self, course: list[tuple[str, Player, Deed | None]]) -> None:
        """Whatever players do, and wherever the crash cuts it off, nothing is found wrong."""
        play = Play()
        for step, player, deed in course:
            if deed is not None:
                play.send(player, deed)
            elif step == "carry out":
                play.carry_out(player)
            elif step == "answer":
                play.answer(player)
            else:
                play.commit()
        self.assertEqual(differences(WAYS, BEGINNING, play.histories, play.stored), ())

    def test_nothing_done(self) -> None:
        """Where nobody did anything, all is as before."""
        self.assertEqual(differences(WAYS, BEGINNING, [], BEGINNING), ())

    def test_passed_over(self) -> None:
        """A command that was refused for want of a database counts as never sent."""
        play = Play()
        for deed in (Get("rope"), Go("north")):
            play.send("Ann", deed)
            play.pass_over("Ann")
        play.all_of("Ann", Get("lamp"))
        self.assertEqual(differences(WAYS, BEGINNING, play.histories, play.stored), ())

    def test_nothing_changed_after_what_is_lost(self) -> None:
        """What changes nothing may be acknowledged, and refused, after what is not stored."""
        before = move(BEGINNING, "Ann", "yard")
        play = Play(live=before, stored=before)
        for player, deed in (("Tom", Get("book")), ("Ann", Get("book")), ("Ann", Idle("look"))):
            play.send(player, deed)
            play.carry_out(player)
            play.answer(player)
        self.assertEqual(differences(WAYS, before, play.histories, before), ())


class BrokenPromiseTests(SynchronousTestCase):
    """Each way to break a promise is found."""

    def setUp(self) -> None:
        self.play = Play()

    def found(self, after: Stored) -> str:
        return "\n".join(differences(WAYS, BEGINNING, self.play.histories, after))

    def right(self, after: Stored) -> None:
        self.assertEqual(self.found(after), "")

    def test_lost_get(self) -> None:
        """An item whose taking was acknowledged still lies there."""
        self.play.all_of("Ann", Get("lamp"))
        self.right(self.play.stored)
        self.assertIn("lamp began at hall and is stored at hall", self.found(BEGINNING))

    def test_lost_put(self) -> None:
        """An item whose putting into a container was acknowledged is still carried, or is gone."""
        self.play.all_of("Ann", Get("lamp"), Put("lamp", "box"))
        self.right(self.play.stored)
        self.assertIn("is stored at Ann", self.found(put(self.play.stored, "lamp", "Ann")))
        self.play.all_of("Ann", TakeOut("lamp", "box"))
        self.right(self.play.stored)
        self.assertIn("is stored at box", self.found(put(self.play.stored, "lamp", "box")))

    def test_out_of_reach(self) -> None:
        """A container in another room was put into."""
        command = self.play.send("Ann", Put("lamp", "crate"))
        command.outcome, command.answered = Outcome.ACKNOWLEDGED, 99
        self.assertIn("put lamp in crate", self.found(BEGINNING))

    def test_lost_door(self) -> None:
        """A door whose opening was acknowledged is closed."""
        self.play.all_of("Bob", Shut("hatch", closed=False))
        self.assertIn(("hatch", OPEN), self.play.stored.items)
        self.right(self.play.stored)
        self.assertIn("hatch began at closed", self.found(BEGINNING))

    def test_lost_move(self) -> None:
        """A player is where it was before an acknowledged step."""
        self.play.all_of("Ann", Go("north"))
        self.right(self.play.stored)
        self.assertIn("Ann is stored in hall", self.found(BEGINNING))

    def test_lost_mute(self) -> None:
        """An acknowledged mute isn't there."""
        self.play.all_of("Bob", Mute("Zed"))
        self.right(self.play.stored)
        self.assertIn("Bob is stored in hall, and mutes []", self.found(BEGINNING))

    def test_lost_all_the_same(self) -> None:
        """A later command that isn't acknowledged can't stand in for a lost one: of two steps
        there and back, the first can't be missing when an item was taken in between.
        """
        self.play.all_of("Ann", Go("north"), Get("book"))
        self.play.send("Ann", Go("south"))
        self.right(self.play.stored)
        self.right(move(self.play.stored, "Ann", "hall"))
        self.assertNotEqual(self.found(put(self.play.stored, "book", "yard")), "")

    def test_doubled(self) -> None:
        """An item is stored twice, or not at all."""
        self.assertIn(
            "Too many times: ['lamp']",
            self.found(evolve(BEGINNING, items=(*BEGINNING.items, ("lamp", "Ann")))),
        )
        self.assertIn("lost: ['lamp']", self.found(evolve(BEGINNING, items=BEGINNING.items[1:])))

    def test_doubled_in_memory(self) -> None:
        """Two players were told that they took the same item."""
        self.play.all_of("Ann", Get("lamp"))
        self.play.live = BEGINNING
        self.play.all_of("Bob", Get("lamp"))
        self.assertIn("lamp began at hall", self.found(self.play.stored))

    def test_elsewhere(self) -> None:
        """An item is where nobody can have brought it."""
        self.play.all_of("Ann", Get("lamp"))
        self.play.send("Ann", Drop("lamp"))
        for place in ("Ann", "hall"):
            self.right(put(BEGINNING, "lamp", place))
        for place in ("Bob", "yard"):
            self.assertNotEqual(self.found(put(BEGINNING, "lamp", place)), "")

    def test_reordered(self) -> None:
        """Of two commands that nobody answered, the later is stored without the earlier."""
        self.play.send("Ann", Get("lamp"))
        self.play.send("Ann", Go("north"))
        self.right(BEGINNING)
        taken = put(BEGINNING, "lamp", "Ann")
        self.right(taken)
        self.right(move(taken, "Ann", "yard"))
        self.assertIn("not together", self.found(move(BEGINNING, "Ann", "yard")))

    def test_reordered_items(self) -> None:
        """The same of two items."""
        self.play.send("Ann", Get("lamp"))
        self.play.send("Ann", Get("rope"))
        self.assertIn("not together", self.found(put(BEGINNING, "rope", "Ann")))

    def test_half(self) -> None:
        """Of a command that takes two items, one is stored and the other isn't."""
        self.play.send("Ann", Get(None))
        taken = put(BEGINNING, "lamp", "Ann")
        self.right(put(taken, "rope", "Ann"))
        self.assertIn("not together", self.found(taken))

    def test_half_a_mute(self) -> None:
        """A mute is stored, and the step before it isn't."""
        self.play.send("Bob", Go("north"))
        self.play.send("Bob", Mute("Zed"))
        muted = evolve(BEGINNING, mutes=BEGINNING.mutes | {("Bob", "Zed")})
        self.assertIn("Bob is stored in hall, and mutes ['Zed']", self.found(muted))

    def test_undone_by_none(self) -> None:
        """A mute that nobody lifted is gone, and one that nobody made is there."""
        self.play.send("Ann", Idle("say hello"))
        self.assertIn("Ann is stored", self.found(evolve(BEGINNING, mutes=frozenset())))
        made = evolve(BEGINNING, mutes=BEGINNING.mutes | {("Zed", "Ann")})
        self.assertIn("Zed did nothing", self.found(made))

    def test_shown_before_something_acknowledged(self) -> None:
        """What was seen done before another began what was acknowledged is lost."""
        self.play.send("Tom", Get("book"))
        self.play.carry_out("Tom")
        self.play.answer("Tom")
        self.right(BEGINNING)
        self.play.all_of("Ann", Get("lamp"))
        self.right(self.play.stored)
        self.assertIn("book", self.found(put(self.play.stored, "book", "yard")))

    def test_impossible_answer(self) -> None:
        """A step through a wall is acknowledged, or one through a door refused."""
        through = self.play.send("Ann", Go("west"))
        through.outcome, through.answered = Outcome.ACKNOWLEDGED, 2
        self.assertIn("west: ack", self.found(BEGINNING))
        self.setUp()
        stopped = self.play.send("Ann", Go("north"))
        stopped.outcome, stopped.code, stopped.answered = Outcome.REFUSED, "no_exit", 2
        self.assertIn("north: error", self.found(BEGINNING))

    def test_impossible_refusal(self) -> None:
        """An item that lay there all the time is said not to be there."""
        refused = self.play.send("Ann", Get("lamp"))
        refused.outcome, refused.code, refused.answered = Outcome.REFUSED, "not_here", 2
        self.assertIn("lamp began at hall", self.found(BEGINNING))

    def test_refused_what_was_put_down(self) -> None:
        """An item that was put down before it was asked for is said not to be there."""
        self.play.all_of("Ann", Get("lamp"), Drop("lamp"))
        self.right(self.play.stored)
        refused = self.play.send("Bob", Get("lamp"))
        refused.outcome, refused.code, refused.answered = Outcome.REFUSED, "not_here", 99
        self.assertIn("lamp began at hall", self.found(self.play.stored))

    def test_taken_from_nowhere(self) -> None:
        """Taking an item that is elsewhere is acknowledged."""
        taken = self.play.send("Ann", Get("book"))
        taken.outcome, taken.answered = Outcome.ACKNOWLEDGED, 2
        self.assertIn("book began at yard", self.found(BEGINNING))

    def test_answered_out_of_order(self) -> None:
        """A later command is answered before an earlier one."""
        self.play.send("Ann", Get("lamp"))
        second = self.play.send("Ann", Idle("say hello"))
        second.outcome, second.answered = Outcome.ACKNOWLEDGED, 3
        self.assertIn("out of order", self.found(BEGINNING))
