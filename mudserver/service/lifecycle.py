"""The daemon's start and end, as its process and its operator see them."""

import atexit
import os
import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType

from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import StartupError, StorageRefused, Unavailable
from mudserver.service.notify import notify

#: What ends the daemon in good order: a service manager, Ctrl-C, a terminal that goes away.
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_EXPECTED = (StartupError, StorageRefused, Unavailable)


class IReactorForLifecycles(IReactorCore, IReactorFromThreads):
    """What starting and stopping needs of a reactor."""


class Lifecycle:
    """
    Ends the process with 0 after an orderly stop, and with 1 when it could not start or go on.

    Left to itself, twistd dies by the signal that stopped it (143 after SIGTERM), and ends with
    0 after a failed start.

    Args:
        reactor: What runs the daemon.
        environment: Where systemd says how to reach it.
        announce: Called once everything has started.
        hurry: Called for each signal after the first: whoever sends it won't wait for goodbyes.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorForLifecycles,
        environment: Mapping[str, str],
        announce: Callable[[], None],
        hurry: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._environment = environment
        self._announce = announce
        self._hurry = hurry
        self._stopping = False

    def prepare(self) -> None:
        """Take over the signals now, and again as soon as the reactor has taken them."""
        self._take_signals()
        self._reactor.callWhenRunning(self._take_signals)

    def started(self) -> None:
        """Everything has started."""
        self._announce()
        notify(self._environment, "READY=1")

    def failed(self, failure: Failure) -> None:
        """Something could not start: say what, and end with 1."""
        if failure.check(*_EXPECTED):
            self._log.critical("mudserver can't start: {reason}", reason=failure.getErrorMessage())
        else:
            self._log.failure("mudserver can't start.", failure)
        atexit.register(_exit_with_failure)
        self.stop()

    def broken(self, error: Exception) -> None:
        """Something that runs can't go on: say what, stop in good order, and end with 1."""
        self._log.critical("mudserver stops: {error}", error=error)
        atexit.register(_exit_with_failure)
        self.stop()

    def stop(self) -> None:
        """Stop in good order; once is enough."""
        self._stop("STOPPING=1")

    def leave_to(self, process: int) -> None:
        """Stop in good order, since another process goes on as the service that this one was."""
        self._stop(f"MAINPID={process}")

    def _stop(self, state: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        notify(self._environment, state)
        if not self._reactor.running:
            self._reactor.callWhenRunning(self._stop_reactor)
        else:
            self._stop_reactor()

    def _stop_reactor(self) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            self._log.debug("The reactor had stopped already.")

    def _take_signals(self) -> None:
        for each in _SIGNALS:
            signal.signal(each, self._signalled)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._reactor.callFromThread(self._obey, signal.Signals(number).name)

    def _obey(self, name: str) -> None:
        if self._stopping:
            self._log.info("Received {name} again: hurrying.", name=name)
            self._hurry()
        else:
            self._log.info("Received {name}.", name=name)
            self.stop()


def _exit_with_failure() -> None:
    """Replace the status 0 that twistd ends with."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
