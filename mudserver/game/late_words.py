"""What was said in a world that has just opened, before all were back whom it is for."""

from collections.abc import Callable
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mudserver.game.deliveries import Deliveries
from mudserver.interfaces.play import EventId
from mudserver.session.moment import Moment
from mudserver.view.line import View
from mudserver.world.events import Event

#: Seconds after its opening in which a world remembers what is said; who comes back later finds it
#: in the history.
LATE_SECONDS: Final = 120.0

#: How much is remembered; of more, the oldest is forgotten.
MAX_LATE: Final = 200

#: Seconds for which the speaker's gateway keeps what was said, in case that this world ends before
#: the others are back.
KEPT_SECONDS: Final = 10.0


@frozen
class LateWord:
    """
    Something that was said to many.

    Attributes:
        number: Counts them: 1, 2, 3 …
        event: What happened.
        views: What all but the speaker perceive, each with its name.
        said: When it was said first.
    """

    number: int
    event: Event
    views: tuple[tuple[EventId, View], ...]
    said: Moment


class LateWords:
    """
    Remembers what is said on channels and to parties, while sessions are still to come back.

    A gateway whose link breaks at the wrong moment names its sessions after others play on already.
    Their players were there all the time, as far as they know.

    Args:
        deliveries: Keeps count of what is under way.
        clock: What the time is measured by.

    Attributes:
        count: How many were noted.
    """

    def __init__(self, deliveries: Deliveries, clock: IReactorTime) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._words: dict[EventId, LateWord] = {}
        self._kept: dict[EventId, tuple[IDelayedCall, Callable[[], None]]] = {}
        self._end: IDelayedCall | None = None
        self.count = 0

    @property
    def remembers(self) -> bool:
        """Whether words are to be noted now."""
        return self._end is not None

    def begin(self) -> None:
        """Remember from now on, for a while: the world opens."""
        self._end = self._clock.callLater(LATE_SECONDS, self._forget)

    def stop(self) -> None:
        """Forget all; what speakers' gateways keep is for the next world."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
        for call, _ in self._kept.values():
            call.cancel()
        self._kept.clear()
        self._words.clear()

    def note(self, event: Event, views: tuple[tuple[EventId, View], ...], said: Moment) -> None:
        """
        Note something, once: what was noted by the same name stays as it was.

        Args:
            event: What happened.
            views: What all but the speaker perceive, each with its name.
            said: When it was said first.
        """
        name = views[0][0] if views else None
        if name is None or name in self._words:
            return
        self.count += 1
        self._words[name] = LateWord(self.count, event, views, said)
        arrived = self._deliveries.begin(name.session, name.number, said)
        self._kept[name] = self._clock.callLater(KEPT_SECONDS, self._let_go, name), arrived
        if len(self._words) > MAX_LATE:
            oldest = next(iter(self._words))
            del self._words[oldest]
            self._let_go(oldest)

    def words(self) -> tuple[LateWord, ...]:
        """Return what is remembered, in the order said."""
        return tuple(self._words.values())

    def _let_go(self, name: EventId) -> None:
        """Have the speaker's gateway keep something no longer."""
        kept = self._kept.pop(name, None)
        if kept is not None:
            call, arrived = kept
            if call.active():
                call.cancel()
            arrived()

    def _forget(self) -> None:
        self._end = None
        self._words.clear()
