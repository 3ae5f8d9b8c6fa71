"""Files of dead letters that were left behind."""

from pathlib import Path

from twisted.internet.defer import Deferred, fail
from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.dead_letters import Elsewhere, at_once
from mudserver.bus.spool import Spool
from mudserver.bus.stray_spools import MAX_NAMED, StraySpools
from tests.unit.bus.test_spool import letter
from tests.unit.logs import Captured


class StraySpoolsTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.own = self.folder / "world-1.spool"

    def leave(self, name: str, *ids: str) -> Path:
        path = self.folder / name
        Spool(path).append(tuple(map(letter, ids)))
        return path

    def told(self, *folders: Path, elsewhere: Elsewhere = at_once) -> list[str]:
        spools = StraySpools(self.own, (self.folder, *folders), elsewhere)
        with Captured() as events:
            spools.startService()
        self.addCleanup(spools.stopService)
        return [formatEvent(event) for event in events]

    def test_none(self) -> None:
        """Where there are none, nothing is said; nor of the own one, or of what is empty."""
        self.assertEqual(self.told(), [])
        self.leave("world-1.spool", "a")
        self.leave("world-1.spool.lock", "b")
        (self.folder / "gateway.spool").touch()
        self.assertEqual(self.told(), [])

    def test_counted(self) -> None:
        """The log says where they are, how many, and what to do; once for each file."""
        path = self.leave("world-old.spool", "a", "b")
        [line] = self.told(self.folder)
        self.assertIn(f"2 dead letters of a process of another name lie in {path}.", line)
        self.assertIn(f"mudctl deadletters import {path}", line)

    def test_elsewhere(self) -> None:
        """Other folders are looked at, too."""
        self.leave("a.spool", "a")
        other = self.folder / "a folder"
        Spool(other / "b.spool").append((letter("b"),))
        line, _ = self.told(other)
        self.assertIn(f"import '{other / 'b.spool'}'", line)

    def test_torn(self) -> None:
        """So are files of which nothing can be read."""
        (self.leave("a.spool", "a")).write_text("nothing\n")
        [line] = self.told()
        self.assertIn("0 dead letters and 1 lines that can't be read", line)

    def test_unreadable(self) -> None:
        """A file that can't be opened is named, with the reason."""
        (self.folder / "a.spool").mkdir(parents=True)
        [line] = self.told()
        self.assertIn("a.spool can't be seen: Is a directory", line)

    def test_many(self) -> None:
        """Of very many some are named, and the others counted."""
        for number in range(MAX_NAMED + 3):
            self.leave(f"{number}.spool", "a")
        lines = self.told()
        self.assertEqual(len(lines), MAX_NAMED + 1)
        self.assertIn("in 3 more files", lines[-1])

    def test_fails(self) -> None:
        """That nobody can look is no reason not to start."""

        def never(work: object) -> Deferred[object]:
            del work
            return fail(RuntimeError("no thread"))

        [line] = self.told(elsewhere=never)  # type: ignore[arg-type]
        self.assertIn("can't be looked for", line)
        self.flushLoggedErrors(RuntimeError)
