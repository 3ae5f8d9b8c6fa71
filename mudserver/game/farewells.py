"""Players who have quit: each is closed once all that they typed is answered."""

from typing import Final

from twisted.internet.interfaces import IReactorTime

from mudserver.game.gateways import Gateways
from mudserver.game.sessions import Session
from mudserver.interfaces.play import Ended

#: Seconds that a player who quits waits at most for the answers still due.
FAREWELL_SECONDS: Final = 2.0


class Farewells:
    """
    Closes the connections of those who quit, at most `FAREWELL_SECONDS` later.

    Args:
        gateways: Where players are.
        clock: What waiting is measured by.
    """

    def __init__(self, *, gateways: Gateways, clock: IReactorTime) -> None:
        self._gateways = gateways
        self._clock = clock
        self._ending: set[Session] = set()

    def begin(self, session: Session, ending: Ended) -> None:
        """Have a player told that, when all inputs are answered: see `answered`."""
        session.ending = ending
        session.deadline = self._clock.callLater(FAREWELL_SECONDS, self._finish, session)
        self._ending.add(session)

    def answered(self, session: Session) -> None:
        """Close the connection of one who quit, once the last input is answered."""
        if session in self._ending and not session.answers:
            self._finish(session)

    def finish(self) -> None:
        """Close the connections of those who quit, whatever is answered."""
        for session in tuple(self._ending):
            self._finish(session)

    def _finish(self, session: Session) -> None:
        self._ending.discard(session)
        if session.deadline is not None and session.deadline.active():
            session.deadline.cancel()
        session.deadline = None
        if session.ending is not None:
            self._gateways.tell(session.gateway, session.ending)
            session.ending = None
