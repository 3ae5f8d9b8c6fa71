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
