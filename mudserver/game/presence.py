"""Who is in the world: attaching, detaching, coming back, being taken over, leaving."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Final

from attrs import define, frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import (
    CloseCode,
    NoSuchCharacter,
    NotAuthenticated,
    Overloaded,
    PlayerError,
    StorageUnavailable,
    Unavailable,
)
from mudserver.game.accounts import Accounts, Authority
from mudserver.game.answers import Answers
from mudserver.game.fanout import FanOut
from mudserver.game.journal import Journal
from mudserver.game.loop import GameLoop, Lane
from mudserver.game.populate import admit
from mudserver.game.sessions import MAX_SESSIONS, Session, Sessions
from mudserver.game.stage import Stage
from mudserver.ids import AccountId, CharacterId, Generation, SessionId, TokenHash
from mudserver.interfaces import (
    Attach,
    Attached,
    CharacterRow,
    Detached,
    Ended,
    IBus,
    IMeter,
    IWorldStore,
    Refresh,
    gateway_subject,
)
from mudserver.view.line import Line, Span, Style
from mudserver.world.events import Looked
from mudserver.world.names import name_key
from mudserver.world.rules import enter, leave, lose_link, regain_link
from mudserver.world.world import World

#: Attachments under way at once; more than the hash queue can serve in time anyway.
MAX_ATTACHING: Final = 1_000

#: Seconds that an attachment waits for what is dirty to be saved, before it loads.
SAVED_SECONDS: Final = 5.0

#: Times that a character is loaded again because it left meanwhile.
MAX_LOADS: Final = 3

#: Seconds for which revoked tokens are kept in mind: longer than any attachment takes.
REVOKED_SECONDS: Final = 60.0

#: Seconds that a player who quits waits at most for the answers still due.
FAREWELL_SECONDS: Final = 2.0

#: Where the operators' doings queue.
OPERATIONS: Final = Lane("operations")


@frozen
class PresenceLimits:
    """
    How many may be in the world, and for how long without a connection.

    Attributes:
        sessions: How many at once.
        grace: Seconds for which a character whose connection is lost stays.
    """

    sessions: int = MAX_SESSIONS
    grace: float = 120.0


@define(eq=False)
class _Arrival:
    """
    An attachment from the time its character is loaded until it is in.

    Attributes:
        request: What was asked.
        authority: By what right.
        stale: Whether one of the account's characters has left since the loading began, so
            that what was loaded is good for nothing.
    """

    request: Attach
    authority: Authority
    stale: bool = False

    @property
    def lane(self) -> Lane:
        """Behind what an earlier attachment of the same session has left to do."""
        return Lane(self.request.resume or self.request.session)


#: What an attachment waits for; None where the character must be loaded again.
_Reply = Deferred[Attached | None]


class Presence:
    """
    Brings characters into the world and out of it.

    All changes happen in the game loop, each in one piece: a session is in the table exactly
    as long as its character is in the world.

    Args:
        world: The world.
        store: Where characters are loaded from.
        accounts: What authenticates.
        sessions: The table that it keeps.
        loop: Where it happens.
        stage: What lets the events happen.
        journal: Whose changes must be saved before a character is loaded.
        fan_out: What shows a character to its own player.
        bus: What leads to the gateways.
        clock: What the graces are measured by.
        limits: How many, how long.
        meter: Gets ``sessions`` (gauge), ``attachments`` by outcome (counter).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        world: World,
        store: IWorldStore,
        accounts: Accounts,
        sessions: Sessions,
        loop: GameLoop,
        stage: Stage,
        journal: Journal,
        fan_out: FanOut,
        bus: IBus,
        clock: IReactorTime,
        limits: PresenceLimits,
        meter: IMeter,
    ) -> None:
        self._world = world
        self._store = store
        self._accounts = accounts
        self._sessions = sessions
        self._loop = loop
        self._stage = stage
        self._journal = journal
        self._fan_out = fan_out
        self._bus = bus
        self._clock = clock
        self._limits = limits
        self._meter = meter
        self._arrivals: dict[AccountId, set[_Arrival]] = {}
        self._attaching = 0
        self._revoked: dict[TokenHash, float] = {}
        self._ending: set[Session] = set()
        self._closed = False

    # ------------------------------------------------------------ attaching

    async def attach(self, request: Attach) -> Attached:
        """
        Authenticate a connection, and open its session or go on with an earlier one.

        The answer is given before anything is shown to the session.

        Raises:
            PlayerError: As `Attach` lists.
            Unavailable: The database is away, or the world is full or closing.
        """
        if self._closed or self._attaching >= MAX_ATTACHING:
            raise Overloaded("The world takes nobody in just now.")
        self._attaching += 1
        try:
            authority = await self._accounts.redeem(
                request.credential, request.origin, request.transport
            )
            return await self._load_and_enter(request, authority)
        finally:
            self._attaching -= 1

    async def _load_and_enter(self, request: Attach, authority: Authority) -> Attached:
        for _ in range(MAX_LOADS):
            arrival = _Arrival(request, authority)
            with self._awaited(arrival):
                await self._all_saved()
                rows = await self._store.characters(authority.account.id)
                row = _choose(rows, request.character)
                reply: _Reply = Deferred()
                self._loop.submit(
                    arrival.lane,
                    partial(self._enter, arrival, row, reply),
                    partial(self._not_entered, arrival, row, reply),
                )
                attached = await reply
            if attached is not None:
                return attached
        raise Unavailable("Your character is coming and going too fast.", retry_after=1.0)

    @contextmanager
    def _awaited(self, arrival: _Arrival) -> Iterator[None]:
        """Have an arrival told when a character of its account leaves."""
        account = arrival.authority.account.id
        self._arrivals.setdefault(account, set()).add(arrival)
        try:
            yield
        finally:
            self._arrivals[account].discard(arrival)
            if not self._arrivals[account]:
                del self._arrivals[account]

    async def _all_saved(self) -> None:
        """Wait until the stored state of who has left is up to date."""
        try:
            await self._journal.barrier().addTimeout(SAVED_SECONDS, self._clock)
        except TimeoutError:
            raise StorageUnavailable("What changed can't be saved just now.") from None

    def _enter(self, arrival: _Arrival, row: CharacterRow, reply: _Reply) -> None:
        if reply.called:
            return  # whoever asked has given up
        refusal = self._refusal(arrival, row)
        if refusal is not None:
            self._meter.count("attachments", outcome="refused")
            reply.errback(refusal)
            return
        playing = self._sessions.playing(row.id)
        request = arrival.request
        if playing is None and arrival.stale:
            reply.callback(None)
        elif playing is None:
            self._begin(arrival, row, reply)
        elif playing.id == request.resume and playing.gateway == request.gateway:
            self._resume(playing, arrival, reply)
        else:
            self._take_over(playing, arrival, reply)
        self._measure()

    def _refusal(self, arrival: _Arrival, row: CharacterRow) -> Exception | None:
        if self._closed:
            return Unavailable("The world is closing.")
        if arrival.authority.token.hash in self._revoked:
            return _revoked()
        if self._sessions.get(arrival.request.session) is not None:
            return ValueError(f"session {arrival.request.session} is there already")
        if self._full and self._sessions.playing(row.id) is None:
            return Overloaded("The world is full.", retry_after=30.0)
        return None

    @property
    def _full(self) -> bool:
        return len(self._sessions) >= self._limits.sessions

    def _begin(self, arrival: _Arrival, row: CharacterRow, reply: _Reply) -> None:
        character, elsewhere = admit(self._world, row)
        for item in elsewhere:
            self._log.warn(
                "{item} isn't where it was stored; it stays where it is.",
                item=item.key,
                character=row.name,
            )
        session = _open(arrival, character.id, row.name, Generation(1))
        self._sessions.add(session)
        reply.callback(_attached(session, recovered=False))
        self._fan_out.char_state(session)
        self._stage.perform(enter(self._world, character))
        self._meter.count("attachments", outcome="entered")

    def _resume(self, session: Session, arrival: _Arrival, reply: _Reply) -> None:
        _cancel_grace(session)
        session.generation = Generation(session.generation + 1)
        session.transport = arrival.request.transport
        session.origin = arrival.request.origin
        self._sessions.attend(session, arrival.authority.attended)
        reply.callback(_attached(session, recovered=True))
        self._stage.perform(regain_link(self._world, session.character))
        self._meter.count("attachments", outcome="resumed")

    def _take_over(self, old: Session, arrival: _Arrival, reply: _Reply) -> None:
        _cancel_grace(old)
        self._sessions.remove(old)
        reason = "Your character is now played from elsewhere."
        self._publish_end(old, CloseCode.PLAYING_ELSEWHERE, reason)
        session = _open(arrival, old.character, old.name, Generation(old.generation + 1))
        self._sessions.add(session)
        reply.callback(_attached(session, recovered=False))
        self._fan_out.char_state(session)
        room = self._world.character(session.character).room
        if room is not None:
            self._stage.perform((Looked(session.character, room),))
        self._stage.perform(regain_link(self._world, session.character))
        self._meter.count("attachments", outcome="taken_over")

    def _not_entered(
        self, arrival: _Arrival, row: CharacterRow, reply: _Reply, failure: Failure
    ) -> None:
        if not reply.called:
            reply.errback(failure)
        session = self._sessions.get(arrival.request.session)
        if session is not None and session.character == row.id:
            self.end(session, CloseCode.INTERNAL_ERROR, "Something went wrong on our side.")

    # ------------------------------------------------------------ detaching

    def detached(self, message: Detached) -> None:
        """Let a session go whose connection is gone; of an older attachment it means nothing."""
        session = self._sessions.current(message.session, message.generation)
        if session is not None:
            self._loop.require(
                session.lane,
                lambda: self._detach(session, message),
                lambda _: None,
            )

    def _detach(self, session: Session, message: Detached) -> None:
        if self._sessions.current(message.session, message.generation) is not session:
            return
        if message.quit:
            self._leave(session)
        elif not session.linkdead:
            session.grace = self._clock.callLater(
                self._limits.grace, self._grace_over, session, message.generation
            )
            self._stage.perform(lose_link(self._world, session.character))

    def _grace_over(self, session: Session, generation: Generation) -> None:
        def work() -> None:
            if self._sessions.current(session.id, generation) is session:
                self.end(session, CloseCode.NORMAL, "Your connection was lost for too long.")

        self._loop.require(session.lane, work, lambda _: None)

    # ------------------------------------------------------------ ending

    def quit(self, session: Session) -> None:
        """
        Let a session's character leave by its player's wish. Within the loop only.

        The connection is closed when all inputs are answered: see `answered`.
        """
        session.ending = Ended(session.id, CloseCode.NORMAL, "You have left the world.")
        session.deadline = self._clock.callLater(FAREWELL_SECONDS, self._finish, session)
        self._ending.add(session)
        self._leave(session)

    def answered(self, session: Session) -> None:
        """Close the connection of one who quit, once the last input is answered."""
        if session in self._ending and not session.answers:
            self._finish(session)

    def _finish(self, session: Session) -> None:
        self._ending.discard(session)
        if session.deadline is not None and session.deadline.active():
            session.deadline.cancel()
        session.deadline = None
        if session.ending is not None:
            self._bus.publish(gateway_subject(session.gateway), session.ending)
            session.ending = None

    def end(self, session: Session, code: CloseCode, reason: str) -> None:
        """
        End a session by our will, and let its character leave. Within the loop only.

        Args:
            session: One that goes on.
            code: What the client is told.
            reason: One sentence, for people.
        """
        self._publish_end(session, code, reason)
        self._leave(session)

    def end_tokens(self, tokens: Iterable[TokenHash]) -> None:
        """End all sessions that act on revoked tokens, those too that are just attaching."""
        now = self._clock.seconds()
        revoked = tuple(tokens)
        self._revoked = {
            token: moment
            for token, moment in self._revoked.items()
            if moment + REVOKED_SECONDS > now
        } | dict.fromkeys(revoked, now)

        def work() -> None:
            for session in self._sessions.on_tokens(revoked):
                self.end(session, CloseCode.REVOKED, "You have been logged out.")

        self._loop.require(OPERATIONS, work, lambda _: None)

    def kick(self, name: str, reason: str) -> None:
        """
        Close the connection of a character, which may come back.

        Raises:
            PlayerError: It isn't in the world (``not_here``).
        """
        character = self._world.character_named(name)
        session = None if character is None else self._sessions.playing(character.id)
        if session is None:
            raise PlayerError(f"There is no {name} in the world now.", code="not_here")

        def work() -> None:
            if self._sessions.goes_on(session):
                self.end(session, CloseCode.KICKED, reason)

        self._loop.require(OPERATIONS, work, lambda _: None)

    def close(self) -> None:
        """Take nobody in any more, and let everyone leave. Once the loop has stopped."""
        self._closed = True
        for session in self._sessions:
            self.end(session, CloseCode.RESTART, "The world goes down, and comes back soon.")
        for session in tuple(self._ending):
            self._finish(session)

    def _leave(self, session: Session) -> None:
        for arrival in self._arrivals.get(session.attended.account, ()):
            arrival.stale = True
        _cancel_grace(session)
        self._sessions.remove(session)
        self._stage.perform(leave(self._world, session.character))
        self._measure()

    def _publish_end(self, session: Session, code: CloseCode, reason: str) -> None:
        farewell = Line((Span(reason, Style.SYSTEM),))
        ended = Ended(session.id, code, reason, farewell)
        self._bus.publish(gateway_subject(session.gateway), ended)

    # ------------------------------------------------------------ authority

    async def refresh(self, request: Refresh) -> datetime:
        """
        Prolong a session's authority; return when it ends now (UTC).

        Raises:
            NotAuthenticated: What it shows isn't valid (any longer), or the session is over.
        """
        session = self._session(request.session)
        authority = await self._accounts.refresh(session.attended.account, request)
        if authority.token.hash in self._revoked or not self._sessions.goes_on(session):
            raise _revoked()
        self._sessions.attend(session, authority.attended)
        return authority.token.expires

    def _session(self, id: SessionId) -> Session:
        session = self._sessions.get(id)
        if session is None:
            raise NotAuthenticated("That session is over.", CloseCode.EXPIRED)
        return session

    def _measure(self) -> None:
        self._meter.gauge("sessions", float(len(self._sessions)))


def _choose(rows: tuple[CharacterRow, ...], name: str | None) -> CharacterRow:
    for row in rows:
        if name is None or name_key(row.name) == name_key(name):
            return row
    if name is None:
        raise NoSuchCharacter("Your account has no character.")
    raise NoSuchCharacter(f"Your account has no character called {name}.")


def _open(arrival: _Arrival, character: CharacterId, name: str, generation: Generation) -> Session:
    request = arrival.request
    return Session(
        id=request.session,
        generation=generation,
        gateway=request.gateway,
        attended=arrival.authority.attended,
        character=character,
        name=name,
        transport=request.transport,
        origin=request.origin,
        answers=Answers(request.session),
    )


def _attached(session: Session, *, recovered: bool) -> Attached:
    return Attached(
        session=session.id,
        generation=session.generation,
        attended=session.attended,
        character=session.name,
        recovered=recovered,
    )


def _cancel_grace(session: Session) -> None:
    if session.grace is not None and session.grace.active():
        session.grace.cancel()
    session.grace = None


def _revoked() -> NotAuthenticated:
    return NotAuthenticated("You have been logged out.", CloseCode.REVOKED)
