"""The directory of PostgreSQL's socket."""

import os
import socket
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
        """Make a directory in which the path of a socket has so many bytes, or a few more."""
        rest = length - len(os.fsencode(self.short / "x" / "socket" / SOCKET_NAME)) + 1
        base = self.short / ("b" * max(1, rest))
        base.mkdir()
        return base

    def make(self, base: Path, descriptors: Path | None = None, **environ: str) -> SocketDirectory:
        made = make_socket_directory(base, None, environ, descriptors)
        self.assertEqual(made.path, base / "socket")
        self.assertEqual(stat.S_IMODE(made.path.stat().st_mode), 0o700)
        self.assertTrue(made.path.samefile(made.host))
        self.assertLessEqual(len(os.fsencode(f"{made.host}/{SOCKET_NAME}")), MAX_SOCKET_PATH_BYTES)
        # It does for connecting.
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(f"{made.host}/{SOCKET_NAME}")
            server.listen()
            client.connect(f"{made.host}/{SOCKET_NAME}")
        return made

    def test_fits(self) -> None:
        """A path that just fits is the name."""
        base = self.base(MAX_SOCKET_PATH_BYTES)
        made = self.make(base)
        self.assertEqual(made.host, str(base / "socket"))
        made.release()

    def test_too_long(self) -> None:
        """One byte more, and there is a shorter name as long as it is wanted."""
        made = self.make(self.base(MAX_SOCKET_PATH_BYTES + 1))
        made.release()
        self.assertFalse(Path(made.host).exists())

    def test_without_proc(self) -> None:
        """Where descriptors have no names, the name is in the user's runtime directory, or else in
        the temporary one, or else, where that is of no use either, somewhere in ``/tmp``.
        """
        base = self.base(MAX_SOCKET_PATH_BYTES + 1)
        runtime, temporary = self.short / "run", self.short / "tmp"
        runtime.mkdir()
        temporary.mkdir()
        for places, parent in (
            ({"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(temporary)}, runtime),
            ({"XDG_RUNTIME_DIR": str(self.short / "none"), "TMPDIR": str(temporary)}, temporary),
            ({"TMPDIR": str(base)}, Path("/tmp")),
        ):
            made = self.make(base, self.short / "no proc", **places)
            name = Path(made.host)
            self.assertEqual(name.parents[1], parent)
            self.assertEqual(stat.S_IMODE(name.parent.stat().st_mode), 0o700)
            made.release()
            self.assertFalse(name.parent.exists())

    def test_left_over(self) -> None:
        """What a crash left in the directory is gone; what a link led to is not."""
        base = self.base(60)
        (base / "socket").mkdir()
        (base / "socket" / f"{SOCKET_NAME}.lock").touch()
        made = self.make(base)
        self.assertEqual([each.name for each in made.path.iterdir()], [SOCKET_NAME])
        precious = self.short / "precious"
        precious.mkdir()
        made.path.rename(self.short / "other")
        made.path.symlink_to(precious)
        self.make(base)
        self.assertTrue(precious.exists())
