"""
Play rounds: ``python -m tests.crash --rounds 200 --seed 7``, from the top of the checkout.

The first broken promise ends it; what it left behind is kept then, and named.
"""

import argparse
import secrets
import sys

from twisted.trial.unittest import TestCase

from tests.alone import run_alone
from tests.crash.rounds import Rounds
from tests.crash.town_rounds import TownRounds


class CrashTests(TestCase):
    """All rounds as one test, since they follow on each other."""

    timeout = 86_400
    rounds = 0
    seed = 0
    processes = False

    async def test_rounds(self) -> None:
        """No promise is broken."""
        kind = TownRounds if self.processes else Rounds
        rounds = kind(self, self.seed, lambda line: print(line, flush=True))
        for number in range(1, self.rounds + 1):
            await rounds.play(number)


def main() -> int:
    """Play; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="how many (20)")
    parser.add_argument("--seed", type=int, help="decides what happens (random)")
    parser.add_argument(
        "--processes", action="store_true", help="kill worlds that are processes of their own"
    )
    options = parser.parse_args()
    CrashTests.processes = options.processes
    CrashTests.rounds = options.rounds
    CrashTests.seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    print(f"{CrashTests.rounds} rounds, seed {CrashTests.seed}", flush=True)
    left = run_alone(CrashTests("test_rounds"), "crash")
    if left is None:
        return 0
    print(f"What was left behind is in {left}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
