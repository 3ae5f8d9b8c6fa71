"""Sessions that have ended, and how: so that none goes on that a gateway still holds."""

from collections import OrderedDict
from typing import Final

from attrs import define, field

from mudserver.ids import SessionId
from mudserver.interfaces.play import Ended

#: Seconds for which it is remembered, longer than any gateway is cut off and holds on; and how many
#: at most, of which the oldest are forgotten first.
KEPT_SECONDS: Final = 900.0
MAX_KEPT: Final = 20_000


@define(eq=False)
class EndedSessions:
    """What players were told whose sessions ended of late. Moments are seconds of one clock."""

    _ended: OrderedDict[SessionId, tuple[float, Ended]] = field(factory=OrderedDict, init=False)

    def note(self, ended: Ended, now: float) -> None:
        """Note that a session has ended."""
        self._ended[ended.session] = (now, ended)
        while self._ended:
            oldest, _ = next(iter(self._ended.values()))
            if len(self._ended) <= MAX_KEPT and oldest >= now - KEPT_SECONDS:
                break
            self._ended.popitem(last=False)

    def get(self, session: SessionId) -> Ended | None:
        """Tell how a session ended; None where that isn't known."""
        _, ended = self._ended.get(session, (0.0, None))
        return ended
