"""Where peers come in to a hub."""

from ipaddress import ip_address
from pathlib import Path
from typing import Final

from attrs import frozen
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IReactorTCP,
    IReactorUNIX,
    IStreamServerEndpoint,
)

from mudserver.bus.doormen import Believer, Doorman
from mudserver.unix_sockets import SocketEndpoint

#: Who may connect to a Unix socket unless told otherwise: processes of our own user.
SOCKET_MODE: Final = 0o600

#: Connections that may wait to be accepted.
BACKLOG: Final = 256

_LOCALHOST: Final = "localhost"


@frozen
class Entrance:
    """
    A place where peers come in.

    Attributes:
        address: Where, as the operator wrote it.
        endpoint: The same for Twisted.
        doorman: Says who may join.
        encrypted: Whether nobody on the way can read or change what is said, nor say it in place of
            a peer. Where it isn't, only Unix sockets and loopback are allowed.
    """

    address: str
    endpoint: IStreamServerEndpoint
    doorman: Doorman
    encrypted: bool = False


def by_socket(
    reactor: IReactorUNIX,
    path: Path,
    mode: int = SOCKET_MODE,
    doorman: Doorman | None = None,
) -> Entrance:
    """
    Return an entrance by a Unix socket.

    Args:
        reactor: Listens.
        path: Of the socket; what a dead daemon left there is replaced.
        mode: Who may connect.
        doorman: Says who may join; None for all who can connect.
    """
    endpoint = SocketEndpoint(reactor, path, mode)
    return Entrance(f"unix:{path}", endpoint, doorman or Believer())


def by_loopback(
    reactor: IReactorTCP, host: str, port: int, doorman: Doorman | None = None
) -> Entrance:
    """
    Return an entrance by plain TCP; the hub doesn't start where that is not on loopback.

    Args:
        reactor: Listens.
        host: ``localhost``, or the address of an interface.
        port: 0 for any.
        doorman: Says who may join; None for all on this machine.
    """
    interface = "127.0.0.1" if host == _LOCALHOST else host
    make = TCP6ServerEndpoint if ":" in interface else TCP4ServerEndpoint
    endpoint = make(reactor, port, BACKLOG, interface)
    shown = f"[{host}]" if ":" in host else host
    return Entrance(f"tcp:{shown}:{port}", endpoint, doorman or Believer())


def is_exposed(address: IAddress) -> bool:
    """Tell whether what is sent to that address may come from another machine."""
    host = getattr(address, "host", None)
    return host is not None and not ip_address(host).is_loopback
