"""Child processes, without any."""

from typing import cast

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mudserver.storage.child import MAX_LAST_LINES, MAX_LINE_BYTES, Child, Escalation


class Transport:
    def __init__(self) -> None:
        self.signals: list[str] = []
        self.written = b""
        self.closed = False
        self.exited = False

    def signalProcess(self, name: str) -> None:
        if self.exited:
            raise ProcessExitedAlready
        self.signals.append(name)

    def writeToChild(self, descriptor: int, data: bytes) -> None:
        self.written += data

    def closeChildFD(self, descriptor: int) -> None:
        self.closed = descriptor == 0


class ChildTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.lines: list[str] = []
        self.transport = Transport()
        self.child = self.start()

    def start(self, stdin: bytes = b"") -> Child:
        child = Child(self.clock, self.lines.append, stdin)
        child.makeConnection(cast(IProcessTransport, self.transport))
        return child

    def exit(self, status: int = 0, signal: int | None = None) -> None:
        error = (
            ProcessTerminated(None if signal else status, signal)
            if status or signal
            else ProcessDone(0)
        )
        self.child.processEnded(Failure(error))

    def test_input(self) -> None:
        """A child gets its input and the end of it."""
        self.start(b"hello")
        self.assertEqual((self.transport.written, self.transport.closed), (b"hello", True))

    def test_lines(self) -> None:
        """Lines come out whole, wherever the output was cut, the last one without its end too."""
        output = "LOG:  é\n\n  tab\r\nlast".encode()
        for cut in range(len(output) + 1):
            self.lines.clear()
            self.child = self.start()
            self.child.outReceived(output[:cut])
            self.child.errReceived(output[cut:])
            self.exit()
            self.assertEqual(self.lines, ["LOG:  é", "  tab", "last"])

    def test_endless_line(self) -> None:
        """A line without end is cut into lines, and not kept."""
        for _ in range(5):
            self.child.outReceived(b"x" * MAX_LINE_BYTES)
        self.assertGreaterEqual(len(self.lines), 2)
        self.assertLessEqual(max(map(len, self.lines)), MAX_LINE_BYTES)

    def test_last_lines(self) -> None:
        """The last lines are kept for the explanation, and only those."""
        for number in range(MAX_LAST_LINES + 5):
            self.child.outReceived(b"line %d\n" % number)
        self.exit(3)
        explanation = self.child.explanation()
        self.assertIn("exit status 3", explanation)
        self.assertIn(f"line {MAX_LAST_LINES + 4}", explanation)
        self.assertNotIn("line 4\n", explanation)

    def test_ended(self) -> None:
        """Each who waits for the end hears of it, those who come later at once."""
        early = [self.child.ended(), self.child.ended()]
        early[0].cancel()
        self.failureResultOf(early[0])
        self.assertNoResult(early[1])
        self.exit()
        self.successResultOf(early[1])
        self.successResultOf(self.child.ended())
        self.assertTrue(self.child.succeeded)

    def test_signal(self) -> None:
        """A child that a signal ended did not succeed."""
        self.exit(signal=9)
        self.assertFalse(self.child.succeeded)
        self.assertIn("signal 9", self.child.explanation())

    def test_end(self) -> None:
        """A child is told to end once, however many ask."""
        ends = [self.child.end(), self.child.end()]
        self.assertEqual(self.transport.signals, ["INT"])
        self.exit()
        for end in ends:
            self.successResultOf(end)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_escalation(self) -> None:
        """A child that doesn't end is told so with growing force."""
        end = self.child.end()
        self.clock.advance(Escalation.FAST.value[1])
        self.clock.advance(Escalation.IMMEDIATE.value[1])
        self.assertEqual(self.transport.signals, ["INT", "QUIT", "KILL"])
        self.assertNoResult(end)
        self.exit(signal=9)
        self.successResultOf(end)

    def test_end_of_the_ended(self) -> None:
        """A child that has just exited, or is gone, gets no signal."""
        self.transport.exited = True
        end = self.child.end()
        self.exit()
        self.successResultOf(end)
        self.successResultOf(self.child.end())
        self.assertEqual(self.transport.signals, [])
