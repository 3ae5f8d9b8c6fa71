"""The look-up of a database's names, which libpq would do with everything else waiting."""

from attrs import define, field
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from zope.interface import implementer

from mudserver.errors import StorageUnavailable
from mudserver.storage.dsn import Dsn

#: Addresses of one name that are tried.
MAX_ADDRESSES = 8


async def resolved(reactor: IReactorPluggableNameResolver, dsn: Dsn) -> Dsn:
    """
    Add the addresses of the hosts that a DSN names.

    TLS goes on to check the names. Left alone are Unix sockets, addresses, and what comes from
    libpq's own environment and service file.

    Raises:
        StorageUnavailable: None of the names has an address.
    """
    if dsn.parameters.get("hostaddr") or not dsn.parameters.get("host"):
        return dsn
    hosts = dsn.parameters["host"].split(",")
    ports = dsn.parameters.get("port", "").split(",")
    if len(ports) != len(hosts):
        ports = ports[:1] * len(hosts)
    # libpq tries the members of these lists in turn, so a name stands once for each address.
    entries: list[tuple[str, str, str]] = []
    for host, port in zip(hosts, ports, strict=True):
        if not host or host[0] in "/@":
            entries.append((host, "", port))
        elif isIPAddress(host) or isIPv6Address(host):
            entries.append((host, host, port))
        else:
            addresses = await _look_up(reactor, host)
            entries.extend((host, address, port) for address in addresses[:MAX_ADDRESSES])
    if not entries:
        raise StorageUnavailable(f"the database's host {dsn.host} has no address in the DNS")
    columns = [",".join(column) for column in zip(*entries, strict=True)]
    return dsn.extended(dict(zip(("host", "hostaddr", "port"), columns, strict=True)))


def _look_up(reactor: IReactorPluggableNameResolver, host: str) -> Deferred[list[str]]:
    found: Deferred[list[str]] = Deferred()
    reactor.nameResolver.resolveHostName(_Receiver(found), host)
    return found


@implementer(IResolutionReceiver)
@define
class _Receiver:
    _found: Deferred[list[str]]
    _addresses: list[str] = field(factory=list)

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        pass

    def addressResolved(self, address: IAddress) -> None:
        if isinstance(address, (IPv4Address, IPv6Address)) and address.host not in self._addresses:
            self._addresses.append(address.host)

    def resolutionComplete(self) -> None:
        self._found.callback(self._addresses)
