"""
Soak a daemon: ``python -m tests.soak --sessions 2000 --seconds 300``, from the top of the checkout.

Fails if a session was lost, an answer is missing, or memory or descriptors grow.
"""

import argparse
import atexit
import resource
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree

from twisted.trial.reporter import Reporter
from twisted.trial.runner import TestSuite, TrialRunner
from twisted.trial.unittest import TestCase

from tests.bench import machine
from tests.soak.idle import measure
from tests.soak.play import Plan, soak


class SoakTests(TestCase):
    """What is wanted, in one process."""

    timeout = 86_400
    plan = Plan(0, 0, 0.0, 0.0)
    idle = 0

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    async def test_idle(self) -> None:
        """An idle session takes up little more than a bare connection."""
        if not self.idle:
            return
        idle = await measure(self, self.folder, self.idle)
        _say(
            f"an idle session: {idle.ours / 1024:.1f} KiB;"
            f" a bare Autobahn connection: {idle.bare / 1024:.1f} KiB; ratio {idle.ratio:.2f}"
        )

    async def test_play(self) -> None:
        """All stay, all are answered, nothing grows."""
        if not self.plan.seconds:
            return
        outcome = await soak(self, self.plan, _say)
        for line in outcome.describe():
            _say(line)
        self.assertEqual(outcome.faults, [])


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Soak; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.soak", description=__doc__)
    parser.add_argument("--sessions", type=int, default=2_000, help="how many (2,000)")
    parser.add_argument("--telnet", type=int, default=100, help="how many of those by telnet (100)")
    parser.add_argument("--seconds", type=float, default=300.0, help="of play; 0 for none (300)")
    parser.add_argument("--warm-up", type=float, default=60.0, help="seconds before that (60)")
    parser.add_argument("--idle", type=int, default=1_000, help="idle sessions; 0 for none (1,000)")
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    SoakTests.plan = Plan(given.sessions - given.telnet, given.telnet, given.warm_up, given.seconds)
    SoakTests.idle = given.idle
    for line in machine.describe():
        _say(line)
    folder = Path(tempfile.mkdtemp(prefix="mudserver-soak-")).resolve()
    # PostgreSQL refuses to run as root: its own user must be able to pass through.
    folder.chmod(0o711)
    tidying = ExitStack()
    tidying.callback(rmtree, folder)
    # The database's server, which works in there, is started later, and so stopped before.
    atexit.register(tidying.close)
    runner = TrialRunner(Reporter, workingDirectory=str(folder / "trial"))
    result = runner.run(TestSuite([SoakTests("test_idle"), SoakTests("test_play")]))
    if result.wasSuccessful():
        return 0
    print(f"What was left behind is in {folder}")
    tidying.pop_all()
    return 1


if __name__ == "__main__":
    sys.exit(main())
