"""The moments of a world."""

from mudserver.ids import Epoch
from mudserver.session.moment import Moment


class Timeline:
    """
    Counts the sessions that begin in a world: those that another one has begun are not among them.

    Args:
        epoch: Of its lease.

    Attributes:
        opening: Before all that happens here, and after all that happened in earlier worlds.
        now: The moment of now.
    """

    def __init__(self, epoch: Epoch) -> None:
        self.opening = self.now = Moment(epoch, 0)

    def begin(self) -> Moment:
        """Note that a session begins; returns when."""
        self.now = Moment(self.now.epoch, self.now.begun + 1)
        return self.now
