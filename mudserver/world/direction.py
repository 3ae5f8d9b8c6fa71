"""The ways out of a room."""

from enum import StrEnum


class Direction(StrEnum):
    """
    A way out of a room; the value is the word that players type and see.

    The order is the one in which exits are listed.
    """

    NORTH = "north"
    NORTHEAST = "northeast"
    EAST = "east"
    SOUTHEAST = "southeast"
    SOUTH = "south"
    SOUTHWEST = "southwest"
    WEST = "west"
    NORTHWEST = "northwest"
    UP = "up"
    DOWN = "down"
    IN = "in"
    OUT = "out"

    def opposite(self) -> "Direction":
        """The way back: south for north, out for in."""
        return _OPPOSITES[self]

    @property
    def abbreviation(self) -> str:
        """The short form that players type: ``ne`` for northeast, and ``in`` for in."""
        return _ABBREVIATIONS.get(self, self.value)

    @classmethod
    def parse(cls, word: str) -> "Direction | None":
        """
        Read a direction as a player types it.

        Args:
            word: A direction or its abbreviation, in any case.

        Returns:
            The direction, or None if the word is none.
        """
        return _WORDS.get(word.lower())


_PAIRS = (
    (Direction.NORTH, Direction.SOUTH),
    (Direction.NORTHEAST, Direction.SOUTHWEST),
    (Direction.EAST, Direction.WEST),
    (Direction.SOUTHEAST, Direction.NORTHWEST),
    (Direction.UP, Direction.DOWN),
    (Direction.IN, Direction.OUT),
)
_OPPOSITES = dict(_PAIRS) | {b: a for a, b in _PAIRS}
_ABBREVIATIONS = {
    Direction.NORTH: "n",
    Direction.NORTHEAST: "ne",
    Direction.EAST: "e",
    Direction.SOUTHEAST: "se",
    Direction.SOUTH: "s",
    Direction.SOUTHWEST: "sw",
    Direction.WEST: "w",
    Direction.NORTHWEST: "nw",
    Direction.UP: "u",
    Direction.DOWN: "d",
}
_WORDS = {direction.value: direction for direction in Direction} | {
    word: direction for direction, word in _ABBREVIATIONS.items()
}
