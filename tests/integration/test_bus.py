"""The bus over real sockets: a hub and three peers."""

from datetime import UTC, datetime
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IReactorUNIX, IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mudserver.bus.backoff import Backoff
from mudserver.bus.breaker import BreakerLimits
from mudserver.bus.codec import Codec
from mudserver.bus.commands import PeerInfo
from mudserver.bus.entrance import Entrance, by_loopback, by_socket
from mudserver.bus.hub import Hub
from mudserver.bus.peer import AmpBus
from mudserver.bus.peer_limits import PeerLimits
from mudserver.bus.rights import ALL_RIGHTS, Rights
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.errors import Unavailable
from mudserver.telemetry.metrics import NullMeter
from mudserver.unix_sockets import SocketClientEndpoint
from tests.contract.bus import WHO
from tests.contract.bus_links import LinkedBusContract
from tests.unit.bus.network import Keeper

#: Rounds of questions between all peers, after which what was sent, and what came of it, is there.
ROUNDS = 4

LIMITS = PeerLimits(
    linger=0.1,
    reconnect=Backoff(0.3, 0.5),
    breaker=BreakerLimits(failures=10_000),  # the questions that `arrive` asks may well fail
)


class Porter:
    """Lets everybody do everything."""

    def admit(self, transport: object, claimed: PeerInfo) -> Rights:
        return ALL_RIGHTS


class SocketSuite(LinkedBusContract):
    """The contract, over whatever `entrance` and `endpoint` say."""

    patience = 0.5

    def entrance(self) -> Entrance:
        raise NotImplementedError

    def endpoint(self) -> IStreamClientEndpoint:
        raise NotImplementedError

    async def setUp(self) -> None:  # type: ignore[override]
        self.hub = Hub("hub", "h1", (self.entrance(),), clock=reactor, meter=NullMeter())
        await self.hub.startService()
        self.gateway, self.world, self.other = map(self.peer, ("gateway", "world", "other"))
        self.peers = (self.gateway, self.world, self.other)
        while not all(bus.linked for bus in self.peers):
            await self.pass_time(0.01)

    async def tearDown(self) -> None:  # type: ignore[override]
        """Whatever happened, all stop in good order."""
        await DeferredList([bus.stopService() for bus in self.peers])
        await self.hub.stopService()

    def peer(self, name: str) -> AmpBus:
        bus = AmpBus(
            reactor,
            self.endpoint(),
            PeerInfo(name, "world", "i1"),
            codec=Codec(VOCABULARY),
            meter=NullMeter(),
            pick=lambda: 1.0,
            utc_now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            undelivered=Keeper(),
            limits=LIMITS,
        )
        bus.respond(f"barrier.{name}", lambda request: succeed(WHO.name))
        bus.startService()
        return bus

    async def arrive(self) -> None:
        for _ in range(ROUNDS):
            asked: list[Deferred[object]] = []
            for bus in self.peers:
                for name in ("gateway", "world", "other"):
                    reply: Deferred[object] = bus.request(f"barrier.{name}", WHO)
                    asked.append(reply.addErrback(lambda failure: failure.trap(Unavailable)))
            await DeferredList(asked)
            await self.pass_time(0.0)

    async def pass_time(self, seconds: float) -> None:
        await deferLater(reactor, seconds)


class UnixBusTest(SocketSuite, TestCase):
    def entrance(self) -> Entrance:
        self.path = Path(self.mktemp()).absolute()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return by_socket(IReactorUNIX(reactor), self.path, doorman=Porter())

    def endpoint(self) -> IStreamClientEndpoint:
        return SocketClientEndpoint(IReactorUNIX(reactor), self.path)


class TcpBusTest(SocketSuite, TestCase):
    def entrance(self) -> Entrance:
        return by_loopback(reactor, "127.0.0.1", 0, Porter())

    def endpoint(self) -> IStreamClientEndpoint:
        (address,) = self.hub.addresses()
        assert isinstance(address, IPv4Address)
        return TCP4ClientEndpoint(reactor, address.host, address.port)
