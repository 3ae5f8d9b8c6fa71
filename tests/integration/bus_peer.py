"""Peers that meet at a real hub, over real sockets."""

from typing import Any, cast

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from mudserver.bus.commands import PeerInfo
from mudserver.bus.entrance import Entrance
from mudserver.bus.envelopes import Envelope
from mudserver.bus.hub import Hub
from mudserver.bus.link import Link
from mudserver.telemetry.metrics import NullMeter
from tests.unit.bus.links import Owner, anyone

reactor = cast(Any, installed)


class Peer(Owner):
    """A peer that waits for what happens to its link."""

    def __init__(self) -> None:
        super().__init__()
        self.began: Deferred[None] = Deferred()
        self.came: Deferred[Envelope] = Deferred()
        self.ended: Deferred[None] = Deferred()

    def joined(self, link: Link) -> None:
        self.began.callback(None)

    def received(self, link: Link, envelope: Envelope) -> None:
        self.came.callback(envelope)

    def gone(self, link: Link, reason: Failure) -> None:
        super().gone(link, reason)
        if not self.began.called:
            self.began.errback(reason)
        self.ended.callback(None)


class HubTestCase(TestCase):
    """A hub, and peers that come to it; all have gone when the test is over."""

    async def start(self, *entrances: Entrance) -> Hub:
        hub = Hub("hub", "h1", entrances, clock=reactor, meter=NullMeter())
        self.addCleanup(hub.stopService)
        await hub.startService()
        return hub

    async def come(
        self, endpoint: IStreamClientEndpoint, name: str, role: str
    ) -> tuple[Peer, Link]:
        """Connect, and return the peer when it has joined."""
        owner = Peer()
        link = Link(owner, PeerInfo(name, role, "i1"), anyone, reactor)
        await connectProtocol(endpoint, link)
        try:
            await owner.began
        except Exception:
            await owner.ended
            raise
        self.addCleanup(self.part, owner, link)
        return owner, link

    async def part(self, owner: Peer, link: Link) -> None:
        """End a peer's link, if it has not ended."""
        link.close("The test is over.")
        await owner.ended
