"""Where a connection comes from, and whether others on the way can read along."""

from ipaddress import ip_address

from twisted.internet.interfaces import IAddress

from mudserver.interfaces import Origin


def is_loopback(host: str) -> bool:
    """Whether that is an address of this machine to itself."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def origin_of(address: IAddress | None, tls: bool = False) -> Origin:
    """Return the origin of a connection that came without a proxy."""
    host = getattr(address, "host", "")
    return Origin(host, secure=tls or is_loopback(host))
