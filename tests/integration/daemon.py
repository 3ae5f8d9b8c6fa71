"""The daemon as operators run it: ``twistd mudserver`` in a process of its own."""

import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlencode

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from mudserver.storage.dsn import Dsn
from tests.integration.postgres import CHOICE
from tests.integration.transcript import DEADLINE, Transcript

ROOT = Path(__file__).parents[2]

#: The cheapest passwords that argon2id knows.
CHEAP = ("--password-time-cost=1", "--password-memory=8", "--password-parallelism=1")

_ANY_PORT = "tcp:0:interface=127.0.0.1"
_numbers = count(1)
_POLL_SECONDS = 0.02
_DOOR = re.compile(r"(telnet|http|operations) listens on 127\.0\.0\.1:(\d+)")


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
    """

    def __init__(
        self,
        case: TestCase,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
    ) -> None:
        self.said = Transcript(name, reactor)
        self._ends: list[Deferred[Exit]] = []
        self._exit: Exit | None = None
        self._log = directory.with_name(f"{name}-{next(_numbers)}.log")
        self._process = reactor.spawnProcess(
            self, command[0], command, _environment(environment), str(directory)
        )
        self.pid = self._process.pid
        case.addCleanup(self.kill)

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

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.signalProcess(number.value)

    def say(self, text: str) -> None:
        """Write to its standard input, and close that."""
        self._process.write(text.encode())
        self._process.closeStdin()

    async def ended(self) -> Exit:
        """Wait until it ends by itself."""
        if self._exit is not None:
            return self._exit
        end: Deferred[Exit] = Deferred()
        self._ends.append(end)
        end.addTimeout(DEADLINE, reactor)
        return await end

    def kill(self) -> Deferred[Exit]:
        """Kill it, if it still runs, and wait for its end."""
        if self._exit is None:
            self.signal(signal.SIGKILL)
        return Deferred.fromCoroutine(self.ended())


class Daemon:
    """
    One mudserver, which may be started, stopped and killed any number of times.

    It listens on free ports, and on the same ones again after its first start.

    Args:
        case: The test that it belongs to.
        database: Where its database is; None for the embedded one.
        options: Further options.
        environment: Environment variables.

    Attributes:
        directory: The working directory; everything it keeps is below.
    """

    def __init__(
        self,
        case: TestCase,
        database: Dsn | None = None,
        *options: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = Path(case.mktemp()).absolute() / "with space"
        self.directory.mkdir(parents=True)
        self._case = case
        self._database = database
        self._options = options
        self._environment = dict(environment or {})
        self._addresses = dict.fromkeys(("telnet", "http", "operations"), _ANY_PORT)
        self._ports: dict[str, int] = {}
        self._program: Program | None = None
        case.addCleanup(self._leave_nothing)

    # ------------------------------------------------------------ where it is

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.directory / "state"

    @property
    def control(self) -> Path:
        """The admin socket."""
        return self.state / "control.sock"

    @property
    def telnet(self) -> int:
        """The port of telnet."""
        return self._ports["telnet"]

    @property
    def http(self) -> int:
        """The port of the web."""
        return self._ports["http"]

    @property
    def operations(self) -> int:
        """The port of metrics and health."""
        return self._ports["operations"]

    @property
    def program(self) -> Program:
        """The process, running or ended."""
        assert self._program is not None, "the daemon was never started"
        return self._program

    @property
    def log(self) -> Transcript:
        """What the process wrote."""
        return self.program.said

    # ------------------------------------------------------------ start and end

    def launch(self, *options: str) -> Program:
        """Start it without waiting for anything."""
        command = ["--nodaemon", "--pidfile=", "mudserver"]
        command += [f"--{name}={address}" for name, address in self._addresses.items()]
        command += [f"--state-dir={self.state}", *CHEAP]
        if self._database is not None:
            command.append(f"--database={url(self._database)}")
        command += [*self._options, *options]
        self._program = twistd(
            self._case, *command, environment=self._environment, directory=self.directory
        )
        return self._program

    async def start(self, *options: str) -> None:
        """Start it, and wait until everything is open."""
        log = self.launch(*options).said
        await log.expect("is open.")
        for name, port in _DOOR.findall(log.text):
            self._ports[name] = int(port)
            self._addresses[name] = f"tcp:{port}:interface=127.0.0.1"

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> Exit:
        """Ask it to stop, and wait until it has."""
        self.program.signal(how)
        return await self.program.ended()

    async def kill(self) -> None:
        """End it as a crash does: by SIGKILL."""
        await self.program.kill()

    # ------------------------------------------------------------ what it leaves

    def running(self) -> dict[int, str]:
        """Return the processes that work for it: their ids and command lines."""
        return running_in(self.directory)

    async def alone(self) -> None:
        """Wait until no process works for it any more, as after its end."""
        await until(lambda: not self.running(), lambda: f"still running: {self.running()}")

    def _leave_nothing(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.alone())


def url(dsn: Dsn) -> str:
    """Return what ``--database`` takes; the password is in it."""
    return f"postgresql:///?{urlencode(dsn.parameters, quote_via=quote)}"


def twistd(
    case: TestCase, *arguments: str, environment: Mapping[str, str], directory: Path
) -> Program:
    """Start ``twistd`` with the Python that runs the tests."""
    command = [sys.executable, _script("twistd"), *arguments]
    return Program(case, "daemon", command, environment=environment, directory=directory)


async def mudctl(case: TestCase, daemon: Daemon, *arguments: str, say: str = "") -> Exit:
    """Run ``mudctl`` against the daemon to its end."""
    command = [sys.executable, _script("mudctl"), "--socket", str(daemon.control), *arguments]
    program = Program(case, "mudctl", command, environment={}, directory=daemon.directory)
    program.say(say)
    return await program.ended()


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


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return our environment, without settings of a mudserver, and with what is named."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MUDSERVER_")}
    if CHOICE in os.environ:
        ours["PG_BIN"] = os.environ[CHOICE]
    # The code of this checkout, whatever is installed; warnings are errors there, too.
    return {**ours, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **more}
