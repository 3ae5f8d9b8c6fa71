"""What we ask of the operating system for each accepted connection."""

import socket

from twisted.internet.interfaces import IConsumer, ITCPTransport

#: Milliseconds that sent data may stay unacknowledged before the kernel gives up (RFC 5482).
USER_TIMEOUT_MS = 120_000


class IStream(ITCPTransport, IConsumer):
    """A transport as Twisted's TCP and TLS have it: a consumer, too."""


def prepare(transport: object) -> None:
    """
    Send small writes at once, and let the kernel find out about dead peers.

    A transport that is not TCP is left as it is.
    """
    if not ITCPTransport.providedBy(transport):
        return
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    handle = getattr(transport, "getHandle", lambda: None)()
    if isinstance(handle, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
