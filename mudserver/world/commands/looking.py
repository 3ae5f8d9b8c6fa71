"""Looking around, and asking."""

from attrs import frozen


@frozen
class Look:
    """Look around, or at something."""

    target: str | None = None


@frozen
class Exits:
    """List the ways out."""


@frozen
class Who:
    """Who is in the world?"""


@frozen
class Inventory:
    """What do I carry?"""


@frozen
class Help:
    """Explain the commands, or one topic."""

    topic: str | None = None
