"""Pauses between tries: each up to twice as long as the one before, and none like another's."""

from collections.abc import Callable
from typing import Final

from attrs import frozen

#: Doublings after which any pause has reached the longest.
MAX_DOUBLINGS: Final = 32

#: Gives fractions from 0 to 1, for jitter.
Pick = Callable[[], float]


@frozen
class Backoff:
    """
    Exponential back-off.

    Attributes:
        first: Seconds: the longest that the first pause may be.
        longest: Seconds: the longest that any may be.
    """

    first: float
    longest: float

    def most(self, failures: int) -> float:
        """Return the seconds that the pause after so many failures may be at most."""
        return min(self.longest, self.first * 2.0 ** min(max(failures, 1) - 1, MAX_DOUBLINGS))

    def pause(self, failures: int, pick: Pick) -> float:
        """
        Return the seconds to pause, with full jitter: anything from none to the most.

        Args:
            failures: In a row, the last one included.
            pick: Gives a fraction.
        """
        return self.most(failures) * pick()
