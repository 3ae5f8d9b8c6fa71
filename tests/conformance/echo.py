"""A gateway that sends back what it is sent, in place of a game."""

from datetime import UTC, datetime
from ipaddress import ip_network
from secrets import token_bytes
from typing import Final

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort, IReactorTCP, IReactorTime

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import CloseCode
from mudserver.gateway.admission import Admission, AdmissionLimits, Place
from mudserver.gateway.allowances import AllowanceLimits, Allowances
from mudserver.gateway.deflate import deflated
from mudserver.gateway.dress import JsonDress, text_frame
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.reaper import Reaper
from mudserver.gateway.roster import Roster
from mudserver.gateway.seat import Seat
from mudserver.gateway.shared import LinkLimits, Shared
from mudserver.gateway.switchboard import Switchboard
from mudserver.gateway.web.channel import HttpLimits
from mudserver.gateway.web.policy import WebPolicy
from mudserver.gateway.web.site import WebSite
from mudserver.gateway.websocket import WebSocketFactory
from mudserver.gateway.wires import Wire
from mudserver.ids import AccountId, Epoch, GatewayId, Generation, TokenHash
from mudserver.interfaces.authority import Attended, Origin, TicketCredential
from mudserver.interfaces.bus import WORLD, Request, gateway_subject
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import Attach, Attached, Show
from mudserver.session.bucket import Rate
from mudserver.session.heartbeat import Pulse
from mudserver.session.intake import IntakeLimits
from mudserver.session.outbox import Frame, OutboxLimits
from mudserver.tasks import Tasks
from mudserver.telemetry.metrics import NullMeter
from mudserver.view.line import View

_INFLATING: Final = JsonDress(inflates=True)
_BINARY: Final = 0x82
_COMPRESSED: Final = 0x40
_EPOCH: Final = Epoch(1)

#: The suite sends messages of 16 MiB, and thousands at once, and is silent for a while.
_LARGEST: Final = 16 * 1024 * 1024
_UNLIMITED: Final = Rate(1e9, 1e9)
_LONG: Final = 600.0
_EVERYBODY: Final = (ip_network("127.0.0.0/8"),)
_LIMITS: Final = LinkLimits(
    message=_LARGEST,
    hello=_LONG,
    stall=_LONG,
    websocket=Pulse(silence=_LONG, patience=_LONG),
    early=1_000_000,
    outbox=OutboxLimits(pending=8 * _LARGEST),
    resume=0.0,
)

_ATTENDED: Final = Attended(
    AccountId(1), "Echo", TokenHash(""), datetime(2100, 1, 1, tzinfo=UTC), ("Echo",)
)


class EchoLink(JsonLink):
    """Sends back each message; who the client is doesn't matter."""

    def __init__(self, shared: Shared, wire: Wire, origin: Origin, place: Place) -> None:
        super().__init__(shared, wire, origin, place)
        self._unsent: list[tuple[bytes, bool]] = []

    def greet(self) -> None:
        """Let anybody in."""
        self.authenticate(TicketCredential("", ""), None)

    def admitted(self, seat: Seat, attached: Attached) -> None:
        """Send back what came before."""
        unsent, self._unsent = self._unsent, []
        for data, binary in unsent:
            self.received(data, binary)

    def received(self, data: bytes, binary: bool) -> None:
        """Send it back, as the world shows something."""
        if not self._speaks():
            return
        self._heartbeat.heard(self._shared.clock.seconds())
        seat = self._seat
        if seat is None:
            self._unsent.append((data, binary))
        elif binary:
            inflates = self._dress == _INFLATING
            payload = deflated(data) if inflates else data
            first = _BINARY | _COMPRESSED if inflates else _BINARY
            seat.offer(Frame(text_frame(payload, first), play=False))
        else:
            view = View("echo", data, None, play=False)
            subject = gateway_subject(self._shared.gateway)
            self._shared.bus.publish(subject, FromWorld(_EPOCH, Show(view, (seat.play.id,))))

    def farewell(self, pending: list[bytes], code: CloseCode, reason: str, back_in: float) -> bytes:
        """Say nothing of its own."""
        return b"".join(pending)


class EchoGateway:
    """
    The web site with its ``/ws``, as the daemon has it.

    Args:
        reactor: Runs it.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        meter = NullMeter()
        gateway = GatewayId("echo")
        bus = LoopbackBus(reactor)
        bus.respond(WORLD, _respond)
        self._shared = Shared(
            gateway=gateway,
            bus=bus,
            clock=reactor,
            switchboard=Switchboard(gateway, bus, reactor, meter),
            roster=Roster(),
            reaper=Reaper(reactor),
            tasks=Tasks(meter),
            meter=meter,
            limits=_LIMITS,
            token_bytes=token_bytes,
            pick=lambda: 0.5,
            utc_now=lambda: datetime.now(UTC),
            admission=Admission(AdmissionLimits(exempt=_EVERYBODY)),
            allowances=Allowances(
                AllowanceLimits(
                    out_of_band=_UNLIMITED,
                    intake=IntakeLimits(frames=_UNLIMITED, raw_bytes=_UNLIMITED),
                    strangers=_UNLIMITED,
                ),
                _EVERYBODY,
            ),
        )
        self._site = WebSite(
            self._shared,
            WebPolicy(),
            (),
            WebSocketFactory(self._shared, reactor, EchoLink),
            HttpLimits(),
        )
        self._port: IListeningPort | None = None

    def start(self, reactor: IReactorTCP) -> int:
        """Listen on this machine; returns the port."""
        self._shared.switchboard.start()
        self._shared.reaper.start()
        # Twisted has its own channel's wrapper as the type of what a site makes.
        self._port = reactor.listenTCP(0, self._site, interface="127.0.0.1")  # type: ignore[arg-type]
        address = self._port.getHost()
        assert isinstance(address, IPv4Address)
        return address.port

    async def stop(self) -> None:
        """Let go of everything."""
        assert self._port is not None
        closed = self._port.stopListening()
        if closed is not None:
            await closed
        self._shared.roster.abort_all()
        await self._shared.roster.emptied()
        self._shared.reaper.stop()
        await self._shared.tasks.stop()
        self._shared.switchboard.stop()


def _respond(request: Request[object]) -> Deferred[object]:
    assert isinstance(request, Attach)
    return succeed(Attached(request.session, Generation(1), _ATTENDED, "Echo", recovered=False))
