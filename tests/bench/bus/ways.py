"""The ways between a hub and its peers."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint

from mudserver.bus.credentials import Credentials, Identity
from mudserver.bus.entrance import Entrance, by_loopback, by_socket
from mudserver.bus.tls import by_tls, joining

#: By which peers come to a hub.
WAYS: Final = ("unix", "tcp", "tls")

_HOST: Final = "127.0.0.1"
_SOCKET: Final = "bus.sock"


def entrance(reactor: Any, way: str, folder: Path) -> Entrance:
    """
    Return where peers come in.

    Args:
        reactor: Listens.
        way: One of `WAYS`.
        folder: For a socket; has certificates of each role.
    """
    if way == "unix":
        return by_socket(reactor, folder / _SOCKET)
    if way == "tcp":
        return by_loopback(reactor, _HOST, 0)
    return by_tls(reactor, _HOST, 0, _credentials(folder, "bus"))


def endpoint(
    reactor: Any, way: str, folder: Path, role: str, address: str
) -> IStreamClientEndpoint:
    """Return what leads a peer of a role to the hub at an address, as `shown` has written it."""
    if way == "unix":
        return UNIXClientEndpoint(reactor, str(folder / _SOCKET))
    if way == "tcp":
        return TCP4ClientEndpoint(reactor, _HOST, int(address))
    return joining(reactor, _HOST, int(address), _credentials(folder, role))


def shown(address: IAddress) -> str:
    """Write where a hub listens, as far as the way doesn't say."""
    return str(address.port) if isinstance(address, IPv4Address) else "-"


def _credentials(folder: Path, role: str) -> Credentials:
    own = folder / f"{role}.pem"
    return Credentials(Identity(folder / "ca.pem", own, own), partial(datetime.now, UTC))
