"""The gateway's side of a process: its parts, joined."""

import random
import secrets
from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IProtocolFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from mudserver.config import PROXIED, Settings
from mudserver.gateway.admission import Admission, AdmissionLimits
from mudserver.gateway.allowances import AllowanceLimits, Allowances
from mudserver.gateway.arrivals import ArrivalLimits, Arrivals
from mudserver.gateway.doorway import Doorkeeper, Doorway
from mudserver.gateway.reaper import Reaper
from mudserver.gateway.roster import Roster
from mudserver.gateway.service import Door, GatewayService
from mudserver.gateway.shared import LinkLimits, Shared
from mudserver.gateway.switchboard import Switchboard
from mudserver.gateway.telnet import TelnetFactory
from mudserver.gateway.turnstile import Turnstile, widen
from mudserver.gateway.web.channel import HttpLimits
from mudserver.gateway.web.policy import WebPolicy
from mudserver.gateway.web.site import WebSite
from mudserver.gateway.web.static_files import load_files
from mudserver.gateway.websocket import WebSocketFactory
from mudserver.ids import GatewayId
from mudserver.interfaces.bus import IBus
from mudserver.listening import in_words
from mudserver.service.ground import Ground, utc_now
from mudserver.service.tls import CertificateFiles
from mudserver.session.bucket import Rate
from mudserver.session.heartbeat import Pulse
from mudserver.session.intake import IntakeLimits
from mudserver.tasks import Tasks

#: File descriptors for everything but connections of clients.
_OTHER_DESCRIPTORS = 256

_BANNER = """
{name}

Give your name, or one that you would like to have.
Or type: connect NAME PASSWORD
"""


