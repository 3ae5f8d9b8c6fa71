"""The file in which twistd has written the id of this process."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from twisted.python import usage

_OPTION: Final = "pidfile"


class Pidfile:
    """
    That file, where there is one.

    Args:
        twistd: Its options; None where they aren't known.
    """

    def __init__(self, twistd: usage.Options | None) -> None:
        self._twistd = twistd

    def remove(self) -> None:
        """Take it away, so that another process like this one may write its own."""
        path = self._path
        if path is not None:
            with suppress(FileNotFoundError):
                path.unlink()

    def read(self) -> int | None:
        """Return which process has written it; None where none has."""
        path = self._path
        try:
            return None if path is None else int(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def write(self) -> None:
        """Write it again."""
        path = self._path
        if path is not None:
            path.write_text(str(os.getpid()), encoding="ascii")

    def forget(self) -> None:
        """Let it be another's: twistd would remove it when it ends."""
        if self._twistd is not None:
            self._twistd[_OPTION] = ""

    @property
    def _path(self) -> Path | None:
        name = None if self._twistd is None else self._twistd.get(_OPTION)
        return Path(name) if name else None
