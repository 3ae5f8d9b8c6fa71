"""
Torture a town: ``python -m tests.torture --seconds 60 --seed 7``, from the top of the checkout.

The first broken promise ends it; what it left behind is kept then, and named.
"""

import argparse
import secrets
import sys

from tests.alone import run_alone
from tests.torture.blows import Blow
from tests.torture.test_town import TortureTests


def main() -> int:
    """Torture; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--seed", type=int, help="decides what happens (random)")
    parser.add_argument(
        "--blows",
        nargs="+",
        type=Blow,
        default=tuple(Blow),
        metavar="BLOW",
        help=f"what strikes, of {', '.join(blow.value for blow in Blow)} (all)",
    )
    options = parser.parse_args()
    TortureTests.blows = tuple(options.blows)
    TortureTests.seconds = options.seconds
    TortureTests.seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    print(f"{TortureTests.seconds:g} seconds, seed {TortureTests.seed}", flush=True)
    left = run_alone(TortureTests("test_endured"), "torture")
    if left is None:
        return 0
    print(f"What was left behind is in {left}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
