"""Links over real sockets: in order both ways, and left where the other end doesn't read."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field
from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    SSL4ClientEndpoint,
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.interfaces import IListeningPort, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import ContextFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from mudserver.bus.commands import PeerInfo
from mudserver.bus.envelopes import Ask, Envelope, Publish
from mudserver.bus.link import Link, LinkLost
from mudserver.bus.link_limits import LinkLimits
from mudserver.service.tls import CertificateFiles
from tests.integration.certificates import Authority

HUB = PeerInfo("hub", "bus", "h")
WORLD = PeerInfo("world", "world", "w")

if TYPE_CHECKING:
    Suite = TestCase
else:
    Suite = object


def publish(number: int, *, durable: bool = True, size: int = 100) -> Publish:
    return Publish("world", number, str(number) if durable else "", bytes(size))


@define(eq=False)
class Owner:
    """
    One who has an end of a link.

    Attributes:
        expected: How many envelopes fire ``complete``.
    """

    expected: int = 0
    envelopes: list[Envelope] = field(factory=list)
    dropped: list[Envelope] = field(factory=list)
    complete: Deferred[None] = field(factory=Deferred)
    link: Deferred[Link] = field(factory=Deferred)
    over: Deferred[Exception] = field(factory=Deferred)

    def joined(self, link: Link) -> None:
        self.link.callback(link)

    def received(self, link: Link, envelope: Envelope) -> None:
        self.envelopes.append(envelope)
        if len(self.envelopes) == self.expected:
            self.complete.callback(None)

    def shed(self, link: Link, envelopes: Sequence[Envelope]) -> None:
        self.dropped += envelopes

    def gone(self, link: Link, reason: Failure) -> None:
        assert isinstance(reason.value, Exception)
        self.over.callback(reason.value)


class LinkFactory(Factory):
    """Makes one end of a link."""

    noisy = False

    def __init__(self, owner: Owner, me: PeerInfo, limits: LinkLimits) -> None:
        self._made = Link(owner, me, lambda link, peer: None, reactor, limits)

    def buildProtocol(self, addr: object) -> Link:
        return self._made


class LinkSuite(Suite):
    """What a link does, over any transport."""

    timeout = 60

    async def listen(self, factory: Factory) -> tuple[IListeningPort, IStreamClientEndpoint]:
        """Listen, and say how to connect."""
        raise NotImplementedError

    async def join(
        self, *, expected: int = 0, limits: LinkLimits | None = None
    ) -> tuple[Link, Link]:
        """Return the hub's end and the world's of a link."""
        self.hub, self.world = Owner(expected), Owner(expected)
        limits = limits or LinkLimits(deadline=30.0, patience=30.0)
        port, there = await self.listen(LinkFactory(self.hub, HUB, limits))
        self.addCleanup(port.stopListening)
        await there.connect(LinkFactory(self.world, WORLD, limits))
        return await self.hub.link, await self.world.link

    async def test_both_ways(self) -> None:
        """Thousands of envelopes of all sizes arrive in order, both ways at once."""
        count = 5_000
        hub, world = await self.join(expected=count)
        sent: list[Envelope] = [publish(number, size=number % 700) for number in range(count - 1)]
        sent.append(Ask(1, "world", 10.0, bytes(range(256)) * 4096))
        for each in sent:
            hub.send(each)
            world.send(each)
        await self.hub.complete
        await self.world.complete
        self.assertEqual(self.hub.envelopes, sent)
        self.assertEqual(self.world.envelopes, sent)
        await self.close(world)

    async def close(self, link: Link) -> None:
        """End a link in good order; both ends are told."""
        link.close("That was all.")
        for owner in (self.hub, self.world):
            self.assertIsInstance(await owner.over, LinkLost)

    async def test_close(self) -> None:
        """What is sent before a link is closed arrives."""
        count = 3_000
        _, world = await self.join(expected=count)
        for number in range(count):
            world.send(publish(number, size=1_000))
        await self.close(world)
        self.assertEqual(len(self.hub.envelopes), count)

    async def test_one_that_does_not_read(self) -> None:
        """An end that stops reading is shed, then left; what is kept for it stays bounded."""
        limits = LinkLimits(lossy=500_000, beat=0.2, deadline=1.0, patience=30.0)
        hub, world = await self.join(limits=limits)
        world.transport.pauseProducing()  # type: ignore[union-attr]
        most = self.flood(hub, lambda: self.hub.over.called)
        error = await self.hub.over
        self.assertIsInstance(error, LinkLost)
        self.assertLess(await most, limits.lossy + 50_000)
        self.assertTrue(self.hub.dropped)
        self.assertTrue(all(envelope.lossy for envelope in self.hub.dropped))
        world.transport.resumeProducing()  # type: ignore[union-attr]
        self.assertIsInstance(await self.world.over, LinkLost)

    def flood(self, link: Link, ended: Callable[[], bool]) -> "Deferred[int]":
        """Send in each turn of the reactor; fires with how much waited at the most."""
        done: Deferred[int] = Deferred()

        def turn(most: int) -> None:
            if ended():
                done.callback(most)
                return
            for number in range(10):
                link.send(publish(number, durable=False, size=10_000))
            reactor.callLater(0, turn, max(most, link.queued))

        turn(0)
        return done


class TcpLinkTest(LinkSuite, TestCase):
    """Over TCP."""

    async def listen(self, factory: Factory) -> tuple[IListeningPort, IStreamClientEndpoint]:
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        return port, TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)


class UnixLinkTest(LinkSuite, TestCase):
    """Over a Unix socket."""

    async def listen(self, factory: Factory) -> tuple[IListeningPort, IStreamClientEndpoint]:
        path = self.mktemp()
        port = await UNIXServerEndpoint(reactor, path).listen(factory)
        return port, UNIXClientEndpoint(reactor, path)


class TrustingContext(ContextFactory):
    """Encrypts, whoever is there; who may join is another matter."""

    def getContext(self) -> SSL.Context:
        return SSL.Context(SSL.TLS_CLIENT_METHOD)


class TlsLinkTest(LinkSuite, TestCase):
    """Over TLS."""

    async def listen(self, factory: Factory) -> tuple[IListeningPort, IStreamClientEndpoint]:
        files = self.files()
        port = await SSL4ServerEndpoint(reactor, 0, files, interface="127.0.0.1").listen(factory)
        return port, SSL4ClientEndpoint(
            reactor, "127.0.0.1", port.getHost().port, TrustingContext()
        )

    def files(self) -> CertificateFiles:
        """Make a certificate."""
        mine = Authority().sign("hub.example")
        chain, key = Path(self.mktemp()), Path(self.mktemp())
        chain.write_bytes(mine.chain)
        key.write_bytes(mine.key)
        return CertificateFiles(chain, key)
