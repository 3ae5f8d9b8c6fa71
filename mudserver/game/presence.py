"""Who is in the world: entering, coming back, being taken over, losing the link, leaving."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import (
    CloseCode,
    Overloaded,
    PlayerError,
    Unavailable,
)
from mudserver.game.arrival import Arrival, attached, opened
from mudserver.game.ended import EndedSessions
from mudserver.game.exclusions import Exclusions
from mudserver.game.expected import Expected
from mudserver.game.fanout import FanOut
from mudserver.game.farewells import Farewells
from mudserver.game.gateways import Gateways
from mudserver.game.limits import PresenceLimits
from mudserver.game.login_history import LoginHistory
from mudserver.game.loop import GameLoop, Lane
from mudserver.game.objections import CLOSED, Objections
from mudserver.game.populate import admit
from mudserver.game.sessions import Session, Sessions
from mudserver.game.stage import Stage
from mudserver.game.timeline import Timeline
from mudserver.ids import AccountId, GatewayId, Generation, SessionId, TokenHash
from mudserver.interfaces.continuity import Moved
from mudserver.interfaces.logins import LoginWay
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Attached, Ended
from mudserver.interfaces.rows import CharacterRow
from mudserver.view.line import Line, Span, Style
from mudserver.world.events import Appointed, Looked
from mudserver.world.role import Role
from mudserver.world.rules import enter, leave, regain_link
from mudserver.world.world import World

#: What players are told whose character another session goes on with.
ELSEWHERE: Final = "Your character is now played from elsewhere."

#: Where the operators' doings queue.
OPERATIONS: Final = Lane("operations")


#: What an arrival waits for; None where the character must be loaded again.
_Reply = Deferred[Attached | None]


class Presence:
    """
    Brings characters into the world and out of it.

    All changes happen in the game loop, each in one piece: a session is in the table exactly
    as long as its character is in the world.

    Args:
        world: The world.
        sessions: The table that it keeps.
        timeline: What says when they begin.
        expected: Who is on the way in.
        exclusions: Whose right has ended a moment ago.
        objections: What speaks against somebody.
        loop: Where it happens.
        stage: What lets the events happen.
        fan_out: What shows a character to its own player.
        history: What notes who comes in.
        gateways: Where players are.
        farewells: What closes the connections of those who quit.
        clock: What the graces are measured by.
        limits: How many, how long.
        meter: Gets ``sessions`` (gauge), ``attachments`` by outcome (counter).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        world: World,
        sessions: Sessions,
        timeline: Timeline,
        expected: Expected,
        exclusions: Exclusions,
        objections: Objections,
        loop: GameLoop,
        stage: Stage,
        fan_out: FanOut,
        history: LoginHistory,
        gateways: Gateways,
        farewells: Farewells,
        clock: IReactorTime,
        limits: PresenceLimits,
        meter: IMeter,
    ) -> None:
        self._world = world
        self._sessions = sessions
        self._timeline = timeline
        self._expected = expected
        self._exclusions = exclusions
        self._objections = objections
        self._loop = loop
        self._stage = stage
        self._fan_out = fan_out
        self._history = history
        self._gateways = gateways
        self._farewells = farewells
        self._clock = clock
        self._limits = limits
        self._meter = meter
        self._ended = EndedSessions()
        self._closed = False

    # ------------------------------------------------------------ arriving

    def let_in(self, arrival: Arrival, row: CharacterRow) -> Deferred[Attached | None]:
        """
        Have a character enter, or its session go on, or be taken over.

        Args:
            arrival: One that is awaited.
            row: The character, loaded since.

        Returns:
            Fires before anything is shown to the session; with None where the character must be
            loaded again. Fails with `NotAuthenticated`, `Banned`, `Unavailable`. Who cancels it
            stays out.

        Raises:
            Overloaded: The loop has too much to do.
        """
        reply: Deferred[Attached | None] = Deferred()
        self._loop.submit(
            arrival.lane,
            partial(self._enter, arrival, row, reply),
            partial(self._not_entered, arrival, row, reply),
        )
        return reply

    def acts_on(self, session: SessionId | None, token: TokenHash) -> bool:
        """Tell whether that session goes on, by that token."""
        found = None if session is None else self._sessions.get(session)
        return found is not None and found.attended.token == token

    def _enter(self, arrival: Arrival, row: CharacterRow, reply: _Reply) -> None:
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
        elif playing.id == request.resume:
            self._resume(playing, arrival, reply)
        else:
            self._take_over(playing, arrival, row, reply)
        self.measure()

    def _refusal(self, arrival: Arrival, row: CharacterRow) -> Exception | None:
        if self._closed:
            return Unavailable("The world is closing.")
        objection = self._objections.against(
            arrival.authority.attended, row.name, arrival.request.origin.address
        )
        if objection is not None:
            return objection
        if self._sessions.get(arrival.request.session) is not None:
            return ValueError(f"session {arrival.request.session} is there already")
        if self.full and self._sessions.playing(row.id) is None:
            return Overloaded("The world is full.", retry_after=30.0)
        return None

    @property
    def closed(self) -> bool:
        """Whether nobody is let in any more."""
        return self._closed

    @property
    def full(self) -> bool:
        """Whether no more characters are let in."""
        return len(self._sessions) >= self._limits.sessions

    def _begin(self, arrival: Arrival, row: CharacterRow, reply: _Reply) -> None:
        character, elsewhere = admit(self._world, row)
        for item in elsewhere:
            self._log.warn(
                "{item} isn't where it was stored; it stays where it is.",
                item=item.key,
                character=row.name,
            )
        session = opened(arrival, character.id, row.name, Generation(1), self._timeline.begin())
        self._sessions.add(session)
        reply.callback(attached(session, recovered=False))
        self._fan_out.char_state(session)
        self._stage.perform(enter(self._world, character))
        self._note_login(session, row)
        self._meter.count("attachments", outcome="entered")

    def _resume(self, session: Session, arrival: Arrival, reply: _Reply) -> None:
        session.cancel_grace()
        session.generation = Generation(session.generation + 1)
        before = self.move(session, arrival.request.gateway)
        session.transport = arrival.request.transport
        session.origin = arrival.request.origin
        self._sessions.attend(session, arrival.authority.attended)
        reply.callback(attached(session, recovered=True))
        self.follow(session, before)
        self._stage.perform(regain_link(self._world, session.character))
        self._meter.count("attachments", outcome="resumed")

    def move(self, session: Session, gateway: GatewayId) -> GatewayId:
        """
        Show a session from now on by that gateway, and tell the one that showed it so far.

        Returns:
            That one; for `follow`, as soon as the new one knows.
        """
        before = session.gateway
        if before != gateway:
            self._gateways.tell(before, Moved(session.id, session.generation, gateway))
            session.gateway = gateway
        return before

    def follow(self, session: Session, before: GatewayId) -> None:
        """Show a session that has moved what may reach the gateway too late where it was before."""
        self._fan_out.follow(session, before)

    def _take_over(self, old: Session, arrival: Arrival, row: CharacterRow, reply: _Reply) -> None:
        self.make_way(old)
        generation = Generation(old.generation + 1)
        session = opened(arrival, old.character, old.name, generation, self._timeline.begin())
        self._sessions.add(session)
        reply.callback(attached(session, recovered=False))
        self._fan_out.char_state(session)
        room = self._world.character(session.character).room
        if room is not None:
            self._stage.perform((Looked(session.character, room),))
        self._stage.perform(regain_link(self._world, session.character))
        self._note_login(session, row)
        self._meter.count("attachments", outcome="taken_over")

    def _note_login(self, session: Session, row: CharacterRow) -> None:
        """Note that somebody came in, and show when that was the last time."""
        account, address = session.attended.account, session.origin.address
        last = self._history.last(account) or row.last_login
        self._history.accepted(account, address, LoginWay(session.transport.value))
        if last is not None:
            when = f"{last.at:%Y-%m-%d %H:%M} UTC"
            self._fan_out.notice(session, f"Last login: {when} from {last.address} by {last.way}.")

    def _not_entered(
        self, arrival: Arrival, row: CharacterRow, reply: _Reply, failure: Failure
    ) -> None:
        if not reply.called:
            reply.errback(failure)
        session = self._sessions.get(arrival.request.session)
        if session is not None and session.character == row.id:
            self.end(session, CloseCode.INTERNAL_ERROR, "Something went wrong on our side.")

    # ------------------------------------------------------------ ending

    def quit(self, session: Session) -> None:
        """
        Let a session's character leave by its player's wish. Within the loop only.

        The connection is closed when all inputs are answered: see `Farewells.answered`.
        """
        ending = Ended(session.id, CloseCode.NORMAL, "You have left the world.")
        self._ended.note(ending, self._clock.seconds())
        self._farewells.begin(session, ending)
        self.leave(session, CloseCode.NORMAL, "The player quit.")

    def make_way(self, session: Session) -> None:
        """End a session whose character another one goes on with. Within the loop only."""
        session.cancel_grace()
        self._sessions.remove(session)
        self._publish_end(session, CloseCode.PLAYING_ELSEWHERE, ELSEWHERE)
        self._note_end(session, CloseCode.PLAYING_ELSEWHERE, ELSEWHERE)

    def end(self, session: Session, code: CloseCode, reason: str) -> None:
        """
        End a session by our will, and let its character leave. Within the loop only.

        Args:
            session: One that goes on.
            code: What the client is told.
            reason: One sentence, for people.
        """
        self._publish_end(session, code, reason)
        self.leave(session, code, reason)

    def end_tokens(self, tokens: Iterable[TokenHash]) -> None:
        """End all sessions that act on revoked tokens, those too that are just attaching."""
        revoked = tuple(tokens)
        self._exclusions.revoke(revoked, self._clock.seconds())

        def work() -> None:
            for session in self._sessions.on_tokens(revoked):
                self.end(session, CloseCode.REVOKED, "You have been logged out.")

        self._loop.require(OPERATIONS, work, lambda _: None)

    def shut_out(self, account: AccountId) -> None:
        """End all sessions of an account that is closed, those too that are just attaching."""
        self._exclusions.close(account, self._clock.seconds())

        def work() -> None:
            for session in self._sessions.of_account(account):
                self.end(session, CloseCode.REVOKED, CLOSED)

        self._loop.require(OPERATIONS, work, lambda _: None)

    def readmit(self, account: AccountId) -> None:
        """Let an account in that is open, whether it was closed or not."""
        self._exclusions.reopen(account)

    def awaits(self, account: AccountId) -> bool:
        """Tell whether somebody of that account is arriving."""
        return account in self._expected

    def appoint(self, account: AccountId, role: Role) -> None:
        """Let the characters of an account have another role, those too that are arriving."""
        self._expected.outdate(account)

        def work() -> None:
            for session in self._sessions.of_account(account):
                self._stage.perform((Appointed(session.character, role),))

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
        """Take nobody in any more, and let everyone leave. In the loop, or once it has stopped."""
        self._closed = True
        for session in self._sessions:
            self.end(session, CloseCode.RESTART, "The world goes down, and comes back soon.")
        self._farewells.finish()

    def hand_over(self) -> None:
        """
        Take nobody in any more, and leave all who are here to the next world: nobody leaves, and
        their gateways hold them. In the loop, or once it has stopped.
        """
        self._closed = True
        for session in self._sessions:
            session.cancel_grace()

    def ended(self, session: SessionId) -> Ended | None:
        """Tell how a session ended, if it did of late."""
        return self._ended.get(session)

    def leave(self, session: Session, code: CloseCode, cause: str) -> None:
        """
        Let a session's character leave. Within the loop only.

        Args:
            session: One that goes on.
            code: What the client is told, by another way.
            cause: For the log.
        """
        self._expected.outdate(session.attended.account)
        session.cancel_grace()
        self._sessions.remove(session)
        self.measure()
        self._note_end(session, code, cause)
        try:
            self._stage.perform(leave(self._world, session.character))
        except Exception:  # noqa: BLE001 - of many that end at once it costs the others nothing
            self._meter.count("loop_failures")
            self._log.failure("{character} could not leave whole.", **session.context)

    def _note_end(self, session: Session, code: CloseCode, cause: str) -> None:
        self._log.info("{character} has left: {cause}", code=code, cause=cause, **session.context)

    def _publish_end(self, session: Session, code: CloseCode, reason: str) -> None:
        farewell = Line((Span(reason, Style.SYSTEM),))
        ended = Ended(session.id, code, reason, farewell)
        self._ended.note(ended, self._clock.seconds())
        self._gateways.tell(session.gateway, ended)

    def measure(self) -> None:
        """Tell the meter how many are here."""
        self._meter.gauge("sessions", float(len(self._sessions)))
