"""The log: which events, in which form, where to."""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import IO, Final, cast

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    jsonFileLogObserver,
    textFileLogObserver,
)
from twisted.python.logfile import LogFile

#: Parts of Twisted that tell of each try to connect, and of each connection, in their own words; we
#: say ourselves what there is to know. Of them only warnings are written, unless all is.
CHATTY: Final = ("twisted.application._client_service", "twisted.protocols.amp")


def open_log(file: str, daemon: bool) -> IO[str]:
    """
    Open what the log is written to; SIGUSR1 has a file begin anew.

    Args:
        file: The path that twistd was given; empty or ``-`` for the standard output.
        daemon: Whether we leave the terminal.

    Raises:
        SystemExit: A daemon has no standard output; this is how twistd says so, too.
    """
    if file == "-" and daemon:
        sys.exit("Daemons cannot log to stdout, exiting!")
    if file in ("", "-") and not daemon:
        return sys.stdout
    log = LogFile.fromFullPath(file or "twistd.log")

    def rotate(number: int, frame: FrameType | None) -> None:
        del number, frame
        log.rotate()

    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, rotate)
    return cast(IO[str], log)


def observer(stream: IO[str], form: str, level: str) -> ILogObserver:
    """
    Make what writes the log.

    Args:
        stream: Where to.
        form: ``text``, or ``json`` for one JSON object a line.
        level: The least level that is written.
    """
    write: Callable[[IO[str]], ILogObserver] = (
        (lambda to: jsonFileLogObserver(to, recordSeparator=""))
        if form == "json"
        else textFileLogObserver
    )
    least = LogLevel.levelWithName(level)
    levels = LogLevelFilterPredicate(defaultLogLevel=least)
    for part in CHATTY if least > LogLevel.debug else ():
        levels.setLogLevelForNamespace(part, max(least, LogLevel.warn))
    return FilteringLogObserver(write(stream), [levels])
