"""What an earlier world has said, and perhaps not to all, is said again."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mudserver.errors import PlayerError
from mudserver.game.deliveries import Deliveries
from mudserver.game.fanout import FanOut
from mudserver.game.late_words import LATE_SECONDS
from mudserver.game.loop import GameLoop
from mudserver.game.sessions import Session, Sessions
from mudserver.game.timeline import Timeline
from mudserver.game.view_names import ViewNames
from mudserver.ids import InputNumber, SessionId
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Input
from mudserver.session.moment import Moment
from mudserver.wire.text import clean
from mudserver.world.commands import Tell, speaks_afar
from mudserver.world.events import MUST_ARRIVE, Event
from mudserver.world.grammar import parse
from mudserver.world.rules import decide
from mudserver.world.world import World

#: How many may wait for somebody who isn't back; those beyond are not said.
MAX_WAITING: Final = 1_000

#: By what one sees that somebody isn't: the code of the refusal.
NOT_HERE: Final = "not_here"


@frozen
class _Waiting:
    """
    Something that is for somebody who isn't back yet.

    Attributes:
        session: Whose it is.
        input: By which it was said.
        until: When it is given up, in seconds of the clock.
        arrived: Notes that it is no longer under way.
    """

    session: Session
    input: Input
    until: float
    arrived: Callable[[], None]


class Repeats:
    """
    Says again what players said to others, wherever these are.

    It is said by the same names, and gateways leave out whoever was shown it; a session that began
    later is not shown it, since its player may have been, in another one. Nothing else of an input
    is done again; where it can't be said any more, nothing is. What is for somebody who isn't
    back yet waits for them, `LATE_SECONDS` at most.

    Args:
        world: Where it is said.
        sessions: Who plays.
        timeline: What says when this world has opened.
        loop: Where it queues.
        fan_out: What shows it.
        deliveries: Keeps count of what waits, so that speakers' gateways keep it, too.
        clock: Measures how long it may wait, and schedules the end of that.
        utc_now: The wall clock.
        meter: Gets ``words_repeated`` (counter).
    """

    def __init__(
        self,
        *,
        world: World,
        sessions: Sessions,
        timeline: Timeline,
        loop: GameLoop,
        fan_out: FanOut,
        deliveries: Deliveries,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        meter: IMeter,
    ) -> None:
        self._world = world
        self._sessions = sessions
        self._timeline = timeline
        self._loop = loop
        self._fan_out = fan_out
        self._deliveries = deliveries
        self._clock = clock
        self._utc_now = utc_now
        self._meter = meter
        # In the order in which they are given up, since all may wait equally long.
        self._waiting: dict[tuple[SessionId, InputNumber], _Waiting] = {}
        self._ending: IDelayedCall | None = None

    def __len__(self) -> int:
        """Return how many inputs wait for somebody."""
        return len(self._waiting)

    def stop(self) -> None:
        """Wait no longer: what speakers' gateways keep is for the next world."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        self._waiting.clear()

    def repeat(self, session: Session, input: Input | None, then: Callable[[], None]) -> None:
        """
        Say an input again, when its turn has come in the session's lane.

        Args:
            session: Whose it is.
            input: Which; an earlier world has carried it out. None to say nothing.
            then: Called when that is done, or can't be.
        """

        def failed(_: Failure) -> None:
            then()

        # It was taken before: a gateway keeps a bounded number of them.
        self._loop.require(session.lane, partial(self._say, session, input, then), failed)

    def say(self, session: Session, input: Input) -> None:
        """Say an input again, now or when those are back whom it is for. Within the loop only."""
        if not self._said(session, input):
            self._wait(session, input)

    def go_on(self) -> None:
        """Try to say again what waits: some are back. Within the loop only."""
        waiting, self._waiting = self._waiting, {}
        for key, each in waiting.items():
            if not self._sessions.goes_on(each.session) or self._said(each.session, each.input):
                each.arrived()
            else:
                self._waiting[key] = each

    def _say(self, session: Session, input: Input | None, then: Callable[[], None]) -> None:
        if input is not None and self._sessions.goes_on(session):
            self.say(session, input)
        then()

    def _said(self, session: Session, input: Input) -> bool:
        """Say something again; return False where somebody isn't back for whom it is."""
        try:
            events = self._events(session, input.text)
        except PlayerError as error:
            return error.code != NOT_HERE
        names = ViewNames(session.id, input.number)
        for event in events:
            if isinstance(event, MUST_ARRIVE):
                self._meter.count("words_repeated")
                self._fan_out.tell(event, (), input.command, names, said=self._when(input))
        return True

    def _wait(self, session: Session, input: Input) -> None:
        key = (session.id, input.number)
        if key not in self._waiting and len(self._waiting) < MAX_WAITING:
            arrived = self._deliveries.begin(*key, self._when(input))
            until = self._clock.seconds() + LATE_SECONDS
            self._waiting[key] = _Waiting(session, input, until, arrived)
            if self._ending is None:
                self._ending = self._clock.callLater(LATE_SECONDS, self._give_up)

    def _when(self, input: Input) -> Moment:
        """Return when something was said first, at the latest."""
        return input.said or self._timeline.opening

    def _give_up(self) -> None:
        """Forget what has waited for long enough, until the next of it has."""
        self._ending = None
        now = self._clock.seconds()
        for key, each in tuple(self._waiting.items()):
            if now < each.until:
                self._ending = self._clock.callLater(each.until - now, self._give_up)
                return
            del self._waiting[key]
            each.arrived()

    def _events(self, session: Session, text: str) -> tuple[Event, ...]:
        command = parse(clean(text), self._world.lexicon)
        if not speaks_afar(command):
            return ()
        if isinstance(command, Tell) and self._world.character_named(command.name) is None:
            # By a beginning, another one might hear it.
            raise PlayerError("They aren't back.", code=NOT_HERE)
        return decide(self._world, session.character, command, self._utc_now())
