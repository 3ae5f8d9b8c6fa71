"""Dead letters in a file."""

import fcntl
from datetime import UTC, datetime
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.spool import Spool
from mudserver.interfaces.undelivered import Undelivered

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def letter(id: str, payload: bytes = b"\x00\xff\n") -> Undelivered:
    return Undelivered(id, "gateway.a", "Show", payload, "Nö.\n", 3, AT, AT)


class LockedSpool(Spool):
    """Fails where it writes while others could be at the file."""

    def locked(self) -> bool:
        with self.path.with_name("letters.lock").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _write(self, path: Path, content: bytes, how: int) -> None:
        assert self.locked()
        super()._write(path, content, how)


class SpoolTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "state" / "letters"
        self.spool = Spool(self.path)

    def ids(self) -> list[str]:
        return [each.id for each in self.spool.read().letters]

    def test_nothing(self) -> None:
        """Without a file there is nothing, and no file is made for that."""
        found = self.spool.read()
        self.assertEqual((found.letters, found.unreadable, found.end), ((), 0, 0))
        self.assertTrue(self.spool.cut(found))
        self.assertEqual(self.spool.append(()), 0)
        self.assertFalse(self.path.exists())

    def test_there_and_back(self) -> None:
        """Letters are read as they were, in order, also by the next process."""
        self.assertEqual(self.spool.append((letter("1"),)), 1)
        self.assertEqual(self.spool.append((letter("2", b""), letter("3"))), 2)
        found = Spool(self.path).read()
        self.assertEqual(found.letters, (letter("1"), letter("2", b""), letter("3")))
        self.assertEqual((found.unreadable, found.end), (0, self.spool.size))

    def test_private(self) -> None:
        """Nobody but the owner may read what somebody said."""
        self.spool.append((letter("1"),))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_torn(self) -> None:
        """What a crash tore off anywhere is skipped and counted; what comes after it is whole."""
        self.spool.append((letter("1"), letter("2")))
        whole = self.path.read_bytes()
        first = whole.index(b"\n") + 1
        for length in range(first, len(whole)):
            self.path.write_bytes(whole[:length])
            self.spool.append((letter("3"),))
            torn = length - first
            expected = ["1", "2", "3"] if length == len(whole) - 1 else ["1", "3"]
            self.assertEqual(self.ids(), expected, length)
            self.assertEqual(
                self.spool.read().unreadable, int(bool(torn) and len(expected) == 2), length
            )

    def test_garbage(self) -> None:
        """Lines that are no letters are skipped and counted."""
        self.spool.append((letter("1"),))
        with self.path.open("ab") as file:
            file.write(b"{}\n\xff\xfe\nnull\n")
        self.spool.append((letter("2"),))
        self.assertEqual((self.ids(), self.spool.read().unreadable), (["1", "2"], 3))

    def test_full(self) -> None:
        """Letters that don't fit are refused; the file never grows beyond its bound."""
        self.spool.append((letter("1"),))
        self.spool = Spool(self.path, max_bytes=3 * self.spool.size)
        self.assertEqual(self.spool.append(tuple(map(letter, "2345"))), 2)
        self.assertEqual(self.spool.append((letter("6"),)), 0)
        self.assertEqual(self.ids(), ["1", "2", "3"])
        self.assertLessEqual(self.spool.size, self.spool.max_bytes)

    def test_cut(self) -> None:
        """What was read is forgotten; what came since then stays, and more may come."""
        self.spool.append((letter("1"), letter("2")))
        found = self.spool.read()
        self.spool.append((letter("3"),))
        self.spool.cut(found)
        self.assertEqual(self.ids(), ["3"])
        self.spool.append((letter("4"),))
        self.spool.cut(self.spool.read())
        self.assertEqual((self.ids(), self.path.exists()), ([], False))

    def test_cut_by_another(self) -> None:
        """What another process has forgotten is not cut off once more, from what came since."""
        self.spool.append((letter("1"), letter("2")))
        other = Spool(self.path)
        found, same = self.spool.read(), other.read()
        self.spool.cut(found)
        self.spool.append((letter("3"), letter("4"), letter("5")))
        other.cut(same)
        self.assertEqual(self.ids(), ["3", "4", "5"])

    def test_locked(self) -> None:
        """While one process writes the file, no other is at it; afterwards any may be."""
        spool = LockedSpool(self.path)
        spool.append((letter("1"), letter("2")))
        found = spool.read()
        spool.append((letter("3"),))
        spool.cut(found)
        self.assertEqual(self.ids(), ["3"])
        self.assertFalse(spool.locked())

    def test_not_writable(self) -> None:
        """Where no file can be, that is an error."""
        self.path.parent.parent.mkdir()
        self.path.parent.write_bytes(b"")
        with self.assertRaises(OSError):
            self.spool.append((letter("1"),))
