"""A private directory for PostgreSQL's Unix socket, with a path that is short enough."""

import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.privilege import User

#: The longest path of a Unix socket, in bytes (the smallest ``sun_path``, macOS', has 104 with
#: its final zero; Linux' has 108).
MAX_SOCKET_PATH_BYTES = 103 if os.uname().sysname == "Darwin" else 107

SOCKET_NAME = ".s.PGSQL.5432"
_PREFIX = "mudserver-"


@frozen
class SocketDirectory:
    """
    Where the socket is: ``base/socket``, or, where that path is too long, a short directory
    elsewhere, to which ``base/socket`` is then a symbolic link, so that one that a crash left
    behind is found.

    Attributes:
        path: The directory, mode 0700, the server's user its owner.
        link: The symbolic link to it, if it is elsewhere.
    """

    path: Path
    link: Path | None

    def remove(self) -> None:
        """Remove what is elsewhere; the server must have ended."""
        if self.link is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            self.link.unlink(missing_ok=True)


def make_socket_directory(
    base: Path, user: User | None, environ: Mapping[str, str]
) -> SocketDirectory:
    """
    Make it, empty.

    Args:
        base: The directory of the embedded database.
        user: As whom the server runs; None for ourselves.
        environ: The environment, for ``XDG_RUNTIME_DIR`` and ``TMPDIR``.

    Raises:
        EmbeddedPostgresError: Every path is too long.
        OSError: It can't be made.
    """
    owner = os.geteuid() if user is None else user.uid
    plain = base / "socket"
    if plain.is_symlink():
        _remove_left_over(plain.readlink(), owner)
        plain.unlink()
    elif plain.exists():
        shutil.rmtree(plain)
    if _fits(plain):
        plain.mkdir(0o700)
        _give(plain, user)
        return SocketDirectory(plain, None)
    # Root's runtime directory is closed to the server's user.
    runtime = environ.get("XDG_RUNTIME_DIR", "") if user is None else ""
    for place in (runtime, environ.get("TMPDIR", ""), "/tmp"):  # noqa: S108 - mkdtemp is private
        if not place or not _fits(Path(place, f"{_PREFIX}12345678")):
            continue
        try:
            path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        except OSError:
            continue
        _give(path, user)
        plain.symlink_to(path)
        return SocketDirectory(path, plain)
    raise EmbeddedPostgresError(
        f"the path of a socket in {base} is longer than {MAX_SOCKET_PATH_BYTES} bytes, and no"
        " directory with a shorter one can be made in XDG_RUNTIME_DIR or TMPDIR"
    )


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES


def _give(path: Path, user: User | None) -> None:
    if user is not None:
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def _remove_left_over(path: Path, owner: int) -> None:
    """Remove a directory that a link names, if it looks like one that we made."""
    try:
        status = path.lstat()
    except OSError:
        return
    if path.name.startswith(_PREFIX) and status.st_uid == owner and stat.S_ISDIR(status.st_mode):
        shutil.rmtree(path, ignore_errors=True)
