"""The gateway as a service: it opens its doors, and closes them with a word to everyone."""

from collections.abc import Sequence

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.logger import Logger

from mudserver.errors import PortUnavailable
from mudserver.gateway.drain import Drain
from mudserver.gateway.shared import Shared
from mudserver.gateway.turnstile import Turnstile
from mudserver.listening import listen

#: Seconds for a stop in good order.
DRAIN_SECONDS = 30.0


@frozen
class Door:
    """
    A place where clients come in.

    Attributes:
        name: What is spoken there.
        address: The same as the operator wrote it.
        endpoint: Where to listen.
        factory: What to speak.
    """

    name: str
    address: str
    endpoint: IStreamServerEndpoint
    factory: IProtocolFactory


class GatewayService(Service):
    """
    Listens at all doors, from its start to its stop.

    Args:
        shared: What all links of the gateway have in common.
        doors: Where to listen.
        turnstile: Stops the doors where file descriptors run out.
        drain: Seconds within which the daemon should stop; half of them are for goodbyes.
    """

    _log = Logger()

    def __init__(
        self,
        shared: Shared,
        doors: Sequence[Door],
        turnstile: Turnstile,
        drain: float = DRAIN_SECONDS,
    ) -> None:
        self._shared = shared
        self._doors = doors
        self._turnstile = turnstile
        self._drain_seconds = drain
        self._draining: Drain | None = None
        self._open: list[IListeningPort] = []

    def startService(self) -> Deferred[None]:
        """
        Open the doors.

        Returns:
            Fires when all are open. Fails with `PortUnavailable`; then none is.
        """
        Service.startService(self)
        self._shared.switchboard.start()
        self._shared.reaper.start()
        self._shared.exclusion.start()
        self._shared.repairs.start()
        self._shared.handovers.start()
        self._shared.worldwatch.start()
        return Deferred.fromCoroutine(self._listen())

    def stopService(self) -> Deferred[None]:
        """
        Close the doors, tell everyone to come back, and let them go, one after the other.

        Returns:
            Fires when nobody is connected. Who doesn't leave in time is dropped.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._drain())

    def hurry(self) -> None:
        """Have a stop that is under way come to its end now."""
        if self._draining is not None:
            self._draining.hurry()

    def addresses(self) -> tuple[tuple[str, object], ...]:
        """Return what is spoken where, as far as the doors are open."""
        return tuple(
            (door.name, port.getHost()) for door, port in zip(self._doors, self._open, strict=False)
        )

    async def _listen(self) -> None:
        for door in self._doors:
            try:
                port = await listen(door.name, door.address, door.endpoint, door.factory)
            except PortUnavailable:
                await self._shut()
                raise
            self._open.append(port)
            self._turnstile.watch(port)

    async def _shut(self) -> None:
        self._turnstile.close()
        while self._open:
            stopped = self._open.pop().stopListening()
            if stopped is not None:
                await stopped

    async def _drain(self) -> None:
        shared = self._shared
        shared.admission.close()
        await self._shut()
        if len(shared.roster):
            self._log.info("{count} connections are told to leave.", count=len(shared.roster))
        drain = Drain(shared.roster, shared.clock, shared.pick, self._drain_seconds)
        self._draining = drain
        drain.begin()
        if not await self._emptied(drain.until - shared.clock.seconds() + shared.limits.closing):
            self._log.info("{count} connections did not leave in time.", count=len(shared.roster))
            shared.roster.abort_all()
            await self._emptied(shared.limits.closing)
        drain.stop()
        self._draining = None
        shared.worldwatch.stop()
        shared.handovers.stop()
        shared.repairs.stop()
        shared.reaper.stop()
        shared.exclusion.stop()
        await shared.tasks.stop()
        shared.switchboard.stop()

    async def _emptied(self, seconds: float) -> bool:
        """Wait until nobody is connected; return whether that came in time."""
        shared = self._shared
        try:
            await shared.roster.emptied().addTimeout(seconds, shared.clock)
        except DeadlineError:
            return False
        return True
