"""What is looked at and asked for: seen by the one who asks, and by nobody else."""

from attrs import frozen

from mudserver.ids import CharacterId, RoomId
from mudserver.world.direction import Direction
from mudserver.world.events.audience import Audience
from mudserver.world.help import HelpPage


@frozen
class Looked:
    """Someone looked around: they are shown the whole room."""

    character: CharacterId
    room: RoomId

    @property
    def audience(self) -> Audience:
        """The one who looked."""
        return Audience(actor=self.character)


@frozen
class Examined:
    """
    Someone looked closely at something.

    Attributes:
        name: What it is; empty for a mere detail.
        text: What they see.
    """

    character: CharacterId
    name: str
    text: str

    @property
    def audience(self) -> Audience:
        """The one who looked."""
        return Audience(actor=self.character)


@frozen
class Way:
    """
    An exit, as one sees it.

    Attributes:
        name: What stands in the way, or else where it leads.
    """

    direction: Direction
    name: str
    closed: bool


@frozen
class ExitsListed:
    """Someone looked for the ways out."""

    character: CharacterId
    ways: tuple[Way, ...]

    @property
    def audience(self) -> Audience:
        """The one who looked."""
        return Audience(actor=self.character)


@frozen
class Present:
    """A player who is in the world."""

    name: str
    linkdead: bool


@frozen
class WhoListed:
    """
    Someone asked who is in the world.

    Attributes:
        players: In order of their names; the first `mudserver.world.rules.looking.MAX_WHO` of them.
        total: How many there are.
    """

    character: CharacterId
    players: tuple[Present, ...]
    total: int

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)


@frozen
class HelpShown:
    """Someone asked for help."""

    character: CharacterId
    page: HelpPage

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)
