"""The end of tokens, for those who are here by them: warned of, and then enforced."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import CloseCode, Overloaded, Unavailable
from mudserver.game.gateways import Gateways
from mudserver.game.loop import GameLoop
from mudserver.game.presence import OPERATIONS, Presence
from mudserver.game.sessions import Session, Sessions
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Expiring
from mudserver.interfaces.rows import TokenRow
from mudserver.interfaces.stores import IAccountStore
from mudserver.tasks import Tasks

#: Seconds between two looks: how late a warning or an end may be.
LOOK_SECONDS: Final = 1.0

#: Sessions whose token has ended that are looked at together; more of them have their turn at the
#: next look.
PORTION: Final = 500

#: Seconds after which a session is looked at again, where its token could not be read.
RETRY_SECONDS: Final = 5.0


class Expiry:
    """
    Warns those whose token nears its end, and ends the sessions of those who did nothing about it.

    A look costs what is due. Before a session ends, its token is read once more, since it may have
    been prolonged elsewhere; while the database is away no session ends.

    Args:
        store: Where tokens are kept.
        sessions: Who is here, and whose token ends next.
        presence: What ends sessions.
        gateways: Where players are.
        tasks: Owns the reading.
        clock: Lets it look.
        utc_now: The wall clock: the end of a token is as far off here as it is over HTTP.
        loop: Where sessions end.
        meter: Gets ``expiries`` by outcome (counter).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        store: IAccountStore,
        sessions: Sessions,
        presence: Presence,
        gateways: Gateways,
        tasks: Tasks,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        loop: GameLoop,
        meter: IMeter,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._presence = presence
        self._gateways = gateways
        self._tasks = tasks
        self._utc_now = utc_now
        self._loop = loop
        self._meter = meter
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    def start(self) -> None:
        """Begin."""
        self._looking.start(LOOK_SECONDS, now=False).addErrback(self._died)

    def stop(self) -> None:
        """End; a reading under way is its owner's to cancel."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        now = self._utc_now().timestamp()
        ended: list[Session] = []
        while len(ended) < PORTION:
            session = self._sessions.take_expiring(now)
            if session is None:
                break
            remaining = session.attended.expires.timestamp() - now
            if remaining > 0:
                with self._log.failuresHandled("A session was not warned.", **session.context):
                    self._warn(session, remaining)
            else:
                # Whatever becomes of the reading, it is looked at again.
                self._sessions.postpone(session, now + RETRY_SECONDS)
                ended.append(session)
        if ended:
            try:
                self._tasks.run("expiry", self._check(ended))
            except Overloaded as error:
                self._log.warn("Tokens that have ended are looked at later: {error}", error=error)

    def _warn(self, session: Session, remaining: float) -> None:
        self._sessions.warned(session, remaining)
        self._gateways.tell(session.gateway, Expiring(session.id, float(round(remaining))))
        self._meter.count("expiries", outcome="warned")

    async def _check(self, sessions: Sequence[Session]) -> None:
        """Read the tokens, and end what still has to."""
        try:
            stored = await self._store.tokens({each.attended.token for each in sessions})
        except Unavailable as error:
            self._meter.count("expiries", float(len(sessions)), outcome="unavailable")
            self._log.info("Tokens that have ended are looked at later: {error}", error=error)
            return

        def work() -> None:
            for session in sessions:
                if self._sessions.goes_on(session):
                    self._conclude(session, stored.get(session.attended.token))

        self._loop.require(OPERATIONS, work, lambda _: None)

    def _conclude(self, session: Session, row: TokenRow | None) -> None:
        attended, now = session.attended, self._utc_now()
        if attended.expires > now:
            return  # it was refreshed meanwhile
        if row is not None and row.expires > now:
            self._sessions.attend(session, evolve(attended, expires=row.expires))
            self._meter.count("expiries", outcome="prolonged")
            return
        self._presence.end(session, CloseCode.EXPIRED, "Your log-in has expired: log in again.")
        self._meter.count("expiries", outcome="ended")

    def _died(self, failure: Failure) -> None:
        self._log.failure("The end of tokens is not enforced any more.", failure)
