"""Networks of addresses: read, written, and found by an address that lies in them."""

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, Generic, TypeVar

from attrs import define, field

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

#: Where IPv6 writes the addresses of IPv4 (RFC 4291 §2.5.5.2).
_MAPPED: Final = IPv6Network("::ffff:0:0/96")

#: Networks that a machine calls itself by.
LOOPBACK: Final[tuple[IPNetwork, ...]] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

V = TypeVar("V")


def read_network(text: str) -> IPNetwork | None:
    """
    Read a network such as 192.0.2.0/24 or 2001:db8::/32; a single address is one, too.

    Bits behind the prefix are left out. What is written as IPv6 and means IPv4 is of IPv4. None
    where it is no network.
    """
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    return network


def read_address(text: str) -> IPAddress | None:
    """Read an address; one of IPv4 that is written as IPv6 as the former. None where it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def overlapping(network: IPNetwork, others: Iterable[IPNetwork]) -> IPNetwork | None:
    """Return the first of the others that shares an address with a network."""
    return next(
        (other for other in others if other.version == network.version and network.overlaps(other)),
        None,
    )


@define(eq=False)
class NetworkTable(Generic[V]):
    """
    What is known of networks, found by address.

    To find something takes one look into a dict for each length of prefix that is there, of which
    IPv4 has 33 and IPv6 129, however many networks there are.
    """

    _by_length: dict[tuple[int, int], dict[int, V]] = field(factory=dict, init=False)
    _lengths: dict[int, tuple[int, ...]] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return sum(len(same) for same in self._by_length.values())

    def put(self, network: IPNetwork, value: V) -> None:
        """Note something of a network, in place of what was there."""
        kind = (network.version, network.prefixlen)
        if kind not in self._by_length:
            self._by_length[kind] = {}
            self._note_lengths(network.version)
        self._by_length[kind][_prefix(network.network_address, network.prefixlen)] = value

    def remove(self, network: IPNetwork) -> None:
        """Forget what is known of exactly that network, if anything."""
        kind = (network.version, network.prefixlen)
        same = self._by_length.get(kind)
        if same is None:
            return
        same.pop(_prefix(network.network_address, network.prefixlen), None)
        if not same:
            del self._by_length[kind]
            self._note_lengths(network.version)

    def find(self, address: IPAddress) -> Iterator[V]:
        """Return what is known of the networks that an address lies in, the smallest first."""
        for length in self._lengths.get(address.version, ()):
            same = self._by_length[address.version, length]
            prefix = _prefix(address, length)
            if prefix in same:
                yield same[prefix]

    def clear(self) -> None:
        """Forget everything."""
        self._by_length.clear()
        self._lengths.clear()

    def _note_lengths(self, version: int) -> None:
        lengths = (length for kind, length in self._by_length if kind == version)
        self._lengths[version] = tuple(sorted(lengths, reverse=True))


def _prefix(address: IPAddress, length: int) -> int:
    return int(address) >> (address.max_prefixlen - length)
