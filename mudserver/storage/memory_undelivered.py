"""Undelivered messages, kept in memory."""

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mudserver.errors import Unavailable
from mudserver.interfaces.undelivered import IUndelivered, Undelivered


@implementer(IUndelivered)
@define(eq=False)
class MemoryUndelivered:
    """
    Keeps messages as long as it lives.

    Attributes:
        letters: By their ids.
        failure: Why nothing can be kept just now; None where it can.
    """

    letters: dict[str, Undelivered] = field(factory=dict, init=False)
    failure: Unavailable | None = None

    def keep(self, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        """Implement `IUndelivered.keep`."""
        if self.failure is not None:
            return fail(self.failure)
        for each in letters:
            known = self.letters.get(each.id)
            self.letters[each.id] = (
                each
                if known is None
                else evolve(each, attempts=known.attempts + each.attempts, first_at=known.first_at)
            )
        return succeed(None)
