"""What `.ci/check.py` reports is what happened: it can't be green over something that is not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

CHECK = Path(__file__).parents[2] / ".ci" / "check.py"

PASSES = """
    def test_passes(self):
        pass
"""
FAILS = """
    def test_fails(self):
        self.assertEqual(1, 2)
"""
RAISES = """
    def test_raises(self):
        raise RuntimeError
"""
SKIPS = """
    def test_skips(self):
        raise unittest.SkipTest("there is no such thing here")
"""
HOPES = """
    def test_hopes(self):
        self.assertEqual(1, 2)
    test_hopes.todo = "some day"
"""
SURPRISES = """
    def test_surprises(self):
        pass
    test_surprises.todo = "some day"
"""
WARNS = """
    def test_warns(self):
        warnings.warn("old", DeprecationWarning)
"""
DIES = """
    def test_dies(self):
        os._exit(0)
"""
LEAVES = """
    def test_leaves(self):
        global child
        child = subprocess.Popen(["sleep", "60"])
"""


class ClosingLineTests(SynchronousTestCase):
    """Suites of one kind of test each, in a project of their own."""

    header: ClassVar = "import os, subprocess, warnings\nfrom twisted.trial import unittest\n"

    def check(self, *methods: str) -> tuple[int, str, str]:
        """Run a suite of these test methods; return the status, the last line and all output."""
        top = Path(self.mktemp())
        package = top / "tests" / "unit"
        package.mkdir(parents=True)
        (top / "tests" / "__init__.py").touch()
        (package / "__init__.py").touch()
        if methods:
            text = self.header + "class T(unittest.TestCase):\n" + "".join(methods)
            (package / "test_it.py").write_text(text)
        done = subprocess.run(
            [sys.executable, CHECK, "unit"],
            cwd=top,
            env={**os.environ, "TMPDIR": str(top.resolve())},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.splitlines()[-1], done.stdout

    def assert_closes(self, status: int, closing: str, *methods: str) -> None:
        """Assert the status and the last line of a run."""
        self.assertEqual((status, closing), self.check(*methods)[:2])

    def test_all_passed(self) -> None:
        """Skipped tests are told apart; an expected failure is one of them."""
        self.assert_closes(0, "1 passed, 0 failed", PASSES)
        self.assert_closes(0, "1 passed, 0 failed, 2 skipped", PASSES, SKIPS, HOPES)

    def test_some_failed(self) -> None:
        """Failures, errors and unexpected successes all count as failed."""
        self.assert_closes(1, "1 passed, 3 failed", PASSES, FAILS, RAISES, SURPRISES)

    def test_warnings(self) -> None:
        """A warning that no test flushes is a failure."""
        status, closing, _ = self.check(WARNS)
        self.assertEqual(1, status)
        self.assertIn(" 1 failed", closing)

    def test_nothing_ran(self) -> None:
        """No test at all, or none that passed, is a failure."""
        self.assertEqual(1, self.check()[0])
        status, closing, output = self.check(SKIPS)
        self.assertEqual((1, "0 passed, 1 failed, 1 skipped"), (status, closing))
        self.assertIn("failed: no test passed", output)

    def test_no_end(self) -> None:
        """A suite whose process is gone before its summary is a failure, whatever its status."""
        status, closing, output = self.check(PASSES, DIES)
        self.assertEqual((1, "0 passed, 2 failed"), (status, closing))
        self.assertIn("failed: the unit tests did not end, status 0", output)

    def test_left_running(self) -> None:
        """A process that outlives the tests is a failure, and is named."""
        status, closing, output = self.check(LEAVES)
        self.assertEqual(1, status)
        self.assertIn(" 1 failed", closing)
        self.assertIn("failed: left running: sleep 60", output)
