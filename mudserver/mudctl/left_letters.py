"""``mudctl deadletters import``: letters that a process of another name left in a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from twisted.protocols import amp

from mudserver.bus.spool import Spool, Spooled
from mudserver.control.commands import CHUNK, ImportLetters, WriteChunk
from mudserver.interfaces.undelivered import Undelivered

#: Letters that are handed over together, and bytes of them unless it is one alone: enough that a
#: full file takes seconds, far less than the daemon takes at once.
MAX_TOGETHER: Final = 500
MAX_BYTES: Final = 1024 * 1024

_encoder: Final = msgspec.json.Encoder()


async def import_letters(daemon: amp.AMP, file: Path) -> str:
    """
    Have the letters of a file kept, and take them out of it.

    It may be repeated, whatever happened the first time: a letter has one name for ever.

    Returns:
        What to tell the operator.

    Raises:
        OSError: The file can't be read, or written.
        Refused: The letters can't be kept; the file is as it was.
    """
    spool = Spool(file)
    found = _read(spool)
    for some in _together(found.letters):
        document = b"[" + b",".join(some) + b"]"
        for start in range(0, len(document), CHUNK):
            await daemon.callRemote(WriteChunk, chunk=document[start : start + CHUNK])
        await daemon.callRemote(ImportLetters)
    said = f"{len(found.letters)} dead letters of {file} are kept"
    if found.unreadable:
        return f"{said}; {found.unreadable} lines can't be read, so the file stays as it is."
    if _cut(spool, found):
        return f"{said}; it is empty now."
    return f"{said}; in it are others, which have come meanwhile."


def _read(spool: Spool) -> Spooled:
    if not spool.path.is_file():
        raise FileNotFoundError(f"{spool.path} is no file of dead letters")
    with _as_its_owner(spool.path):
        return spool.read()


def _cut(spool: Spool, found: Spooled) -> bool:
    """Take out what was read; return whether nothing is left."""
    if not spool.path.exists():
        return True
    with _as_its_owner(spool.path):
        return spool.cut(found) and not spool.size


@contextmanager
def _as_its_owner(file: Path) -> Iterator[None]:
    """
    Have root do what the file's owner would do, and no more.

    So what is made beside it can be used by the daemon, and nobody who owns the folder can lead
    root elsewhere.
    """
    owner = file.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _together(letters: tuple[Undelivered, ...]) -> Iterator[list[bytes]]:
    """Yield what is handed over together, written down."""
    some: list[bytes] = []
    size = 0
    for line in map(_encoder.encode, letters):
        if some and (len(some) == MAX_TOGETHER or size + len(line) > MAX_BYTES):
            yield some
            some, size = [], 0
        some.append(line)
        size += len(line)
    if some:
        yield some
