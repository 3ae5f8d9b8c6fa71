"""From settings to a tree of services."""

import os
import random
import secrets
import shlex
import socket
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IProtocolFactory, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from mudserver import __version__
from mudserver.bus.loopback import LoopbackBus
from mudserver.config import PROXIED, Settings, control_socket, embedded_database
from mudserver.control.service import ControlService
from mudserver.errors import ConfigError
from mudserver.game.administration import Administration
from mudserver.game.game import GamePorts
from mudserver.game.hasher import HashParameters, PasswordHasher
from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.game.pressure import PressureLimits, Threshold
from mudserver.game.throttle import ThrottleLimits
from mudserver.game.verb_allowances import VerbLimits
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
from mudserver.interfaces.history import Retention
from mudserver.listening import in_words
from mudserver.service.database import DatabaseService
from mudserver.service.lifecycle import Lifecycle
from mudserver.service.ordered import OrderedService
from mudserver.service.tls import CertificateFiles
from mudserver.service.world import GameService
from mudserver.session.bucket import Rate
from mudserver.session.heartbeat import Pulse
from mudserver.session.intake import IntakeLimits
from mudserver.storage.dsn import Dsn
from mudserver.storage.embedded import EmbeddedPostgres
from mudserver.storage.pool import PoolLimits
from mudserver.tasks import Tasks
from mudserver.telemetry.metrics import PrometheusMeter
from mudserver.telemetry.operations import OperationsService
from mudserver.telemetry.ticks import TickService
from mudserver.world.lexicon import Lexicon
from mudserver.world.networks import LOOPBACK

#: Connections that may wait to be accepted; a room of players that reconnects at once fits.
BACKLOG = 1024

#: File descriptors for everything but connections of clients.
_OTHER_DESCRIPTORS = 256

_log = Logger()

_BANNER = """
{name}

Give your name, or one that you would like to have.
Or type: connect NAME PASSWORD
"""


