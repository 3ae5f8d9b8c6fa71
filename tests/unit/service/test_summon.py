"""Starting another process like this one; and the file with the process's id."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from mudserver.config import SUMMONS_VARIABLE
from mudserver.errors import Unavailable
from mudserver.service.pidfile import Pidfile
from mudserver.service.summon import Summoned


class TwistdOptions(usage.Options):
    """As twistd's."""

    optParameters = [["pidfile", None, ""]]  # noqa: N815, RUF012 (usage.Options wants it so)


class SummonTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.file = Path(self.mktemp())
        self.file.write_text("1")
        self.options = TwistdOptions()
        self.options["pidfile"] = str(self.file)

    def summon(self, program: str, python: str = sys.executable) -> Summoned:
        """Start a Python program in place of this one."""
        command = (python, "-c", program)
        summoned = Summoned(command, "word", os.environ, Pidfile(self.options))
        self.addCleanup(summoned._process.wait)
        return summoned

    def test_same(self) -> None:
        """It is started as this one was, and knows what with; its session is its own."""
        told = Path(self.mktemp()).absolute()
        program = (
            f"import os; open({str(told)!r}, 'w').write("
            f"os.environ['{SUMMONS_VARIABLE}'] + str(os.getsid(0) == os.getpid()) + os.getcwd())"
        )
        summoned = self.summon(program)
        self.assertEqual(summoned._process.wait(), 0)
        self.assertEqual(told.read_text(), f"wordTrue{Path.cwd()}")

    def test_problem(self) -> None:
        """How it ended is told; one that ended well has gone into the background."""
        for program, problem in (
            ("raise SystemExit(3)", "ended with status 3"),
            ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
            ("pass", ""),
        ):
            summoned = self.summon(program)
            summoned._process.wait()
            self.assertEqual(summoned.problem, problem)

    def test_given_up(self) -> None:
        """One that is given up ends, and the file names this process again."""
        summoned = self.summon("import signal; signal.pause()")
        self.assertFalse(self.file.exists())
        self.assertEqual(summoned.problem, "")
        summoned.give_up()
        self.assertEqual(summoned._process.wait(), -15)
        self.assertEqual(self.file.read_text(), str(os.getpid()))

    def test_given_up_in_the_background(self) -> None:
        """One that has gone into the background ends as well, by its id or by the file."""
        for told in (True, False):
            child = subprocess.Popen(
                [sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True
            )
            self.addCleanup(child.wait)
            summoned = self.summon("pass")
            summoned._process.wait()
            if told:
                summoned.give_up(child.pid)
            else:
                self.file.write_text(str(child.pid))
                summoned.give_up()
            self.assertEqual(child.wait(), -signal.SIGTERM)
            self.assertEqual(self.file.read_text(), str(os.getpid()))

    def test_given_up_too_late(self) -> None:
        """One that has ended by itself is let be, and so is whoever has its id now."""
        summoned = self.summon("raise SystemExit(3)")
        summoned._process.wait()
        summoned.give_up(os.getpid())
        self.assertEqual(self.file.read_text(), str(os.getpid()))

    def test_left(self) -> None:
        """One that goes on keeps the file, which twistd removes no more."""
        summoned = self.summon("pass")
        summoned._process.wait()
        summoned.leave()
        self.assertEqual(self.options["pidfile"], "")
        self.assertFalse(self.file.exists())

    def test_impossible(self) -> None:
        """Where it can't be started, this one goes on, and says so."""
        self.assertRaises(Unavailable, self.summon, "pass", "/nowhere/python")
        self.assertEqual(self.file.read_text(), str(os.getpid()))

    def test_no_file(self) -> None:
        """Where there is no such file, or nobody knows, nothing is touched."""
        self.options["pidfile"] = ""
        for options in (self.options, None):
            pidfile = Pidfile(options)
            pidfile.remove()
            pidfile.write()
            pidfile.forget()
        self.assertEqual(self.file.read_text(), "1")
