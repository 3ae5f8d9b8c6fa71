"""
What is measured, as it adds up between two looks of Prometheus.

Every command counts a dozen times, so here a count is an addition. The library's own metrics take a
lock or two for each, in case of threads; these are of one thread, the reactor's.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Generic, TypeVar

from attrs import define, field
from prometheus_client.utils import floatToGoString


@define(eq=False)
class Amount:
    """
    The value of a counter or of a gauge.

    Attributes:
        value: As it was set last.
        source: Asked for the value instead, where it is set.
    """

    value: float = 0.0
    source: Callable[[], float] | None = None

    def read(self) -> float:
        """Return what it is now."""
        return self.value if self.source is None else float(self.source())


@define(eq=False)
class Distribution:
    """
    The observations of a histogram.

    Attributes:
        bounds: The upper bounds of its buckets, in order; each is within its bucket.
        total: The sum of all observations.
    """

    bounds: tuple[float, ...]
    total: float = field(init=False, default=0.0)
    _counts: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Add an observation."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def read(self) -> list[tuple[str, float]]:
        """Return how many observations are within each bound, the bounds as Prometheus has them."""
        names = (*map(floatToGoString, self.bounds), "+Inf")
        return list(zip(names, map(float, accumulate(self._counts)), strict=True))


S = TypeVar("S", Amount, Distribution)


@define(eq=False)
class Family(Generic[S]):
    """
    The series of one metric: one for each set of labels that was used.

    Attributes:
        labels: The names of its labels.
    """

    labels: tuple[str, ...]
    _make: Callable[[], S]
    _series: dict[tuple[str, ...], S] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        if not self.labels:
            self.of({})

    def of(self, labels: Mapping[str, str]) -> S:
        """
        Find the series of some labels, made when it is first asked for.

        Raises:
            ValueError: The metric has other labels.
        """
        if len(labels) != len(self.labels) or not all(name in labels for name in self.labels):
            raise ValueError(f"the labels are {self.labels}, not {tuple(labels)}")
        values = tuple(labels[name] for name in self.labels)
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = self._make()
        return series

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], S]]:
        return iter(self._series.items())


class Families(Generic[S]):
    """The families of all metrics of one kind, and a short way to their series."""

    def __init__(self) -> None:
        self._families: dict[str, Family[S]] = {}
        self._found: dict[tuple[object, ...], S] = {}
        self._bare: dict[str, S] = {}

    def declare(self, name: str, family: Family[S]) -> None:
        """Add a metric."""
        self._families[name] = family
        if not family.labels:
            self._bare[name] = family.of({})

    def family(self, name: str) -> Family[S]:
        """
        Find a metric.

        Raises:
            KeyError: It isn't declared, or is of another kind.
        """
        return self._families[name]

    def find(self, name: str, labels: Mapping[str, str]) -> S:
        """
        Find a series.

        Raises:
            KeyError: The metric isn't declared, or is of another kind.
            ValueError: It has other labels.
        """
        if not labels:
            bare = self._bare.get(name)
            if bare is not None:
                return bare
        key = (name, *labels.items())
        series = self._found.get(key)
        if series is None:
            series = self._found[key] = self._families[name].of(labels)
        return series
