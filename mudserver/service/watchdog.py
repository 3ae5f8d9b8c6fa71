"""Signs of life for the service manager, which kills a process that hangs."""

from collections.abc import Mapping

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mudserver.service.notify import notify

_MICROSECONDS = 1_000_000


class Watchdog(Service):
    """
    Tells systemd that the reactor turns, where it wants to hear of that (``WatchdogSec=``).

    A world that hangs has its turn still, so that no other takes over as long as its process lives.

    ``WATCHDOG_PID`` isn't looked at: a world that was started to go on for another one inherits its
    environment, and is the service's main process then.

    Args:
        environment: Has ``WATCHDOG_USEC`` (sd_watchdog_enabled(3)).
        clock: The reactor.
    """

    _log = Logger()

    def __init__(self, environment: Mapping[str, str], clock: IReactorTime) -> None:
        self._environment = environment
        self._telling = LoopingCall(notify, environment, "WATCHDOG=1")
        self._telling.clock = clock

    @property
    def patience(self) -> float:
        """Seconds after which systemd misses a sign of life; 0 where it wants none."""
        wanted = self._environment.get("WATCHDOG_USEC", "")
        return int(wanted) / _MICROSECONDS if wanted.isascii() and wanted.isdigit() else 0.0

    def startService(self) -> None:
        """Begin to tell, twice in the time that systemd waits."""
        Service.startService(self)
        if self.patience:
            self._telling.start(self.patience / 2).addErrback(
                lambda failure: self._log.failure("systemd gets no signs of life.", failure)
            )

    def stopService(self) -> None:
        """End that."""
        Service.stopService(self)
        if self._telling.running:
            self._telling.stop()
