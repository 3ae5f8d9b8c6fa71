"""Where a process with a database has its dead letters kept."""

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from mudserver.errors import Unavailable
from mudserver.interfaces.undelivered import IUndelivered, Undelivered


@implementer(IUndelivered)
class OwnLetters:
    """
    Keeps them there, while the database can be reached.

    Args:
        keeper: Gives what keeps them there; None while it can't.
    """

    def __init__(self, keeper: Callable[[], IUndelivered | None]) -> None:
        self._keeper = keeper

    def keep(self, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        """Implement `IUndelivered.keep`."""
        keeper = self._keeper()
        if keeper is None:
            return fail(Unavailable("The database is not there."))
        return keeper.keep(letters)