class Daemon:
    """
    All parts of one process, joined.

    Args:
        settings: What the operator wants.
        environment: Environment variables.
        reactor: Runs everything; its clock must be monotonic.

    Attributes:
        service: The tree: ticks, operations, database, game, gateways and control, in this order.

    Raises:
        ConfigError: A setting names files that can't be used.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str], reactor: Any) -> None:
        self._settings = settings
        self._environment = environment
        self._reactor = reactor
        self._meter = PrometheusMeter()
        self._bus = LoopbackBus(reactor)
        self._lifecycle = Lifecycle(reactor, environment, self._announce, self._hurry)
        self._lifecycle.prepare()
        self._database = self._make_database()
        self._game = self._make_game()
        self._shared = self._make_shared()
        self._show_what_is_held()
        self._doorkeeper = self._make_doorkeeper()
        self._gateways = GatewayService(
            self._shared, tuple(self._doors()), self._doorkeeper.turnstile, settings.drain
        )
        self.service = OrderedService(self._lifecycle.started, self._lifecycle.failed)
        for name, part in self._parts():
            part.setName(name)
            part.setServiceParent(self.service)

    def _parts(self) -> Iterator[tuple[str, Service]]:
        """Return the services, each after those that it needs."""
        yield "ticks", TickService(self._reactor, self._meter)
        if self._settings.operations:
            yield "operations", self._make_operations()
        yield "database", self._database
        yield "game", self._game
        yield "gateways", self._gateways
        yield "control", self._make_control()

    # ------------------------------------------------------------ the parts

    def _make_database(self) -> DatabaseService:
        settings = self._settings
        source: EmbeddedPostgres | Dsn
        if settings.database:
            try:
                source = Dsn.parse(settings.database)
            except ValueError as error:
                raise ConfigError("database", "the settings", str(error)) from None
        else:
            place = embedded_database(settings, self._environment)
            source = EmbeddedPostgres(self._reactor, place, self._environment)
        return DatabaseService(
            self._reactor,
            source,
            PoolLimits(size=settings.database_pool),
            self._meter,
            settings.database_wait,
        )

    def _make_game(self) -> GameService:
        settings = self._settings
        hasher = PasswordHasher(
            self._reactor,
            HashParameters(
                settings.password_time_cost,
                settings.password_memory,
                settings.password_parallelism,
            ),
            self._meter,
        )
        limits = GameLimits(
            AccountLimits(
                token_idle=timedelta(seconds=settings.token_life),
                clear_passwords=settings.insecure_passwords,
                clear_staff_passwords=settings.insecure_staff,
                throttle=ThrottleLimits(exempt=settings.exempt),
            ),
            PresenceLimits(grace=settings.grace),
            PressureLimits(
                alarm=Threshold(settings.alarm_after, settings.alarm_at),
                no_log_ins=Threshold(settings.no_log_ins_after, settings.no_log_ins_at),
                no_changes=Threshold(settings.no_changes_after, settings.no_changes_at),
            ),
            verbs=VerbLimits(
                tell=Rate(settings.tell, settings.tell_burst),
                channel=Rate(settings.channel, settings.channel_burst),
                who=Rate(settings.who, settings.who_burst),
                history=Rate(settings.history, settings.history_burst),
            ),
            logins=timedelta(days=settings.login_days),
            protected=(*LOOPBACK, *settings.trusted_proxies, *settings.exempt),
            history=Retention(settings.history_days, settings.tell_days),
        )

        def ports() -> GamePorts:
            accounts, world = self._database.stores()
            return GamePorts(
                bus=self._bus,
                accounts=accounts,
                failed_logins=self._database.failed_logins(),
                world=world,
                journal=self._database.journal(),
                history=self._database.history(),
                hasher=hasher,
                clock=self._reactor,
                utc_now=_utc_now,
                token_bytes=secrets.token_bytes,
                pick=random.random,
                meter=self._meter,
                notices=self._database.notices,
                holder=f"{socket.gethostname()}, process {os.getpid()}",
            )

        try:
            lexicon = Lexicon.of((*settings.channels, *settings.staff_channels))
        except ValueError as error:
            raise ConfigError("channels", "the settings", str(error)) from None
        return GameService(ports, limits, settings.areas, self._lifecycle.broken, lexicon)

    def _make_shared(self) -> Shared:
        settings = self._settings
        gateway = GatewayId(secrets.token_hex(4))
        return Shared(
            gateway=gateway,
            bus=self._bus,
            clock=self._reactor,
            switchboard=Switchboard(gateway, self._bus, self._reactor, self._meter),
            roster=Roster(),
            reaper=Reaper(self._reactor),
            tasks=Tasks(self._meter),
            meter=self._meter,
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
        shared, reactor, meter = self._shared, self._reactor, self._meter
        meter.show("held", lambda: len(shared.roster), what="connections")
        meter.show("held", lambda: len(shared.switchboard), what="sessions")
        meter.show("held", lambda: len(shared.reaper), what="deadlines")
        meter.show("held", lambda: len(reactor.getDelayedCalls()), what="timers")

    def _make_doorkeeper(self) -> Doorkeeper:
        settings, shared = self._settings, self._shared
        widen(settings.total + settings.pending + settings.descriptors + _OTHER_DESCRIPTORS)
        return Doorkeeper(
            clock=self._reactor,
            meter=self._meter,
            incidents=shared.incidents,
            arrivals=shared.arrivals,
            turnstile=Turnstile(self._reactor, random.random, self._meter, settings.descriptors),
            trusted=settings.trusted_proxies,
            patience=settings.handshake,
        )

    def _make_operations(self) -> OperationsService:
        return OperationsService(
            self._reactor,
            self._listening(self._settings.operations),
            self._settings.operations,
            self._meter,
            lambda: {"database": self._database.ready, "world": self._game.ready},
        )

    def _make_control(self) -> ControlService:
        path = control_socket(self._settings, self._environment)
        return ControlService(self._reactor, path, lambda: self._administration)

    @cached_property
    def _administration(self) -> Administration:
        return Administration(
            service=self._game.world,
            version=__version__,
            running_since=_utc_now(),
            clock=self._reactor,
            connections=lambda: len(self._shared.roster),
            address=lambda: self._database.address,
            archive=self._database.archive,
            letter_boxes=lambda: (self._database.letter_box(),),
            audit_store=self._database.audit,
            utc_now=_utc_now,
            drain=self._lifecycle.stop,
        )

    def _hurry(self) -> None:
        """Have no more patience with those who are still connected."""
        self._gateways.hurry()

    def _announce(self) -> None:
        """Say where to go, now that one can."""
        path = control_socket(self._settings, self._environment)
        _log.info("This is mudserver {version}.", version=self._administration.version)
        _log.info("{name} is open.", name=self._settings.name)
        for name, address in self._gateways.addresses():
            _log.info("{how}", how=_how_to_reach(name, address))
        _log.info(
            "To make an account yours to rule: {mudctl} --socket {path} account role NAME owner",
            mudctl=shlex.quote(_here(Path(sys.executable).with_name("mudctl"))),
            path=shlex.quote(_here(path)),
        )

    # ------------------------------------------------------------ the doors

    def _doors(self) -> Iterator[Door]:
        """Return the doors that are wanted, those with TLS once there is a certificate."""
        settings = self._settings
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
                yield Door(name, where, self._listening(where), doorway)

    def _make_site(self) -> WebSite:
        settings = self._settings
        policy = WebPolicy(
            public_url=settings.public_url or None,
            hosts=settings.hosts,
            origins=settings.origins,
            trusted_proxies=settings.trusted_proxies,
            insecure_passwords=settings.insecure_passwords,
        )
        websockets = WebSocketFactory(self._shared, self._reactor)
        return WebSite(
            self._shared, policy, load_files(), websockets, HttpLimits(head=settings.handshake)
        )

    def _listening(self, address: str) -> IStreamServerEndpoint:
        """Return an endpoint that takes many at once: Twisted's default backlog is 50."""
        if address.startswith("tcp:") and ":backlog=" not in address:
            address = f"{address}:backlog={BACKLOG}"
        endpoint: IStreamServerEndpoint = serverFromString(self._reactor, address)
        return endpoint


def _intake(settings: Settings) -> IntakeLimits:
    """Return what is taken of a connection; hard limits give room to whatever else is allowed."""
    return IntakeLimits(
        frames=Rate(
            max(settings.frames, 2 * settings.commands),
            max(settings.frame_burst, 10 * settings.command_burst),
        ),
        raw_bytes=Rate(settings.raw_bytes, max(settings.byte_burst, 4 * settings.message)),
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _here(path: Path) -> str:
    """Return a path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


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
