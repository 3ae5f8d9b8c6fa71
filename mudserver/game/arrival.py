"""Somebody on the way into the world."""

from attrs import define

from mudserver.game.loop import Lane
from mudserver.game.tokens import Authority
from mudserver.interfaces.play import Attach


@define(eq=False)
class Arrival:
    """
    An attachment, from the time its character is loaded until it is in.

    Attributes:
        request: What was asked.
        authority: By what right.
        stale: Whether one of the account's characters has left since the loading began, so
            that what was loaded is good for nothing.
    """

    request: Attach
    authority: Authority
    stale: bool = False

    @property
    def lane(self) -> Lane:
        """Behind what an earlier attachment of the same session has left to do."""
        return Lane(self.request.resume or self.request.session)
