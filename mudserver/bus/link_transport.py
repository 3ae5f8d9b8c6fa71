"""What a link of the bus needs of the connection below."""

from typing import Protocol

from twisted.internet.interfaces import IAddress, IPushProducer


class LinkTransport(Protocol):
    """What a link needs of its transport, as `twisted.internet.interfaces` has it."""

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """See `IConsumer`."""

    def unregisterProducer(self) -> None:
        """See `IConsumer`."""

    def loseConnection(self) -> None:
        """See `ITransport`."""

    def getHost(self) -> IAddress:
        """See `ITransport`."""

    def getPeer(self) -> IAddress:
        """See `ITransport`."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See `ITCPTransport`; elsewhere it isn't called."""

    def abortConnection(self) -> None:
        """See `ITCPTransport`."""
