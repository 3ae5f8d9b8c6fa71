"""
Run the Autobahn Testsuite: ``python -m tests.conformance --sections 1 9``, from the top of the
checkout, once ``.ci/wstest.py`` has installed it.

Fails if a case doesn't conform; the report is kept then, and named.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from twisted.trial.reporter import Reporter
from twisted.trial.runner import TrialRunner
from twisted.trial.unittest import TestCase

from tests.conformance.run import DEADLINE, run
from tests.conformance.testsuite import SECTIONS, Report, program


class ConformanceTests(TestCase):
    """All sections that are wanted as one test, since they are one run of the suite."""

    timeout = DEADLINE
    sections: Sequence[str] = SECTIONS
    folder = Path()

    async def test_sections(self) -> None:
        """All cases conform."""
        wstest = program()
        assert wstest is not None
        report = await run(self, wstest, self.sections, self.folder)
        describe(report)
        self.assertEqual([str(case) for case in report.failures], [])


def describe(report: Report) -> None:
    """Print the counts."""
    print()
    for section, counts in report.counts.items():
        found = ", ".join(f"{count} {behaviour}" for behaviour, count in sorted(counts.items()))
        print(f"section {section:>2}: {found}")
    for case in report.lenient:
        print(f"not strict: {case}")
    for case in report.failures:
        print(f"failed: {case}")
    if report.declined:
        print(
            f"{len(report.declined)} cases ask for a smaller window, which is declined on purpose"
        )
    print(f"{len(report.cases)} cases, {len(report.failures)} failed", flush=True)


def main() -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.conformance", description=__doc__)
    parser.add_argument("--sections", nargs="*", help="which (all), such as 1 2 9.7.*", metavar="N")
    options = parser.parse_args()
    if program() is None:
        print("Nothing is tested: the Autobahn Testsuite is not installed.")
        return 0
    ConformanceTests.sections = options.sections or SECTIONS
    print(f"Sections {' '.join(ConformanceTests.sections)}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="mudserver-conformance-")).resolve()
    ConformanceTests.folder = folder / "run"
    ConformanceTests.folder.mkdir()
    runner = TrialRunner(Reporter, workingDirectory=str(folder / "trial"))
    result = runner.run(ConformanceTests("test_sections"))
    if result.wasSuccessful():
        rmtree(folder)
        return 0
    print(f"The report is in {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
