"""Locks, the stored world in memory, and how inhabitants pass their time."""

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StartupError
from mudserver.game.locks import KeyedLock
from mudserver.game.pastime import TICK_SECONDS
from mudserver.game.populate import admit, populate
from mudserver.ids import RoomId
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from tests.contract.areas import harbour_world
from tests.unit.game.theatre import GameTestCase


class KeyedLockTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.lock: KeyedLock[str] = KeyedLock()
        self.held: list[str] = []

    def hold(self, key: str, word: str, gate: "Deferred[None]") -> "Deferred[None]":
        async def hold() -> None:
            async with self.lock.holding(key):
                self.held.append(word)
                await gate

        return Deferred.fromCoroutine(hold())

    def test_one_at_a_time(self) -> None:
        """Of one key one holds it, in the order they came; other keys don't matter."""
        gates: list[Deferred[None]] = [Deferred() for _ in range(3)]
        first = self.hold("a", "a1", gates[0])
        second = self.hold("a", "a2", gates[1])
        other = self.hold("b", "b1", gates[2])
        self.assertEqual(self.held, ["a1", "b1"])
        gates[0].callback(None)
        self.assertEqual(self.held, ["a1", "b1", "a2"])
        for gate in gates[1:]:
            gate.callback(None)
        for each in (first, second, other):
            self.successResultOf(each)
        self.assertEqual(len(self.lock), 0)

    def test_failing_and_giving_up(self) -> None:
        """Who fails lets go, and who gives up waiting isn't waited for."""
        gate: Deferred[None] = Deferred()
        first = self.hold("a", "a1", gate)
        second = self.hold("a", "a2", Deferred())
        third = self.hold("a", "a3", Deferred())
        second.cancel()
        self.failureResultOf(second, CancelledError)
        gate.errback(ZeroDivisionError())
        self.failureResultOf(first, ZeroDivisionError)
        self.assertEqual(self.held, ["a1", "a3"])
        third.cancel()
        self.failureResultOf(third, CancelledError)
        self.assertEqual(len(self.lock), 0)


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


class PastimeTest(GameTestCase):
    def pick(self) -> float:
        return 0.0

    def test_only_where_somebody_looks(self) -> None:
        """An inhabitant does something now and then, where a player is, and nowhere else."""
        self.game.pastime._pick = self.pick
        ann = self.enter("Ann")
        self.gateway.forget()
        self.advance(TICK_SECONDS)
        self.assertEqual(self.gateway.lines(ann), [])
        start = self.game.world.room(self.game.world.start)
        for direction, way in list(start.exits.items()):
            start.exits[direction] = evolve(way, closed=False)
        self.type(ann, "north")
        self.gateway.forget()
        self.advance(TICK_SECONDS)
        self.assertEqual(self.gateway.lines(ann), ["Mrs Pellow winds a clock."])

    def test_by_chance(self) -> None:
        """With another throw of the dice nothing happens."""
        ann = self.enter("Ann")
        start = self.game.world.room(self.game.world.start)
        for direction, way in list(start.exits.items()):
            start.exits[direction] = evolve(way, closed=False)
        self.type(ann, "north")
        self.gateway.forget()
        self.advance(TICK_SECONDS * 3)
        self.assertEqual(self.gateway.lines(ann), [])
