"""One long test as a program of its own."""

import atexit
import tempfile
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree

from twisted.trial.reporter import Reporter
from twisted.trial.runner import TrialRunner
from twisted.trial.unittest import TestCase


def run_alone(test: TestCase, name: str) -> Path | None:
    """
    Run one test in a folder of its own.

    Args:
        test: Which.
        name: A word for the folder's name.

    Returns:
        The folder, where the test has failed: it is kept then. None where all went well.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"mudserver-{name}-")).resolve()
    # PostgreSQL refuses to run as root: its own user must be able to pass through.
    folder.chmod(0o711)
    tidying = ExitStack()
    tidying.callback(rmtree, folder)
    # The database's server, which works in there, is started later, and so stopped before.
    atexit.register(tidying.close)
    runner = TrialRunner(Reporter, workingDirectory=str(folder / "trial"))
    if runner.run(test).wasSuccessful():
        return None
    tidying.pop_all()
    return folder
