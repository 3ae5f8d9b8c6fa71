"""
Measure: ``python -m tests.bench.delivery``, from the top of the checkout.

Each scenario prints a table. ``--quick`` runs each once, in small.
"""

import argparse
import sys

from tests.bench.delivery import commands, fanout
from tests.bench.delivery.evennia import Evennia
from tests.bench.delivery.mudserver import ByTelnet, ByWebSocket
from tests.bench.delivery.references import AUTOBAHN, WEBSOCKETS, BareSend
from tests.bench.delivery.stage import Subject
from tests.bench.machine import describe


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.bench.delivery", description=__doc__)
    scenarios = {"fanout": _fanout, "commands": _commands, "growth": _growth}
    parser.add_argument("scenario", nargs="*", help=f"of {', '.join(scenarios)}; all without one")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is shown (3)")
    parser.add_argument("--quick", action="store_true", help="small and once")
    parser.add_argument("--without-evennia", action="store_true", help="it takes minutes")
    options = parser.parse_args()
    unknown = set(options.scenario) - set(scenarios)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    print(*describe(), sep="\n", flush=True)
    for name, scenario in scenarios.items():
        if not options.scenario or name in options.scenario:
            scenario(options)
    return 0


def _fanout(options: argparse.Namespace) -> None:
    runs = 1 if options.quick else options.runs
    for occupants in (10,) if options.quick else (100,):
        subjects: list[Subject] = [ByWebSocket(), ByTelnet(), BareSend(), AUTOBAHN, WEBSOCKETS]
        print(fanout.compare(subjects, occupants, runs), flush=True)
    if not options.without_evennia:
        occupants = 10 if options.quick else 100
        print(fanout.compare([ByTelnet(), Evennia()], occupants, 1), flush=True)


def _commands(options: argparse.Namespace) -> None:
    small = options.quick
    trips = commands.round_trips(
        2.0 if small else 10.0, 50 if small else 1000, not options.without_evennia
    )
    print(trips, flush=True)
    print(commands.saturation(1 if small else options.runs, depth=1 if small else 2), flush=True)
    print(commands.accepting(50 if small else 2000, 1 if small else options.runs), flush=True)


def _growth(options: argparse.Namespace) -> None:
    runs = 1 if options.quick else options.runs
    sizes = (2, 10) if options.quick else (2, 10, 100, 500, 2000)
    for subject in (ByWebSocket(), ByTelnet()):
        print(fanout.growth(subject, sizes, runs), flush=True)


if __name__ == "__main__":
    sys.exit(main())
