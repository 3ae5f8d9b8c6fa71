"""The stored world, in memory."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StartupError
from mudserver.game.populate import admit, populate
from mudserver.ids import RoomId
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from tests.contract.areas import harbour_world


class PopulateTest(SynchronousTestCase):
    def setUp(self) -> None:
        database = MemoryDatabase()
        self.store = MemoryWorldStore(database)
        self.successResultOf(self.store.import_areas(harbour_world()))
        rows = self.successResultOf(self.store.load())
        assert rows is not None
        self.rows = rows
        account = self.successResultOf(MemoryAccountStore(database).register("Ann", "hash"))
        (self.row,) = self.successResultOf(self.store.characters(account.id))

    def test_all_of_it(self) -> None:
        """All rooms, exits, items and inhabitants are there, where they belong."""
        world = populate(self.rows)
        rooms = {room.key: room for room in world.rooms.values()}
        self.assertEqual(sorted(rooms), ["hall", "mole", "steps"])
        self.assertIs(world.room(world.start), rooms["steps"])
        steps = rooms["steps"]
        self.assertEqual(
            sorted((way.to, way.name, way.closed) for way in steps.exits.values()),
            sorted([(rooms["hall"].id, "a green door", True), (rooms["mole"].id, "", False)]),
        )
        self.assertEqual([item.key for item in rooms["mole"].items], ["rope"])
        self.assertIn("gulls", steps.details)
        (keeper,) = [npc for npc in world.npcs.values() if npc.key == "keeper"]
        self.assertIn(keeper.id, rooms["hall"].occupants)
        self.assertEqual(keeper.topics["clock"], "It is late.")

    def test_not_whole(self) -> None:
        """Rows that don't fit together make no world."""
        for broken in (
            evolve(self.rows, start=RoomId(999)),
            evolve(self.rows, rooms=self.rows.rooms[1:]),
            evolve(self.rows, items=self.rows.items * 2),
        ):
            self.assertRaises(StartupError, populate, broken)

    def test_items_are_nowhere_twice(self) -> None:
        """What is in the world already isn't brought in a second time by who once held it."""
        world = populate(self.rows)
        lamp = next(item for item in self.rows.items if item.key == "lamp")
        stale = evolve(lamp, room=None, holder=self.row.id)
        character, elsewhere = admit(world, evolve(self.row, items=(stale,)))
        self.assertEqual([item.key for item in elsewhere], ["lamp"])
        self.assertEqual(len(character.items), 0)
