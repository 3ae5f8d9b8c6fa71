"""Programs that a test starts: in processes of their own, read to their end, and never left."""

import fcntl
import os
import re
import signal
import socket
import struct
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.integration.postgres import CHOICE
from tests.integration.transcript import DEADLINE, Transcript

ROOT = Path(__file__).parents[2]

#: Lines and columns of a terminal.
SIZE = (30, 100)

# Told to change the directory itself, Twisted forks, which isn't safe while there are threads.
_IN_DIRECTORY = ("/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh")

# Twisted forks to start some processes; from Python 3.12 on that is warned of beside a thread. What
# it warns of, locks that are held at the fork, is over with the exec.
_WARNINGS = "error,ignore:This process (pid=:DeprecationWarning"

#: What Twisted gives a child unless told otherwise: pipes for its input, output and errors.
_STANDARD: Mapping[int, int | str] = {0: "w", 1: "r", 2: "r"}

_POLL_SECONDS = 0.02
_numbers = count(1)


@frozen
class Exit:
    """
    How a process ended.

    Attributes:
        status: What it exited with; the negative number of the signal that killed it.
        output: All that it said.
    """

    status: int
    output: str


class Program(ProcessProtocol):
    """
    A child process whose output is read. It is killed when the test ends before it.

    What it said is kept in a file beside its working directory, for whoever looks into a failure.

    Args:
        case: The test that it belongs to.
        name: What to call it.
        command: The program and its arguments.
        environment: Variables beside our own.
        directory: Where it works.
        said_to_it: What it reads from its standard input, which then ends.
        terminal: Whether it shall think that somebody sits at a terminal, and may type there.
        inherited: Descriptors of ours that it has as 3, 4 and so on; not beside a terminal.
    """

    def __init__(
        self,
        case: TestCase,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        said_to_it: str = "",
        terminal: bool = False,
        inherited: Sequence[int] = (),
    ) -> None:
        self.said = Transcript(name, reactor)
        self._ends: list[Deferred[Exit]] = []
        self._exit: Exit | None = None
        self._log = directory.with_name(f"{name}-{next(_numbers)}.log")
        command = [*_IN_DIRECTORY, str(directory), *command]
        self._process = reactor.spawnProcess(
            self,
            command[0],
            command,
            _environment(environment),
            usePTY=_terminal() if terminal else False,  # type: ignore[arg-type]
            childFDs=None if terminal else {**_STANDARD, **dict(enumerate(inherited, 3))},
        )
        self.pid = self._process.pid
        case.addCleanup(self.kill)
        if not terminal:
            # Some wait for more for ever, as sessions of PostgreSQL do whose server is killed while
            # they wait for a standby.
            self._process.write(said_to_it.encode())
            self._process.closeStdin()

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803
        """Take its output and its errors alike."""
        del childFD
        self.said.feed(data.decode(errors="replace"))

    def processEnded(self, reason: Failure) -> None:
        """It is gone, and all its output is here."""
        ending = reason.value
        assert isinstance(ending, ProcessDone | ProcessTerminated)
        status = ending.exitCode or -(ending.signal or 0)
        self._exit = Exit(status, self.said.text)
        self.said.end(f"status {status}")
        self._log.write_text(self.said.text)
        for each in self._ends:
            each.callback(self._exit)
        self._ends.clear()

    @property
    def running(self) -> bool:
        """Whether it hasn't ended yet."""
        return self._exit is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.signalProcess(number.value)

    def type(self, line: str) -> None:
        """Type a line at its terminal."""
        self._process.write(line.encode() + b"\r")

    async def ask(self, line: str, wanted: str | re.Pattern[str]) -> None:
        """Type a line, and wait for the words that it leads to."""
        self.type(line)
        await self.said.expect(wanted)

    async def ended(self, deadline: float = DEADLINE) -> Exit:
        """Wait until it ends by itself; so many seconds."""
        if self._exit is not None:
            return self._exit
        end: Deferred[Exit] = Deferred()
        self._ends.append(end)
        end.addTimeout(deadline, reactor)
        return await end

    def kill(self) -> Deferred[Exit]:
        """Kill it, if it still runs, and wait for its end."""
        if self._exit is None:
            with suppress(ProcessExitedAlready):
                self.signal(signal.SIGKILL)
        return Deferred.fromCoroutine(self.ended())


async def until(condition: Callable[[], object], otherwise: Callable[[], str]) -> None:
    """
    Wait for something that nobody tells us of.

    Raises:
        AssertionError: It didn't come within the deadline; the text is ``otherwise``'s.
    """
    give_up_at = reactor.seconds() + DEADLINE
    while not condition():
        if reactor.seconds() > give_up_at:
            raise AssertionError(otherwise())
        await deferLater(reactor, _POLL_SECONDS)


@contextmanager
def occupied() -> Iterator[int]:
    """Listen on a port of this machine; gives its number."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def free_port() -> int:
    """Return a port where nobody listens."""
    with occupied() as port:
        return port


def running_in(folder: Path) -> dict[int, str]:
    """Find the processes that work in a folder, or were started with its name (Linux only)."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "stat").read_text().rpartition(")")[2].startswith(" Z"):
                continue
            working = (process / "cwd").readlink()
            command = (
                (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
        except OSError:  # gone, or another user's
            continue
        if folder in (working, *working.parents) or str(folder) in command:
            found[int(process.name)] = command
    return found


def _terminal() -> tuple[int, int, str]:
    """Make a terminal with a size; a client draws nothing on one of no lines."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    return ours, its, os.ttyname(its)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return our environment, without settings of a mudserver, and with what is named."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MUDSERVER_")}
    if CHOICE in os.environ:
        ours["PG_BIN"] = os.environ[CHOICE]
    # The code of this checkout, whatever is installed; warnings are errors there, too.
    return {**ours, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": _WARNINGS, **more}
