"""Whose turn it is to be the world of a database."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface


class ISuccession(Interface):
    """
    Our place among those who could be the world: one of them is, and the others stand by.

    It orders them, and no more. What keeps two from writing is the lease
    (`IJournalStore.take_lease`): whoever has its turn takes that, and fences the one before.
    """

    held = Attribute("Whether it is our turn, as far as we know.")

    def turn() -> Deferred[None]:
        """
        Take a place, and wait.

        From then on the turn is kept until `leave`: where the way to the others breaks meanwhile,
        it is taken again as soon as nobody else has it.

        Returns:
            Fires when it is our turn; at once where it is already. Fails with `CancelledError`
            after `leave`, and when cancelled, which is to leave.
        """

    def leave(to: str = "") -> Deferred[None]:
        """
        Give up our turn or our place; `turn` may be called again.

        Args:
            to: The name of the one who should be next, if it waits; empty for whoever comes first.

        Returns:
            Fires when another can have it. Never fails: others that can't be told in time find out.
        """

    def claim() -> None:
        """Ask whoever has its turn to leave it to us, where we wait; what comes of it is theirs to
        say. Soon, or not at all where that one can't be told now.
        """

    def heed(claimed: Callable[[str], None]) -> None:
        """
        Have something called when another one claims our turn.

        Args:
            claimed: Gets that one's name.
        """
