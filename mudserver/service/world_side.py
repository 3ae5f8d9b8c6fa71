"""The world's side of a process: its parts, joined."""

import os
import random
import secrets
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from attrs import evolve
from twisted.internet.defer import Deferred, fail

from mudserver import __version__
from mudserver.bus.codec import Codec
from mudserver.bus.replay import Replay
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.config import embedded_database
from mudserver.errors import ConfigError, Unavailable
from mudserver.game.administration import Administration
from mudserver.game.hasher import HashParameters, PasswordHasher
from mudserver.game.letter_office import LetterOffice
from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.game.ports import GamePorts
from mudserver.game.pressure import PressureLimits, Threshold
from mudserver.game.process import Process
from mudserver.game.reload import Reload, ReloadPorts
from mudserver.game.service import WorldService
from mudserver.game.standby import StandbyPorts
from mudserver.game.throttle import ThrottleLimits
from mudserver.game.verb_allowances import VerbLimits
from mudserver.interfaces.history import Retention
from mudserver.interfaces.operations import Reloaded
from mudserver.interfaces.standby import Standby, Whereabouts
from mudserver.service.areas import read_areas
from mudserver.service.bus_side import BusSide
from mudserver.service.database import DatabaseService
from mudserver.service.ground import ALONE, Ground, utc_now
from mudserver.service.lifecycle import Lifecycle
from mudserver.service.pidfile import Pidfile
from mudserver.service.summon import Summoned
from mudserver.service.world import GameService, StandbyService
from mudserver.session.bucket import Rate
from mudserver.storage.dsn import Dsn
from mudserver.storage.embedded import EmbeddedPostgres
from mudserver.storage.pool import PoolLimits
from mudserver.world.lexicon import Lexicon
from mudserver.world.networks import LOOPBACK


class WorldSide:
    """
    What holds the game, and its database.

    Args:
        ground: What all stand on.
        bus: The way to the gateways, and to other worlds.
        lifecycle: Ends the process.
        pidfile: Where twistd has written the process's id.

    Attributes:
        database: Leads to PostgreSQL, and runs it where it is ours.
        game: Runs the world.

    Raises:
        ConfigError: A setting can't be used.
    """

    def __init__(
        self, ground: Ground, bus: BusSide, lifecycle: Lifecycle, pidfile: Pidfile
    ) -> None:
        self._ground = ground
        self._bus = bus
        self._lifecycle = lifecycle
        self._pidfile = pidfile
        self._summoned: Summoned | None = None
        self._holder = f"{socket.gethostname()}, process {os.getpid()}"
        self.database = self._make_database()
        self.game = self._make_game()

    def _make_database(self) -> DatabaseService:
        settings = self._ground.settings
        source: EmbeddedPostgres | Dsn
        if settings.database:
            try:
                source = Dsn.parse(settings.database)
            except ValueError as error:
                raise ConfigError("database", "the settings", str(error)) from None
        else:
            place = embedded_database(settings, self._ground.environment)
            source = EmbeddedPostgres(self._ground.reactor, place, self._ground.environment)
        return DatabaseService(
            self._ground.reactor,
            source,
            PoolLimits(size=settings.database_pool),
            self._ground.meter,
            settings.database_wait,
        )

    def _make_game(self) -> GameService | StandbyService:
        settings = self._ground.settings
        hasher = PasswordHasher(
            self._ground.reactor,
            HashParameters(
                settings.password_time_cost,
                settings.password_memory,
                settings.password_parallelism,
            ),
            self._ground.meter,
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
            accounts, world = self.database.stores()
            return GamePorts(
                bus=self._bus.bus,
                accounts=accounts,
                failed_logins=self.database.failed_logins(),
                world=world,
                journal=self.database.journal(),
                history=self.database.history(),
                hasher=hasher,
                clock=self._ground.reactor,
                utc_now=utc_now,
                token_bytes=secrets.token_bytes,
                pick=random.random,
                meter=self._ground.meter,
                notices=self.database.notices,
                holder=self._holder,
                undelivered=self.database.undelivered(),
                whereabouts=Whereabouts(self._ground.peer, socket.gethostname(), os.getpid()),
                apart=settings.role != "all",
            )

        try:
            lexicon = Lexicon.of((*settings.channels, *settings.staff_channels))
        except ValueError as error:
            raise ConfigError("channels", "the settings", str(error)) from None

        def world() -> WorldService:
            areas = partial(read_areas, settings.areas)
            return WorldService(ports(), limits, areas, self._lifecycle.broken, lexicon)

        if self._ground.settings.role == ALONE:
            return GameService(world, lambda: self.database.succession(self._holder))
        return StandbyService(world, self._standby_ports)

    # ------------------------------------------------------------ one world after another

    def _standby_ports(self, world: WorldService) -> StandbyPorts:
        ground = self._ground
        return StandbyPorts(
            world=world,
            succession=self.database.succession(ground.peer),
            bus=self._bus.bus,
            clock=ground.reactor,
            myself=self._myself,
            broken=self._lifecycle.broken,
            linked=lambda: self._bus.linked,
        )

    def _myself(self, seconds: float) -> Standby:
        return Standby(
            peer=self._ground.peer,
            version=__version__,
            host=socket.gethostname(),
            process=os.getpid(),
            seconds=seconds,
            summons=self._ground.summons,
        )

    def _reload(self, game: StandbyService) -> Callable[[bool], Deferred[Reloaded]]:
        if self._bus.hub is not None:
            return _keeps_the_hub
        ports = ReloadPorts(
            bus=self._bus.bus,
            clock=self._ground.reactor,
            check=game.check,
            hand_over=game.hand_over,
            summon=self._summon,
            token=lambda: secrets.token_hex(3),
            handed_over=self._handed_over,
        )
        return Reload(ports).run

    def _summon(self, word: str) -> Summoned:
        command = (sys.executable, *sys.orig_argv[1:])
        self._summoned = Summoned(command, word, self._ground.environment, self._pidfile)
        return self._summoned

    def _handed_over(self, to: Standby, ours: bool) -> None:
        if ours and self._summoned is not None:
            self._summoned.leave()
            self._lifecycle.leave_to(to.process)
        else:
            self._lifecycle.stop()

    # ------------------------------------------------------------ for operators

    def administration(self, process: Process) -> Administration:
        """
        Make what operators do by; the database must have started.

        Args:
            process: The process, as far as others know it.
        """
        database, game = self.database, self.game
        replay = Replay(
            self._bus.bus,
            Codec(VOCABULARY),
            lambda: game.world.game.gateways.epoch,
            self._ground.reactor,
            self._ground.meter,
        )
        process = evolve(process, phase=lambda: game.phase.value)
        if isinstance(game, StandbyService):
            process = evolve(process, reload=self._reload(game))
        return Administration(
            service=game.world,
            process=process,
            clock=self._ground.reactor,
            address=lambda: database.address,
            archive=database.archive,
            letters=LetterOffice(
                service=game.world,
                boxes=lambda: (database.letter_box(), database.bus_letters(replay)),
                undelivered=database.undelivered,
                utc_now=utc_now,
            ),
            audit_store=database.audit,
            utc_now=utc_now,
        )


def _keeps_the_hub(fresh: bool) -> Deferred[Reloaded]:
    del fresh
    return fail(
        Unavailable(
            "This world hosts the hub of the bus, which would end with it: run the hub in a"
            " process of role bus. This one goes on."
        )
    )
