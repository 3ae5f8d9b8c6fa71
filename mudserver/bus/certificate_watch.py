"""A look, from time to time, at how long our certificate for the bus is good."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mudserver.bus.credentials import Credentials
from mudserver.interfaces.meter import IMeter

#: Seconds between two looks.
LOOK_SECONDS: Final = 60.0

#: What is left of a certificate when the log begins to tell of it, at the start and once a day.
SOON: Final = timedelta(days=30)
_AGAIN: Final = timedelta(days=1)


class CertificateWatch(Service):
    """
    Measures how long what we show on the bus is good, and says when that is not long any more.

    It has files that were renewed read, too, so that what it measures is what the next link is made
    with.

    Args:
        credentials: What we show.
        clock: Says when to look.
        utc_now: Says what is left.
        meter: Gets ``bus_certificate_seconds`` and ``bus_certificate_spoiled``.
    """

    _log = Logger()

    def __init__(
        self,
        credentials: Credentials,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        meter: IMeter,
    ) -> None:
        self._credentials = credentials
        self._utc_now = utc_now
        self._meter = meter
        self._told: datetime | None = None
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    def startService(self) -> None:
        """Look, now and from now on."""
        Service.startService(self)
        self._looking.start(LOOK_SECONDS).addErrback(
            lambda failure: self._log.failure("Certificates are looked at no more.", failure)
        )

    def stopService(self) -> None:
        """End that."""
        Service.stopService(self)
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        self._credentials.refresh()
        now = self._utc_now()
        left = self._credentials.expires - now
        self._meter.gauge("bus_certificate_seconds", left.total_seconds())
        self._meter.gauge("bus_certificate_spoiled", float(self._credentials.spoiled))
        if left >= SOON:
            self._told = None
        elif self._told is None or now - self._told >= _AGAIN:
            self._told = now
            self._log.warn(
                "Our certificate for the bus, {file}, {ends} at {until}: without a new one no link"
                " comes about any more.",
                file=str(self._credentials.identity.certificate),
                ends="ends" if left > timedelta() else "has ended",
                until=self._credentials.expires.isoformat(),
            )
