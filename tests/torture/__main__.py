"""
Torture a town: ``python -m tests.torture --seconds 60 --seed 7``, from the top of the checkout.

The first broken promise ends it; what it left behind is kept then, and named.
"""

import argparse
import atexit
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree

from twisted.trial.reporter import Reporter
from twisted.trial.runner import TrialRunner

from tests.torture.test_town import TortureTests


def main() -> int:
    """Torture; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--seed", type=int, help="decides what happens (random)")
    options = parser.parse_args()
    TortureTests.seconds = options.seconds
    TortureTests.seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    print(f"{TortureTests.seconds:g} seconds, seed {TortureTests.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="mudserver-torture-")).resolve()
    # PostgreSQL refuses to run as root: its own user must be able to pass through.
    folder.chmod(0o711)
    tidying = ExitStack()
    tidying.callback(rmtree, folder)
    # The database's server, which works in there, is started later, and so stopped before.
    atexit.register(tidying.close)
    runner = TrialRunner(Reporter, workingDirectory=str(folder / "trial"))
    result = runner.run(TortureTests("test_endured"))
    if result.wasSuccessful():
        return 0
    print(f"What was left behind is in {folder}")
    tidying.pop_all()
    return 1


if __name__ == "__main__":
    sys.exit(main())
