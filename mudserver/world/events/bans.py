"""Who is kept out, and who no longer is."""

from attrs import frozen

from mudserver.ids import CharacterId
from mudserver.world.bans import Ban
from mudserver.world.events.audience import Audience


@frozen
class Banned:
    """
    Staff keeps an account, a name or a network out. Told when it is saved.

    Attributes:
        character: Who ordered it; None for an operator.
        ban: What was ordered.
    """

    character: CharacterId | None
    ban: Ban

    @property
    def audience(self) -> Audience:
        """Whoever ordered it: those whom it concerns are sent away with the reason."""
        return Audience(actor=self.character)


@frozen
class Unbanned:
    """
    Staff took a ban back. Told when it is saved.

    Attributes:
        character: Who ordered it; None for an operator.
        ban: What no longer holds.
    """

    character: CharacterId | None
    ban: Ban

    @property
    def audience(self) -> Audience:
        """Whoever ordered it."""
        return Audience(actor=self.character)


@frozen
class BansListed:
    """
    Staff asked who is banned.

    Attributes:
        character: Who asked.
        bans: The first of them, by kind and name.
        total: How many there are.
    """

    character: CharacterId
    bans: tuple[Ban, ...]
    total: int

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)
