"""
Play rounds: ``python -m tests.crash --rounds 200 --seed 7``, from the top of the checkout.

The first broken promise ends it; what it left behind is kept then, and named.
"""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path
from shutil import rmtree

from twisted.trial.reporter import Reporter
from twisted.trial.runner import TrialRunner
from twisted.trial.unittest import TestCase

from tests.crash.rounds import Rounds


class CrashTests(TestCase):
    """All rounds as one test, since they follow on each other."""

    timeout = 86_400
    rounds = 0
    seed = 0

    async def test_rounds(self) -> None:
        """No promise is broken."""
        rounds = Rounds(self, self.seed, lambda line: print(line, flush=True))
        for number in range(1, self.rounds + 1):
            await rounds.play(number)


def main() -> int:
    """Play; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="how many (20)")
    parser.add_argument("--seed", type=int, help="decides what happens (random)")
    options = parser.parse_args()
    CrashTests.rounds = options.rounds
    CrashTests.seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    print(f"{CrashTests.rounds} rounds, seed {CrashTests.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="mudserver-crash-")).resolve()
    # PostgreSQL refuses to run as root: its own user must be able to pass through.
    folder.chmod(0o711)
    runner = TrialRunner(Reporter, workingDirectory=str(folder / "trial"))
    result = runner.run(CrashTests("test_rounds"))
    if result.wasSuccessful():
        rmtree(folder)
        return 0
    print(f"What was left behind is in {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
