"""The starter area: that the place is whole, can be found out, and reads well on any terminal."""

import re
from collections import Counter, deque
from functools import cache
from importlib import resources

from twisted.trial.unittest import SynchronousTestCase

from mudserver.world.area import Key, Room, Utterance
from mudserver.world.area_file import parse
from mudserver.world.atlas import Atlas, check
from mudserver.world.direction import Direction

#: East, north and up.
STEPS = {
    Direction.NORTH: (0, 1, 0),
    Direction.NORTHEAST: (1, 1, 0),
    Direction.EAST: (1, 0, 0),
    Direction.SOUTHEAST: (1, -1, 0),
    Direction.SOUTH: (0, -1, 0),
    Direction.SOUTHWEST: (-1, -1, 0),
    Direction.WEST: (-1, 0, 0),
    Direction.NORTHWEST: (-1, 1, 0),
    Direction.UP: (0, 0, 1),
    Direction.DOWN: (0, 0, -1),
}

#: Commands that the notice in the start room must teach.
TAUGHT = (
    "LOOK",
    "NORTH",
    "DOWN",
    "GET",
    "DROP",
    "INVENTORY",
    "SAY",
    "EMOTE",
    "WHO",
    "TELL",
    "HELP",
)


@cache
def load() -> Atlas:
    folder = resources.files("mudserver.areas")
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    return check(parse(name, (folder / name).read_bytes()) for name in files)


def open_ways(atlas: Atlas) -> set[Key]:
    """Find the rooms that can be reached from the start without opening a door."""
    reached = {atlas.start}
    waiting = deque(reached)
    while waiting:
        for way in atlas.room(waiting.popleft()).exits:
            if not way.closed and way.to not in reached:
                reached.add(way.to)
                waiting.append(way.to)
    return reached


def utterances(atlas: Atlas) -> list[tuple[Key, Utterance]]:
    """Collect all that inhabitants say."""
    return [
        (someone.key, said)
        for _, someone in atlas.inhabitants
        for said in (someone.greeting, *(topic.answer for topic in someone.topics))
        if said is not None
    ]


def prose(atlas: Atlas) -> list[tuple[Key, str]]:
    """Collect every text that a player can come to read, with where it stands."""
    texts = [(area.key, area.description) for area in atlas.areas]
    for room in atlas.rooms:
        texts.append((room.key, room.description))
        texts += [(room.key, detail.text) for detail in room.details]
        texts += [(item.key, item.description) for item in room.items]
        texts += [(someone.key, someone.description) for someone in room.inhabitants]
        texts += [(someone.key, line) for someone in room.inhabitants for line in someone.idle]
    return texts + [(key, said.text) for key, said in utterances(atlas)]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9'.-]+", text.lower())


def mentions(text: str, keyword: str) -> bool:
    """Tell whether a keyword stands in a text, as whole words."""
    return re.search(rf"(?<![a-z0-9]){re.escape(keyword)}(?![a-z0-9])", text.lower()) is not None


