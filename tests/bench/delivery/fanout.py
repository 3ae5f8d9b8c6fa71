"""One line in, a hundred lines out: what a delivery costs, under load and alone."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Final

from attrs import frozen

from tests.bench.delivery.stage import FAILURES, Pace, Stage, Subject
from tests.bench.server import cpu_seconds
from tests.bench.table import amount
from tests.bench.titled import titled

#: Lines that each speaker says in one burst, and speakers at most.
_LINES: Final = 10
_SPEAKERS: Final = 100

#: Deliveries of what is said alone, at most: in a full room a message is many of them already.
_ALONE_DELIVERIES: Final = 40_000

#: Messages that are measured alone, at least.
_ALONE: Final = 20


@frozen
class Cost:
    """
    What deliveries cost.

    Attributes:
        rate: Deliveries a second, as the receivers saw them.
        cpu: Microseconds of the server's CPU for each.
    """

    rate: float
    cpu: float


@frozen
class Figures:
    """A subject's costs; medians of the runs."""

    loaded: Cost
    alone: Cost


def compare(subjects: Sequence[Subject], sizes: Sequence[int], runs: int) -> Iterator[str]:
    """
    Measure all subjects in rooms of those sizes.

    Yields:
        A table for each size, with ratios to the subject of ours that has the same transport;
        then one for each of ours, of how its cost grows.
    """
    found: dict[str, dict[int, Figures]] = {}
    missing: list[str] = []
    for subject in subjects:
        figures: dict[int, Figures] = {}
        fitting = [size for size in sizes if size <= subject.most]
        try:
            # Sizes that were measured before one fails are kept.
            figures.update(zip(fitting, _measured(subject, fitting, runs), strict=True))
        except FAILURES as failure:
            missing.append(f"({subject.name}: {failure})")
        found[subject.name] = figures
        if len(fitting) < len(sizes):
            missing.append(f"({subject.name}: no more than {subject.most}, it would take too long)")
    for size in sizes:
        yield _beside(size, subjects, found)
    yield from missing
    for subject in subjects:
        if subject.name.startswith("mudserver"):
            yield _growth(subject.name, found[subject.name])


def _measured(subject: Subject, sizes: Sequence[int], runs: int) -> Iterator[Figures]:
    """Measure a subject whose room fills up."""
    with subject.open() as stage:
        for size in sizes:
            print(f"… {subject.name}: {size}", file=sys.stderr, flush=True)
            stage.grow(size)
            yield measure(stage, subject.pace, runs)


def measure(stage: Stage, pace: Pace, runs: int) -> Figures:
    """Measure those who are in the room now; of each kind of run the first ones may warm up."""
    loaded = [_loaded(stage, pace) for _ in range(pace.warm_ups + runs)]
    alone = [_alone(stage, pace) for _ in range(pace.warm_ups + runs)]
    return Figures(_median(loaded[pace.warm_ups :]), _median(alone[pace.warm_ups :]))


def _loaded(stage: Stage, pace: Pace) -> Cost:
    """Everyone speaks at once."""
    occupants = len(stage.crowd)
    speakers = max(1, min(occupants, _SPEAKERS, pace.most // occupants))
    lines = min(_LINES, max(1, pace.most // (speakers * occupants)))
    deliveries = speakers * lines * occupants
    bursts = max(1, pace.least // deliveries)
    with timed(stage, deliveries * bursts) as cost:
        for _ in range(bursts):
            stage.speak(speakers, lines)
            stage.crowd.expect(deliveries)
    return cost()


def _alone(stage: Stage, pace: Pace) -> Cost:
    """One speaks, and the next only when everyone has heard it."""
    messages = max(_ALONE, min(pace.alone, _ALONE_DELIVERIES // len(stage.crowd)))
    with timed(stage, messages * len(stage.crowd)) as cost:
        for _ in range(messages):
            stage.speak(1, 1)
            stage.crowd.expect(len(stage.crowd))
    return cost()


@contextmanager
def timed(stage: Stage, deliveries: int) -> Iterator[Callable[[], Cost]]:
    """Measure so many deliveries; what is yielded returns the cost afterwards."""
    costs: list[Cost] = []
    cpu, began = cpu_seconds(stage.pids), time.monotonic()
    yield lambda: costs[0]
    took = time.monotonic() - began
    costs.append(Cost(deliveries / took, (cpu_seconds(stage.pids) - cpu) / deliveries * 1e6))


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.rate for cost in costs), median(cost.cpu for cost in costs))


def _beside(
    size: int, subjects: Sequence[Subject], found: Mapping[str, Mapping[int, Figures]]
) -> str:
    ours: dict[str, Figures] = {}
    rows = []
    for subject in subjects:
        figures = found[subject.name].get(size)
        if figures is None:
            continue
        # Ours come first: the first of a transport is what the others of it are compared with.
        base = ours.setdefault(subject.transport, figures)
        rows.append(
            (
                subject.name,
                amount(figures.loaded.rate),
                f"{figures.loaded.cpu:.2f}",
                amount(base.loaded.rate / figures.loaded.rate),
                amount(figures.alone.rate),
                f"{figures.alone.cpu:.2f}",
                amount(base.alone.cpu / figures.alone.cpu),
            )
        )
    headings = (
        f"{size} in one room",
        "loaded: per s",
        "µs CPU",
        "our rate / its",
        "alone: per s",
        "µs CPU",
        "our CPU / its",
    )
    return titled("Deliveries", headings, rows)


def _growth(name: str, found: Mapping[int, Figures]) -> str:
    rows = [
        (
            f"{size}",
            amount(figures.loaded.rate),
            f"{figures.loaded.cpu:.2f}",
            f"{figures.alone.cpu:.2f}",
        )
        for size, figures in found.items()
    ]
    headings = ("occupants", "loaded: per s", "µs CPU each", "alone: µs CPU each")
    return titled(f"Cost as the room grows: {name}", headings, rows)
