"""What inhabitants do."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import NpcId, RoomId
from mudserver.world import inhabitants, rules
from mudserver.world.applied import NpcPlaced
from mudserver.world.direction import Direction
from mudserver.world.events import (
    Arrived,
    Emoted,
    NpcArrived,
    NpcDeparted,
    NpcEmoted,
    NpcSaid,
    Said,
)
from mudserver.world.inhabitants import idle, react, wander
from mudserver.world.model import Exit, Npc
from mudserver.world.world import World
from tests.unit.world.scene import (
    ANN,
    CELLAR,
    CID,
    HALL,
    HERON,
    PELLOW,
    YARD,
    do,
    make_crowd,
    make_world,
)

LOOKS_UP = NpcEmoted(HERON, "the grey heron", YARD, "looks up.", CID)
MIND = NpcSaid(PELLOW, "Mrs Pellow", YARD, "Mind the cobbles.", CID)


def add_npcs(world: World, count: int) -> None:
    for number in range(count):
        id = NpcId(600 + number)
        world.add_npc(
            Npc(id, f"n{id}", f"N{id}", (), "", HALL, greeting="Hi.", topics={"hi": "Hi."})
        )


class GreetingTests(SynchronousTestCase):
    def test_private(self) -> None:
        """A newcomer is greeted by each who greets, and alone hears it."""
        arrived = Arrived(CID, "Cid", YARD, None)
        self.assertEqual(react(make_crowd(), arrived), (LOOKS_UP, MIND))

    def test_walked_on(self) -> None:
        """One who has walked on already is not greeted any more."""
        world = make_crowd()
        do(world, CID, "south")
        self.assertEqual(react(world, Arrived(CID, "Cid", YARD, None)), ())

    def test_nobody(self) -> None:
        """Where nobody lives, nobody greets."""
        self.assertEqual(react(make_crowd(), Arrived(ANN, "Ann", HALL, None)), ())

    def test_bounded(self) -> None:
        """However many live in a room, few greet."""
        world = make_crowd()
        add_npcs(world, 10)
        greetings = react(world, Arrived(ANN, "Ann", HALL, None))
        self.assertEqual(len(greetings), inhabitants.MAX_GREETINGS)


class AnswerTests(SynchronousTestCase):
    def answer(self, text: str) -> tuple[object, ...]:
        return react(make_crowd(), Said(CID, "Cid", YARD, text))

    def test_word(self) -> None:
        """A word that matters is answered aloud, in any case and beside any punctuation."""
        fish = NpcSaid(HERON, "the grey heron", YARD, "Fish? Where?")
        for text in ("fish", "Any FISH, bird?", "...fish!"):
            self.assertEqual(self.answer(text), (fish,), text)

    def test_whole_words(self) -> None:
        """A word within another isn't that word."""
        for text in ("selfish", "fishes", "hello", "", "fi sh"):
            self.assertEqual(self.answer(text), (), text)

    def test_longest(self) -> None:
        """Of two topics, the one of more letters is answered, here by a deed."""
        self.assertEqual(
            self.answer("do you like dried fish?"),
            (NpcEmoted(HERON, "the grey heron", YARD, "turns away."),),
        )

    def test_several(self) -> None:
        """Each inhabitant answers to what matters to it."""
        answers = self.answer("fish on the cobbles")
        self.assertEqual([answer.npc for answer in answers], [HERON, PELLOW])  # type: ignore[attr-defined]

    def test_bounded(self) -> None:
        """However many would answer, few do."""
        world = make_crowd()
        add_npcs(world, 10)
        answers = react(world, Said(ANN, "Ann", HALL, "hi"))
        self.assertEqual(len(answers), inhabitants.MAX_ANSWERS)

    def test_elsewhere(self) -> None:
        """What is said elsewhere isn't heard here."""
        self.assertEqual(react(make_crowd(), Said(ANN, "Ann", HALL, "fish")), ())

    def test_no_reaction(self) -> None:
        """Inhabitants answer to nothing else, least of all to each other."""
        world = make_crowd()
        for event in (
            NpcSaid(PELLOW, "Mrs Pellow", YARD, "fish"),
            Emoted(CID, "Cid", YARD, "eats fish."),
        ):
            self.assertEqual(react(world, event), ())


