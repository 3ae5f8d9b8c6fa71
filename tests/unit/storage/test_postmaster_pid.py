"""What a cluster's ``postmaster.pid`` says."""

import os
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.storage.postmaster_pid import (
    LEFT_OVER_INT,
    LEFT_OVER_POLL,
    exists,
    outlive_left_over,
    recorded_pid,
    serves,
)


class PostmasterPidTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cluster = Path(self.mktemp())
        self.cluster.mkdir()
        self.file = self.cluster / "postmaster.pid"
        self.clock = Clock()

    def outlive(self) -> "Deferred[None]":
        return Deferred.fromCoroutine(outlive_left_over(self.clock, self.cluster))

    def test_recorded(self) -> None:
        """The first line is the process; a negative one is that of single-user mode."""
        self.assertIsNone(recorded_pid(self.cluster))
        for text, pid in (("123\n/data\n", 123), ("-123\n", 123), ("123", 123)):
            self.file.write_text(text)
            self.assertEqual(recorded_pid(self.cluster), pid)

    def test_exists(self) -> None:
        """A process exists, or doesn't."""
        self.assertTrue(exists(os.getpid()))
        self.assertTrue(exists(1))
        self.assertFalse(exists(4_194_304))

    def test_other_program(self) -> None:
        """A process of another program is no server, even one that names the cluster."""
        self.assertFalse(serves(os.getpid(), self.cluster))
        self.assertFalse(serves(4_194_304, self.cluster))

    def test_nothing_left_over(self) -> None:
        """Without a file, or with one of a process that is no server, nobody is waited for; the
        file stays, for PostgreSQL to judge.
        """
        self.successResultOf(self.outlive())
        for pid in (os.getpid(), 4_194_304):
            self.file.write_text(f"{pid}\n")
            self.successResultOf(self.outlive())
            self.assertTrue(self.file.exists())

    def test_being_written(self) -> None:
        """A file that names nobody may just be in the writing: it is given time."""
        self.file.write_text("")
        waiting = self.outlive()
        self.clock.advance(LEFT_OVER_POLL)
        self.assertNoResult(waiting)
        self.file.write_text(f"{os.getpid()}\n")
        self.clock.advance(LEFT_OVER_POLL)
        self.successResultOf(waiting)
        self.assertTrue(self.file.exists())

    def test_never_written(self) -> None:
        """A file that goes on naming nobody is of a crash, and is removed."""
        self.file.write_text("")
        waiting = self.outlive()
        self.clock.pump([LEFT_OVER_POLL] * round(LEFT_OVER_INT / LEFT_OVER_POLL + 2))
        self.successResultOf(waiting)
        self.assertFalse(self.file.exists())
