"""How inhabitants pass their time."""

from mudserver.game.pastime import TICK_SECONDS
from tests.unit.game.theatre import GameTestCase


class PastimeTest(GameTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.picks = 0

    def pick(self) -> float:
        self.picks += 1
        return 0.0

    def test_only_where_somebody_looks(self) -> None:
        """An inhabitant does something now and then, where a player is, and nowhere else."""
        self.game.pastime._pick = self.pick
        for npc in self.game.world.npcs.values():
            npc.route = ()
        ann = self.enter("Ann")
        self.gateway.forget()
        self.advance(TICK_SECONDS)
        self.assertEqual(self.gateway.lines(ann), [])
        self.assertEqual(self.picks, 0)
        self.open_doors()
        self.type(ann, "north")
        self.gateway.forget()
        self.advance(TICK_SECONDS)
        self.assertEqual(self.gateway.lines(ann), ["Mrs Pellow winds a clock."])

    def test_by_chance(self) -> None:
        """With another throw of the dice nothing happens."""
        ann = self.enter("Ann")
        self.open_doors()
        self.type(ann, "north")
        self.gateway.forget()
        self.advance(TICK_SECONDS * 3)
        self.assertEqual(self.gateway.lines(ann), [])

    def test_walks(self) -> None:
        """One who has a route walks, where a player sees it; where it is, is saved."""
        ann = self.enter("Ann")
        self.gateway.forget()
        self.game.pastime._pick = self.pick
        heron = next(npc for npc in self.game.world.npcs.values() if npc.route)
        hall, steps = heron.route
        self.advance(TICK_SECONDS)
        self.assertEqual(heron.room, hall)  # the door is closed
        self.open_doors()
        self.advance(TICK_SECONDS)
        self.assertEqual(heron.room, steps)
        self.assertEqual(self.gateway.lines(ann), ["The grey heron arrives from the north."])
        self.advance(1.0)
        self.assertEqual(self.database.npcs[heron.id], steps)
        self.gateway.forget()
        self.advance(TICK_SECONDS)
        self.assertEqual(self.gateway.lines(ann), ["The grey heron leaves north."])
        self.assertEqual(self.gateway.types(ann), ["presence", "room.delta"])
        self.assertEqual(heron.room, hall)

    def test_nobody_there(self) -> None:
        """In an empty world nobody walks, and no dice are thrown."""
        self.game.pastime._pick = self.pick
        self.open_doors()
        self.advance(TICK_SECONDS * 3)
        self.assertEqual(self.picks, 0)
