"""
Whose deadline comes next.

No clock: ``now`` is an argument, in seconds of any clock, the same one for all of a queue.
"""

from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Generic, TypeVar

from attrs import define, field

#: Outdated entries in the queue, for each owner and in all, at which it is tidied up.
_OUTDATED_PER_OWNER: Final = 2
_OUTDATED: Final = 64

T = TypeVar("T")


@define(eq=False)
class DeadlineQueue(Generic[T]):
    """
    Owners and their deadlines, one each; what is asked of it costs what is due, not what is there.

    It grows with its owners only: entries that are outdated go once they are the most of it.
    """

    _queue: list[tuple[float, int, T]] = field(factory=list, init=False)
    _next: dict[T, float] = field(factory=dict, init=False)
    _order: "count[int]" = field(factory=count, init=False)

    def __len__(self) -> int:
        """Return how many have a deadline."""
        return len(self._next)

    def when(self, owner: T) -> float | None:
        """Return the deadline of an owner; None where it has none."""
        return self._next.get(owner)

    def put(self, owner: T, when: float) -> None:
        """Give an owner a deadline, in place of the one that it had."""
        self._next[owner] = when
        heappush(self._queue, (when, next(self._order), owner))
        self._tidy()

    def forget(self, owner: T) -> None:
        """Let an owner have no deadline, if it had one."""
        self._next.pop(owner, None)
        self._tidy()

    def take(self, now: float) -> T | None:
        """Take out the first whose deadline has come; None where none has."""
        while self._queue and self._queue[0][0] <= now:
            when, _, owner = heappop(self._queue)
            if self._next.get(owner) == when:
                del self._next[owner]
                return owner
        return None

    def _tidy(self) -> None:
        if len(self._queue) > _OUTDATED_PER_OWNER * len(self._next) + _OUTDATED:
            self._queue = [entry for entry in self._queue if self._next.get(entry[2]) == entry[0]]
            heapify(self._queue)
