"""Files of dead letters that were left by processes of other names."""

import shlex
from pathlib import Path
from typing import Final

from attrs import frozen
from twisted.application.service import Service
from twisted.logger import Logger

from mudserver.bus.dead_letters import Elsewhere
from mudserver.bus.spool import SUFFIX, Spool

#: Files that are named, each in a line of the log.
MAX_NAMED: Final = 20


@frozen
class Stray:
    """
    A file of dead letters that is another process's.

    Attributes:
        path: The file.
        letters: How many are in it.
        unreadable: How many lines can't be read.
        problem: Why none of it can be; else empty.
    """

    path: Path
    letters: int = 0
    unreadable: int = 0
    problem: str = ""


def strays(own: Path, folders: tuple[Path, ...]) -> tuple[Stray, ...]:
    """
    Look for files with dead letters in them; this blocks.

    Args:
        own: Our own file, which is left out.
        folders: Where.
    """
    files = {file for folder in folders for file in folder.glob(f"*{SUFFIX}")}
    looked_at = (_look(file) for file in sorted(files - {own}))
    return tuple(each for each in looked_at if each.letters or each.unreadable or each.problem)


def _look(file: Path) -> Stray:
    try:
        found = Spool(file).read()
    except OSError as error:
        return Stray(file, problem=error.strerror or str(error))
    return Stray(file, len(found.letters), found.unreadable)


class StraySpools(Service):
    """
    Tells the log, at the start, of dead letters that nobody may ever look for.

    A process has those kept that it finds under its own name. One that is given another name leaves
    what it had behind.

    Args:
        own: Our own file.
        folders: Where others may be.
        elsewhere: Reads them.
    """

    _log = Logger()

    def __init__(self, own: Path, folders: tuple[Path, ...], elsewhere: Elsewhere) -> None:
        self._own = own
        self._folders = folders
        self._elsewhere = elsewhere

    def startService(self) -> None:
        """Look for them."""
        Service.startService(self)
        looking = self._elsewhere(lambda: strays(self._own, self._folders))
        looking.addCallback(self._tell).addErrback(
            lambda failure: self._log.failure("Dead letters can't be looked for.", failure)
        )

    def _tell(self, found: tuple[Stray, ...]) -> None:
        for each in found[:MAX_NAMED]:
            if each.problem:
                self._log.warn(
                    "Whether dead letters lie in {path} can't be seen: {problem}",
                    path=str(each.path),
                    problem=each.problem,
                )
                continue
            torn = f" and {each.unreadable} lines that can't be read" if each.unreadable else ""
            self._log.warn(
                "{letters} dead letters{torn} of a process of another name lie in {path}. If none"
                " of that name runs any more: mudctl deadletters import {quoted}",
                letters=each.letters,
                torn=torn,
                path=str(each.path),
                quoted=shlex.quote(str(each.path)),
            )
        if len(found) > MAX_NAMED:
            self._log.warn("… and in {count} more files.", count=len(found) - MAX_NAMED)
