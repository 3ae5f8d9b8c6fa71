"""From settings to a tree of services."""

import shlex
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

from mudserver import __version__
from mudserver.bus.loopback import LoopbackBus
from mudserver.config import Settings, control_socket
from mudserver.control.service import ControlService
from mudserver.errors import ConfigError
from mudserver.game.administration import Administration
from mudserver.game.process import Process
from mudserver.game.standby import Phase
from mudserver.service.gateway_side import GatewaySide
from mudserver.service.ground import Ground, utc_now
from mudserver.service.lifecycle import Lifecycle
from mudserver.service.ordered import OrderedService
from mudserver.service.world_side import WorldSide
from mudserver.telemetry.metrics import PrometheusMeter
from mudserver.telemetry.operations import OperationsService
from mudserver.telemetry.ticks import TickService

_log = Logger()


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
        if settings.role != "all":
            raise ConfigError("role", "the settings", f"{settings.role} is not served yet")
        self._ground = Ground(settings, environment, reactor, PrometheusMeter())
        self._lifecycle = Lifecycle(reactor, environment, self._announce, self._hurry)
        self._lifecycle.prepare()
        bus = LoopbackBus(reactor)
        self._world = WorldSide(self._ground, bus, self._lifecycle)
        self._gateway = GatewaySide(self._ground, bus, lambda: self._world.game.busy)
        self.service = OrderedService(self._lifecycle.started, self._lifecycle.failed)
        for name, part in self._parts():
            part.setName(name)
            part.setServiceParent(self.service)

    def _parts(self) -> Iterator[tuple[str, Service]]:
        """Return the services, each after those that it needs."""
        yield "ticks", TickService(self._ground.reactor, self._ground.meter)
        if self._ground.settings.operations:
            yield "operations", self._make_operations()
        yield "database", self._world.database
        yield "game", self._world.game
        yield "gateways", self._gateway.service
        yield "control", self._make_control()

    def _make_operations(self) -> OperationsService:
        ground, world = self._ground, self._world
        return OperationsService(
            ground.reactor,
            ground.listening(ground.settings.operations),
            ground.settings.operations,
            ground.meter,
            lambda: {"database": world.database.ready, "world": world.game.phase is Phase.OPEN},
        )

    def _make_control(self) -> ControlService:
        path = control_socket(self._ground.settings, self._ground.environment)
        return ControlService(self._ground.reactor, path, lambda: self._administration)

    @cached_property
    def _administration(self) -> Administration:
        database = self._world.database
        return Administration(
            service=self._world.game.world,
            process=Process(
                __version__,
                utc_now(),
                self._lifecycle.stop,
                phase=lambda: self._world.game.phase.value,
                connections=self._gateway.connections,
            ),
            clock=self._ground.reactor,
            address=lambda: database.address,
            archive=database.archive,
            letter_boxes=lambda: (database.letter_box(),),
            audit_store=database.audit,
            utc_now=utc_now,
        )

    def _hurry(self) -> None:
        """Have no more patience with those who are still connected."""
        self._gateway.service.hurry()

    def _announce(self) -> None:
        """Say where to go, now that one can."""
        settings, environment = self._ground.settings, self._ground.environment
        _log.info("This is mudserver {version}.", version=__version__)
        _log.info("{name} is open.", name=settings.name)
        for how in self._gateway.invitations():
            _log.info("{how}", how=how)
        _log.info(
            "To make an account yours to rule: {mudctl} --socket {path} account role NAME owner",
            mudctl=shlex.quote(_here(Path(sys.executable).with_name("mudctl"))),
            path=shlex.quote(_here(control_socket(settings, environment))),
        )


def _here(path: Path) -> str:
    """Return a path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
