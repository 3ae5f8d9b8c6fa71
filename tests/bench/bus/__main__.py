"""
Measure the bus: ``python -m tests.bench.bus``, from the top of the checkout.

A world and a gateway in processes of their own, with a hub in a third one, over each way that there
is: what the bus carries, how long that takes, and what it costs each of them; beside it the same
over NATS with its Python client, where nats-server is on PATH. All are measured in turns, so that
what else the machine does befalls all of them.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Final

from attrs import frozen

from mudserver.bus.codec import Codec
from mudserver.bus.issuing import FIRST, issue
from mudserver.bus.vocabulary import VOCABULARY
from tests.bench import machine
from tests.bench.bus.flow import BURST, Order
from tests.bench.bus.messages import QUESTION, Load, show
from tests.bench.bus.party import GATEWAYS
from tests.bench.bus.troupe import NATS_SERVER, Busy, ByHub, ByNats, Loopback, Troupe, Way
from tests.bench.figures import percentile
from tests.bench.table import amount
from tests.bench.termination import end_children_on_sigterm
from tests.bench.titled import titled

#: Durable messages or questions at a time, where not one by one.
_AT_ONCE: Final = 100

#: What ours is compared with, if it is there.
_BESIDE: Final = "NATS, messages"

_DURABLE: Final = f"Durable messages until confirmed, {_AT_ONCE} at a time, latency one by one"


@frozen
class Extent:
    """
    How much is measured.

    Attributes:
        runs: Of which the median is shown.
        seconds: Of each run.
    """

    runs: int
    seconds: float


@frozen
class Task:
    """
    Something to measure.

    Attributes:
        title: Of the table.
        verb: Of the orders: of many at once, and of one alone.
        load: Of which messages.
    """

    title: str
    verb: tuple[str, str]
    load: Load


@frozen
class Figures:
    """
    What was measured of one way.

    Attributes:
        rates: Messages a second, of each run.
        busy: CPU, of each run.
        latencies: Of all runs, in seconds.
    """

    rates: list[float]
    busy: list[Busy]
    latencies: list[float]


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.bench.bus", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of which the median is shown (5)")
    parser.add_argument("--seconds", type=float, default=0.4, help="of each run (0.4)")
    parser.add_argument("--without-nats", action="store_true", help="measure ours alone")
    parser.add_argument("--ways", nargs="+", help="those that begin so: unix tcp tls loopback nats")
    given = parser.parse_args()
    end_children_on_sigterm()
    began = time.monotonic()
    print(*machine.describe(), sep="\n")
    print("hub, world and each gateway: a process of its own, on those processors")
    print(f"median of {given.runs} runs of {given.seconds} s; latencies of all runs")
    with tempfile.TemporaryDirectory(prefix="mudserver-bench-") as made:
        folder = Path(made)
        issue(folder, FIRST, datetime.now(UTC))
        ways: list[Way] = [
            Loopback(),
            ByHub("Unix socket", "unix", folder),
            ByHub("TCP, plain", "tcp", folder),
            ByHub("TLS, mutual", "tls", folder),
        ]
        if not given.without_nats:
            ways += _nats()
        if given.ways:
            chosen = tuple(given.ways)
            ways = [way for way in ways if way.name.lower().startswith(chosen)]
        extent = Extent(given.runs, given.seconds)
        for shown in (*_pairs(ways, extent), *_fanout(ways, extent)):
            print(shown, flush=True)
    print(f"\nIt took {(time.monotonic() - began) / 60:.1f} minutes.")
    return 0


def _nats() -> Sequence[Way]:
    if NATS_SERVER is None or find_spec("nats") is None:
        print(
            "NATS is left out: install nats-server (Debian: apt-get install nats-server) and, for"
            " this Python, nats-py (pip install nats-py)."
        )
        return ()
    return (ByNats(_BESIDE, "messages"), ByNats("NATS, ready bytes", "bytes"))


def _pairs(ways: Sequence[Way], extent: Extent) -> Iterator[str]:
    """Measure what a world and one gateway do."""
    sizes = {load: len(Codec(VOCABULARY).encode(show(load, time.monotonic_ns()))) for load in Load}
    tasks = [
        *(
            Task(
                f"Lossy messages one way, {BURST} a turn: for {load.value} of a gateway's sessions,"
                f" {sizes[load]:,} bytes",
                ("send", "alone"),
                load,
            )
            for load in Load
        ),
        *(
            Task(f"{_DURABLE}: {sizes[load]:,} bytes", ("confirm", "confirm"), load)
            for load in Load
        ),
        Task(
            f"Questions and answers, {_AT_ONCE} at a time, latency one by one:"
            f" {len(Codec(VOCABULARY).encode(QUESTION))} bytes",
            ("ask", "ask"),
            Load.ONE,
        ),
    ]
    with ExitStack() as stack:
        troupes = [stack.enter_context(way.open(1)) for way in ways]
        for task in tasks:
            found = {troupe.name: Figures([], [], []) for troupe in troupes}
            for run in range(extent.runs + 1):  # the first one warms up
                for troupe in troupes:
                    _measure(troupe, task, extent, None if run == 0 else found[troupe.name])
            yield _shown(task.title, found)


def _measure(troupe: Troupe, task: Task, extent: Extent, figures: Figures | None) -> None:
    many, alone = task.verb
    done, busy = troupe.play(Order(many, task.load, extent.seconds, _AT_ONCE))
    troupe.latencies()
    single, _ = troupe.play(Order(alone, task.load, extent.seconds))
    latencies = troupe.latencies() if alone == "alone" else single.latencies
    if figures is not None:
        figures.rates.append(done.amount / done.seconds)
        figures.busy.append(busy)
        figures.latencies.extend(latencies)


def _shown(title: str, found: dict[str, Figures]) -> str:
    beside = found.get(_BESIDE)
    rows = [
        (
            name,
            amount(median(figures.rates)),
            _ratio(figures, beside),
            *_cpu(figures),
            *(f"{percentile(figures.latencies, each) * 1e6:,.0f}" for each in (50, 99)),
        )
        for name, figures in found.items()
    ]
    heads = ("over", "per s", f"by {_BESIDE}", "world", "between", "gateway", "p50", "p99")
    return titled(f"{title}; µs of CPU each, µs of latency", heads, rows)


def _fanout(ways: Sequence[Way], extent: Extent) -> Iterator[str]:
    """Measure what a world says to all gateways."""
    found = {way.name: Figures([], [], []) for way in ways}
    boxes: dict[str, str] = {}
    order = Order("send", Load.MANY, extent.seconds, gateways=len(GATEWAYS))
    with ExitStack() as stack:
        troupes = [stack.enter_context(way.open(len(GATEWAYS))) for way in ways]
        for run in range(extent.runs + 1):
            for troupe in troupes:
                before = troupe.boxes()
                done, busy = troupe.play(order)
                if run:
                    found[troupe.name].rates.append(done.amount / done.seconds)
                    found[troupe.name].busy.append(busy)
                    if troupe.counts:
                        boxes[troupe.name] = f"{(troupe.boxes() - before) / done.amount:.2f}"
    beside = found.get(_BESIDE)
    players = len(GATEWAYS) * Load.MANY.value
    rows = [
        (
            name,
            amount(median(figures.rates)),
            amount(median(figures.rates) * players),
            _ratio(figures, beside),
            *_cpu(figures),
            boxes.get(name, ""),
        )
        for name, figures in found.items()
    ]
    heads = (
        *("over", "per s", "players told per s", f"by {_BESIDE}"),
        *("world", "between", "gateways", "boxes each"),
    )
    yield titled(
        f"{players:,} players at {len(GATEWAYS)} gateways hear it, {BURST} a turn; µs of CPU each",
        heads,
        rows,
    )


def _ratio(figures: Figures, beside: Figures | None) -> str:
    return "" if beside is None else f"{median(figures.rates) / median(beside.rates):.2f}"


def _cpu(figures: Figures) -> tuple[str, ...]:
    return tuple(
        amount(median(values))
        for values in zip(
            *((busy.world, busy.between, busy.gateway) for busy in figures.busy), strict=True
        )
    )


if __name__ == "__main__":
    sys.exit(main())
