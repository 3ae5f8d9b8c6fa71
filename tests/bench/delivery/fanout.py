"""One line in, a hundred lines out: what a delivery costs, under load and alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from attrs import frozen

from tests.bench.delivery.server import cpu_seconds
from tests.bench.delivery.stage import Absent, Stage, Subject
from tests.bench.delivery.titled import titled
from tests.bench.table import amount

#: Lines that each speaker says in one burst, and speakers at most.
_LINES = 10
_SPEAKERS = 100

#: Deliveries in one burst at most; the crowded rooms speak less for it.
_BURST_DELIVERIES = 200_000

#: Deliveries in one measurement at least, so that a small room is measured as surely.
_DELIVERIES = 20_000

#: Messages that are measured alone.
_ALONE = 200


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


def measure(subject: Subject, occupants: int, runs: int, alone: int = _ALONE) -> Figures:
    """
    Measure a subject with so many in its room.

    Raises:
        Absent: The subject can't be had here.
    """
    with subject.fill(occupants) as stage:
        _loaded(stage)
        loaded = [_loaded(stage) for _ in range(runs)]
        _alone(stage, alone)
        single = [_alone(stage, alone) for _ in range(runs)]
    return Figures(_median(loaded), _median(single))


def _loaded(stage: Stage) -> Cost:
    """Everyone speaks at once."""
    occupants = len(stage.crowd)
    speakers = min(occupants, _SPEAKERS)
    lines = min(_LINES, max(1, _BURST_DELIVERIES // (speakers * occupants)))
    deliveries = speakers * lines * occupants
    bursts = max(1, _DELIVERIES // deliveries)
    with _timed(stage, deliveries * bursts) as cost:
        for _ in range(bursts):
            stage.speak(speakers, lines)
            stage.crowd.expect(deliveries)
    return cost()


def _alone(stage: Stage, messages: int) -> Cost:
    """One speaks, and the next only when everyone has heard it."""
    with _timed(stage, messages * len(stage.crowd)) as cost:
        for _ in range(messages):
            stage.speak(1, 1)
            stage.crowd.expect(len(stage.crowd))
    return cost()


@contextmanager
def _timed(stage: Stage, deliveries: int) -> Iterator[Callable[[], Cost]]:
    costs: list[Cost] = []
    cpu, began = cpu_seconds(stage.pids), time.monotonic()
    yield lambda: costs[0]
    took = time.monotonic() - began
    costs.append(Cost(deliveries / took, (cpu_seconds(stage.pids) - cpu) / deliveries * 1e6))


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.rate for cost in costs), median(cost.cpu for cost in costs))


def compare(subjects: Sequence[Subject], occupants: int, runs: int) -> str:
    """Return a table of subjects in a room of that size, the first of which is ours."""
    figures: dict[str, Figures] = {}
    missing = []
    for subject in subjects:
        try:
            found = measure(subject, occupants, runs)
        except Absent as absent:
            missing.append(f"({subject.name}: {absent})")
        else:
            figures[subject.name] = found
    ours = next(iter(figures.values()))
    rows = [
        (
            name,
            amount(found.loaded.rate),
            f"{found.loaded.cpu:.2f}",
            f"{ours.loaded.rate / found.loaded.rate:.2f}",
            amount(found.alone.rate),
            f"{found.alone.cpu:.2f}",
            f"{ours.alone.cpu / found.alone.cpu:.2f}",
        )
        for name, found in figures.items()
    ]
    headings = (
        f"{occupants} in one room",
        "loaded: per s",
        "µs CPU",
        "our rate / its",
        "alone: per s",
        "µs CPU",
        "our CPU / its",
    )
    return "\n".join((titled("Deliveries", headings, rows), *missing))


def growth(subject: Subject, sizes: Sequence[int], runs: int) -> str:
    """Return a table of one subject in rooms of several sizes."""
    rows = []
    first: Figures | None = None
    for occupants in sizes:
        # What is said alone in a full room is many deliveries already.
        found = measure(subject, occupants, runs, alone=max(20, _DELIVERIES // occupants // 10))
        first = first or found
        rows.append(
            (
                f"{occupants}",
                amount(found.loaded.rate),
                f"{found.loaded.cpu:.2f}",
                f"{found.alone.cpu:.2f}",
            )
        )
    return titled(
        f"Cost as the room grows: {subject.name}",
        ("occupants", "loaded: per s", "µs CPU each", "alone: µs CPU each"),
        rows,
    )
