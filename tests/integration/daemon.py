"""The daemon as operators run it: ``twistd mudserver`` in a process of its own."""

import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mudserver.storage.dsn import Dsn
from tests.integration.program import Exit, Program, running_in, until
from tests.integration.transcript import Transcript

#: The cheapest passwords that argon2id knows.
CHEAP = ("--password-time-cost=1", "--password-memory=8", "--password-parallelism=1")

_ANY_PORT = "tcp:0:interface=127.0.0.1"
_DOOR = re.compile(r"(telnet|http|operations) listens on 127\.0\.0\.1:(\d+)")


class Daemon:
    """
    One mudserver, which may be started, stopped and killed any number of times.

    It listens on free ports, and on the same ones again after its first start.

    Args:
        case: The test that it belongs to.
        database: Where its database is; None for the embedded one.
        options: Further options.
        environment: Environment variables.
        through: A module that runs twistd's script, whose path is its first argument; None to
            run that itself.
        within: A command that runs the rest of its arguments, somewhere else perhaps.

    Attributes:
        directory: The working directory; everything it keeps is below.
    """

    def __init__(
        self,
        case: TestCase,
        database: Dsn | None = None,
        *options: str,
        environment: Mapping[str, str] | None = None,
        through: str | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self.directory = Path(case.mktemp()).absolute() / "with space"
        self.directory.mkdir(parents=True)
        self._case = case
        self._database = database
        self._options = options
        self._environment = dict(environment or {})
        self._through = through
        self._within = within
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
            self._case,
            *command,
            environment=self._environment,
            directory=self.directory,
            through=self._through,
            within=self._within,
        )
        self._case.addCleanup(self._let_go, self._program)
        return self._program

    async def start(self, *options: str) -> None:
        """Start it, and wait until everything is open."""
        log = self.launch(*options).said
        await log.expect("is open.")
        self.learn_ports()

    def learn_ports(self) -> None:
        """Learn from the log where it listens, so that it does so again after its next start."""
        for name, port in _DOOR.findall(self.log.text):
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

    def _let_go(self, program: Program) -> Deferred[None]:
        """Stop it in good order: killed, it leaves a socket where sockets with long paths are."""

        async def stop() -> None:
            if program.running:
                program.signal(signal.SIGTERM)
                await program.ended()

        return Deferred.fromCoroutine(stop())

    def _leave_nothing(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.alone())


def url(dsn: Dsn) -> str:
    """Return what ``--database`` takes; the password is in it."""
    return f"postgresql:///?{urlencode(dsn.parameters, quote_via=quote)}"


def twistd(
    case: TestCase,
    *arguments: str,
    environment: Mapping[str, str],
    directory: Path,
    through: str | None = None,
    within: Sequence[str] = (),
) -> Program:
    """Start ``twistd`` with the Python that runs the tests; see `Daemon` for the rest."""
    launcher = [] if through is None else ["-m", through]
    command = [*within, sys.executable, *launcher, _script("twistd"), *arguments]
    return Program(case, "daemon", command, environment=environment, directory=directory)


async def mudctl(
    case: TestCase,
    daemon: Daemon,
    *arguments: str,
    say: str = "",
    environment: Mapping[str, str] | None = None,
) -> Exit:
    """Run ``mudctl`` against the daemon to its end."""
    command = [sys.executable, _script("mudctl"), "--socket", str(daemon.control), *arguments]
    program = Program(
        case,
        "mudctl",
        command,
        environment=environment or {},
        directory=daemon.directory,
        said_to_it=say,
    )
    return await program.ended()


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
