"""What inhabitants do."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import NpcId
from mudserver.world import inhabitants
from mudserver.world.events import Arrived, Emoted, NpcEmoted, NpcSaid, Said
from mudserver.world.inhabitants import idle, react
from mudserver.world.model import Npc
from mudserver.world.world import World
from tests.unit.world.scene import ANN, CID, HALL, HERON, PELLOW, YARD, do, make_crowd, make_world

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
