"""What we ask of the operating system for each accepted connection, and how we write to it."""

import socket

from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.internet.tcp import Connection
from twisted.protocols.policies import ProtocolWrapper

#: Milliseconds that sent data may stay unacknowledged before the kernel gives up (RFC 5482).
USER_TIMEOUT_MS = 120_000

#: Seconds of silence after which the kernel probes the peer, and between two probes. With the user
#: timeout, one that answers none is given up 120 s after it was last heard. (Left to itself, the
#: kernel would wait for two hours.)
KEEPALIVE_IDLE = 60
KEEPALIVE_INTERVAL = 20
KEEPALIVE_PROBES = 3


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
    if not isinstance(handle, socket.socket):
        return
    for name, value in (
        ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS),
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
    ):
        if hasattr(socket, name):
            handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def send(transport: IStream, data: bytes) -> None:
    """
    Write as `ITransport.write` does, but give the kernel at once what it takes.

    Twisted queues all that is written, and sends it when epoll says that the socket is ready. A
    socket on which nothing waits nearly always is, and asking costs twice what sending does: two
    calls of epoll_ctl, and another turn of the reactor. What the kernel doesn't take is written
    the usual way, and so is everything while something waits, so that order is kept. So is what
    meets an error: it is the reactor that tells the protocol of the loss. Transports that aren't
    plain sockets (TLS, or in memory) write as they always do.
    """
    if (
        isinstance(transport, Connection)
        and transport.connected
        and not transport.disconnecting
        and not transport.dataBuffer
        and not transport._tempDataBuffer  # noqa: SLF001 - the other half of what waits
    ):
        sent = transport.writeSomeData(data)
        if isinstance(sent, int):
            if sent == len(data):
                return
            data = data[sent:]
    transport.write(data)
