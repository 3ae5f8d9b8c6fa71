"""
What a connection passes before any protocol of ours sees it.

There must be a file descriptor to spare; a proxy that may says for whom it speaks; and who comes
too often waits. Whatever waits here is let go without a word when it takes too long: what it would
understand isn't known yet.
"""

from collections.abc import Callable
from typing import Final

from attrs import define, field, frozen
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from mudserver.gateway.arrivals import Arrivals
from mudserver.gateway.incidents import Incidents, Peer
from mudserver.gateway.origin import ForwardedAddress, IPNetwork, host_of, is_within
from mudserver.gateway.sockets import IStream
from mudserver.gateway.turnstile import Turnstile
from mudserver.interfaces.meter import IMeter
from mudserver.wire import proxy

#: Seconds within which a proxy has said for whom it speaks.
HEADER_SECONDS: Final = 5.0


@frozen
class Doorkeeper:
    """
    What all doors of a gateway have in common.

    Attributes:
        clock: Measures time.
        meter: Counts what is refused.
        incidents: Logs it.
        arrivals: Says whose turn it is.
        turnstile: Says whether there is room.
        trusted: Proxies whose word counts.
        patience: Seconds within which they have said for whom they speak.
    """

    clock: IReactorTime
    meter: IMeter
    incidents: Incidents
    arrivals: Arrivals
    turnstile: Turnstile
    trusted: tuple[IPNetwork, ...] = ()
    patience: float = HEADER_SECONDS

    def trusts(self, host: str) -> bool:
        """Whether that is a proxy whose word counts."""
        return is_within(host, self.trusted)

    def refuse(self, name: str, host: str, code: str, cause: str) -> None:
        """Note that somebody was not let in."""
        self.meter.count("refusals", reason=code)
        self.incidents.refused(Peer(name, host), code, cause)


@implementer(IProtocolFactory)
@define(eq=False)
class Doorway:
    """
    Stands before the factory of a door.

    Attributes:
        name: What is spoken there.
        factory: What comes after.
        keeper: What all doors have in common.
        proxied: Whether trusted proxies speak the PROXY protocol here.
        crowds: Whether many clients may come by one trusted proxy without it, as they do over
            HTTP; then each is counted when it is known who it is.
    """

    name: str
    factory: IProtocolFactory
    keeper: Doorkeeper
    proxied: bool = False
    crowds: bool = False
    _waiting: set["_Waiting"] = field(factory=set, init=False, repr=False)

    def doStart(self) -> None:
        """Begin to listen."""
        self.factory.doStart()

    def doStop(self) -> None:
        """End that; who still waits is let go."""
        for connection in tuple(self._waiting):
            connection.drop()
        self.factory.doStop()

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        """Make the protocol for a peer; None where there is no room for it."""
        host = host_of(addr)
        if not self.keeper.turnstile.let_in():
            self.keeper.refuse(self.name, host, "no_descriptors", "out of file descriptors")
            return None
        if self.proxied and self.keeper.trusts(host):
            return _Introduction(self, addr)
        return self.enter(addr)

    def enter(self, addr: IAddress) -> IProtocol | None:
        """Make the protocol for a peer that is known now, at once or when it has its turn."""
        host = host_of(addr)
        if self.crowds and self.keeper.trusts(host):
            return self.factory.buildProtocol(addr)
        wait = self.keeper.arrivals.arrive(host, self.keeper.clock.seconds())
        if wait is None:
            self.keeper.refuse(self.name, host, "too_many_arrivals", "comes too often")
            return None
        if not wait:
            return self.factory.buildProtocol(addr)
        self.keeper.meter.count("arrivals_delayed")
        return _Late(self, addr, wait)

    def takes(self, connection: "_Waiting") -> None:
        """Remember one that waits."""
        self._waiting.add(connection)

    def lets_go(self, connection: "_Waiting") -> None:
        """Forget one that waits no longer."""
        self._waiting.discard(connection)


class _Waiting(Protocol):
    """A connection that is still in the doorway; what it sends meanwhile is kept."""

    transport: IStream

    def __init__(self, doorway: Doorway, addr: IAddress) -> None:
        self._doorway = doorway
        self._addr = addr
        self._came = b""
        self._timer: IDelayedCall | None = None
        self._successor: IProtocol | None = None

    def drop(self) -> None:
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        if self._successor is None:
            self._came += data
        else:
            self._successor.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._successor is None:
            self._waited()
        else:
            self._successor.connectionLost(reason)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._doorway.takes(self)
        self._timer = self._doorway.keeper.clock.callLater(seconds, then)

    def _waited(self) -> bool:
        """It waits no longer, whatever comes now; return whether it did before."""
        self._doorway.lets_go(self)
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        return timer is not None

    def _hand_over(self, successor: IProtocol | None, data: bytes) -> None:
        """Let another protocol have the transport, and the data; without one, drop it."""
        if successor is None:
            self.drop()
            return
        self._successor = successor
        if isinstance(self.transport, Connection):
            self.transport.protocol = successor
        successor.makeConnection(self.transport)
        if data:
            successor.dataReceived(data)


class _Late(_Waiting):
    """
    Isn't read from until it has its turn.

    Args:
        doorway: Where it stands.
        addr: From where it comes.
        seconds: How long it waits.
    """

    def __init__(self, doorway: Doorway, addr: IAddress, seconds: float) -> None:
        super().__init__(doorway, addr)
        self._seconds = seconds

    def connectionMade(self) -> None:
        self.transport.pauseProducing()
        self._wait(self._seconds, self._enter)

    def _waited(self) -> bool:
        waited = super()._waited()
        if waited:
            self._doorway.keeper.arrivals.begin()
        return waited

    def _enter(self) -> None:
        self._waited()
        came, self._came = self._came, b""
        self.transport.resumeProducing()
        self._hand_over(self._doorway.factory.buildProtocol(self._addr), came)


class _Introduction(_Waiting):
    """Waits for a proxy to say for whom it speaks; it has said nothing else before."""

    def connectionMade(self) -> None:
        self._wait(self._doorway.keeper.patience, lambda: self._refuse("no header in time"))

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if self._timer is None:
            return  # refused, or handed over
        try:
            header = proxy.parse(self._came)
        except proxy.BadHeader as error:
            self._refuse(str(error))
            return
        if header is not None:
            self._enter(header)

    def _enter(self, header: proxy.Header) -> None:
        self._waited()
        came, self._came = self._came, b""
        client, addr = header.client, self._addr
        if client is not None:
            addr = ForwardedAddress(client.address, client.port, client.tls)
        self._hand_over(self._doorway.enter(addr), came[header.size :])

    def _refuse(self, cause: str) -> None:
        self._waited()
        self._came = b""
        doorway = self._doorway
        doorway.keeper.refuse(doorway.name, host_of(self._addr), "bad_proxy_header", cause)
        self.drop()
