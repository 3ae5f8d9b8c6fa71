"""Bans beyond the world: whom they send away, and operators who order them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mudserver.errors import CloseCode, PlayerError, StorageUnavailable, Unavailable
from mudserver.game.audit import AuditLog
from mudserver.game.dirt import NOT_SAVED, Outcome
from mudserver.game.loop import GameLoop
from mudserver.game.network_bans import NetworkBanNotices
from mudserver.game.presence import OPERATIONS, Presence
from mudserver.game.pressure import PressureGauge
from mudserver.game.sessions import Session, Sessions
from mudserver.game.stage import Stage
from mudserver.interfaces.audit import Operator
from mudserver.interfaces.stores import IWorldStore
from mudserver.world import commands, events
from mudserver.world.absent import resolved, unresolved
from mudserver.world.bans import Ban, BanKind
from mudserver.world.commands import Known
from mudserver.world.events import Event
from mudserver.world.names import name_key
from mudserver.world.rules import bans as rules
from mudserver.world.world import World

#: Seconds that an operator's order waits for what it needs of the database.
LOAD_SECONDS: Final = 10.0


class Moderation:
    """
    Sends away whoever is banned, and has operators' bans happen as staff's do.

    Args:
        world: Where bans are.
        store: Where absent players are looked up.
        sessions: Who plays.
        loop: Where it happens.
        stage: What lets it happen.
        pressure: What says whether anything may change.
        presence: What ends sessions.
        notices: What tells the gateways.
        audit: What notes the deeds of operators.
        clock: What waiting is measured by.
        utc_now: The wall clock.
    """

    def __init__(
        self,
        *,
        world: World,
        store: IWorldStore,
        sessions: Sessions,
        loop: GameLoop,
        stage: Stage,
        pressure: PressureGauge,
        presence: Presence,
        notices: NetworkBanNotices,
        audit: AuditLog,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._world = world
        self._store = store
        self._sessions = sessions
        self._loop = loop
        self._stage = stage
        self._pressure = pressure
        self._presence = presence
        self._notices = notices
        self._audit = audit
        self._clock = clock
        self._utc_now = utc_now

    # ------------------------------------------------------------ within the loop

    def check(self, happening: Iterable[Event]) -> None:
        """
        See that nobody is sent away who stands as high as whoever orders it.

        Raises:
            PlayerError: A network is to be banned that such a one comes from now.
        """
        for event in happening:
            if not isinstance(event, events.Banned) or event.character is None:
                continue
            role = self._world.character(event.character).role
            for session in self._concerned(event.ban):
                other = self._world.character(session.character)
                if not role.outranks(other.role):
                    raise PlayerError(
                        f"That would shut out {other.name}, who doesn't stand below you."
                    )

    def follow(self, event: Event) -> None:
        """Have an event that was just applied reach beyond the world."""
        match event:
            case events.Banned(ban=ban):
                for session in self._concerned(ban):
                    self._presence.end(session, CloseCode.BANNED, ban.reason)
                self._notices.changed(ban.kind, ban.key)
            case events.Unbanned(ban=ban):
                self._notices.changed(ban.kind, ban.key)
            case _:
                pass

    def _concerned(self, ban: Ban) -> list[Session]:
        return [
            session
            for session in self._sessions
            if ban.concerns(
                session.attended.account,
                (session.name, session.attended.name),
                session.origin.address,
            )
        ]

    # ------------------------------------------------------------ operators

    async def ban(self, by: Operator, command: commands.Ban, *, force: bool) -> str:
        """
        Keep someone out by an operator's will.

        Args:
            by: Who that is.
            command: Whom, for how long, and why.
            force: Whether networks may be banned that those who run the server come from.

        Returns:
            Whom, in words; once it is committed.

        Raises:
            PlayerError: It can't be.
            Unavailable: Nothing can be saved now.
        """
        found = await self._found(command)

        def decide() -> tuple[Event, ...]:
            meant = resolved(command, found) if found else command
            assert isinstance(meant, commands.Ban)
            return (rules.ban(self._world, None, meant, self._utc_now(), force=force),)

        return await self._carried_out(by, decide)

    async def unban(self, by: Operator, command: commands.Unban) -> str:
        """Take an operator's or staff's bans back; returns and raises as `ban`."""
        found = await self._found(command)

        def decide() -> tuple[Event, ...]:
            meant = resolved(command, found) if found else command
            assert isinstance(meant, commands.Unban)
            return rules.unban(self._world, None, meant, self._utc_now())

        return await self._carried_out(by, decide)

    def page(self, after: tuple[str, str], limit: int) -> tuple[Ban, ...]:
        """Return bans by kind and key, those that follow that kind and key."""
        now = self._utc_now()
        following = [
            ban
            for ban in self._world.bans
            if (ban.kind.value, ban.key) > after and ban.in_force(now)
        ]
        return tuple(following[:limit])

    async def _found(self, command: commands.Ban | commands.Unban) -> Known | None:
        name = unresolved(command, self._world)
        if name is None:
            return None
        identified = self._store.identify((name,)).addTimeout(LOAD_SECONDS, self._clock)
        row = (await identified).get(name_key(name))
        return None if row is None else Known(row.character, row.account, row.name, row.role)

    def _carried_out(self, by: Operator, decide: Callable[[], tuple[Event, ...]]) -> Deferred[str]:
        done: Deferred[str] = Deferred()

        def work() -> None:
            if not self._pressure.takes_changes:
                raise Unavailable("That can't be saved just now.")
            happening = decide()
            words = " and ".join(dict.fromkeys(_words(event) for event in happening))
            notes = self._audit.of_events(by, happening)
            self._stage.perform(happening, settle=partial(_settle, done, words), notes=notes)
            for event in happening:
                self.follow(event)

        def attempt() -> None:
            try:
                work()
            except (PlayerError, Unavailable) as error:
                done.errback(error)

        self._loop.require(OPERATIONS, attempt, partial(_failed, done))
        return done


def _words(event: Event) -> str:
    if not isinstance(event, events.Banned | events.Unbanned):
        return ""
    kind = "The name " if event.ban.kind is BanKind.NAME else ""
    return f"{kind}{event.ban.name}"


def _settle(done: Deferred[str], words: str, outcome: Outcome) -> None:
    match outcome:
        case Outcome.COMMITTED:
            done.callback(words)
        case Outcome.REFUSED:
            done.errback(PlayerError(NOT_SAVED.message, code=NOT_SAVED.code))
        case Outcome.LOST:
            done.errback(StorageUnavailable("Nothing is saved here any more."))


def _failed(done: Deferred[str], failure: Failure) -> None:
    if not done.called:
        done.errback(failure)
