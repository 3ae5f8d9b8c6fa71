"""The hub of the bus on real sockets."""

import os
import stat
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, cast

from twisted.internet import reactor as installed
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IListeningPort, IStreamClientEndpoint

from mudserver.bus.commands import JoinRefused
from mudserver.bus.doormen import Believer, UserDoorman
from mudserver.bus.entrance import by_loopback, by_socket
from mudserver.bus.envelopes import Deliver, Publish, Subscribe
from mudserver.errors import PortUnavailable, StartupError
from mudserver.unix_sockets import short_path
from tests.integration.bus_peer import HubTestCase

reactor = cast(Any, installed)

ROLES = frozenset({"gateway", "world"})


class Masks:
    """A reactor that notes under which umask it makes sockets."""

    def __init__(self) -> None:
        self.masks: list[int] = []

    def listenUNIX(self, *given: Any, **named: Any) -> IListeningPort:
        mask = os.umask(0)
        os.umask(mask)
        self.masks.append(mask)
        return cast(IListeningPort, reactor.listenUNIX(*given, **named))


class HubTest(HubTestCase):
    def setUp(self) -> None:
        # trial's own folder may have a path that is longer than a socket's may be.
        self.folder = Path(mkdtemp(prefix="mud"))
        self.addCleanup(rmtree, self.folder)
        self.path = self.folder / "bus.sock"

    async def talk(self, endpoint: IStreamClientEndpoint) -> None:
        """Have a world say something to a gateway."""
        gateway, to_gateway = await self.come(endpoint, "g1", "gateway")
        to_gateway.send(Subscribe(1, "gateway.g1"))
        _, to_world = await self.come(endpoint, "w1", "world")
        to_world.send(Publish("gateway.g1", 1, "", b"x"))
        self.assertEqual(await gateway.came, Deliver((1,), "w1/i1/2", "gateway.g1", 1, "", b"x"))

    async def test_socket(self) -> None:
        """Peers meet by a Unix socket that is the owner's alone, and gone after the stop."""
        self.addCleanup(os.umask, os.umask(0))
        hub = await self.start(by_socket(reactor, self.path))
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        with short_path(self.path) as address:
            await self.talk(UNIXClientEndpoint(reactor, address))
        await hub.stopService()
        self.assertFalse(self.path.exists())
        self.assertEqual(hub.peers(), ())

    async def test_mode(self) -> None:
        """The operator may let others connect, and a umask forbids them nothing."""
        self.addCleanup(os.umask, os.umask(0o077))
        await self.start(by_socket(reactor, self.path, 0o660))
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o660)
        self.assertEqual(os.umask(0o022), 0o077)

    async def test_never_wider(self) -> None:
        """At no moment may others open the socket, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0))
        watched = Masks()
        await self.start(by_socket(cast(Any, watched), self.path))
        self.assertEqual(watched.masks, [0o077])
        self.assertEqual(os.umask(0), 0)

    async def test_users(self) -> None:
        """Only processes of the users that are named may join."""
        known = UserDoorman({os.getuid(): ROLES}, Believer())
        others = UserDoorman({os.getuid() + 1: ROLES}, Believer())
        path = self.folder / "others.sock"
        await self.start(
            by_socket(reactor, self.path, doorman=known), by_socket(reactor, path, doorman=others)
        )
        await self.talk(UNIXClientEndpoint(reactor, str(self.path)))
        with self.assertRaises(JoinRefused) as caught:
            await self.come(UNIXClientEndpoint(reactor, str(path)), "g2", "gateway")
        self.assertIn(f"uid {os.getuid()}", str(caught.exception))

    async def test_roles_of_users(self) -> None:
        """A user's processes may join as what that user may be, and as nothing else."""
        gateways = UserDoorman({os.getuid(): frozenset({"gateway"})}, Believer())
        await self.start(by_socket(reactor, self.path, doorman=gateways))
        endpoint = UNIXClientEndpoint(reactor, str(self.path))
        await self.come(endpoint, "g1", "gateway")
        with self.assertRaises(JoinRefused) as caught:
            await self.come(endpoint, "w1", "world")
        self.assertIn("may not join as world", str(caught.exception))

    async def test_loopback(self) -> None:
        """Peers meet by TCP on loopback; who would be let in by user is not known there."""
        known = UserDoorman({os.getuid(): ROLES}, Believer())
        hub = await self.start(
            by_loopback(reactor, "localhost", 0),
            by_loopback(reactor, "127.0.0.1", 0, doorman=known),
        )
        first, second = hub.addresses()
        assert isinstance(first, IPv4Address)
        assert isinstance(second, IPv4Address)
        await self.talk(TCP4ClientEndpoint(reactor, "127.0.0.1", first.port))
        with self.assertRaises(JoinRefused):
            await self.come(TCP4ClientEndpoint(reactor, "127.0.0.1", second.port), "g2", "gateway")

    async def test_exposed(self) -> None:
        """Plain TCP for other machines is refused before anybody can come in."""
        with self.assertRaises(StartupError) as caught:
            await self.start(by_socket(reactor, self.path), by_loopback(reactor, "0.0.0.0", 0))
        self.assertIn("without TLS", str(caught.exception))
        self.assertFalse(self.path.exists())

    async def test_two_hubs(self) -> None:
        """Another hub does not take the socket of one that runs, but that of one that is dead."""
        first = await self.start(by_socket(reactor, self.path))
        with self.assertRaises(PortUnavailable) as caught:
            await self.start(by_socket(reactor, self.path))
        self.assertIn("another mudserver listens there", str(caught.exception))
        await self.talk(UNIXClientEndpoint(reactor, str(self.path)))
        await first.stopService()
        with self.assertRaises(ConnectError):
            await self.come(UNIXClientEndpoint(reactor, str(self.path)), "g1", "gateway")
        await self.start(by_socket(reactor, self.path))
        await self.talk(UNIXClientEndpoint(reactor, str(self.path)))
