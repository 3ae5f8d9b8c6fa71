"""Area files: what they say, and what is refused in them."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import CorruptArea
from mudserver.world.area import (
    MAX_DESCRIPTION_CHARS,
    MAX_KEY_CHARS,
    MAX_KEYWORDS,
    Area,
    Detail,
    Exit,
    Inhabitant,
    Item,
    Key,
    Room,
    Topic,
    Utterance,
)
from mudserver.world.area_file import parse
from mudserver.world.atlas import check
from mudserver.world.direction import Direction
from mudserver.world.document import Source

QUAY = """\
area: quay
name: The Quay
description: Where it begins.
start: steps
rooms:
  steps:
    name: The Steps
    description: >
      Nine steps go down
      to no water.

      Gulls own them.
    exits:
      south: pier
      north: {to: hall, name: a green door, closed: true, oneway: true}
    details:
      gulls, grey gull: They look back.
    items:
      lamp:
        name: a brass lamp
        keywords: lantern, brass lamp
        description: It smells of oil.
      bollard:
        name: the Old Bollard
        description: Iron.
        fixed: true
    inhabitants:
      pellow:
        name: Mrs Pellow
        keywords: pellow
        description: She waits.
        greeting: Good morning.
        topics:
          tide, the sea: It is late.
          ferry: ":  points south."
        idle:
          - looks at the sea.
  pier:
    name: The Pier
    description: Planks.
  hall:
    name: The Hall
    description: Echoes.
