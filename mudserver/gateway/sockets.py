"""What we ask of the operating system for each accepted connection."""

import socket

from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.protocols.policies import ProtocolWrapper

#: Milliseconds that sent data may stay unacknowledged before the kernel gives up (RFC 5482).
USER_TIMEOUT_MS = 120_000


class IStream(ITCPTransport, IConsumer, IPushProducer):
    """A transport as Twisted's TCP and TLS have it: a consumer and a producer, too."""


def prepare(transport: object) -> None:
    """
    Send small writes at once, and let the kernel find out about dead peers.

    A transport that is not TCP is left as it is; TLS is looked through.
    """
    if not ITCPTransport.providedBy(transport):
        return
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    below: object = transport
    while isinstance(below, ProtocolWrapper):
        below = below.transport
    handle = getattr(below, "getHandle", lambda: None)()
    if isinstance(handle, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
