"""Which boxes are sent and not answered."""

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Window:
    """
    Counts the boxes that are not answered, and sees whether one isn't answered in time.

    Args:
        clock: What time is measured by.
        size: Boxes that may be sent and not answered.
        deadline: Seconds for each answer.
        late: Called when there was none.
    """

    def __init__(
        self, clock: IReactorTime, *, size: int, deadline: float, late: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._size = size
        self._deadline = deadline
        self._late = late
        self._sent: deque[float] = deque()
        self._looking: IDelayedCall | None = None

    def __len__(self) -> int:
        """Return how many are not answered."""
        return len(self._sent)

    @property
    def full(self) -> bool:
        """Whether no more may be sent now."""
        return len(self._sent) >= self._size

    def sent(self) -> None:
        """Note that a box is sent."""
        self._sent.append(self._clock.seconds())
        if self._looking is None:
            self._looking = self._clock.callLater(self._deadline, self._look)

    def answered(self) -> None:
        """Note that the oldest one is answered."""
        self._sent.popleft()

    def stop(self) -> None:
        """Wait for no answer any more."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _look(self) -> None:
        self._looking = None
        if self._sent:
            left = self._sent[0] + self._deadline - self._clock.seconds()
            if left > 0.0:
                self._looking = self._clock.callLater(left, self._look)
            else:
                self._late()
