"""WebSocket as RFC 6455 has it, by the Autobahn Testsuite."""

from pathlib import Path

from twisted.trial.unittest import SkipTest, TestCase

from tests.conformance.run import run
from tests.conformance.testsuite import QUICK, program


class ConformanceTest(TestCase):
    timeout = 300

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    async def test_quick_sections(self) -> None:
        """The sections that take seconds pass, in the strictest reading there is."""
        wstest = program()
        if wstest is None:
            raise SkipTest("the Autobahn Testsuite is not installed: .ci/wstest.py does that")
        report = await run(self, wstest, QUICK, self.folder)
        self.assertEqual([str(case) for case in report.failures], [])
        self.assertEqual([str(case) for case in report.lenient], [])
        self.assertEqual(len(report.cases), 301)
