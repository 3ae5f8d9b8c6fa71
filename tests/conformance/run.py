"""One run of the Autobahn Testsuite against an echo."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from tests.conformance.echo import EchoGateway
from tests.conformance.testsuite import FOLDER, Report, read_report, write_order
from tests.integration.program import Program

#: Seconds for all sections, on a machine that has other things to do, too.
DEADLINE: Final = 7_200.0


async def run(case: TestCase, wstest: Path, sections: Sequence[str], folder: Path) -> Report:
    """
    Have sections of the suite run.

    Args:
        case: The test that it belongs to.
        wstest: The suite's program.
        sections: Their numbers.
        folder: An empty one, for its order and its report.

    Raises:
        AssertionError: It broke down.
    """
    echo = EchoGateway(reactor)
    port = echo.start(reactor)
    try:
        order = write_order(folder, port, sections)
        command = [str(wstest), "-m", "fuzzingclient", "-s", str(order)]
        surroundings = {
            "PYTHONUSERBASE": str(FOLDER),
            # The suite is of the time of Python 2, as is what it imports.
            "PYTHONWARNINGS": "ignore",
            "PYTHONPATH": "",
        }
        suite = Program(case, "wstest", command, environment=surroundings, directory=folder)
        # Where it finds none, it waits for ever.
        await suite.said.expect(re.compile(r"will run [1-9]\d* test cases"))
        ended = await suite.ended(DEADLINE)
    finally:
        await echo.stop()
    assert ended.status == 0, ended.output
    return read_report(folder)
