"""Ports: opened, or a clear word why not."""

import os
import socket
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorTCP,
    IStreamServerEndpoint,
)
from twisted.internet.tcp import Port
from twisted.logger import Logger
from zope.interface import implementer

from mudserver.errors import PortUnavailable

_log = Logger()


async def listen(
    name: str, address: str, endpoint: IStreamServerEndpoint, factory: IProtocolFactory
) -> IListeningPort:
    """
    Listen, and log where in one line.

    Args:
        name: What is spoken there.
        address: Where, as the operator wrote it.
        endpoint: The same for Twisted.
        factory: What speaks.

    Raises:
        PortUnavailable: That can't be had.
    """
    try:
        port: IListeningPort = await endpoint.listen(factory)
    except (CannotListenError, OSError) as error:
        reason = getattr(error, "socketError", error)
        if isinstance(reason, OSError) and reason.strerror:
            reason = reason.strerror
        raise PortUnavailable(f"{name} can't listen on {address}: {reason}") from None
    where = port.getHost()
    # A Unix socket may be bound by another path than the operator's, where that is too long.
    words = address if isinstance(where, UNIXAddress) else in_words(where)
    _log.info("{name} listens on {address}", name=name, address=words)
    return port


def in_words(address: object) -> str:
    """Return an address as operators write it."""
    if isinstance(address, UNIXAddress):
        return os.fsdecode(address.name or b"")
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is None or port is None:
        return str(address)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _SharedPort(Port):
    """A port on which other processes of the same user may listen, too."""

    def createInternetSocket(self) -> socket.socket:  # noqa: N802 - Twisted's name
        made: socket.socket = super().createInternetSocket()  # type: ignore[no-untyped-call]
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return made


@implementer(IReactorTCP)
class SharedPorts:
    """
    Listens as the reactor does, but on ports that several processes may have (socket(7),
    SO_REUSEPORT): the kernel gives each connection to one of them.

    Args:
        reactor: Runs them, and connects.
    """

    def __init__(self, reactor: IReactorTCP) -> None:
        self._reactor = reactor
        self.connectTCP = reactor.connectTCP

    def listenTCP(  # noqa: N802 - Twisted's name
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> Any:
        """
        Listen.

        Raises:
            CannotListenError: The port can't be had.
        """
        shared = _SharedPort(port, factory, backlog, interface, self._reactor)
        shared.startListening()
        return shared
