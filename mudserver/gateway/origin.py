"""Where a connection comes from, and whether others on the way can read along."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from attrs import frozen
from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IAddress
from zope.interface import implementer

from mudserver.interfaces.authority import Origin

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

#: Bits of an IPv6 address that one customer chooses freely (RFC 6177 §2).
_CUSTOMER_BITS = 64

#: Whoever comes by a Unix socket is on this machine.
_HERE = "127.0.0.1"


@implementer(IAddress)
@frozen
class ForwardedAddress:
    """
    Where a connection comes from, as a trusted proxy says of it by the PROXY protocol.

    Attributes:
        host: The client's IP address.
        port: Its port.
        tls: Whether it speaks TLS with the proxy.
    """

    host: str
    port: int
    tls: bool


def parse_address(host: str) -> IPAddress | None:
    """Read an IP address; one of IPv4 that is written as IPv6 (RFC 4291 §2.5.5.2) as the former."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_loopback(host: str) -> bool:
    """Whether that is an address of this machine to itself."""
    address = parse_address(host)
    return address is not None and address.is_loopback


def is_within(host: str, networks: tuple[IPNetwork, ...]) -> bool:
    """Whether that is an address in one of the networks."""
    address = parse_address(host)
    return address is not None and any(address in network for network in networks)


def network_of(host: str) -> str:
    """Return what an address is counted by: itself, or its /64 if it is of IPv6."""
    address = parse_address(host)
    if isinstance(address, IPv6Address):
        return f"{int(address) >> _CUSTOMER_BITS:x}/{_CUSTOMER_BITS}"
    return host if address is None else str(address)


def host_of(address: object) -> str:
    """Return the IP address of a peer, in its usual form; empty where it has none."""
    if isinstance(address, UNIXAddress):
        return _HERE
    host = str(getattr(address, "host", ""))
    parsed = parse_address(host)
    return host if parsed is None else str(parsed)


def origin_of(address: object, tls: bool = False) -> Origin:
    """Return the origin of a connection whose address tells all there is to know of it."""
    host = host_of(address)
    if isinstance(address, ForwardedAddress):
        return Origin(host, secure=tls or address.tls)
    return Origin(host, secure=tls or is_loopback(host))