class IdleTests(SynchronousTestCase):
    def test_pick(self) -> None:
        """The number picks among the deeds, evenly."""
        world = make_crowd()
        for pick, text in ((0.0, "blinks."), (0.49, "blinks."), (0.5, "shifts its weight.")):
            self.assertEqual(
                idle(world, HERON, pick), (NpcEmoted(HERON, "the grey heron", YARD, text),)
            )
        (last,) = idle(world, HERON, 0.999999)
        self.assertEqual(last, NpcEmoted(HERON, "the grey heron", YARD, "shifts its weight."))

    def test_unseen(self) -> None:
        """Where no player is, nothing is done."""
        self.assertEqual(idle(make_world(), HERON, 0.0), ())
        world = make_crowd()
        do(world, CID, "south")
        self.assertEqual(idle(world, HERON, 0.0), ())

    def test_nothing_to_do(self) -> None:
        """One who has nothing to do does nothing."""
        self.assertEqual(idle(make_crowd(), PELLOW, 0.5), ())


class WanderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = make_crowd()
        self.world.add_exit(YARD, Direction.UP, Exit(CELLAR))
        self.world.add_exit(CELLAR, Direction.DOWN, Exit(YARD))
        self.world.npcs[HERON].route = (HALL, YARD, CELLAR)

    def walk(self, pick: float) -> RoomId:
        for event in wander(self.world, HERON, pick):
            self.world.apply(event)
        return self.world.npcs[HERON].room

    def test_to_and_fro(self) -> None:
        """It walks to the stop before or after, and is stored where it came to."""
        self.assertEqual(
            wander(self.world, HERON, 0.0),
            (
                NpcDeparted(HERON, "the grey heron", YARD, Direction.SOUTH),
                NpcArrived(HERON, "the grey heron", HALL, Direction.NORTH),
            ),
        )
        departed, arrived = wander(self.world, HERON, 0.9)
        self.assertEqual(self.world.apply(departed).changes, ())
        self.assertEqual(self.world.apply(arrived).changes, (NpcPlaced(HERON, CELLAR),))
        self.assertIn(HERON, self.world.occupants(CELLAR))
        self.assertNotIn(HERON, self.world.occupants(YARD))
        self.assertEqual([self.walk(0.0), self.walk(0.0), self.walk(0.9)], [YARD, HALL, YARD])

    def test_closed_door(self) -> None:
        """It opens no door."""
        self.world.room(YARD).exits[Direction.UP] = Exit(CELLAR, closed=True)
        self.assertEqual([self.walk(0.9), self.walk(0.9)], [HALL, YARD])

    def test_unwatched(self) -> None:
        """Where nobody would see it, on the whole route, it stays."""
        self.world.npcs[HERON].route = (YARD, CELLAR)
        for event in rules.leave(self.world, CID):
            self.world.apply(event)
        self.assertEqual(wander(self.world, HERON, 0.0), ())
        do(self.world, ANN, "north")
        self.assertEqual(self.walk(0.0), CELLAR)

    def test_no_route(self) -> None:
        """One without a route stays, and so does one who is off it."""
        self.assertEqual(wander(self.world, PELLOW, 0.0), ())
        self.world.npcs[HERON].route = (HALL, CELLAR)
        self.assertEqual(wander(self.world, HERON, 0.0), ())

    def test_put_back(self) -> None:
        """It can be put into a room; both rooms' copies are stale then."""
        versions = [self.world.room(room).version for room in (HALL, YARD)]
        self.world.put_npc(HERON, HALL)
        self.assertIn(HERON, self.world.occupants(HALL))
        self.assertEqual(
            [self.world.room(room).version for room in (HALL, YARD)], [v + 1 for v in versions]
        )
