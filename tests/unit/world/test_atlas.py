"""Areas joined into one world."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import CorruptArea
from mudserver.world.area import Key
from mudserver.world.area_file import parse
from mudserver.world.atlas import Atlas, check

QUAY = """\
area: quay
name: Quay
description: Quay.
start: steps
rooms:
  steps:
    name: Steps
    description: Steps.
    exits:
      south: pier
      up: {to: loft, name: a hatch, closed: true}
    items:
      lamp: {name: a lamp, description: Lamp.}
    inhabitants:
      pellow: {name: Mrs Pellow, keywords: pellow, description: Waits.}
  loft:
    name: Loft
    description: Loft.
    exits:
      down: {to: steps, closed: true}
"""
PIER = """\
area: pierhead
name: Pierhead
description: Pierhead.
rooms:
  pier:
    name: Pier
    description: Pier.
    exits:
      north: steps
      west: {to: steps, oneway: true}
    inhabitants:
      heron: {name: the Grey Heron, keywords: inspector, description: Grey.}
"""


def join(quay: str = QUAY, pier: str = PIER) -> Atlas:
    return check([parse("quay.yaml", quay.encode()), parse("pier.yaml", pier.encode())])


class CheckTests(SynchronousTestCase):
    def assert_refused(self, place: str, problem: str, quay: str = QUAY, pier: str = PIER) -> None:
        error = self.assertRaises(CorruptArea, join, quay, pier)
        self.assertEqual(f"{error.file}:{error.line}", place, str(error))
        self.assertIn(problem, error.problem)

    def test_areas_join(self) -> None:
        """Exits lead across files, and everything is found with its room."""
        atlas = join()
        self.assertEqual(atlas.start, "steps")
        self.assertEqual([room.key for room in atlas.rooms], ["steps", "loft", "pier"])
        self.assertEqual(atlas.room(Key("pier")).name, "Pier")
        self.assertRaises(KeyError, atlas.room, Key("nowhere"))
        self.assertEqual([(room.key, item.key) for room, item in atlas.items], [("steps", "lamp")])
        self.assertEqual(
            [(room.key, someone.key) for room, someone in atlas.inhabitants],
            [("steps", "pellow"), ("pier", "heron")],
        )

    def test_names_of_inhabitants_are_reserved(self) -> None:
        """Their names without the article, and all their keywords, in lower case."""
        self.assertEqual(
            join().reserved_names(),
            frozenset({"mrs pellow", "pellow", "grey heron", "inspector"}),
        )

    def test_no_areas(self) -> None:
        """A world without an area is refused."""
        self.assertRaises(CorruptArea, check, [])

    def test_keys_are_unique_in_the_world(self) -> None:
        """A key that another file uses is refused, whatever it names, and the first use told."""
        for key, where in (
            ("quay", "quay.yaml:1"),
            ("loft", "quay.yaml:16"),
            ("lamp", "quay.yaml:13"),
            ("pellow", "quay.yaml:15"),
        ):
            self.assert_refused(
                "pier.yaml:12",
                f"{key}: expected a key of its own, found one in use since {where}",
                pier=PIER.replace("heron:", f"{key}:"),
            )

    def test_one_start(self) -> None:
        """Exactly one area has the start room."""
        self.assert_refused(
            "quay.yaml:1", "expected a start room", quay=QUAY.replace("start: steps\n", "")
        )
        self.assert_refused(
            "pier.yaml:1",
            "another in quay.yaml",
            pier=PIER.replace("rooms:", "start: pier\nrooms:"),
        )

    def test_dangling_exit(self) -> None:
        """An exit to no room is refused with its own line."""
        self.assert_refused(
            "quay.yaml:10",
            "steps.exits.south: expected the key of a room, found peer, which is none",
            quay=QUAY.replace("south: pier", "south: peer"),
        )
        self.assert_refused(
            "quay.yaml:10", "found lamp", quay=QUAY.replace("south: pier", "south: lamp")
        )

    def test_exit_without_a_way_back(self) -> None:
        """The opposite exit must lead back, unless the way is marked as one way."""
        self.assert_refused(
            "quay.yaml:10",
            "expected an exit north from pier back to steps (or oneway: true here), found none",
            pier=PIER.replace("      north: steps\n", ""),
        )
        self.assert_refused(
            "quay.yaml:10", "found one to loft", pier=PIER.replace("north: steps", "north: loft")
        )
        marked = QUAY.replace("south: pier", "south: {to: pier, oneway: true}")
        join(marked, PIER.replace("      north: steps\n", ""))

    def test_half_closed_door(self) -> None:
        """A door is closed on both sides or on none."""
        self.assert_refused(
            "quay.yaml:11",
            "found it open from loft",
            quay=QUAY.replace("down: {to: steps, closed: true}", "down: steps"),
        )

    def test_half_a_door(self) -> None:
        """What can be closed on one side can be on the other."""
        self.assert_refused(
            "quay.yaml:11",
            "expected a door on both sides (closed: true or false) or on none",
            quay=QUAY.replace("closed: true", "closed: false").replace(
                "down: {to: steps, closed: false}", "down: steps"
            ),
        )

    def test_doors(self) -> None:
        """A door has two sides, or one where there is no way back."""
        ((one, other),) = join().doors
        self.assertEqual((one[0].key, other[0].key), ("loft", "steps"))

    def test_routes(self) -> None:
        """A route goes from room to room, by ways that lead back, and comes nowhere twice."""

        def routed(route: str) -> str:
            return QUAY.replace("pellow: {", f"pellow: {{route: {route}, ", 1)

        ((_, pellow), _) = join(routed("[pier]")).inhabitants
        self.assertEqual(pellow.route, ("pier",))
        for route, problem in (
            ("[attic]", "found attic, which is none"),
            ("[steps]", "expected each room once"),
            ("[pier, loft]", "expected an exit from pier to loft, found none"),
        ):
            self.assert_refused("quay.yaml:15", problem, quay=routed(route))

    def test_unreachable_room(self) -> None:
        """A room to which no way leads from the start is refused with its line."""
        cellar = "  cellar:\n    name: Cellar\n    description: Cellar.\n"
        way_out = "    exits:\n      up: {to: pier, oneway: true}\n"
        self.assert_refused(
            "pier.yaml:13",
            "cellar: expected a room that can be reached",
            pier=PIER + cellar + way_out,
        )
