"""Doors: one door, seen and moved from both sides."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import PlayerError
from mudserver.ids import DoorId
from mudserver.world.applied import Applied, DoorMoved, ExitShut, RoomDelta
from mudserver.world.audience import Viewer, resolve
from mudserver.world.direction import Direction
from mudserver.world.events import DoorShut, DoorSwung
from mudserver.world.model import Exit
from tests.unit.world.scene import ANN, BOB, CELLAR, CID, HALL, NOW, YARD, decide, do, make_crowd

GATE = DoorId(31)


class DoorsTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = make_crowd()
        self.world.add_exit(HALL, Direction.EAST, Exit(YARD, "a green gate", True, GATE))
        self.world.add_exit(YARD, Direction.WEST, Exit(HALL, "a grey gate", True, GATE))

    def refused(self, text: str, code: str, words: str) -> None:
        error = self.assertRaises(PlayerError, decide, self.world, ANN, text)
        self.assertEqual((error.code, error.message), (code, words), text)

    def test_opening(self) -> None:
        """A door opens on both sides at once; both rooms' copies learn of it, and it is stored."""
        shut, swung = decide(self.world, ANN, "open gate")
        self.assertEqual(
            shut, DoorShut(ANN, "Ann", HALL, Direction.EAST, "a green gate", GATE, False)
        )
        self.assertEqual(swung, DoorSwung(YARD, Direction.WEST, "a grey gate", False))
        versions = self.world.room(HALL).version, self.world.room(YARD).version
        self.assertEqual(
            self.world.apply(shut),
            Applied(
                (DoorMoved(GATE, False),),
                (
                    RoomDelta(
                        HALL, versions[0], versions[0] + 1, (ExitShut(Direction.EAST, False),)
                    ),
                    RoomDelta(
                        YARD, versions[1], versions[1] + 1, (ExitShut(Direction.WEST, False),)
                    ),
                ),
            ),
        )
        self.assertEqual(self.world.apply(swung), Applied())
        self.assertFalse(self.world.room(YARD).exits[Direction.WEST].closed)
        do(self.world, ANN, "east")
        self.assertEqual(self.world.character(ANN).room, YARD)
        do(self.world, ANN, "close west")
        self.refused("west", "closed", "A grey gate is closed.")
        self.assertTrue(self.world.room(HALL).exits[Direction.EAST].closed)

    def test_who_sees_it(self) -> None:
        """Those in both rooms do, each in their own words."""
        shut, swung = decide(self.world, ANN, "open east")
        self.assertEqual(
            dict(resolve(self.world, shut, NOW)), {Viewer.ACTOR: (ANN,), Viewer.OTHERS: (BOB,)}
        )
        self.assertEqual(dict(resolve(self.world, swung, NOW)), {Viewer.OTHERS: (CID,)})

    def test_one_side(self) -> None:
        """A door with no way back has no other side."""
        self.world.add_exit(HALL, Direction.WEST, Exit(CELLAR, "a flap", False, DoorId(32)))
        self.assertEqual(len(decide(self.world, ANN, "close flap")), 1)

    def test_refused(self) -> None:
        """What is no door, or is so already, can't be opened; and there has to be something."""
        self.refused("close gate", "not_allowed", "A green gate is closed already.")
        do(self.world, ANN, "open green gate")
        self.refused("open gate", "not_allowed", "A green gate is open already.")
        self.refused("open trapdoor", "not_allowed", "A trapdoor can't be opened.")
        self.refused("close north", "not_allowed", "The way north can't be closed.")
        self.refused("open window", "not_here", "There is no window here.")
        self.refused("open lantern", "not_allowed", "A brass lantern can't be opened.")

    def test_both_sides_agree(self) -> None:
        """A door that is closed on one side only doesn't come into the world."""
        self.assertRaises(
            ValueError,
            self.world.add_exit,
            CELLAR,
            Direction.UP,
            Exit(HALL, "", closed=False, door=GATE),
        )

    def test_put_back(self) -> None:
        """What could not be saved goes back on both sides."""
        do(self.world, ANN, "open gate")
        self.assertEqual(self.world.put_door(GATE, closed=True), {HALL, YARD})
        self.assertTrue(self.world.room(YARD).exits[Direction.WEST].closed)
        self.assertEqual(self.world.put_door(DoorId(99), closed=True), frozenset())
