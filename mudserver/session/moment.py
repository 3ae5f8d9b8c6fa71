"""When something was said, and when a session began, comparable whichever worlds it was in."""

from typing import Annotated, Final

from attrs import frozen
from msgspec import Meta

from mudserver.ids import Epoch

#: From zero to the largest bigint.
_NUMBER: Final = Meta(ge=0, le=2**63 - 1)


@frozen(order=True)
class Moment:
    """
    A moment of the game, as far as it is divided by the sessions that begin; later ones are
    greater.

    Attributes:
        epoch: Of the world.
        begun: How many sessions have begun in that world by then.
    """

    epoch: Annotated[Epoch, _NUMBER]
    begun: Annotated[int, _NUMBER]
