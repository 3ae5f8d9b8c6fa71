"""The world as a service: what gateways ask and send, and who in the game answers it."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, fail, succeed
from twisted.logger import Logger

from mudserver.errors import Fenced, Forbidden, PlayerError, StartupError, Unavailable
from mudserver.game.game import Game, assemble
from mudserver.game.limits import GameLimits
from mudserver.game.loop import GameLoop
from mudserver.game.populate import populate
from mudserver.game.ports import GamePorts
from mudserver.game.presence import OPERATIONS
from mudserver.interfaces.authority import (
    ChangePassword,
    Describe,
    IssueTicket,
    LogIn,
    LookUpName,
    Origin,
    Refresh,
    Register,
    Revoke,
    Transport,
)
from mudserver.interfaces.bus import EVERY_GATEWAY, WORLD, Message, Request
from mudserver.interfaces.continuity import (
    AllReattached,
    Reattach,
    StatesWanted,
    WorldClosing,
    WorldOpened,
)
from mudserver.interfaces.exclusion import ListNetworkBans
from mudserver.interfaces.play import Attach, Detached, Input, OccupantsWanted
from mudserver.interfaces.rows import WorldRows
from mudserver.interfaces.standby import ResumptionWanted
from mudserver.interfaces.undelivered import IUndelivered, KeepUndelivered
from mudserver.world.area import Area
from mudserver.world.lexicon import STANDARD, Lexicon

#: Seconds that a world which stops waits for what its lanes have loaded.
FINISH_SECONDS: Final = 1.0

#: What comes in the order of a session's inputs.
_OF_SESSIONS = (Input, OccupantsWanted, Detached)

_Receive = Callable[[Any], None]
_Answer = Callable[[Any], Deferred[Any]]


class WorldService(Service):
    """
    Runs a game, and answers for it on the bus.

    Args:
        ports: What the game needs from outside.
        limits: How much, how many, how long.
        areas: Reads the areas that a new world is made of.
        fenced: Told that another world has taken over: this one has stopped without saving, and its
            process should end as one that failed.
        lexicon: What can be typed in the world, and which channels there are.
    """

    _log = Logger()

    def __init__(
        self,
        ports: GamePorts,
        limits: GameLimits,
        areas: Callable[[], Iterable[Area]] = tuple,
        fenced: Callable[[Fenced], None] = lambda _: None,
        lexicon: Lexicon = STANDARD,
    ) -> None:
        self._ports = ports
        self._limits = limits
        self._areas = areas
        self._lexicon = lexicon
        self._report_fenced = fenced
        self._game: Game | None = None
        self._superseded = False
        self._withdraw: tuple[Callable[[], None], ...] = ()
        self._receivers: Mapping[type[Message], _Receive] = MappingProxyType({})
        self._responders: Mapping[type[Request[Any]], _Answer] = MappingProxyType({})

    @property
    def game(self) -> Game:
        """
        The game that runs.

        Raises:
            Unavailable: None does.
        """
        if self._game is None:
            raise Unavailable("The world isn't up.")
        return self._game

    @property
    def busy(self) -> bool:
        """Whether there is more to do in the very next turn."""
        return self._game is not None and self._game.loop.busy

    @property
    def open(self) -> bool:
        """Whether players can enter."""
        return bool(self._withdraw)

    def startService(self) -> Deferred[None]:
        """
        Load the world and open it.

        Returns:
            Fires when players can enter. Fails with `StorageUnavailable`, or with
            `StartupError` where no world is stored or to be had, or not a whole one.
        """
        Service.startService(self)
        return Deferred.fromCoroutine(self._start())

    def stopService(self) -> Deferred[None]:
        """
        Let everyone leave, and save; where gateways are elsewhere, leave all to the next world.

        Returns:
            Fires when all is committed. Fails with `StorageUnavailable` where it can't be;
            all else has stopped then too.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _start(self) -> None:
        self._superseded = False
        # What is loaded can only be relied upon once nobody else may change it.
        epoch = await self._ports.journal.take_lease(self._ports.holder)
        rows = await self._ports.world.load() or await self._found()
        game = assemble(
            populate(rows, self._lexicon), self._ports, self._limits, epoch, self._fenced
        )
        await game.attempts.load()
        await game.upkeep.start()
        self._game = game
        self._receivers = _receivers(game)
        self._responders = _responders(game, self._ports)
        self._ports.hasher.start()
        game.pastime.start()
        game.pressure.start()
        game.housekeeping.start()
        game.standings.start()
        game.revalidation.start()
        game.expiry.start()
        game.attempts.start()
        game.logins.start()
        bus = self._ports.bus
        game.opening.begin()
        if self._ports.apart:
            game.late_words.begin()
        self._withdraw = (
            bus.respond(WORLD, self._respond, rank=epoch),
            bus.subscribe(WORLD, self._receive),
            bus.watch(EVERY_GATEWAY, game.attendance.changed),
        )
        game.gateways.tell_all(WorldOpened())
        game.notices.open()
        self._log.info(
            "The world is open: {rooms} rooms, {npcs} inhabitants.",
            rooms=len(game.world.rooms),
            npcs=len(game.world.npcs),
        )

    async def _found(self) -> WorldRows:
        """Make a new world."""
        areas = tuple(self._areas())
        if areas and await self._ports.world.import_areas(areas):
            self._log.info("A new world: {areas}.", areas=", ".join(area.name for area in areas))
        rows = await self._ports.world.load()
        if rows is None:
            raise StartupError("The database holds no world yet.")
        return rows

    async def _stop(self) -> None:
        game = self._game
        if game is None:
            return
        self._shut(game)
        if not self._superseded:
            await self._finish(game.loop)
        game.loop.stop()
        self._let_go(game)
        try:
            await game.journal.stop()
            game.farewells.finish()
            if self._ports.apart and not self._superseded:
                game.gateways.tell_all(WorldClosing())
        finally:
            game.repeats.stop()
            game.deliveries.stop()
            await game.tasks.stop()
            await game.attempts.stop()
            await game.logins.stop()
            await self._ports.hasher.stop()
            self._game = None

    async def _finish(self, loop: GameLoop) -> None:
        """Carry out what was taken, rather than refuse what is just being looked up."""
        try:
            await loop.finish().addTimeout(FINISH_SECONDS, self._ports.clock)
        except TimeoutError:
            self._log.info("What still waits for the database is refused: the world stops.")

    def _shut(self, game: Game) -> None:
        """Take in nothing more."""
        for withdraw in self._withdraw:
            withdraw()
        self._withdraw = ()
        game.pastime.stop()
        game.pressure.stop()
        game.housekeeping.stop()
        game.upkeep.stop()
        game.standings.stop()
        game.revalidation.stop()
        game.expiry.stop()
        game.missing.stop()
        game.opening.stop()
        game.late_words.stop()
        game.attendance.stop()

    def _let_go(self, game: Game) -> None:
        """Let everyone leave, or go on with the next world."""
        if self._ports.apart:
            game.presence.hand_over()
        else:
            game.presence.close()

    def _fenced(self, error: Fenced) -> None:
        """Let everyone go to the world that has taken over; save nothing."""
        game = self.game
        self._superseded = True
        self._shut(game)
        game.loop.require(OPERATIONS, lambda: self._let_go(game), lambda _: None)
        self._report_fenced(error)

    # ------------------------------------------------------------ the bus

    def _receive(self, message: Message) -> None:
        receive = self._receivers.get(type(message))
        if receive is None:
            self._ports.meter.count("messages_unknown", kind=type(message).__name__)
            return
        opening = self.game.opening
        if opening.holding and isinstance(message, _OF_SESSIONS):
            opening.hold(partial(receive, message), durable=message.durable)
        else:
            receive(message)

    def _respond(self, request: Request[object]) -> Deferred[object]:
        return Deferred.fromCoroutine(self._answer(request))

    async def _answer(self, request: Request[object]) -> object:
        kind = type(request).__name__
        try:
            if _brings_somebody_new(request):
                self.game.pressure.check_log_in()
            answer = await self._responders[type(request)](request)
        except PlayerError as error:
            self._count(kind, error.code)
            raise
        except (Unavailable, CancelledError):
            self._count(kind, "unavailable")
            raise
        except TimeoutError:
            self._count(kind, "unavailable")
            raise Unavailable("The world took too long.") from None
        except Exception:  # noqa: BLE001 - what exactly it was stays in our log
            self._count(kind, "failed")
            self._log.failure("A {kind} failed.", kind=kind, **_context(request))
            raise Unavailable("Something went wrong on our side.") from None
        self._count(kind, "answered")
        return answer

    def _count(self, kind: str, outcome: str) -> None:
        self._ports.meter.count("requests", kind=kind, outcome=outcome)