"""

WHERE = Source("", 0)  # values compare without it


def quay(old: str = "", new: str = "") -> Area:
    """Parse the example, with one thing in it replaced."""
    assert QUAY.count(old) == 1 or not old, old
    return parse("quay.yaml", QUAY.replace(old, new, 1).encode() if old else QUAY.encode())


class ParseTests(SynchronousTestCase):
    """What an area file means."""

    def test_everything(self) -> None:
        """A file with everything in it becomes these values."""
        steps = Room(
            key=Key("steps"),
            name="The Steps",
            description="Nine steps go down to no water.\n\nGulls own them.",
            exits=(
                Exit(Direction.NORTH, Key("hall"), "a green door", True, True, WHERE, True),
                Exit(Direction.SOUTH, Key("pier"), "", False, False, WHERE),
            ),
            details=(Detail(("gulls", "grey gull"), "They look back."),),
            items=(
                Item(
                    Key("lamp"),
                    "a brass lamp",
                    ("brass lamp", "lantern"),
                    "It smells of oil.",
                    False,
                    WHERE,
                ),
                Item(Key("bollard"), "the Old Bollard", ("old bollard",), "Iron.", True, WHERE),
            ),
            inhabitants=(
                Inhabitant(
                    key=Key("pellow"),
                    name="Mrs Pellow",
                    keywords=("mrs pellow", "pellow"),
                    description="She waits.",
                    greeting=Utterance("Good morning.", emote=False),
                    topics=(
                        Topic(("tide", "the sea"), Utterance("It is late.", emote=False)),
                        Topic(("ferry",), Utterance("points south.", emote=True)),
                    ),
                    idle=("looks at the sea.",),
                    source=WHERE,
                ),
            ),
            source=WHERE,
        )
        pier = Room(Key("pier"), "The Pier", "Planks.", (), (), (), (), WHERE)
        hall = Room(Key("hall"), "The Hall", "Echoes.", (), (), (), (), WHERE)
        self.assertEqual(
            quay(),
            Area(
                key=Key("quay"),
                name="The Quay",
                description="Where it begins.",
                start=Key("steps"),
                rooms=(steps, pier, hall),
                source=WHERE,
            ),
        )

    def test_values_know_where_they_stand(self) -> None:
        """Rooms, exits, things and inhabitants keep the file and line of their keys."""
        area = quay()
        steps = area.rooms[0]
        self.assertEqual(str(area.source), "quay.yaml:1")
        self.assertEqual(str(steps.source), "quay.yaml:6")
        lines = QUAY.split("\n")
        for thing, line in (
            (
                steps.exits[0],
                "      north: {to: hall, name: a green door, closed: true, oneway: true}",
            ),
            (steps.exits[1], "      south: pier"),
            (steps.items[1], "      bollard:"),
            (steps.inhabitants[0], "      pellow:"),
        ):
            self.assertEqual(lines[thing.source.line - 1], line)

    def test_only_names_and_descriptions_are_needed(self) -> None:
        """An area without a start, and a room with nothing in it, are well."""
        area = quay("start: steps\n")
        self.assertIsNone(area.start)
        self.assertEqual(area.rooms[1].items, ())
        someone = quay("        greeting: Good morning.\n").rooms[0].inhabitants[0]
        self.assertIsNone(someone.greeting)

    def test_exit_is_found_by_direction(self) -> None:
        """A room knows its exit in a direction, or that it has none."""
        steps = quay().rooms[0]
        south = steps.exit(Direction.SOUTH)
        assert south is not None
        self.assertEqual(south.to, "pier")
        self.assertIsNone(steps.exit(Direction.UP))


class RefusalTests(SynchronousTestCase):
    """What is refused: each with its line, its path and what was expected."""

    def assert_refused(self, old: str, new: str, at: str, problem: str) -> None:
        """See that the example is refused, with one thing replaced, at the line that has ``at``."""
        error = self.assertRaises(CorruptArea, quay, old, new)
        self.assertEqual(error.file, "quay.yaml")
        self.assertIn(at, QUAY.replace(old, new, 1).split("\n")[error.line - 1], str(error))
        self.assertIn(problem, error.problem)

    def test_unknown_keys(self) -> None:
        """An unknown key is refused wherever it stands, and the known ones are told."""
        for old, new, at, path in (
            ("area: quay", "area: quay\nplace: x", "place", ""),
            ("    name: The Pier", "    name: The Pier\n    nmae: x", "nmae", "rooms.pier: "),
            ("closed: true", "locked: true", "locked", "rooms.steps.exits.north: "),
            ("fixed: true", "heavy: true", "heavy", "rooms.steps.items.bollard: "),
            ("greeting: Good", "greets: Good", "greets", "rooms.steps.inhabitants.pellow: "),
        ):
            self.assert_refused(old, new, at, f"{path}expected one of the keys ")

    def test_missing_keys(self) -> None:
        """A missing key is told with the line of what lacks it."""
        for old, at, problem in (
            ("name: The Quay\n", "area: quay", "expected an area with the key name"),
            ("    description: Planks.\n", "pier:", "rooms.pier: expected a room with the key des"),
            ("        name: a brass lamp\n", "lamp:", "expected an item with the key name"),
            (
                "        description: She waits.\n",
                "pellow:",
                "expected an inhabitant with the key ",
            ),
            ("to: hall, ", "north:", "with the key to"),
        ):
            self.assert_refused(old, "", at, problem)

    def test_rooms_are_needed(self) -> None:
        """An area without a room is refused."""
        empty = b"area: quay\nname: Quay\ndescription: Empty.\nrooms: {}\n"
        error = self.assertRaises(CorruptArea, parse, "quay.yaml", empty)
        self.assertEqual(str(error), "quay.yaml:4: rooms: expected at least one room, found none")

    def test_keys_are_words_with_hyphens(self) -> None:
        """A key in another form, or too long, is refused."""
        for key in ("Hall", "hall_1", "-hall", "hall-", "h--all", "hall room", "1hall", "häll"):
            self.assert_refused("  hall:\n", f"  {key}:\n", key, "expected a key such as")
        longest = "x" * MAX_KEY_CHARS
        self.assertEqual(quay("  hall:\n", f"  {longest}:\n").rooms[2].key, longest)
        self.assert_refused("  hall:\n", f"  {longest}x:\n", longest, "expected a key such as")

    def test_start_is_a_room_of_the_file(self) -> None:
        """A start that is no room is refused."""
        self.assert_refused("start: steps", "start: stairs", "start:", "a room in this file, found")

    def test_directions(self) -> None:
        """Only the twelve directions, in full, lead out of a room."""
        for word in ("sou", "s", "South", "'12'"):
            self.assert_refused(
                "south: pier", f"{word}: pier", word, "one of the directions north,"
            )

    def test_exit_types(self) -> None:
        """An exit is a room's key or a mapping, and its doors are yes or no."""
        self.assert_refused(
            "south: pier", "south: [pier]", "south", "the key of a room, or an exit"
        )
        self.assert_refused("south: pier", "south:", "south", "the key of a room, found nothing")
        self.assert_refused("closed: true", "closed: shut", "north", "north.closed: expected true")

    def test_names_are_ascii(self) -> None:
        """Names can be typed on any keyboard."""
        for name in ("The Qüay", "'=The Quay'", "The Quay!", "'12 <b>'"):
            self.assert_refused("name: The Quay", f"name: {name}", name, "a name of ASCII letters")
        self.assert_refused("a brass lamp", "a -", "name: a -", "a name that can be typed in words")
        long = "x" * 61
        self.assert_refused("name: The Quay", f"name: {long}", long, "of at most 60 characters")

    def test_keywords(self) -> None:
        """Keywords are words in lower case, each once, not too many and not too long."""
        for words, found in (
            ("Lantern", '"Lantern"'),
            ("lantern,", '""'),
            ("a!b", '"a!b"'),
            ("x" * 31, f'"{"x" * 31}"'),
            ("lantern, lamp, lantern", '"lantern" again'),
        ):
            self.assert_refused("lantern, brass lamp", words, words, f"found {found}")
        many = ", ".join(f"lamp{number}" for number in range(MAX_KEYWORDS + 1))
        problem = f"at most {MAX_KEYWORDS} keywords"
        self.assert_refused("lantern, brass lamp", many, many, problem)

    def test_details_and_topics_do_not_share_keywords(self) -> None:
        """A word leads to one detail of a room, and to one topic of an inhabitant."""
        more = "gulls, grey gull: They look back.\n      gull, gulls: They look away."
        self.assert_refused(
            "gulls, grey gull: They look back.", more, "gull, gulls", '"gulls" again'
        )
        self.assert_refused("ferry:", "tide:", "points south", '"tide" again')

    def test_texts_are_bounded(self) -> None:
        """A description of the limit's length is read, a longer one refused."""
        longest = "x" * MAX_DESCRIPTION_CHARS
        self.assertEqual(quay("Planks.", longest).rooms[1].description, longest)
        problem = f"rooms.pier.description: expected a description of at most {len(longest)} char"
        self.assert_refused("Planks.", longest + "x", longest, problem)
        self.assert_refused("It is late.", "x" * 1001, "tide", "of at most 1000 characters")

    def test_speech_is_one_paragraph(self) -> None:
        """What is said, and what is done now and then, has no line breaks."""
        self.assert_refused("Good morning.", '"Good\\nday."', "greeting", "found a line break")
        self.assert_refused("- looks at the sea.", '- "looks\\nup."', "looks", "found a line break")

    def test_emote_does_something(self) -> None:
        """A colon with nothing after it is refused."""
        self.assert_refused('":  points south."', '":"', "ferry", "what they do after the colon")

    def test_lists_and_mappings(self) -> None:
        """A list where a mapping belongs is refused, and the other way round."""
        self.assert_refused("- looks at the sea.", "looks: up", "idle:", "expected a list of sent")
        self.assert_refused("gulls, grey gull: They", "- They", "details:", "expected details")