class GatewaySide:
    """
    What holds the connections of players.

    Args:
        ground: What all stand on.
        bus: The way to the world.
        busy: Tells whether the world has more to do in the very next turn, where it is in this
            process.

    Attributes:
        service: Opens the doors, and closes them.

    Raises:
        ConfigError: A setting names files that can't be used.
    """

    def __init__(self, ground: Ground, bus: IBus, busy: Callable[[], bool]) -> None:
        self._ground = ground
        self._bus = bus
        self._busy = busy
        self._shared = self._make_shared()
        self._show_what_is_held()
        self._doorkeeper = self._make_doorkeeper()
        self.service = GatewayService(
            self._shared,
            tuple(self._doors()),
            self._doorkeeper.turnstile,
            ground.settings.drain,
        )

    def connections(self) -> int:
        """Count the open connections."""
        return len(self._shared.roster)

    def invitations(self) -> Iterator[str]:
        """Return what players do to come in, now that one can."""
        for name, address in self.service.addresses():
            yield _how_to_reach(name, address)

    def _make_shared(self) -> Shared:
        settings = self._ground.settings
        gateway = GatewayId(self._ground.peer or secrets.token_hex(4))
        return Shared(
            gateway=gateway,
            bus=self._bus,
            clock=self._ground.reactor,
            switchboard=Switchboard(
                gateway, self._bus, self._ground.reactor, self._ground.meter, self._busy
            ),
            roster=Roster(),
            reaper=Reaper(self._ground.reactor),
            tasks=Tasks(self._ground.meter),
            meter=self._ground.meter,
            limits=LinkLimits(
                message=settings.message,
                resume=settings.grace,
                hello=settings.hello,
                answer=settings.answer,
                login=settings.login,
                closing=settings.closing,
                stall=settings.stall,
                telnet_stall=settings.telnet_stall,
                websocket=Pulse(settings.heartbeat, settings.pong, 5 * settings.heartbeat),
                telnet=Pulse(settings.telnet_heartbeat, settings.telnet_pong),
            ),
            token_bytes=secrets.token_bytes,
            pick=random.random,
            utc_now=utc_now,
            allowances=Allowances(
                AllowanceLimits(
                    commands=Rate(settings.commands, settings.command_burst),
                    intake=_intake(settings),
                ),
                settings.exempt,
            ),
            arrivals=Arrivals(
                ArrivalLimits(
                    rate=Rate(settings.arrivals, settings.arrival_burst),
                    waiting=settings.arrival_burst,
                    exempt=settings.exempt,
                )
            ),
            admission=Admission(
                AdmissionLimits(
                    connections=settings.per_address,
                    unauthenticated=settings.unauthenticated,
                    total=settings.total,
                    pending=settings.pending,
                    http=settings.http_per_address,
                    exempt=settings.exempt,
                )
            ),
        )

    def _show_what_is_held(self) -> None:
        """Let operators see whether all is given back that was taken."""
        shared, reactor, meter = self._shared, self._ground.reactor, self._ground.meter
        meter.show("held", lambda: len(shared.roster), what="connections")
        meter.show("held", lambda: len(shared.switchboard), what="sessions")
        meter.show("held", lambda: len(shared.reaper), what="deadlines")
        meter.show("held", lambda: len(reactor.getDelayedCalls()), what="timers")

    def _make_doorkeeper(self) -> Doorkeeper:
        settings, shared = self._ground.settings, self._shared
        widen(settings.total + settings.pending + settings.descriptors + _OTHER_DESCRIPTORS)
        return Doorkeeper(
            clock=self._ground.reactor,
            meter=self._ground.meter,
            incidents=shared.incidents,
            arrivals=shared.arrivals,
            turnstile=Turnstile(
                self._ground.reactor, random.random, self._ground.meter, settings.descriptors
            ),
            trusted=settings.trusted_proxies,
            patience=settings.handshake,
        )

    def _doors(self) -> Iterator[Door]:
        """Return the doors that are wanted, those with TLS once there is a certificate."""
        settings = self._ground.settings
        banner = _BANNER.format(name=settings.name)
        site = self._make_site()
        keeper = self._doorkeeper
        wanted: list[tuple[str, str, IProtocolFactory]] = [
            ("telnet", settings.telnet, TelnetFactory(self._shared, banner)),
            ("http", settings.http, site),
        ]
        if settings.certificate is not None:
            key = settings.private_key or settings.certificate
            files = CertificateFiles(settings.certificate, key)
            telnet = TelnetFactory(self._shared, banner, tls=True)
            wanted += [
                ("telnets", settings.telnets, TLSMemoryBIOFactory(files, False, telnet)),
                ("https", settings.https, TLSMemoryBIOFactory(files, False, site)),
            ]
        for name, address, factory in wanted:
            if address:
                where = address.removeprefix(PROXIED)
                doorway = Doorway(
                    name, factory, keeper, proxied=where != address, crowds=name.startswith("http")
                )
                yield Door(
                    name, where, self._ground.listening(where, shared=settings.share_ports), doorway
                )

    def _make_site(self) -> WebSite:
        settings = self._ground.settings
        policy = WebPolicy(
            public_url=settings.public_url or None,
            hosts=settings.hosts,
            origins=settings.origins,
            trusted_proxies=settings.trusted_proxies,
            insecure_passwords=settings.insecure_passwords,
        )
        websockets = WebSocketFactory(self._shared, self._ground.reactor)
        return WebSite(
            self._shared, policy, load_files(), websockets, HttpLimits(head=settings.handshake)
        )


def _intake(settings: Settings) -> IntakeLimits:
    """Return what is taken of a connection; hard limits give room to whatever else is allowed."""
    return IntakeLimits(
        frames=Rate(
            max(settings.frames, 2 * settings.commands),
            max(settings.frame_burst, 10 * settings.command_burst),
        ),
        raw_bytes=Rate(settings.raw_bytes, max(settings.byte_burst, 4 * settings.message)),
    )


def _how_to_reach(name: str, address: object) -> str:
    """Return what a player types to get to a door."""
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is None or port is None:
        return f"{name}: {in_words(address)}"
    if host in ("127.0.0.1", "::1", "0.0.0.0", "::"):  # noqa: S104 (this only reads them)
        host = "localhost"
    match name:
        case "http" | "https":
            return f"In a browser open {name}://{host}:{port}/"
        case "telnet":
            return f"In a terminal type: telnet {host} {port}"
        case _:
            return f"{name}: {host} {port}"