def _context(request: Request[object]) -> Mapping[str, Any]:
    """Whom a request is about, as keywords for a line of the log."""
    origin: Origin | None = getattr(request, "origin", None)
    transport: Transport | None = getattr(request, "transport", None)
    return {
        "session": getattr(request, "session", None),
        "address": None if origin is None else origin.address,
        "transport": None if transport is None else transport.value,
    }


def _brings_somebody_new(request: Request[Any]) -> bool:
    """Tell whether a request can wait for better times, since nobody plays by it yet."""
    match request:
        case LogIn() | Register() | Attach(resume=None):
            return True
        case _:
            return False


def _receivers(game: Game) -> Mapping[type[Message], _Receive]:
    return MappingProxyType(
        {
            Input: game.commands.received,
            OccupantsWanted: game.commands.occupants_wanted,
            Detached: game.links.detached,
            StatesWanted: game.states.wanted,
            AllReattached: game.attendance.reattached,
        }
    )


def _responders(game: Game, ports: GamePorts) -> Mapping[type[Request[Any]], _Answer]:
    return MappingProxyType(
        {
            LookUpName: _fired(game.accounts.look_up),
            Register: _fired(game.accounts.register),
            LogIn: _fired(game.accounts.log_in),
            Describe: _fired(game.tokens.describe),
            IssueTicket: _fired(game.tokens.issue_ticket),
            ChangePassword: game.revocations.change_password,
            Revoke: game.revocations.revoke,
            Attach: _fired(game.attachments.attach),
            Refresh: _fired(game.attachments.refresh),
            ListNetworkBans: _fired(game.notices.all),
            Reattach: _fired(game.reattachments.reattach),
            ResumptionWanted: lambda _: succeed(
                evolve(game.opening.resumption, world=ports.whereabouts)
            ),
            KeepUndelivered: partial(_keep, ports.undelivered),
        }
    )


def _keep(undelivered: IUndelivered, request: KeepUndelivered) -> Deferred[None]:
    """
    Keep what gateways could not deliver to worlds.

    What a world said would be said again in its name: so none but worlds have it kept, and they do
    so themselves.
    """
    if any(letter.subject != WORLD for letter in request.letters):
        return fail(Forbidden("What was not for a world is not kept for others."))
    return undelivered.keep(request.letters)


def _fired(method: Callable[[Any], Coroutine[Deferred[Any], Any, Any]]) -> _Answer:
    """Make a method that is a coroutine one that returns a Deferred."""
    return lambda request: Deferred.fromCoroutine(method(request))
