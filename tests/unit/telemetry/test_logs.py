"""The log: which events, in which form, where to."""

import json
import signal
import sys
from io import StringIO
from pathlib import Path

from twisted.logger import ILogObserver, Logger
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile
from twisted.trial.unittest import SynchronousTestCase

from mudserver.telemetry.logs import CHATTY, observer, open_log


class ObserverTest(SynchronousTestCase):
    def written(self, form: str, level: str) -> list[str]:
        """What is written of one event of each level."""
        stream = StringIO()
        log = Logger("mudserver.test", observer=observer(stream, form, level))
        log.debug("A {what} event.", what="debug")
        log.info("An {what} event.", what="info", session="s1")
        log.warn("A {what} event.", what="warn")  # noqa: G010 - Twisted's name
        log.error("An {what} event.", what="error")
        log.failure("A {what} event.", Failure(ZeroDivisionError("by nought")), what="failure")
        return stream.getvalue().splitlines()

    def test_interface(self) -> None:
        """It is an observer as Twisted knows them."""
        self.assertTrue(ILogObserver.providedBy(observer(StringIO(), "text", "info")))

    def test_levels(self) -> None:
        """Nothing below the level is written; failures always are."""
        for level, expected in (
            ("debug", ["debug", "info", "warn", "error", "failure"]),
            ("info", ["info", "warn", "error", "failure"]),
            ("warn", ["warn", "error", "failure"]),
            ("error", ["error", "failure"]),
        ):
            lines = self.written("json", level)
            self.assertEqual([json.loads(line)["what"] for line in lines], expected)

    def test_chatty(self) -> None:
        """What parts of Twisted tell of each connection is for debugging, unless they warn."""
        for level, expected in (
            ("debug", ["retry.", "warn"]),
            ("info", ["warn"]),
            ("error", []),
        ):
            stream = StringIO()
            for part in ("twisted.application._client_service.ClientService", CHATTY[1]):
                log = Logger(part, observer=observer(stream, "text", level))
                log.info("Scheduling retry.")
                log.warn("warn")  # noqa: G010 - Twisted's name
            lines = stream.getvalue().splitlines()
            self.assertEqual([line.rpartition(" ")[2] for line in lines], expected * 2)

    def test_text(self) -> None:
        """As text: the time, where from, and the words; of a failure the traceback, too."""
        first, *rest = self.written("text", "info")
        self.assertRegex(first, r"^\d{4}-\d\d-\d\dT\S+ \[mudserver\.test#info\] An info event\.$")
        self.assertIn("ZeroDivisionError: by nought", "\n".join(rest))

    def test_json(self) -> None:
        """As JSON: one object a line, with all that the event carries."""
        (line, *_) = self.written("json", "info")
        event = json.loads(line)
        self.assertEqual(event["session"], "s1")
        self.assertEqual(event["log_format"], "An {what} event.")
        self.assertEqual(event["log_level"]["name"], "info")

    def test_rows_can_t_be_forged(self) -> None:
        """What an event carries can't begin a row that looks like another event."""
        for form in ("text", "json"):
            stream = StringIO()
            log = Logger("mudserver.test", observer=observer(stream, form, "info"))
            log.info("{name} plays.", name="Ann\n2026-01-01T00:00:00+0000 [x#info] Bob is owner.")
            self.assertEqual(
                [line for line in stream.getvalue().splitlines() if line.startswith("2026-01-01T")],
                [],
            )


class OpenLogTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.getsignal(signal.SIGUSR1))
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self.path = Path(self.mktemp())
        self.path.mkdir()

    def test_terminal(self) -> None:
        """In the foreground the log goes to the standard output, unless a file is named."""
        self.assertIs(open_log("", daemon=False), sys.stdout)
        self.assertIs(open_log("-", daemon=False), sys.stdout)

    def test_a_daemon_has_none(self) -> None:
        """A daemon can't log to a terminal that it leaves."""
        with self.assertRaises(SystemExit) as raised:
            open_log("-", daemon=True)
        self.assertIn("stdout", str(raised.exception))

    def test_file(self) -> None:
        """A file is written to, and begun anew on SIGUSR1."""
        file = self.path / "mud.log"
        log = open_log(str(file), daemon=True)
        self.addCleanup(log.close)
        self.assertIsInstance(log, LogFile)
        log.write("one\n")
        signal.raise_signal(signal.SIGUSR1)
        log.write("two\n")
        log.flush()
        self.assertEqual(file.read_text(), "two\n")
        self.assertEqual((self.path / "mud.log.1").read_text(), "one\n")

    def test_others_keep_their_signal(self) -> None:
        """Who has taken SIGUSR1 before keeps it."""
        got: list[int] = []
        signal.signal(signal.SIGUSR1, lambda number, frame: got.append(number))
        log = open_log(str(self.path / "mud.log"), daemon=False)
        self.addCleanup(log.close)
        signal.raise_signal(signal.SIGUSR1)
        self.assertEqual(got, [signal.SIGUSR1])
