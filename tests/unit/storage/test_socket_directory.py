"""The directory of PostgreSQL's socket."""

import os
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mudserver.storage.socket_directory import (
    MAX_SOCKET_PATH_BYTES,
    SOCKET_NAME,
    SocketDirectory,
    make_socket_directory,
)


class SocketDirectoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        # trial's own directories have long paths.
        short = tempfile.TemporaryDirectory()
        self.addCleanup(short.cleanup)
        self.short = Path(short.name)

    def base(self, length: int) -> Path:
        """Make a directory in which the path of a socket has so many bytes."""
        rest = length - len(os.fsencode(self.short / "x" / "socket" / SOCKET_NAME)) + 1
        base = self.short / ("b" * rest)
        base.mkdir()
        return base

    def make(self, base: Path, **environ: str) -> SocketDirectory:
        made = make_socket_directory(base, None, environ)
        self.addCleanup(made.remove)
        self.assertEqual(stat.S_IMODE(made.path.lstat().st_mode), 0o700)
        self.assertLessEqual(len(os.fsencode(made.path / SOCKET_NAME)), MAX_SOCKET_PATH_BYTES)
        return made

    def test_fits(self) -> None:
        """A path that just fits stays with the data, and what was left there is gone."""
        base = self.base(MAX_SOCKET_PATH_BYTES)
        (base / "socket").mkdir()
        (base / "socket" / (SOCKET_NAME + ".lock")).touch()
        made = self.make(base)
        self.assertEqual(made.path, base / "socket")
        self.assertEqual(list(made.path.iterdir()), [])

    def test_too_long(self) -> None:
        """One byte more, and it goes elsewhere, and is removed from there."""
        base = self.base(MAX_SOCKET_PATH_BYTES + 1)
        made = self.make(base)
        self.assertEqual((base / "socket").readlink(), made.path)
        made.remove()
        self.assertFalse(made.path.exists())
        self.assertEqual(list(base.iterdir()), [])

    def test_runtime_directory(self) -> None:
        """The user's runtime directory is the first choice, if it is of use."""
        base = self.base(MAX_SOCKET_PATH_BYTES + 1)
        runtime = self.short / "run"
        runtime.mkdir()
        places = {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(self.short)}
        self.assertEqual(self.make(base, **places).path.parent, runtime)
        places["XDG_RUNTIME_DIR"] = str(self.short / "none")
        self.assertEqual(self.make(base, **places).path.parent, self.short)

    def test_left_over(self) -> None:
        """What a crash left elsewhere is removed at the next start."""
        base = self.base(MAX_SOCKET_PATH_BYTES + 1)
        left_over = self.make(base)
        (left_over.path / SOCKET_NAME).touch()
        self.make(base)
        self.assertFalse(left_over.path.exists())

    def test_not_ours(self) -> None:
        """A link that leads to what we can't have made is removed, what it leads to is not."""
        base = self.base(60)
        precious = self.short / "precious"
        precious.mkdir()
        (base / "socket").symlink_to(precious)
        self.assertEqual(self.make(base).path, base / "socket")
        self.assertTrue(precious.exists())

    def test_long_temporary_directory(self) -> None:
        """Where the temporary directory has a long path itself, a short one is taken."""
        base = self.base(MAX_SOCKET_PATH_BYTES + 1)
        self.assertNotEqual(self.make(base, TMPDIR=str(base)).path.parent, base)