class PlaceTests(SynchronousTestCase):
    """That it is large enough, and hangs together."""

    def setUp(self) -> None:
        self.atlas = load()

    def test_is_large_enough_to_get_lost_in(self) -> None:
        """There are rooms, things and inhabitants enough for a first evening."""
        self.assertGreaterEqual(len(self.atlas.rooms), 44)
        self.assertGreaterEqual(len(list(self.atlas.items)), 25)
        self.assertGreaterEqual(len(list(self.atlas.inhabitants)), 10)

    def test_everything_is_reached_without_opening_a_door(self) -> None:
        """No room, and so no thing in it, lies behind a door that may stay shut."""
        reached = open_ways(self.atlas)
        self.assertEqual([room.key for room in self.atlas.rooms if room.key not in reached], [])

    def test_map_makes_sense_in_space(self) -> None:
        """By compass each room has one place, and no two rooms have the same."""
        places = {self.atlas.start: (0, 0, 0)}
        waiting = deque([self.atlas.start])
        while waiting:
            room = self.atlas.room(waiting.popleft())
            for way in room.exits:
                if way.direction in STEPS:
                    x, y, z = places[room.key]
                    dx, dy, dz = STEPS[way.direction]
                    there = (x + dx, y + dy, z + dz)
                    if way.to not in places:
                        places[way.to] = there
                        waiting.append(way.to)
                    self.assertEqual(places[way.to], there, f"{room.key} {way.direction}")
        shared = [place for place, count in Counter(places.values()).items() if count > 1]
        self.assertEqual(shared, [])
        self.assertGreaterEqual(len(places), 44)

    def test_has_loops(self) -> None:
        """It isn't a tree: there is more than one way round, many times."""
        ways = {frozenset((room.key, way.to)) for room in self.atlas.rooms for way in room.exits}
        self.assertGreaterEqual(len(ways) - len(self.atlas.rooms) + 1, 8)

    def test_start_teaches_how_to_play(self) -> None:
        """The start room has three ways out, someone to talk to, a thing to take, and a notice."""
        start = self.atlas.room(self.atlas.start)
        self.assertGreaterEqual(len(start.exits), 3)
        self.assertTrue(any(not item.fixed for item in start.items))
        self.assertTrue(start.inhabitants)
        self.assertIsNotNone(start.inhabitants[0].greeting)
        notice = next(detail for detail in start.details if "notice" in detail.keywords)
        self.assertIn("notice", words(start.description))
        for command in TAUGHT:
            self.assertIn(command.lower(), words(notice.text))

    def test_start_keeps_its_promises(self) -> None:
        """The example that the notice gives, and the word it suggests, lead to something."""
        start = self.atlas.room(self.atlas.start)
        self.assertIn("bench", [word for detail in start.details for word in detail.keywords])
        topics = start.inhabitants[0].topics
        self.assertIn("tide", [word for topic in topics for word in topic.keywords])


class WordTests(SynchronousTestCase):
    """That what is written of can be found by the words it is written with."""

    def setUp(self) -> None:
        self.atlas = load()

    def test_keywords_lead_to_one_thing(self) -> None:
        """In each room a word names one detail, thing or inhabitant, as the world begins."""
        shared = []
        for room in self.atlas.rooms:
            keywords = (
                *(detail.keywords for detail in room.details),
                *(item.keywords for item in room.items),
                *(someone.keywords for someone in room.inhabitants),
            )
            named = Counter(word for each in keywords for word in each)
            shared += [f"{room.key}: {word}" for word, count in named.items() if count > 1]
        self.assertEqual(shared, [])

    def test_details_can_be_discovered(self) -> None:
        """Each detail is named by some text that can be read in its room without knowing it."""
        hidden = []
        for room in self.atlas.rooms:
            for detail in room.details:
                texts = self.texts_without(room, detail.text)
                if not any(mentions(text, word) for text in texts for word in detail.keywords):
                    hidden.append(f"{room.key}: {', '.join(detail.keywords)}")
        self.assertEqual(hidden, [])

    def texts_without(self, room: Room, text: str) -> list[str]:
        return [
            room.description,
            *(way.name for way in room.exits),
            *(detail.text for detail in room.details if detail.text != text),
            *(item.description for item in room.items if item.fixed),
            *(someone.description for someone in room.inhabitants),
            *(line for someone in room.inhabitants for line in someone.idle),
        ]

    def test_things_and_inhabitants_have_a_short_name(self) -> None:
        """Each can be named in one word, or in the two that tell it from its like."""
        things = [(item.key, item.keywords) for _, item in self.atlas.items]
        people = [(someone.key, someone.keywords) for _, someone in self.atlas.inhabitants]
        for key, keywords in things + people:
            self.assertTrue(any(len(word.split()) <= 2 for word in keywords), key)

    def test_rooms_do_not_describe_what_can_be_carried_off(self) -> None:
        """A thing that can be taken isn't part of its room's description."""
        for room, item in self.atlas.items:
            if not item.fixed:
                self.assertFalse(mentions(room.description, item.keywords[0]), item.key)

    def test_names_of_inhabitants_are_reserved(self) -> None:
        """Every inhabitant's name is among those that no player may take."""
        reserved = self.atlas.reserved_names()
        for name in ("mrs pellow", "pellow", "ballast", "inspector", "wren", "wren tolley"):
            self.assertIn(name, reserved)


