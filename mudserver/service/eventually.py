"""A service that can begin only when another process has ended."""

from typing import Final

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import PortUnavailable

#: Seconds between two tries.
RETRY_SECONDS: Final = 0.5


class Eventually(Service):
    """
    Starts a service as soon as the port that it needs is free, and holds nobody up meanwhile.

    Args:
        service: What listens.
        clock: What waiting is measured by.
    """

    _log = Logger()

    def __init__(self, service: Service, clock: IReactorTime) -> None:
        self._service = service
        self._clock = clock
        self._trying: Deferred[None] | None = None

    def startService(self) -> None:
        """Begin to try."""
        Service.startService(self)
        self._trying = Deferred.fromCoroutine(self._try())
        self._trying.addErrback(self._failed)

    def stopService(self) -> Deferred[None]:
        """Stop it, or give up; fires when that is done."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _try(self) -> None:
        waits = False
        while True:
            try:
                await maybeDeferred(self._service.startService)
            except PortUnavailable as error:
                if not waits:
                    self._log.info("Waiting for a port: {error}", error=error)
                waits = True
                await deferLater(self._clock, RETRY_SECONDS)
            else:
                return

    async def _stop(self) -> None:
        if self._trying is not None:
            self._trying.cancel()
        await maybeDeferred(self._service.stopService)

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("A service can't begin.", failure)
