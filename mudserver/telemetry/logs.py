"""The log: which events, in which form, where to."""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import IO, cast

from twisted.internet.interfaces import IReactorThreads
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    jsonFileLogObserver,
    textFileLogObserver,
)
from twisted.python.logfile import LogFile


def open_log(file: str, daemon: bool, reactor: IReactorThreads) -> IO[str]:
    """
    Open what the log is written to.

    Args:
        file: The path that twistd was given; empty or ``-`` for the standard output.
        daemon: Whether we leave the terminal.
        reactor: Where SIGUSR1 has a log file begin anew.

    Raises:
        ValueError: A daemon has no standard output.
    """
    if file == "-" and daemon:
        raise ValueError("a daemon can't log to the standard output")
    if file in ("", "-") and not daemon:
        return sys.stdout
    log = LogFile.fromFullPath(file or "twistd.log")

    def rotate(number: int, frame: FrameType | None) -> None:
        del number, frame
        reactor.callFromThread(log.rotate)

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
    return FilteringLogObserver(
        write(stream),
        [LogLevelFilterPredicate(defaultLogLevel=LogLevel.levelWithName(level))],
    )
