"""The look-up of a database's names."""

from types import SimpleNamespace
from typing import cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StorageUnavailable
from mudserver.storage.addresses import MAX_ADDRESSES, resolved
from mudserver.storage.dsn import Dsn

KNOWN: dict[str, list[IAddress]] = {
    "one": [IPv4Address("TCP", "192.0.2.1", 0)],
    "two": [IPv6Address("TCP", "2001:db8::2", 0), IPv4Address("TCP", "192.0.2.2", 0)],
    "many": [IPv4Address("TCP", f"192.0.2.{number}", 0) for number in range(100, 150)],
}


class Resolver:
    """Answers at once, and each address twice, as real ones do for several socket types."""

    def resolveHostName(self, receiver: IResolutionReceiver, host: str) -> None:
        for address in KNOWN.get(host, []) * 2:
            receiver.addressResolved(address)
        receiver.resolutionComplete()


REACTOR = cast(IReactorPluggableNameResolver, SimpleNamespace(nameResolver=Resolver()))


class ResolvedTests(SynchronousTestCase):
    def resolve(self, **parameters: str) -> dict[str, str]:
        work = Deferred.fromCoroutine(resolved(REACTOR, Dsn(parameters)))
        return dict(self.successResultOf(work).parameters)

    def test_name(self) -> None:
        """A name keeps its place, for TLS to check, and gets its address."""
        self.assertEqual(
            self.resolve(host="one", port="1"),
            {"host": "one", "hostaddr": "192.0.2.1", "port": "1"},
        )

    def test_several(self) -> None:
        """Each address of each name is tried, in order, with the name's own port."""
        self.assertEqual(
            self.resolve(host="one,two,/run/pg,192.0.2.9", port="1,2,3,4"),
            {
                "host": "one,two,two,/run/pg,192.0.2.9",
                "hostaddr": "192.0.2.1,2001:db8::2,192.0.2.2,,192.0.2.9",
                "port": "1,2,2,3,4",
            },
        )

    def test_one_port_for_all(self) -> None:
        """One port counts for all names, and none for libpq's default."""
        self.assertEqual(self.resolve(host="one,two", port="7")["port"], "7,7,7")
        self.assertEqual(self.resolve(host="one,two")["port"], ",,")

    def test_left_alone(self) -> None:
        """Where there is nothing to look up, nothing changes."""
        for parameters in ({}, {"dbname": "mud"}, {"host": "one", "hostaddr": "192.0.2.5"}):
            self.assertEqual(self.resolve(**parameters), parameters)
        self.assertEqual(self.resolve(host="/run/pg")["host"], "/run/pg")

    def test_bounded(self) -> None:
        """Not more than some addresses of one name are tried."""
        self.assertEqual(self.resolve(host="many")["hostaddr"].count(",") + 1, MAX_ADDRESSES)

    def test_unknown(self) -> None:
        """A name that is unknown is skipped among others, and alone is an error with the name."""
        self.assertEqual(self.resolve(host="none,one")["host"], "one")
        work = Deferred.fromCoroutine(resolved(REACTOR, Dsn({"host": "none"})))
        self.assertIn("none", str(self.failureResultOf(work, StorageUnavailable).value))
