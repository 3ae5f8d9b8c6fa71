"""Taking, putting, opening."""

from attrs import frozen


@frozen
class Get:
    """
    Pick up what is called so; None for all there is.

    Attributes:
        container: Out of what; None for what lies in the room.
    """

    item: str | None
    container: str | None = None


@frozen
class Drop:
    """Put down what is called so; None for all one carries."""

    item: str | None


@frozen
class Put:
    """Put what is called so into a container; None for all one carries."""

    item: str | None
    container: str


@frozen
class Open:
    """Open what is called so."""

    target: str


@frozen
class Close:
    """Close what is called so."""

    target: str