class DocumentationTests(SynchronousTestCase):
    """What the documentation says of the format."""

    def test_example_is_an_area(self) -> None:
        """The example in docs/areas.md is read, closes, and uses every key there is."""
        page = (Path(__file__).parents[3] / "docs" / "areas.md").read_text("utf-8")
        example = page.split("```yaml\n")[1].split("```")[0]
        atlas = check([parse("areas.md", example.encode())])
        self.assertEqual(atlas.start, "lantern-quay")
        for key in ("closed", "oneway", "fixed", "keywords", "greeting", "topics", "idle"):
            self.assertIn(f"{key}:", example)


CHEST = """
      chest:
        name: a chest
        description: Oak.
        holds: 5
        size: 2
        closed: true
        contents:
          bag: {name: a bag, description: Jute., holds: 3}
          pin: {name: a pin, description: Sharp.}
"""


class ContainerTests(SynchronousTestCase):
    """Things that hold things."""

    def chest(self, old: str = "", new: str = "") -> Area:
        self.assertIn(old, CHEST)
        lamp = "    items:\n"
        return quay(lamp, lamp + CHEST.replace(old, new, 1).lstrip("\n"))

    def refused(self, problem: str, old: str, new: str) -> None:
        error = self.assertRaises(CorruptArea, self.chest, old, new)
        self.assertIn(problem, str(error))

    def test_container(self) -> None:
        """A container has a size, a capacity, a lid where it is said to be closed or open."""
        chest = self.chest().rooms[0].items[0]
        self.assertEqual((chest.capacity, chest.size, chest.lid, chest.closed), (5, 2, True, True))
        bag, pin = chest.contents
        self.assertEqual((bag.capacity, bag.size, bag.lid, bag.closed), (3, 1, False, False))
        self.assertEqual((pin.capacity, pin.size), (0, 0))
        self.assertEqual([item.key for item in chest.everything], ["chest", "bag", "pin"])
        opened = self.chest("closed: true", "closed: false").rooms[0].items[0]
        self.assertEqual((opened.lid, opened.closed), (True, False))

    def test_refused(self) -> None:
        """Sizes are from 1 to 3, contents smaller and not fixed, and no more than it holds."""
        self.refused("how large it is, from 1 to 3", "size: 2", "size: 4")
        self.refused("how many things it holds, from 1 to 50", "holds: 5", "holds: 0")
        self.refused("how many things it holds, from 1 to 50", "holds: 5", 'holds: "5"')
        self.refused("how many things it holds, from 1 to 50", "holds: 5", "holds: 0x5")
        self.refused("at most 1 entries", "holds: 5", "holds: 1")
        self.refused("a thing smaller than chest, whose size is 1", "        size: 2\n", "")
        self.refused("a container with the key holds", "        holds: 5\n", "")
        self.refused("taken out again", "Sharp.", "Sharp., fixed: true")
