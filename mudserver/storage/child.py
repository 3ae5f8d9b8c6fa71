"""A child process whose lines are read, and whose end can be awaited and enforced."""

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import (
    IDelayedCall,
    IProcessTransport,
    IReactorProcess,
    IReactorTime,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import Interface

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.privilege import Launch

#: Longer lines of a child are cut.
MAX_LINE_BYTES = 8192

#: Lines kept to explain a failure.
MAX_LAST_LINES = 20


class IReactorForChildren(IReactorTime, IReactorProcess, Interface):
    """The parts of a reactor that start, time and end processes."""


class Escalation(Enum):
    """How a child is told to end: the signal, and the seconds it gets before the next."""

    FAST = ("INT", 20.0)
    IMMEDIATE = ("QUIT", 5.0)
    KILL = ("KILL", None)


class Child(ProcessProtocol):
    """
    One run of a program.

    Attributes:
        last_lines: The end of its output, at most `MAX_LAST_LINES`.
        result: How it ended, for people; None while it runs.
        succeeded: Whether it ended with exit status 0.
    """

    def __init__(
        self, clock: IReactorTime, line_received: Callable[[str], None], stdin: bytes = b""
    ) -> None:
        self.last_lines: deque[str] = deque(maxlen=MAX_LAST_LINES)
        self.result: str | None = None
        self.succeeded = False
        self._clock = clock
        self._line_received = line_received
        self._stdin = stdin
        self._buffer = b""
        self._waiting: list[Deferred[None]] = []
        self._escalations: list[Escalation] = []
        self._next: IDelayedCall | None = None
        self.transport: IProcessTransport | None = None

    def explanation(self) -> str:
        """Return how it ended and what it said last, for people."""
        return "\n  ".join([self.result or "still running", *self.last_lines])

    def ended(self) -> Deferred[None]:
        """Wait for the end; never fails, and may be cancelled."""
        waiting: Deferred[None] = Deferred(self._waiting.remove)
        if self.result is None:
            self._waiting.append(waiting)
        else:
            waiting.callback(None)
        return waiting

    def end(self) -> Deferred[None]:
        """Have it end: SIGINT, then SIGQUIT, at last SIGKILL. Fires when it has; never fails."""
        if self.result is None and not self._escalations and self._next is None:
            self._escalations = list(Escalation)
            self._escalate()
        return self.ended()

    def _escalate(self) -> None:
        self._next = None
        if self.result is not None or self.transport is None:
            return
        name, patience = self._escalations.pop(0).value
        try:
            self.transport.signalProcess(name)
        except ProcessExitedAlready:
            return
        if patience is not None:
            self._next = self._clock.callLater(patience, self._escalate)

    # ------------------------------------------------------------ what Twisted calls

    def connectionMade(self) -> None:
        """Give it its input."""
        assert self.transport is not None
        if self._stdin:
            self.transport.writeToChild(0, self._stdin)
        self.transport.closeChildFD(0)

    def outReceived(self, data: bytes) -> None:
        """Cut the output into lines."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(line)
        # The rest of a line that is too long counts as lines of its own.
        if len(self._buffer) > MAX_LINE_BYTES:
            line, self._buffer = self._buffer, b""
            self._take(line)

    def errReceived(self, data: bytes) -> None:
        """Take both streams for one."""
        self.outReceived(data)

    def _take(self, line: bytes) -> None:
        text = line[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip()
        if text:
            self.last_lines.append(text)
            self._line_received(text)

    def processEnded(self, reason: Failure) -> None:
        """Tell all who wait, the output having been read to its end."""
        self._take(self._buffer)
        if self._next is not None:
            self._next.cancel()
            self._next = None
        status = getattr(reason.value, "exitCode", None)
        signal = getattr(reason.value, "signal", None)
        self.succeeded = status == 0
        self.result = f"signal {signal}" if signal else f"exit status {status}"
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


@frozen
class Runner:
    """
    Starts programs of PostgreSQL.

    Attributes:
        reactor: Starts and times them.
        launch: What stands before them, and makes them somebody's.
        environ: Their whole environment.
    """

    reactor: IReactorForChildren
    launch: Launch
    environ: Mapping[str, str]

    def spawn(
        self,
        *program: str,
        line_received: Callable[[str], None],
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> Child:
        """
        Start a program.

        Args:
            program: Its path and its arguments.
            line_received: Called with each line that it prints.
            stdin: Its whole input.
            environ: What to add to its environment.
        """
        child = Child(self.reactor, line_received, stdin)
        command = self.launch.command(*program)
        environment = {**self.environ, **(environ or {})}
        self.reactor.spawnProcess(child, command[0], command, env=environment)
        return child

    async def run(
        self,
        *program: str,
        deadline: float,
        line_received: Callable[[str], None],
        stdin: bytes = b"",
    ) -> None:
        """
        Run a program to its end; when cancelled, end it first.

        Args:
            program: Its path and its arguments.
            deadline: Seconds after which it is ended.
            line_received: Called with each line that it prints.
            stdin: Its whole input.

        Raises:
            EmbeddedPostgresError: It failed, or took too long.
        """
        child = self.spawn(*program, line_received=line_received, stdin=stdin)
        late = self.reactor.callLater(deadline, child.end)
        try:
            await child.ended()
        finally:
            if late.active():
                late.cancel()
            await child.end()
        if not child.succeeded:
            raise EmbeddedPostgresError(f"{program[0]} failed: {child.explanation()}")
