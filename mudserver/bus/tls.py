"""
Mutual TLS on the bus: both ends show certificates of one private authority.

A certificate names a role and a peer, not a machine, so that peers may move: a hub's is for
`HUB_HOST`, a peer's for ``NAME.ROLE.mudserver.internal`` (the top-level domain that is reserved for
private use). ``*`` for the name is good for all peers of a role. Both ends have service-identity
compare the names (RFC 9525): a peer within the handshake, the hub when it knows who claims to come.
"""

from typing import Final

from attrs import frozen
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    wrapClientTLS,
)
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IOpenSSLClientConnectionCreator,
    IProtocolFactory,
    IReactorTCP,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.ssl import ContextFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from mudserver.bus.commands import JoinRefused, PeerInfo
from mudserver.bus.credentials import Credentials
from mudserver.bus.doormen import Believer, Doorman
from mudserver.bus.entrance import BACKLOG, Entrance
from mudserver.bus.rights import Rights

#: The domain of all names in certificates of the bus.
DOMAIN: Final = "mudserver.internal"

#: What each hub's certificate is for.
HUB_HOST: Final = f"bus.{DOMAIN}"


def peer_host(role: str, name: str) -> str:
    """Return what the certificate of a peer is for; ``*`` for all names of a role."""
    return f"{name}.{role}.{DOMAIN}"


def joining(
    reactor: IReactorTCP, host: str, port: int, credentials: Credentials
) -> IStreamClientEndpoint:
    """Return the way to a hub by TLS, which must show that it is one."""
    options = _ToHub(credentials)
    endpoint: IStreamClientEndpoint = wrapClientTLS(options, HostnameEndpoint(reactor, host, port))
    return endpoint


def by_tls(
    reactor: IReactorTCP,
    host: str,
    port: int,
    credentials: Credentials,
    doorman: Doorman | None = None,
) -> Entrance:
    """
    Return an entrance for peers that show a certificate of their own.

    Args:
        reactor: Listens.
        host: The address of an interface.
        port: 0 for any.
        credentials: What the hub shows, and whom it trusts.
        doorman: Asked about those whose certificate is good; None for what their role may do.
    """
    options = _ToPeers(credentials)
    interface = "127.0.0.1" if host == "localhost" else host
    make = TCP6ServerEndpoint if ":" in interface else TCP4ServerEndpoint
    endpoint = _Encrypted(make(reactor, port, BACKLOG, interface), options)
    shown = f"[{host}]" if ":" in host else host
    keeper = CertificateDoorman(doorman or Believer())
    return Entrance(f"tls:{shown}:{port}", endpoint, keeper, encrypted=True)


class CertificateDoorman:
    """
    Lets in those peers whose certificate names them.

    Args:
        then: Asked about those whom it lets in.
    """

    def __init__(self, then: Doorman) -> None:
        self._then = then

    def admit(self, transport: object, claimed: PeerInfo) -> Rights:
        """Implement `Doorman.admit`: that it is the authority's, the handshake has made sure."""
        host = peer_host(claimed.role, claimed.name)
        handle = getattr(transport, "getHandle", lambda: None)()
        if not isinstance(handle, SSL.Connection):
            raise JoinRefused("Peers join by TLS here.")
        if claimed.name != claimed.name.lower():
            raise JoinRefused("In names of peers that show certificates all letters are small.")
        try:
            verify_hostname(handle, host)
        except (VerificationError, CertificateError, ValueError):
            raise JoinRefused(f"Your certificate is not for {host}.") from None
        return self._then.admit(transport, claimed)


@implementer(IStreamServerEndpoint)
@frozen
class _Encrypted:
    """Listens as another endpoint does, and speaks TLS there."""

    _endpoint: IStreamServerEndpoint
    _options: "_ToPeers"

    def listen(self, protocolFactory: IProtocolFactory) -> "Deferred[IListeningPort]":
        """Implement `IStreamServerEndpoint.listen`."""
        factory = _Wrapping(self._options, False, protocolFactory)
        listening: Deferred[IListeningPort] = self._endpoint.listen(factory)
        return listening


class _Wrapping(TLSMemoryBIOFactory):
    """Lets nobody in whom the wrapped factory lets not in; Twisted's would, and fail on it."""

    def buildProtocol(self, addr: IAddress | None) -> TLSMemoryBIOProtocol | None:  # type: ignore[override]
        inner = self.wrappedFactory.buildProtocol(addr)
        return None if inner is None else self.protocol(self, inner)


class _ToPeers(ContextFactory):
    """The hub's side of a connection."""

    isClient = False

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def getContext(self) -> SSL.Context:
        """Return the context of the next connection."""
        return self._credentials.context()


@implementer(IOpenSSLClientConnectionCreator)
class _ToHub:
    """A peer's side of a connection: the other end must be a hub."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Implement `IOpenSSLClientConnectionCreator.clientConnectionForTLS`."""
        del tlsProtocol
        connection = SSL.Connection(self._credentials.context(), None)
        connection.set_app_data(HUB_HOST)
        connection.set_tlsext_host_name(HUB_HOST.encode())
        return connection
