"""Backups, as far as they can be known without a database."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.backup import FILE_MODE, Backup
from mudserver.storage.child import Child, IReactorForChildren
from mudserver.storage.dsn import Dsn

SECRET = "correct horse"


class Transport:
    def closeChildFD(self, descriptor: int) -> None:
        pass

    def signalProcess(self, name: str) -> None:
        pass


class Spawner(Clock):
    """Starts nothing, but says what it was asked to."""

    child: Child
    command: Sequence[str]
    environ: Mapping[str, str]

    def spawnProcess(
        self, child: Child, executable: str, command: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self.child, self.command, self.environ = child, command, env
        child.makeConnection(cast(IProcessTransport, Transport()))


class BackupTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.spawner = Spawner()
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.file = self.directory / "mud.dump"
        dsn = Dsn({"host": "db.example.org", "user": "mud", "dbname": "w", "password": SECRET})
        self.backup = Backup(
            dsn, Path("/pg/bin"), cast(IReactorForChildren, self.spawner), {"PATH": "/bin"}
        )

    def partial(self) -> Path:
        (partial,) = self.directory.glob("*.partial")
        return partial

    def test_command(self) -> None:
        """The password is in the environment, where others don't see it, not in the arguments."""
        saved = self.backup.save(self.file)
        program, *arguments = self.spawner.command
        self.assertEqual(program, "/pg/bin/pg_dump")
        self.assertIn("host=db.example.org user=mud dbname=w", arguments)
        self.assertNotIn(SECRET, " ".join(arguments))
        self.assertEqual(self.spawner.environ, {"PATH": "/bin", "PGPASSWORD": SECRET})
        self.spawner.child.processEnded(Failure(ProcessDone(0)))
        self.successResultOf(saved)

    def test_whole_or_not_at_all(self) -> None:
        """Until the end the file is another's, and an older one stays; then it is replaced."""
        self.file.write_text("old")
        saved = self.backup.save(self.file)
        self.assertEqual(self.partial().stat().st_mode & 0o777, FILE_MODE)
        self.partial().write_text("new")
        self.assertEqual(self.file.read_text(), "old")
        self.assertNoResult(saved)
        self.spawner.child.processEnded(Failure(ProcessDone(0)))
        self.successResultOf(saved)
        self.assertEqual(self.file.read_text(), "new")
        self.assertEqual(list(self.directory.iterdir()), [self.file])

    def test_failure(self) -> None:
        """One that fails says why, leaves the older one, and nothing half done."""
        self.file.write_text("old")
        saved = self.backup.save(self.file)
        self.spawner.child.errReceived(b"pg_dump: error: no space left\n")
        self.spawner.child.processEnded(Failure(ProcessTerminated(1)))
        error = self.failureResultOf(saved, EmbeddedPostgresError)
        self.assertIn("no space left", error.getErrorMessage())
        self.assertEqual(self.file.read_text(), "old")
        self.assertEqual(list(self.directory.iterdir()), [self.file])

    def test_left_over(self) -> None:
        """What an interrupted one left behind is in nobody's way."""
        left_over = self.directory / "mud.dump.partial"
        left_over.write_text("half")
        left_over.chmod(0o644)
        self.backup.save(self.file)
        self.assertEqual(self.partial().stat().st_mode & 0o777, FILE_MODE)
        self.spawner.child.processEnded(Failure(ProcessDone(0)))
        self.assertEqual(self.file.read_text(), "")

    def test_no_directory(self) -> None:
        """A file that can't be is an error at once."""
        self.assertRaises(OSError, self.backup.save, self.directory / "none" / "mud.dump")