class InhabitantTests(SynchronousTestCase):
    """That those who live there have something to say, and say it of one another."""

    def setUp(self) -> None:
        self.atlas = load()

    def test_all_greet_answer_and_idle(self) -> None:
        """Each has a greeting, four topics and three idle lines at least."""
        for _, someone in self.atlas.inhabitants:
            self.assertIsNotNone(someone.greeting, someone.key)
            self.assertGreaterEqual(len(someone.topics), 4, someone.key)
            self.assertGreaterEqual(len(someone.idle), 3, someone.key)

    def test_all_know_of_the_tide(self) -> None:
        """The word that the notice suggests works with everyone."""
        for _, someone in self.atlas.inhabitants:
            known = {word for topic in someone.topics for word in topic.keywords}
            self.assertIn("tide", known, someone.key)

    def test_answers_are_not_empty(self) -> None:
        """Each answer says or does something: two words at least."""
        for key, said in utterances(self.atlas):
            self.assertGreaterEqual(len(said.text.split()), 2, key)

    def test_topics_can_be_discovered(self) -> None:
        """Each topic has a word that stands in a name, or in some other text of the world."""
        texts = [text.lower() for _, text in prose(self.atlas)]
        texts += [someone.name.lower() for _, someone in self.atlas.inhabitants]
        hidden = []
        for _, someone in self.atlas.inhabitants:
            for topic in someone.topics:
                own = topic.answer.text.lower()
                others = (text for text in texts if text != own)
                if not any(mentions(text, word) for text in others for word in topic.keywords):
                    hidden.append(f"{someone.key}: {', '.join(topic.keywords)}")
        self.assertEqual(hidden, [])

    def test_everyone_is_asked_about_somewhere_else(self) -> None:
        """Each inhabitant is a topic of another, so that one conversation leads to the next."""
        for _, someone in self.atlas.inhabitants:
            others = {
                word
                for _, other in self.atlas.inhabitants
                if other.key != someone.key
                for topic in other.topics
                for word in topic.keywords
            }
            self.assertTrue(others.intersection(someone.keywords), someone.key)

    def test_idle_lines_follow_a_name(self) -> None:
        """Done things read on from a name: lower case at first, a full stop or its like at last."""
        for _, someone in self.atlas.inhabitants:
            for line in someone.idle:
                self.assertRegex(line, r"^[a-z].*[.!?]\"?$", someone.key)
        for key, said in utterances(self.atlas):
            if said.emote:
                self.assertRegex(said.text, r"^[a-z].*[.!?]\"?$", key)


class ProseTests(SynchronousTestCase):
    """That the texts are fit to be read."""

    def setUp(self) -> None:
        self.atlas = load()

    def test_rooms_are_described(self) -> None:
        """A room's description is long enough to see it, and short enough to be read."""
        for room in self.atlas.rooms:
            count = len(room.description.split())
            self.assertGreaterEqual(count, 30, room.key)
            self.assertLessEqual(count, 110, room.key)

    def test_no_two_texts_are_alike(self) -> None:
        """Nothing is said twice in the same words."""
        counts = Counter(text for _, text in prose(self.atlas))
        self.assertEqual([text for text, count in counts.items() if count > 1], [])

    def test_names_are_unlike(self) -> None:
        """No two rooms share a name, nor two things, nor two inhabitants."""
        for things in (
            self.atlas.rooms,
            tuple(item for _, item in self.atlas.items),
            tuple(someone for _, someone in self.atlas.inhabitants),
        ):
            counts = Counter(thing.name for thing in things)
            self.assertEqual([name for name, count in counts.items() if count > 1], [])

    def test_texts_are_ascii(self) -> None:
        """Any telnet client can show them."""
        for key, text in prose(self.atlas):
            self.assertTrue(text.isascii(), f"{key}: {text}")

    def test_kept_lines_fit_a_screen(self) -> None:
        """Lines that won't be wrapped as prose, such as a notice's, are short."""
        for key, text in prose(self.atlas):
            for line in text.split("\n"):
                if "\n" in text.replace("\n\n", ""):
                    self.assertLessEqual(len(line), 72, key)

    def test_sentences_end(self) -> None:
        """Prose ends as sentences do."""
        for room in self.atlas.rooms:
            self.assertRegex(room.description, r"[.!?]$", room.key)
        for _, item in self.atlas.items:
            self.assertRegex(item.description, r"[.!?]\"?$", item.key)
