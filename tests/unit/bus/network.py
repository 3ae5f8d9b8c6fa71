"""Peers of a bus and their hub in one process, joined by links that can be cut."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from attrs import define
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.test.iosim import (
    FakeAddress,
    FakeTransport,
    IOPump,
    connect,
    makeFakeClient,
    makeFakeServer,
)
from zope.interface import implementer

from mudserver.bus.codec import Codec
from mudserver.bus.commands import PeerInfo
from mudserver.bus.entrance import Entrance
from mudserver.bus.envelopes import Envelope
from mudserver.bus.hub import Hub
from mudserver.bus.link import Link, LinkOwner
from mudserver.bus.peer import AmpBus
from mudserver.bus.peer_limits import PeerLimits
from mudserver.bus.rights import ALL_RIGHTS, Rights
from mudserver.bus.spool import Spool
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.interfaces.bus import Message
from mudserver.interfaces.undelivered import IUndelivered, Undelivered
from mudserver.telemetry.metrics import NullMeter, PrometheusMeter
from tests.unit.bus.test_hub import Endpoint


@implementer(IUndelivered)
class Keeper:
    """Notes what could not be delivered."""

    def __init__(self) -> None:
        self.letters: list[Undelivered] = []

    def keep(self, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        self.letters += letters
        return succeed(None)


class Porter:
    """
    Lets everybody in.

    Attributes:
        rights: Of the peers that may not do everything, by name.
    """

    def __init__(self, rights: dict[str, Rights]) -> None:
        self.rights = rights

    def admit(self, transport: object, claimed: PeerInfo) -> Rights:
        return self.rights.get(claimed.name, ALL_RIGHTS)


@define(eq=False)
class _Wire:
    """One connection of a peer with the hub."""

    peer: str
    pump: IOPump
    ends: tuple[FakeTransport, FakeTransport]


class Network:
    """
    A hub, and peers that come to it.

    Attributes:
        clock: Of all of them.
        unreachable: Names of the peers that can't connect.
        lag: Names of the peers for which nothing arrives at either end.
        rights: Of the peers that may not do everything.
        attempts: Who tried to connect, and when.
        codec: Of those that have no vocabulary of their own.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.unreachable: set[str] = set()
        self.lag: set[str] = set()
        self.rights: dict[str, Rights] = {}
        self.attempts: list[tuple[str, float]] = []
        self.codec = Codec(VOCABULARY)
        self._hubs = 0
        self._hub = self._make_hub()
        self._wires: list[_Wire] = []
        self._peers: list[AmpBus] = []

    def peer(
        self,
        name: str,
        *,
        keeper: IUndelivered | None = None,
        meter: PrometheusMeter | None = None,
        limits: PeerLimits | None = None,
        spool: Path | None = None,
        vocabulary: tuple[type[Message], ...] | None = None,
        asks_the_world: bool = False,
        make_link: Callable[[LinkOwner], Link] | None = None,
    ) -> AmpBus:
        """Start a peer; `settle` lets it join."""
        bus = AmpBus(
            self.clock,
            _Endpoint(self, name),
            PeerInfo(name, "world", "i1"),
            codec=self.codec if vocabulary is None else Codec(vocabulary),
            meter=meter or PrometheusMeter(),
            pick=lambda: 1.0,
            utc_now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            undelivered=None if asks_the_world else keeper or Keeper(),
            spool=None if spool is None else Spool(spool),
            limits=limits,
            make_link=make_link,
        )
        bus.startService()
        self._peers.append(bus)
        return bus

    def settle(self) -> None:
        """Let all go to where it goes, in no time."""
        moved = True
        while moved:
            self.clock.advance(0)
            moved = False
            for wire in tuple(self._wires):
                if wire.peer not in self.lag:
                    moved = wire.pump.pump(advanceClock=False) or moved
            self._wires = [
                wire for wire in self._wires if not all(end.disconnected for end in wire.ends)
            ]

    def pass_time(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass, while all goes to where it goes."""
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            self.clock.advance(min(step, end - self.clock.seconds()))
            self.settle()

    def link(self, owner: LinkOwner, name: str) -> Link:
        """Make a peer's end of a link."""
        return Link(owner, PeerInfo(name, "world", "i1"), lambda link, peer: None, self.clock)

    def inject(self, name: str, envelope: Envelope, *, settle: bool = True) -> None:
        """Have the hub send something to a peer."""
        for seat in self._hub._seats.values():
            if seat.peer.name == name:
                seat.link.send(envelope)
        if settle:
            self.settle()

    def boxes(self) -> dict[str, int]:
        """Return how many boxes the hub has sent to each peer over the link that it has."""
        return {seat.peer.name: seat.link.boxes for seat in self._hub._seats.values()}

    def cut(self, name: str) -> None:
        """Break a peer's connection; nothing more of what was sent arrives."""
        self.lag.discard(name)
        for wire in self._wires:
            if wire.peer == name:
                for end in wire.ends:
                    end.stream.clear()
                    end.abortConnection()
        self.settle()

    def restart_hub(self) -> None:
        """Let the hub die, and another one take its place."""
        old, self._hub = self._hub, self._make_hub()
        for name in {wire.peer for wire in self._wires}:
            self.cut(name)
        old.stopService()

    def stop(self) -> None:
        """Stop all peers."""
        self.unreachable.clear()
        self.lag.clear()
        ended = [bus.stopService() for bus in self._peers]
        self.pass_time(30.0)
        ended.append(self._hub.stopService())
        self.pass_time(1.0)
        for each in ended:
            assert each.called, "somebody did not stop"

    def _make_hub(self) -> Hub:
        self._hubs += 1
        self._endpoint = Endpoint(UNIXAddress("bus"))
        entrance = Entrance("bus", self._endpoint, Porter(self.rights))
        hub = Hub("hub", f"h{self._hubs}", (entrance,), clock=self.clock, meter=NullMeter())
        hub.startService()
        return hub

    def connect(self, name: str, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect a peer, as an endpoint does."""
        self.attempts.append((name, self.clock.seconds()))
        if name in self.unreachable:
            return fail(ConnectionRefusedError())
        client = factory.buildProtocol(FakeAddress())
        server = self._endpoint.factory.buildProtocol(FakeAddress())
        assert client is not None
        assert server is not None
        ends = makeFakeClient(client), makeFakeServer(server)
        pump = connect(server, ends[1], client, ends[0], clock=self.clock, greet=False)
        self._wires.append(_Wire(name, pump, ends))
        return succeed(client)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """Leads a peer to the hub."""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self._name = name

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        return self._network.connect(self._name, protocolFactory)
