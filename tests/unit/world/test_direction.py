"""The ways out of a room."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.world.direction import Direction


class DirectionTests(SynchronousTestCase):
    def test_opposite_is_the_way_back(self) -> None:
        """Going a way and its opposite leads back, and no way is its own opposite."""
        for direction in Direction:
            self.assertIs(direction.opposite().opposite(), direction)
            self.assertIsNot(direction.opposite(), direction)
        self.assertIs(Direction.NORTHEAST.opposite(), Direction.SOUTHWEST)
        self.assertIs(Direction.IN.opposite(), Direction.OUT)

    def test_words_and_abbreviations_are_read_in_any_case(self) -> None:
        """Each direction is found by its word and by its abbreviation."""
        for direction in Direction:
            self.assertIs(Direction.parse(direction.value.upper()), direction)
            self.assertIs(Direction.parse(direction.abbreviation), direction)
        self.assertIs(Direction.parse("sw"), Direction.SOUTHWEST)
        self.assertIs(Direction.parse("D"), Direction.DOWN)

    def test_abbreviations_are_distinct(self) -> None:
        """No two directions share an abbreviation."""
        self.assertEqual(len({direction.abbreviation for direction in Direction}), len(Direction))

    def test_other_words_are_no_direction(self) -> None:
        """A word that is no direction gives None."""
        for word in ("", "no", "sideways", "northnorth"):
            self.assertIsNone(Direction.parse(word))
