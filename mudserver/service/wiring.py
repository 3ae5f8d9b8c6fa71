"""From settings to a tree of services."""

import shlex
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from twisted.application.service import Service
from twisted.logger import Logger

from mudserver import __version__
from mudserver.config import Settings, control_socket
from mudserver.control.service import ControlService
from mudserver.errors import Unavailable
from mudserver.game.administration import Administration
from mudserver.game.letter_office import LetterOffice
from mudserver.game.process import NoGame, Process
from mudserver.game.standby import Phase
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.undelivered import IUndelivered
from mudserver.service.bus_side import BusSide, LinkMaker
from mudserver.service.eventually import Eventually
from mudserver.service.gateway_side import GatewaySide
from mudserver.service.ground import ALONE, Ground, utc_now
from mudserver.service.lifecycle import Lifecycle
from mudserver.service.ordered import OrderedService
from mudserver.service.own_letters import OwnLetters
from mudserver.service.pidfile import Pidfile
from mudserver.service.watchdog import Watchdog
from mudserver.service.world_side import WorldSide
from mudserver.telemetry.operations import OperationsService
from mudserver.telemetry.ticks import TickService

_log = Logger()

#: What a process without a world tells operators who want something of it.
_ELSEWHERE = "This process has no world: ask one of role world, which mudctl --socket names."


class Daemon:
    """
    All parts of one process, joined.

    ========  ==================================================================
    role      its services, in order
    ========  ==================================================================
    all       ticks, operations, database, game, gateways, control
    gateway   ticks, operations, bus, gateways, control
    world     ticks, operations, database, (hub,) bus, game, control
    bus       ticks, operations, hub, control
    ========  ==================================================================

    Under a service manager that wants signs of life, a watchdog comes behind the ticks.

    Args:
        settings: What the operator wants.
        environment: Environment variables.
        reactor: Runs everything; its clock must be monotonic.
        pidfile: Where twistd has written the process's id.
        link: Makes the links to other processes, in place of plain ones.

    Attributes:
        service: The tree.

    Raises:
        ConfigError: A setting names files that can't be used.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        reactor: Any,
        pidfile: Pidfile,
        link: LinkMaker | None = None,
    ) -> None:
        self._ground = ground = Ground.of(settings, environment, reactor)
        self._lifecycle = Lifecycle(reactor, environment, self._announce, self._hurry)
        self._lifecycle.prepare()
        self._world: WorldSide | None = None
        own = OwnLetters(self._keeper) if settings.role == "world" else None
        self._bus = BusSide(ground, link, own)
        self._gateway: GatewaySide | None = None
        if settings.role in (ALONE, "world"):
            self._world = WorldSide(ground, self._bus, self._lifecycle, pidfile)
        if settings.role in (ALONE, "gateway"):
            self._gateway = GatewaySide(ground, self._bus.bus, self._world_busy)
        self._somewhere = False
        self.service = OrderedService(self._lifecycle.started, self._lifecycle.failed)
        for name, part in self._parts():
            part.setName(name)
            part.setServiceParent(self.service)

    def _parts(self) -> Iterator[tuple[str, Service]]:
        """Return the services, each after those that it needs."""
        yield "ticks", TickService(self._ground.reactor, self._ground.meter)
        watchdog = Watchdog(self._ground.environment, self._ground.reactor)
        if watchdog.patience:
            yield "watchdog", watchdog
        if self._ground.settings.operations:
            yield "operations", self._in_time(self._make_operations())
        if self._world is not None:
            yield "database", self._world.database
        yield from self._bus.services()
        if self._world is not None:
            yield "game", self._world.game
        if self._gateway is not None:
            yield "gateways", self._gateway.service
        yield "control", self._in_time(self._make_control())

    def _in_time(self, service: Service) -> Service:
        """Let a service wait for its port where the process that we go on for has it still."""
        return Eventually(service, self._ground.reactor) if self._ground.summons else service

    def _keeper(self) -> IUndelivered | None:
        """Return what keeps what our world could not deliver; None while the database is away."""
        database = None if self._world is None else self._world.database
        return database.undelivered() if database is not None and database.ready else None

    def _world_busy(self) -> bool:
        """Whether our world, if we have one, has more to do in the very next turn."""
        return self._world is not None and self._world.game.busy

    # ------------------------------------------------------------ for operators

    def _make_operations(self) -> OperationsService:
        ground = self._ground
        if self._gateway is not None and self._world is None:
            self._bus.bus.watch(WORLD, self._world_seen)
        return OperationsService(
            ground.reactor,
            ground.listening(ground.settings.operations),
            ground.settings.operations,
            ground.meter,
            self._readiness,
        )

    def _world_seen(self, there: frozenset[str]) -> None:
        self._somewhere = bool(there)

    def _readiness(self) -> Mapping[str, bool]:
        """Tell of what a process depends on whether it is there."""
        ready = {}
        if self._ground.settings.role in ("gateway", "world"):
            ready["bus"] = self._bus.linked
        if self._world is not None:
            ready["database"] = self._world.database.ready
            ready["world"] = self._world.game.phase in (Phase.OPEN, Phase.WAITING)
        elif self._gateway is not None:
            ready["world"] = self._somewhere
        return ready

    @property
    def _control_socket(self) -> Path:
        ground = self._ground
        return control_socket(ground.settings, ground.environment, ground.station)

    def _make_control(self) -> ControlService:
        return ControlService(
            self._ground.reactor, self._control_socket, lambda: self._administration
        )

    @cached_property
    def _administration(self) -> Administration:
        ground, gateway, world = self._ground, self._gateway, self._world
        process = Process(
            __version__,
            utc_now(),
            self._lifecycle.stop,
            role=ground.settings.role,
            peer=ground.peer,
            linked=lambda: self._bus.linked,
            connections=int if gateway is None else gateway.connections,
        )
        if world is not None:
            return world.administration(process)
        nothing = NoGame(_ELSEWHERE)
        return Administration(
            service=nothing,
            process=process,
            clock=ground.reactor,
            address=_elsewhere,
            archive=_elsewhere,
            letters=LetterOffice(
                service=nothing, boxes=tuple, undelivered=_elsewhere, utc_now=utc_now
            ),
            audit_store=_elsewhere,
            utc_now=utc_now,
        )

    def _hurry(self) -> None:
        """Have no more patience with those who are still connected."""
        if self._gateway is not None:
            self._gateway.service.hurry()

    def _announce(self) -> None:
        """Say where to go, now that one can."""
        settings, path = self._ground.settings, self._control_socket
        _log.info("This is mudserver {version}.", version=__version__)
        if settings.role != ALONE:
            _log.info(
                "This process is the {role} {peer}.", role=settings.role, peer=self._ground.peer
            )
        if self._gateway is not None:
            _log.info("{name} is open.", name=settings.name)
            for how in self._gateway.invitations():
                _log.info("{how}", how=how)
        _log.info("mudctl reaches it by --socket {path}.", path=shlex.quote(_here(path)))
        if self._world is not None:
            _log.info(
                "To make an account yours to rule: {mudctl} --socket {path} account role NAME"
                " owner",
                mudctl=shlex.quote(_here(Path(sys.executable).with_name("mudctl"))),
                path=shlex.quote(_here(path)),
            )


def _elsewhere() -> NoReturn:
    raise Unavailable(_ELSEWHERE)


def _here(path: Path) -> str:
    """Return a path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
