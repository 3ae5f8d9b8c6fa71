"""Inputs that did not arrive are asked for."""

from typing import Final

from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mudserver.game.gateways import Gateways
from mudserver.game.sessions import Session, Sessions
from mudserver.ids import InputNumber, SessionId
from mudserver.interfaces.continuity import InputsWanted
from mudserver.interfaces.meter import IMeter

#: Seconds after which they are asked for again, and how often in all. A gateway that hears nothing
#: sends again by itself what isn't settled; and with the next one that comes too early it begins
#: anew.
AGAIN_SECONDS: Final = 1.0
MAX_ASKS: Final = 5


@define(eq=False)
class _Hole:
    """
    Where something is missing.

    Attributes:
        after: The last input before it.
        asks: How often it was asked for.
        again: Asks once more.
    """

    after: InputNumber
    asks: int
    again: IDelayedCall


class MissingInputs:
    """
    Has gateways send again what did not arrive: once for each hole, and again while it is there.

    As long as a session's inputs have no room, nothing is asked for.

    Args:
        sessions: Whose inputs.
        gateways: Who is asked.
        clock: What waiting is measured by.
        meter: Gets ``inputs_wanted`` (counter).
    """

    def __init__(
        self, *, sessions: Sessions, gateways: Gateways, clock: IReactorTime, meter: IMeter
    ) -> None:
        self._sessions = sessions
        self._gateways = gateways
        self._clock = clock
        self._meter = meter
        self._holes: dict[SessionId, _Hole] = {}

    def ask(self, session: Session) -> None:
        """Ask for what follows the last input of a session that was taken."""
        after = session.answers.applied
        hole = self._holes.get(session.id)
        if hole is not None:
            if hole.after == after:
                return
            hole.again.cancel()
        self._ask(session, after, 0)

    def stop(self) -> None:
        """Ask no more."""
        for hole in self._holes.values():
            hole.again.cancel()
        self._holes.clear()

    def _ask(self, session: Session, after: InputNumber, asks: int) -> None:
        wanted = not session.answers.full
        again = self._clock.callLater(AGAIN_SECONDS, self._look, session)
        # Noted first: what is asked for may come, with holes of its own, before the asking returns.
        self._holes[session.id] = _Hole(after, asks + wanted, again)
        if wanted:
            self._meter.count("inputs_wanted")
            self._gateways.tell(session.gateway, InputsWanted(session.id, after))

    def _look(self, session: Session) -> None:
        hole = self._holes.pop(session.id)
        there = self._sessions.goes_on(session) and session.answers.applied == hole.after
        if there and hole.asks < MAX_ASKS:
            self._ask(session, hole.after, hole.asks)
