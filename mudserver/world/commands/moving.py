"""Walking, following, leaving."""

from attrs import frozen

from mudserver.world.direction import Direction


@frozen
class Go:
    """Walk."""

    direction: Direction


@frozen
class Follow:
    """Go wherever a player goes who is here."""

    name: str


@frozen
class Unfollow:
    """Go one's own ways again."""


@frozen
class Quit:
    """Leave the world."""
