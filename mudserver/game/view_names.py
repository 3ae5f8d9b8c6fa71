"""What is shown on account of one input: the same names again, whichever world carries it out."""

from typing import Final

from attrs import define, field

from mudserver.ids import InputNumber, SessionId
from mudserver.interfaces.play import EventId
from mudserver.world.audience import Viewer

#: Views of one event for one kind of viewer.
MAX_VIEWS: Final = 4

_PLACES: Final = {viewer: place * MAX_VIEWS for place, viewer in enumerate(Viewer)}
_STEP: Final = len(_PLACES) * MAX_VIEWS


@define(eq=False)
class ViewNames:
    """
    Names the views of the events that came of an input.

    Each kind of viewer has its own places, whether anybody is of it or not: so an event has the
    same names when it happens again before others.
    """

    _session: SessionId
    _number: InputNumber
    _events: int = field(default=0, init=False)

    def begin(self) -> int:
        """Begin with the next event; returns its ordinal."""
        ordinal = self._events
        self._events += 1
        return ordinal

    def name(self, ordinal: int, viewer: Viewer, place: int = 0) -> EventId:
        """
        Name a view.

        Args:
            ordinal: Of the event.
            viewer: For whom it is.
            place: Which of that event's views for them.
        """
        return EventId(self._session, self._number, ordinal * _STEP + _PLACES[viewer] + place)
