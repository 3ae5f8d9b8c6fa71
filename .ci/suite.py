"""
Run one suite with trial's own runner and write down what came of it.

Usage: ``python .ci/suite.py NAME FOLDER``, from the top of the checkout.

The folder gets trial's working directory and, once every test has ended, ``results.json``: how
many tests came to each of trial's outcomes.
"""

import json
import sys
from pathlib import Path

from twisted.trial.reporter import TreeReporter
from twisted.trial.runner import TestLoader, TrialRunner


def main(name: str, folder: Path) -> int:
    """Run the suite; return the exit status."""
    # Python put this file's own directory there.
    sys.path[0] = str(Path.cwd())
    suite = TestLoader().loadByName(name, recurse=True)
    runner = TrialRunner(TreeReporter, workingDirectory=str(folder / "trial"))
    result = runner.run(suite)
    assert isinstance(result, TreeReporter)
    counts = {
        "errors": len(result.errors),
        "expectedFailures": len(result.expectedFailures),
        "failures": len(result.failures),
        "skips": len(result.skips),
        "successes": result.successes,
        "unexpectedSuccesses": len(result.unexpectedSuccesses),
    }
    (folder / "results.json").write_text(json.dumps(counts))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
