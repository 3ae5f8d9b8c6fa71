"""What an earlier world has said, and perhaps not to all, is said again."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from twisted.python.failure import Failure

from mudserver.errors import PlayerError
from mudserver.game.fanout import FanOut
from mudserver.game.loop import GameLoop
from mudserver.game.sessions import Session, Sessions
from mudserver.game.view_names import ViewNames
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Input
from mudserver.wire.text import clean
from mudserver.world.commands import speaks_afar
from mudserver.world.events import MUST_ARRIVE, Event
from mudserver.world.grammar import parse
from mudserver.world.rules import decide
from mudserver.world.world import World


class Repeats:
    """
    Says again what players said to others, wherever these are.

    It is said by the same names, and gateways leave out whoever was shown it. Nothing else of an
    input is done again; where it can't be said any more, nothing is.

    Args:
        world: Where it is said.
        sessions: Who plays.
        loop: Where it queues.
        fan_out: What shows it.
        utc_now: The wall clock.
        meter: Gets ``words_repeated`` (counter).
    """

    def __init__(
        self,
        *,
        world: World,
        sessions: Sessions,
        loop: GameLoop,
        fan_out: FanOut,
        utc_now: Callable[[], datetime],
        meter: IMeter,
    ) -> None:
        self._world = world
        self._sessions = sessions
        self._loop = loop
        self._fan_out = fan_out
        self._utc_now = utc_now
        self._meter = meter

    def repeat(self, session: Session, input: Input, then: Callable[[], None]) -> None:
        """
        Say an input again, when its turn has come in the session's lane.

        Args:
            session: Whose it is.
            input: Which; an earlier world has carried it out.
            then: Called when that is done, or can't be.
        """

        def failed(_: Failure) -> None:
            then()

        # It was taken before: a gateway keeps a bounded number of them.
        self._loop.require(session.lane, partial(self._say, session, input, then), failed)

    def _say(self, session: Session, input: Input, then: Callable[[], None]) -> None:
        if self._sessions.goes_on(session):
            names = ViewNames(session.id, input.number)
            for event in self._events(session, input.text):
                if isinstance(event, MUST_ARRIVE):
                    self._meter.count("words_repeated")
                    self._fan_out.tell(event, (), input.command, names, again=True)
        then()

    def _events(self, session: Session, text: str) -> tuple[Event, ...]:
        try:
            command = parse(clean(text), self._world.lexicon)
            if not speaks_afar(command):
                return ()
            return decide(self._world, session.character, command, self._utc_now())
        except PlayerError:
            return ()
