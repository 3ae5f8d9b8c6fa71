"""Where a process without a database has its dead letters kept."""

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.interfaces.bus import WORLD, IBus
from mudserver.interfaces.undelivered import IUndelivered, KeepUndelivered, Undelivered


@implementer(IUndelivered)
class WorldKeeper:
    """
    Has the world keep them.

    Args:
        bus: Leads to it.
    """

    def __init__(self, bus: IBus) -> None:
        self._bus = bus

    def keep(self, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        """Implement `IUndelivered.keep`."""
        return self._bus.request(WORLD, KeepUndelivered(letters))
