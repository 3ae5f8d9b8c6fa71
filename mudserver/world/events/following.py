"""Following others."""

from attrs import frozen

from mudserver.ids import CharacterId
from mudserver.world.direction import Direction
from mudserver.world.events.audience import Audience


@frozen
class Followed:
    """Someone follows another from now on, who is told."""

    character: CharacterId
    name: str
    leader: CharacterId
    leader_name: str

    @property
    def audience(self) -> Audience:
        """The two."""
        return Audience(actor=self.character, target=self.leader)


@frozen
class Unfollowed:
    """Someone no longer follows another, who is told."""

    character: CharacterId
    name: str
    leader: CharacterId
    leader_name: str

    @property
    def audience(self) -> Audience:
        """The two."""
        return Audience(actor=self.character, target=self.leader)


@frozen
class LedOn:
    """Someone is about to walk the way that another went whom they follow."""

    character: CharacterId
    leader_name: str
    direction: Direction

    @property
    def audience(self) -> Audience:
        """The one who follows."""
        return Audience(actor=self.character)
