"""
Measure: ``python -m tests.bench.delivery``, from the top of the checkout.

Each scenario prints tables: fanout deliveries to many; commands round trips, saturation and how
fast many come in; growth what else may grow; compression what it costs and saves. All of them take
about a quarter of an hour on an idle machine, half of which is Evennia's. ``--quick`` runs
everything once, in small, in three minutes or so.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator

from attrs import evolve, frozen

from tests.bench.delivery import commands, compression, fanout, growth
from tests.bench.delivery.evennia import Evennia
from tests.bench.delivery.mudserver import ByTelnet, ByWebSocket
from tests.bench.delivery.references import AUTOBAHN, WEBSOCKETS, BareSend
from tests.bench.delivery.stage import FAILURES, Subject
from tests.bench.machine import describe
from tests.bench.termination import end_children_on_sigterm


@frozen
class Extent:
    """
    How much is measured.

    Attributes:
        runs: Of which the median is shown.
        sizes: Of the crowds in one room.
        players: Who send a command a second each.
        seconds: For how long they do.
        connections: That are taken in.
        sessions: Idle ones, for their memory.
        depth: Of the largest world: up to 911 rooms at 3.
    """

    runs: int
    sizes: tuple[int, ...] = (2, 10, 100, 500, 2000)
    players: int = 1000
    seconds: float = 10.0
    connections: int = 2000
    sessions: int = 500
    depth: int = 3

    @property
    def crowd(self) -> int:
        """How many are in one room where something else is varied."""
        return min(100, max(self.sizes))


def main() -> int:
    """Measure and print; return the exit status."""
    scenarios = {
        "fanout": _fanout,
        "commands": _commands,
        "growth": _growth,
        "compression": _compression,
    }
    parser = argparse.ArgumentParser("python -m tests.bench.delivery", description=__doc__)
    parser.add_argument("scenario", nargs="*", help=f"of {', '.join(scenarios)}; all without one")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is shown (3)")
    parser.add_argument("--quick", action="store_true", help="small and once")
    parser.add_argument("--sizes", type=int, nargs="+", help="of the rooms (2 10 100 500 2000)")
    parser.add_argument("--without-evennia", action="store_true", help="half of the time is its")
    given = parser.parse_args()
    unknown = set(given.scenario) - set(scenarios)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    end_children_on_sigterm()
    extent = Extent(1, (2, 10), 100, 3.0, 100, 100, 2) if given.quick else Extent(given.runs)
    if given.sizes:
        extent = evolve(extent, sizes=tuple(sorted(given.sizes)))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    evennia = (
        None if given.without_evennia else Evennia(min(500, max(extent.sizes)), extent.players)
    )
    print(*describe(), sep="\n", flush=True)
    began = time.monotonic()
    for name, scenario in scenarios.items():
        if not given.scenario or name in given.scenario:
            try:
                for shown in scenario(extent, evennia):
                    print(shown, flush=True)
            except FAILURES as failure:
                print(f"({name}: {failure})", flush=True)
    print(f"\nIt took {(time.monotonic() - began) / 60:.1f} minutes.", flush=True)
    return 0


def _fanout(extent: Extent, evennia: Evennia | None) -> Iterator[str]:
    subjects: list[Subject] = [ByWebSocket(), ByTelnet(), BareSend(), AUTOBAHN, WEBSOCKETS]
    if evennia is not None:
        subjects.append(evennia)
    yield from fanout.compare(subjects, extent.sizes, extent.runs)


def _commands(extent: Extent, evennia: Evennia | None) -> Iterator[str]:
    yield from commands.round_trips(extent.seconds, extent.players, extent.runs, evennia)
    yield from commands.saturation(extent.runs, evennia)
    yield commands.accepting(extent.connections, extent.runs)


def _growth(extent: Extent, evennia: Evennia | None) -> Iterator[str]:
    del evennia
    yield growth.busy_rooms(extent.runs, 2)
    yield growth.world(extent.runs, extent.depth)
    yield growth.mutes(extent.runs, extent.crowd)


def _compression(extent: Extent, evennia: Evennia | None) -> Iterator[str]:
    del evennia
    yield compression.once(extent.runs)
    yield compression.lines(extent.crowd, extent.runs)
    yield compression.memory(extent.sessions)


if __name__ == "__main__":
    sys.exit(main())
