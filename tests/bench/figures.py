"""Figures of repeated runs."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Self

from attrs import define, field


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent don't exceed; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(place) - 1)]


@define
class Stopwatch:
    """
    Measures a stretch of work.

    Attributes:
        wall: Seconds that passed.
        cpu: Seconds that this process was busy.
    """

    wall: float = field(init=False, default=0.0)
    cpu: float = field(init=False, default=0.0)
    _since: tuple[float, float] = field(init=False, default=(0.0, 0.0))

    def __enter__(self) -> Self:
        self._since = (time.perf_counter(), time.process_time())
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._since[0]
        self.cpu = time.process_time() - self._since[1]


@define
class Runs:
    """
    Several runs of the same work.

    Attributes:
        amount: How much each did.
        watches: What they took.
    """

    amount: int
    watches: list[Stopwatch] = field(init=False, factory=list)

    @property
    def per_second(self) -> float:
        """How much was done a second; the median."""
        return self.amount / median(watch.wall for watch in self.watches)

    @property
    def cpu_microseconds(self) -> float:
        """How long this process was busy for one of them; the median."""
        return median(watch.cpu for watch in self.watches) / self.amount * 1e6
