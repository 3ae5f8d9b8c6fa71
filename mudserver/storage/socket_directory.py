"""The private directory of PostgreSQL's Unix socket, however long its path."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.privilege import User

#: The longest path of a Unix socket, in bytes, its final zero not counted (``sun_path``, unix(7)).
MAX_SOCKET_PATH_BYTES = 103 if os.uname().sysname == "Darwin" else 107

SOCKET_NAME = ".s.PGSQL.5432"

#: The directory as the server is told it, from its data directory beside it: always short.
FROM_CLUSTER = "../socket"


@frozen
class SocketDirectory:
    """
    Where the socket is, and how clients name it.

    Where the path is too long for a socket, clients get there by our open descriptor in
    ``/proc``, which leaves nothing behind, or where there is no such thing by a symbolic link in a
    private temporary directory, which only a kill -9 leaves behind.

    Attributes:
        path: The directory, mode 0700, its owner the server's user.
        host: A name of it that is short enough, while we live.
    """

    path: Path
    host: str
    _descriptor: int | None = None
    _shortcut: Path | None = None

    def release(self) -> None:
        """Let go of the name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        if self._shortcut is not None:
            shutil.rmtree(self._shortcut, ignore_errors=True)


def make_socket_directory(
    base: Path, user: User | None, environ: Mapping[str, str], descriptors: Path | None = None
) -> SocketDirectory:
    """
    Make ``base/socket``, empty.

    Args:
        base: The directory of the embedded database.
        user: As whom the server runs; None for ourselves.
        environ: The environment, for ``XDG_RUNTIME_DIR`` and ``TMPDIR``.
        descriptors: Where the system shows our open descriptors as links; None for ``/proc``.

    Raises:
        EmbeddedPostgresError: No name of it is short enough.
        OSError: It can't be made.
    """
    path = base / "socket"
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
    path.mkdir(0o700)
    if user is not None:
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
    if _fits(path):
        return SocketDirectory(path, str(path))
    descriptors = descriptors or Path(f"/proc/{os.getpid()}/fd")
    if descriptors.is_dir():
        # Not inherited by children.
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        return SocketDirectory(path, str(descriptors / str(descriptor)), descriptor=descriptor)
    for place in (environ.get("XDG_RUNTIME_DIR", ""), environ.get("TMPDIR", ""), "/tmp"):  # noqa: S108
        # The directory that is made there has mode 0700 and a name that nobody can foresee.
        if not place or not _fits(Path(place, "mudserver-12345678", "s")):
            continue
        try:
            shortcut = Path(tempfile.mkdtemp(prefix="mudserver-", dir=place))
        except OSError:
            continue
        (shortcut / "s").symlink_to(path)
        return SocketDirectory(path, str(shortcut / "s"), shortcut=shortcut)
    raise EmbeddedPostgresError(
        f"the path of a socket in {base} is longer than {MAX_SOCKET_PATH_BYTES} bytes, and no"
        " shorter one can be made in XDG_RUNTIME_DIR, TMPDIR or /tmp"
    )


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES
