"""Mutual TLS on the bus, on real sockets, by certificates as ``mudctl bus certs`` makes them."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor as installed
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import formatEvent

from mudserver.bus.commands import JoinRefused
from mudserver.bus.credentials import Credentials, Identity
from mudserver.bus.envelopes import Deliver, Publish, Subscribe
from mudserver.bus.issuing import FIRST, Subject, issue
from mudserver.bus.link import LinkLost
from mudserver.bus.tls import by_tls, joining
from mudserver.errors import ConfigError
from tests.integration.bus_peer import HubTestCase
from tests.integration.program import until
from tests.unit.logs import Captured

reactor = cast(Any, installed)

utc_now = partial(datetime.now, UTC)


class BusTlsTest(HubTestCase):
    """Who gets in, and to whom."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        issue(self.folder, (*FIRST, Subject("gateway", "g1")), datetime.now(UTC))

    def identity(self, name: str, folder: Path | None = None) -> Identity:
        folder = folder or self.folder
        return Identity(folder / "ca.pem", folder / name, folder / name)

    async def listen(self, certificate: str = "bus.pem") -> int:
        credentials = Credentials(self.identity(certificate), utc_now)
        hub = await self.start(by_tls(reactor, "127.0.0.1", 0, credentials))
        (address,) = hub.addresses()
        assert isinstance(address, IPv4Address)
        return address.port

    def way(self, port: int, name: str, folder: Path | None = None) -> IStreamClientEndpoint:
        credentials = Credentials(self.identity(name, folder), utc_now)
        return joining(reactor, "127.0.0.1", port, credentials)

    async def test_meet(self) -> None:
        """A world and gateways meet: by a certificate of their own, or of their role."""
        port = await self.listen()
        gateway, to_gateway = await self.come(self.way(port, "gateway-g1.pem"), "g1", "gateway")
        to_gateway.send(Subscribe(1, "gateway.g1"))
        await self.come(self.way(port, "gateway.pem"), "g2", "gateway")
        _, to_world = await self.come(self.way(port, "world.pem"), "w1", "world")
        to_world.send(Publish("gateway.g1", 1, "", b"x"))
        came = await gateway.came
        assert isinstance(came, Deliver)
        self.assertEqual((came.subject, came.payload), ("gateway.g1", b"x"))

    async def test_other_names(self) -> None:
        """Who shows the certificate of another peer, or of another role, may not join."""
        port = await self.listen()
        for certificate, name, role in (
            ("gateway-g1.pem", "g2", "gateway"),
            ("gateway.pem", "w1", "world"),
            ("world.pem", "g1", "gateway"),
            ("gateway.pem", "G1", "gateway"),
        ):
            with self.assertRaises(JoinRefused):
                await self.come(self.way(port, certificate), name, role)

    async def test_other_authority(self) -> None:
        """What another authority has signed is good for nothing, on either side."""
        other = self.folder.parent / "other"
        issue(other, FIRST, datetime.now(UTC))
        port = await self.listen()
        # By TLS 1.3 a client has ended its handshake before its own certificate is looked at.
        foreign = Identity(self.folder / "ca.pem", other / "world.pem", other / "world.pem")
        mixed = Identity(other / "ca.pem", self.folder / "world.pem", self.folder / "world.pem")
        for identity in (foreign, mixed):
            way = joining(reactor, "127.0.0.1", port, Credentials(identity, utc_now))
            with self.assertRaises(LinkLost):
                await self.come(way, "w1", "world")

    async def test_no_hub(self) -> None:
        """A gateway that poses as the hub is found out by the peers."""
        port = await self.listen("gateway-g1.pem")
        with self.assertRaises(LinkLost) as caught:
            await self.come(self.way(port, "world.pem"), "w1", "world")
        self.assertIn("g1.gateway.mudserver.internal, is for another use", str(caught.exception))

    async def test_told(self) -> None:
        """Why a certificate is not taken is told on both sides, in words."""
        now, other = datetime.now(UTC), self.folder.parent / "other"
        issue(self.folder, (Subject("world", "w1"),), now - timedelta(3), timedelta(2))
        issue(self.folder, (Subject("world", "w2"),), now + timedelta(2), timedelta(3))
        issue(other, FIRST, now)
        for file, told in (
            (self.folder / "world-w1.pem", "w1.world.mudserver.internal, has ended."),
            (self.folder / "world-w2.pem", "is not good yet: do the clocks agree?"),
            (other / "world.pem", "is by an authority that we don't trust."),
        ):
            with Captured() as logs:
                port = await self.listen()
                with self.assertRaises(LinkLost) as caught:
                    identity = Identity(self.folder / "ca.pem", file, file)
                    way = joining(reactor, "127.0.0.1", port, Credentials(identity, utc_now))
                    await self.come(way, "w1", "world")
                line = await self.hub_told(logs)
            self.assertIn("The other end refuses our certificate", str(caught.exception))
            self.assertIn("from 127.0.0.1:", line)
            self.assertIn(told, line)

    async def test_hub_told(self) -> None:
        """So it is where the hub's is not taken."""
        now = datetime.now(UTC)
        (self.folder / "bus.pem").unlink()
        issue(self.folder, (Subject("bus"),), now - timedelta(3), timedelta(2))
        with Captured() as logs:
            port = await self.listen()
            with self.assertRaises(LinkLost) as caught:
                await self.come(self.way(port, "world.pem"), "w1", "world")
            line = await self.hub_told(logs)
        told = "The certificate at the other end, bus.mudserver.internal, has ended."
        self.assertEqual(str(caught.exception), told)
        self.assertIn("The other end refuses our certificate", line)

    async def hub_told(self, logs: Captured) -> str:
        """Return the line in which the hub tells of a connection that did not join."""

        def lines() -> list[str]:
            return [line for line in map(formatEvent, logs) if "before it had joined" in line]

        await until(lines, lambda: "the hub tells nothing")
        [line] = lines()
        return line

    async def test_renewed(self) -> None:
        """
        What is renewed while a hub and its peers run is used for the next links, on either side;
        those that are there go on.
        """
        port = await self.listen()
        way = self.way(port, "gateway.pem")
        gateway, link = await self.come(way, "g1", "gateway")
        for file in self.folder.iterdir():
            file.unlink()
        issue(self.folder, FIRST, datetime.now(UTC))  # by another authority, even
        _, to_world = await self.come(self.way(port, "world.pem"), "w1", "world")
        link.send(Subscribe(1, "gateway.g1"))
        await self.come(way, "g2", "gateway")
        to_world.send(Publish("gateway.g1", 1, "", b"x"))
        self.assertIsInstance(await gateway.came, Deliver)

    async def test_two_authorities(self) -> None:
        """While an authority is replaced by another, those with certificates by either meet."""
        new = self.folder.parent / "new"
        issue(new, FIRST, datetime.now(UTC))
        both = (self.folder / "ca.pem").read_bytes() + (new / "ca.pem").read_bytes()
        for folder in (self.folder, new):
            (folder / "ca.pem").write_bytes(both)
        port = await self.listen()
        await self.come(self.way(port, "world.pem", new), "w1", "world")
        await self.come(self.way(port, "gateway.pem"), "g1", "gateway")

    async def test_badly_renewed(self) -> None:
        """What can't be used changes nothing, and the log says why."""
        port = await self.listen()
        (self.folder / "bus.pem").write_text("nothing")
        with Captured() as events:
            await self.come(self.way(port, "world.pem"), "w1", "world")
            await self.come(self.way(port, "gateway.pem"), "g1", "gateway")
        lines = [formatEvent(event) for event in events]
        told = [line for line in lines if "can't be used, and the old one stays" in line]
        self.assertEqual(len(told), 1, lines)

    async def test_renewed_too_late(self) -> None:
        """A new certificate that has ended already doesn't take the place of the good one."""
        port = await self.listen()
        way = self.way(port, "gateway.pem")
        (self.folder / "gateway.pem").unlink()
        ago = datetime.now(UTC) - timedelta(days=3)
        issue(self.folder, (Subject("gateway"),), ago, timedelta(days=2))
        with Captured() as events:
            await self.come(way, "g1", "gateway")
        lines = [formatEvent(event) for event in events]
        self.assertTrue(any("has ended at" in line for line in lines), lines)

    async def test_plain(self) -> None:
        """Who speaks no TLS gets nowhere."""
        port = await self.listen()
        with self.assertRaises(LinkLost):
            await self.come(TCP4ClientEndpoint(reactor, "127.0.0.1", port), "g1", "gateway")

    def test_files(self) -> None:
        """Files that can't be used are named with their setting."""
        good = self.folder / "world.pem"
        authority = self.folder / "ca.pem"
        garbled = self.folder / "garbled.pem"
        garbled.write_text("nothing")
        for setting, identity in (
            ("bus_ca", Identity(self.folder / "none.pem", good, good)),
            ("bus_ca", Identity(garbled, good, good)),
            ("bus_certificate", Identity(authority, garbled, good)),
            ("bus_key", Identity(authority, good, self.folder / "none.pem")),
            ("bus_key", Identity(authority, good, self.folder / "gateway.pem")),
        ):
            error = self.assertRaises(ConfigError, identity.context)
            self.assertEqual(error.key, setting)
