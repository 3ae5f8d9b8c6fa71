"""Whatever players do with things, the world and what is stored of it are the same."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mudserver.ids import ItemId
from mudserver.world.area import Area
from tests.contract.areas import chest_world
from tests.unit.game.theatre import GameTestCase

LINES = (
    "get all",
    "drop all",
    "get sack from chest",
    "get all from chest",
    "get purse from sack",
    "put rope in sack",
    "put all in sack",
    "get all from sack",
    "put all in purse",
    "get all from purse",
    "put sack in chest",
    "put all in chest",
    "get sack",
    "drop sack",
    "close chest",
    "open chest",
    "east",
    "west",
)


class ConservationTest(GameTestCase):
    def make_areas(self) -> tuple[Area, ...]:
        return chest_world()

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(st.lists(st.tuples(st.booleans(), st.sampled_from(LINES)), max_size=40))
    def test_conserved(self, course: list[tuple[bool, str]]) -> None:
        """After each flush everything is in one place, and the same one in both."""
        self.setUp()
        everything = set(self.database.items)
        ann, bob = self.enter("Ann"), self.enter("Bob")
        for session in (ann, bob):
            self.type(session, "east")
        for line in ("open chest", "get rope", "get sack from chest"):
            self.type(ann, line)
        for by_ann, line in course:
            self.type(ann if by_ann else bob, line)
            self.advance(0.1)
            self.check(everything)
        self.type(ann, "quit")
        self.advance(0.1)
        self.check(everything - self.carried("Ann"))
        self.assertEqual(set(self.database.items), everything)
        self.tearDown()

    def check(self, wanted: set[ItemId]) -> None:
        world = self.game.world
        found = [item for room in world.rooms.values() for item in room.items]
        found += [item for each in world.characters.values() for item in each.items]
        inside = [each for item in found for each in item.everything]
        self.assertEqual(sorted(each.id for each in inside), sorted(wanted))
        for item in inside:
            row = self.database.items[item.id]
            self.assertEqual(
                (row.room, row.holder, row.container, row.closed),
                (item.room, item.holder, item.container, item.closed),
                item.key,
            )

    def carried(self, name: str) -> set[ItemId]:
        """What an absent character has, as it is stored."""
        (id,) = (each.id for each in self.database.characters.values() if each.name == name)
        return {item.id for item in self.database.carried(id)}
