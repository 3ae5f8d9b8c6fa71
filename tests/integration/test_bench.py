"""Measurements: that they measure, and end when they are told to."""

import os
import signal
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.integration.program import Program, until

# A server that listens, and one that is never ready.
_MEASURES = """
import signal
from tests.bench.server import python
from tests.bench.termination import end_children_on_sigterm

end_children_on_sigterm()
ready = {ready!r}
with python("tests.bench.delivery.peers.bare_send", ready=ready) as server:
    print("measures", flush=True)
    signal.pause()
"""


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text(encoding="ascii").split()]


def listening(pid: int) -> list[int]:
    """Return those that have opened a socket."""
    return [child for child in children(pid) if any(map(_is_socket, _descriptors(child)))]


def _descriptors(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/fd").iterdir())


def _is_socket(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("socket:")
    except FileNotFoundError:  # closed meanwhile
        return False


def measurement(case: TestCase, *arguments: str) -> Program:
    """Start Python in a folder of its own."""
    folder = Path(case.mktemp()).absolute()
    folder.mkdir()
    command = [sys.executable, *arguments]
    return Program(case, "measurement", command, environment={}, directory=folder)


class BusTest(TestCase):
    timeout = 120

    async def test_ends(self) -> None:
        """Every table of the bus has a row for each way that is asked for."""
        options = ["--runs", "1", "--seconds", "0.05", "--without-nats", "--ways", "unix", "loop"]
        ended = await measurement(self, "-m", "tests.bench.bus", *options).ended()
        self.assertEqual(ended.status, 0, ended.output)
        tables = ended.output.count("| over ")
        self.assertEqual(tables, 6)
        self.assertEqual(ended.output.count("| Unix socket "), tables)
        self.assertEqual(ended.output.count("| loopback, "), tables)


class TerminatedTest(TestCase):
    timeout = 60

    def measure(self, ready: str) -> Program:
        return measurement(self, "-c", _MEASURES.format(ready=ready))

    async def ends(self, program: Program, child: int) -> None:
        program.signal(signal.SIGTERM)
        ended = await program.ended()
        self.assertEqual(ended.status, 143, ended.output)
        with self.assertRaises(ProcessLookupError):
            os.kill(child, 0)

    async def test_sigterm(self) -> None:
        """SIGTERM ends what is measured, too."""
        program = self.measure("port")
        await program.said.expect("measures")
        [child] = children(program.pid)
        await self.ends(program, child)

    async def test_not_ready(self) -> None:
        """So it does where that isn't ready yet."""
        program = self.measure("never")
        await until(lambda: listening(program.pid), lambda: program.said.text)
        await self.ends(program, *listening(program.pid))
