"""What is read again of what was said."""

from attrs import frozen

from mudserver.ids import CharacterId
from mudserver.world.events.audience import Audience
from mudserver.world.history import PastLine


@frozen
class HistoryShown:
    """
    Someone read again what was said.

    Attributes:
        lines: The oldest first.
    """

    character: CharacterId
    lines: tuple[PastLine, ...]

    @property
    def audience(self) -> Audience:
        """The one who reads."""
        return Audience(actor=self.character)
