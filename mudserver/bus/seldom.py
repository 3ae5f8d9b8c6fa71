"""Lines in the log about the same again and again, of which few are enough."""

from collections import OrderedDict
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

#: Matters that are remembered; of more, the one told of longest ago is forgotten.
MAX_MATTERS: Final = 1_000


@define(eq=False)
class Seldom:
    """
    Says whether it is time for another line about a matter.

    Attributes:
        clock: Measures time.
        pause: Seconds between two lines about one matter.
    """

    clock: IReactorTime
    pause: float
    _told: OrderedDict[str, float] = field(factory=OrderedDict, init=False)

    def due(self, matter: str) -> bool:
        """Tell whether to log something of that matter now."""
        now = self.clock.seconds()
        last = self._told.get(matter)
        if last is not None and now - last < self.pause:
            return False
        self._told[matter] = now
        self._told.move_to_end(matter)
        if len(self._told) > MAX_MATTERS:
            self._told.popitem(last=False)
        return True
