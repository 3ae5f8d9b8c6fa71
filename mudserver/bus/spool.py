"""
A file of dead letters, for while they can't be kept where they should be.

One JSON object in a line. What is appended is on the disc when the call returns; what a crash tore
off is skipped by the reader. Processes that share a file, as a world and the one that follows it
do for a while, wait for each other: a lock file beside it says whose turn it is. Two may read the
same letters and have both kept them, which counts once (`IUndelivered.keep`).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from attrs import frozen

from mudserver.interfaces.undelivered import Undelivered

#: By which files of dead letters are known.
SUFFIX: Final = ".spool"

#: Bytes of a file; letters that don't fit are refused.
MAX_SPOOL_BYTES: Final = 16 * 1024 * 1024

#: Letters are somebody's words: the owner's alone to read.
_MODE: Final = 0o600

_NEWLINE: Final = b"\n"

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Undelivered)


@frozen
class Spooled:
    """
    What a file holds.

    Attributes:
        letters: Those that can be read, the oldest first.
        unreadable: How many lines can't be.
        end: Bytes of all of them.
        digest: Of these bytes.
    """

    letters: tuple[Undelivered, ...]
    unreadable: int
    end: int
    digest: bytes


@frozen
class Spool:
    """
    Keeps dead letters in a file; every method blocks.

    Attributes:
        path: The file; it is made, with its folder, when there is something to keep.
        max_bytes: How large it may be.
    """

    path: Path
    max_bytes: int = MAX_SPOOL_BYTES

    @property
    def size(self) -> int:
        """Bytes in the file."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, letters: tuple[Undelivered, ...]) -> int:
        """
        Keep letters.

        Returns:
            How many; the rest doesn't fit.

        Raises:
            OSError: They can't be written.
        """
        if not letters:
            return 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            return self._append(letters)

    def _append(self, letters: tuple[Undelivered, ...]) -> int:
        size = self.size
        new = not size
        # What a crash tore off ends where the next line begins.
        lines = [] if new or self._ends_in_a_line(size) else [_NEWLINE]
        size += sum(map(len, lines))
        kept = 0
        for letter in letters:
            line = _encoder.encode(letter) + _NEWLINE
            if size + len(line) > self.max_bytes:
                break
            lines.append(line)
            size += len(line)
            kept += 1
        if kept:
            self._write(self.path, b"".join(lines), os.O_APPEND)
            if new:
                self._sync_folder()
        return kept

    def read(self) -> Spooled:
        """
        Read all letters.

        Raises:
            OSError: The file can't be read.
        """
        content = b""
        if self.path.exists():
            with self._locked():
                content = self._content()
        letters = []
        unreadable = 0
        for line in content.split(_NEWLINE):
            if not line:
                continue
            try:
                letters.append(_decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                unreadable += 1
        return Spooled(tuple(letters), unreadable, len(content), sha256(content).digest())

    def cut(self, read: Spooled) -> bool:
        """
        Forget what `read` returned; what was appended since then stays.

        Where another process has forgotten some of it, nothing is.

        Args:
            read: What it returned.

        Returns:
            Whether it is forgotten; otherwise there is something to `read` still.

        Raises:
            OSError: The file can't be written; it is as it was.
        """
        if not self.path.exists():
            return True
        with self._locked():
            return self._cut(read)

    def _cut(self, read: Spooled) -> bool:
        content = self._content()
        if not content:
            return True
        if sha256(content[: read.end]).digest() != read.digest:
            return False
        rest = content[read.end :]
        if rest:
            written = self.path.with_name(f"{self.path.name}.new")
            self._write(written, rest, os.O_TRUNC)
            written.replace(self.path)
        else:
            self.path.unlink()
        self._sync_folder()
        return True

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait until no other process is at the file, and keep all from it."""
        lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, _MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _ends_in_a_line(self, size: int) -> bool:
        with self.path.open("rb") as file:
            file.seek(size - 1)
            return file.read(1) == _NEWLINE

    def _write(self, path: Path, content: bytes, how: int) -> None:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | how, _MODE)
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(file)

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
