"""Connections that are lost: who played by them stays for a while, and may come back."""

from twisted.internet.interfaces import IReactorTime

from mudserver.errors import CloseCode
from mudserver.game.limits import PresenceLimits
from mudserver.game.loop import GameLoop
from mudserver.game.presence import Presence
from mudserver.game.sessions import Session, Sessions
from mudserver.game.stage import Stage
from mudserver.ids import Generation
from mudserver.interfaces.play import Detached
from mudserver.world.rules import lose_link, regain_link
from mudserver.world.world import World


class Links:
    """
    Has those stay whose connection is lost, for the time of a grace.

    Args:
        world: Where they are.
        sessions: Who plays.
        loop: Where it happens.
        stage: What lets the events happen.
        presence: What lets them leave in the end.
        clock: What graces are measured by.
        limits: How long.
    """

    def __init__(
        self,
        *,
        world: World,
        sessions: Sessions,
        loop: GameLoop,
        stage: Stage,
        presence: Presence,
        clock: IReactorTime,
        limits: PresenceLimits,
    ) -> None:
        self._world = world
        self._sessions = sessions
        self._loop = loop
        self._stage = stage
        self._presence = presence
        self._clock = clock
        self._limits = limits

    def detached(self, message: Detached) -> None:
        """Let a session go whose connection is gone; of an older attachment it means nothing."""
        session = self._sessions.current(message.session, message.generation)
        if session is not None:
            self._loop.require(session.lane, lambda: self._detach(session, message), lambda _: None)

    def _detach(self, session: Session, message: Detached) -> None:
        if self._sessions.current(message.session, message.generation) is not session:
            return
        if message.quit:
            self._presence.leave(session, CloseCode.NORMAL, "The client said goodbye.")
        else:
            self.lose(session)

    def lost(self, session: Session) -> None:
        """Note that the connection of a session is lost, with its gateway."""
        gateway = session.gateway

        def work() -> None:
            if self._sessions.goes_on(session) and session.gateway == gateway:
                self.lose(session)

        self._loop.require(session.lane, work, lambda _: None)

    def lose(self, session: Session) -> None:
        """Have a session without a connection, and a grace begin. Within the loop only."""
        if not session.linkdead:
            self.hold(session)
            self._stage.perform(lose_link(self._world, session.character))

    def regain(self, session: Session) -> None:
        """Have a session with a connection again. Within the loop only."""
        session.cancel_grace()
        self._stage.perform(regain_link(self._world, session.character))

    def hold(self, session: Session) -> None:
        """Let a grace begin, anew if one runs, without a word. Within the loop only."""
        session.cancel_grace()
        session.grace = self._clock.callLater(
            self._limits.grace, self._grace_over, session, session.generation
        )

    def _grace_over(self, session: Session, generation: Generation) -> None:
        def work() -> None:
            if self._sessions.current(session.id, generation) is session:
                # Whom this reaches is connected: only the gateway was cut off, and the player, who
                # did not leave, is to come back.
                reason = "Your connection was lost for too long."
                self._presence.end(session, CloseCode.EXPIRED, reason)

        self._loop.require(session.lane, work, lambda _: None)
