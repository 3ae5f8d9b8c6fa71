"""Unix sockets whose paths are longer than the operating system takes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

#: Bytes of a path in ``sockaddr_un``, less the NUL at its end (unix(7): 108 on Linux).
MAX_PATH_BYTES: Final = 103


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """
    Yield a path that is short enough to bind or connect to, while the context lasts.

    A long one is reached through the open descriptor of its directory (proc(5)).

    Raises:
        OSError: The directory doesn't exist, or there is no ``/proc``.
    """
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield str(path)
        return
    only_the_path = getattr(os, "O_PATH", os.O_RDONLY)  # a flag that only Linux has
    descriptor = os.open(path.parent, only_the_path | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
