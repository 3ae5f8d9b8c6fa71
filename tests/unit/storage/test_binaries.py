"""The search for PostgreSQL's programs."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.binaries import find_binaries, find_program


class FindBinariesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()

    def install(self, directory: str, version: str, programs: str = "postgres initdb") -> Path:
        path = self.base / directory
        path.mkdir(parents=True)
        for name in programs.split():
            program = path / name
            said = "postgres" if name == "initdb" else name
            program.write_text(f"#!/bin/sh\necho '{said} (PostgreSQL) {version}'\n")
            program.chmod(0o755)
        return path

    def configuration(self, bindir: Path) -> Path:
        directory = self.base / "configuration"
        directory.mkdir()
        program = directory / "pg_config"
        program.write_text(f"#!/bin/sh\necho '{bindir}'\n")
        program.chmod(0o755)
        return directory

    def find(self, major: int | None = None, path: str = "", **environ: str) -> tuple[Path, int]:
        # Nothing of the machine that the tests run on.
        found = find_binaries(
            {"PATH": path, **environ},
            major=major,
            package="no_such_package",
            system=[f"{self.base}/system/*/bin"],
        )
        return found.directory, found.major

    def test_order(self) -> None:
        """Asked are $PG_BIN, pg_config, the system's directories, and PATH, in this order."""
        chosen = self.install("chosen", "16.1")
        configured = self.install("configured", "17.2")
        system = self.install("system/18/bin", "18.3")
        walked = self.install("walked", "15.4")
        configuration = self.configuration(configured)
        path = f"{configuration}{os.pathsep}{walked}"
        self.assertEqual(self.find(path=path, PG_BIN=str(chosen)), (chosen, 16))
        self.assertEqual(self.find(path=path), (configured, 17))
        self.assertEqual(self.find(path=str(walked)), (system, 18))
        (system / "initdb").unlink()
        self.assertEqual(self.find(path=str(walked)), (walked, 15))

    def test_newest_of_the_system(self) -> None:
        """Of the system's versions the newest is taken, by number and not by letter."""
        self.install("system/9/bin", "9.6.1")
        self.install("system/15/bin", "15.1")
        newest = self.install("system/18/bin", "18beta1")
        self.assertEqual(self.find(), (newest, 18))

    def test_version_of_the_data(self) -> None:
        """Where data exists the version that made it is taken, wherever it is found."""
        chosen = self.install("chosen", "18.1")
        older = self.install("system/16/bin", "16.1")
        self.assertEqual(self.find(16, PG_BIN=str(chosen)), (older, 16))

    def test_version_missing(self) -> None:
        """Where that version is missing, the error names it and those that there are."""
        self.install("chosen", "18.1")
        error = self.assertRaises(
            EmbeddedPostgresError, self.find, 15, PG_BIN=str(self.base / "chosen")
        )
        self.assertIn("PostgreSQL 15 is needed", str(error))
        self.assertIn("18 in ", str(error))

    def test_too_old(self) -> None:
        """Versions older than the oldest supported are refused for new data."""
        self.install("system/14/bin", "14.9")
        self.assertIn("newer is needed", str(self.assertRaises(EmbeddedPostgresError, self.find)))

    def test_unusable(self) -> None:
        """A directory that has not all programs, or whose programs don't work, is passed over."""
        self.install("half", "18.1", "postgres")
        broken = self.install("broken", "18.1")
        (broken / "postgres").write_text("#!/bin/sh\nexit 1\n")
        path = os.pathsep.join(str(self.base / name) for name in ("half", "broken", "none"))
        error = self.assertRaises(EmbeddedPostgresError, self.find, path=path)
        for way in ("embedded", "PG_BIN", "--database"):
            self.assertIn(way, str(error))

    def test_closed(self) -> None:
        """A directory of PATH that is closed to us is passed over."""
        closed = self.install("closed/bin", "18.1").parent
        walked = self.install("walked", "17.1")
        closed.chmod(0)
        self.addCleanup(closed.chmod, 0o700)
        expected = {(walked, 17), (closed / "bin", 18)} if os.geteuid() == 0 else {(walked, 17)}
        self.assertIn(self.find(path=f"{closed}/bin{os.pathsep}{walked}"), expected)

    def test_named(self) -> None:
        """Where the operator named a directory, no other is looked at."""
        self.install("system/18/bin", "18.1")
        named = self.install("named", "17.1")
        self.assertEqual(find_binaries({}, directory=named).directory, named)
        self.assertRaises(EmbeddedPostgresError, find_binaries, {}, directory=self.base)
        self.assertRaises(EmbeddedPostgresError, find_binaries, {}, directory=named, major=18)

    def find_dump(self, major: int, **environ: str) -> Path:
        return find_program(
            "pg_dump",
            major,
            {"PATH": "", **environ},
            package="no_such_package",
            system=[f"{self.base}/system/*/bin"],
        )

    def test_program_fitting(self) -> None:
        """That of the server's own version is taken, wherever it is; else the next newer."""
        chosen = self.install("chosen", "18.1", "pg_dump")
        older = self.install("system/15/bin", "15.9", "pg_dump")
        newer = self.install("system/17/bin", "17.2", "pg_dump")
        for major, where in ((15, older), (16, newer), (17, newer), (18, chosen)):
            found = self.find_dump(major, PG_BIN=str(chosen))
            self.assertEqual(found, where / "pg_dump")

    def test_program_only_older(self) -> None:
        """An older one won't do; the error names what is needed and what there is."""
        older = self.install("system/15/bin", "15.9", "pg_dump")
        self.install("system/18/bin", "18.1", "postgres initdb")
        error = self.assertRaises(EmbeddedPostgresError, self.find_dump, 18)
        self.assertIn("pg_dump of PostgreSQL 18 is needed", str(error))
        self.assertIn(str(older / "pg_dump"), str(error))

    def test_program_none(self) -> None:
        """Where there is none, the error says what to do."""
        error = self.assertRaises(EmbeddedPostgresError, self.find_dump, 18)
        self.assertIn("PG_BIN", str(error))
