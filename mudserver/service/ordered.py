"""A service whose children start and stop one after the other."""

from collections.abc import Callable

from twisted.application.service import IService, IServiceCollection, MultiService, Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure


class OrderedService(MultiService):
    """
    Starts its children in the order in which they were added, and stops them in reverse.

    Each child is awaited: its ``startService`` may return a Deferred, as every service's
    ``stopService`` may. (`MultiService` starts and stops all at once.) One that fails ends
    the start; those before it are stopped by `stopService`, as ever.

    Attributes:
        log_observer: Makes what twistd writes the log by, or returns None to leave that to
            twistd; asked when the application takes the service in, just before the log begins.

    Args:
        started: Called when all children have started.
        failed: Called with the failure of the first that could not.
    """

    _log = Logger()

    def __init__(self, started: Callable[[], None], failed: Callable[[Failure], None]) -> None:
        MultiService.__init__(self)
        self.log_observer: Callable[[], ILogObserver | None] = lambda: None
        self._on_started = started
        self._on_failed = failed
        self._up: list[IService] = []
        self._starting: Deferred[None] | None = None

    def setServiceParent(self, parent: IServiceCollection | Componentized) -> None:
        """Join an application, and choose its log."""
        MultiService.setServiceParent(self, parent)
        if isinstance(parent, Componentized):
            log_observer = self.log_observer()
            if log_observer is not None:
                parent.setComponent(ILogObserver, log_observer)

    def startService(self) -> None:
        """Begin to start the children."""
        Service.startService(self)
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._failed)
        self._starting.addErrback(
            lambda failure: self._log.failure("The end of the start failed.", failure)
        )

    def stopService(self) -> Deferred[None]:
        """
        Stop the children that have started, the last first.

        A start that is under way is cancelled, and waited for, before anything is stopped.

        Returns:
            Fires when all have stopped. One that fails to is logged, and doesn't keep the
            others from stopping.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _start(self) -> None:
        for child in self:
            self._up.append(child)
            await maybeDeferred(child.startService)
            if not self.running:
                return
        self._on_started()

    async def _stop(self) -> None:
        if self._starting is not None:
            ended: Deferred[None] = Deferred()
            self._starting.addBoth(lambda _: ended.callback(None))
            self._starting.cancel()
            await ended
        while self._up:
            child = self._up.pop()
            with self._log.failuresHandled("{child} failed to stop.", child=child.name):
                await maybeDeferred(child.stopService)

    def _failed(self, failure: Failure) -> None:
        if self.running:
            self._on_failed(failure)
        elif not failure.check(CancelledError):
            self._log.failure("A service failed while its start was given up.", failure)
