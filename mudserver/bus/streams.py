"""
Where messages are missing.

All that one publisher sends to one subject over one link is a stream, numbered without holes. The
hub hands on whole streams to those who subscribed outside of groups; so a hole is what was lost.
"""

from collections import OrderedDict
from enum import Enum
from typing import Final

#: Streams that are remembered; of more, the one not heard for longest is forgotten, and a hole
#: before its next message not seen.
MAX_STREAMS: Final = 10_000


class Arrival(Enum):
    """How a message arrives in its stream."""

    #: The next one, or the first that is heard of that publisher.
    NEXT = "next"
    #: Others before it did not arrive.
    GAP = "gap"
    #: It comes again, or too late: those behind it are here.
    OLD = "old"


class Streams:
    """
    The streams that arrive from one hub.

    Args:
        max_streams: How many to remember.
    """

    def __init__(self, max_streams: int = MAX_STREAMS) -> None:
        self._max_streams = max_streams
        self._last: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._doubtful: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        return len(self._last)

    def relinked(self) -> None:
        """We have another link to the same hub; that each stream may have a hole is known."""
        self._doubtful = set(self._last)

    def note(self, sender: str, subject: str, seq: int) -> Arrival:
        """
        Note that a message has arrived.

        Args:
            sender: Who published it: ``NAME/NUMBER``, the number being its link's.
            subject: Where.
            seq: Its number in the stream.
        """
        name, _, number = sender.rpartition("/")
        link = int(number) if number.isdecimal() else 0
        key = (name, subject)
        known = self._last.get(key)
        if known is None:
            self._last[key] = (link, seq)
            if len(self._last) > self._max_streams:
                forgotten, _ = self._last.popitem(last=False)
                self._doubtful.discard(forgotten)
            return Arrival.NEXT
        if (link, seq) <= known:
            return Arrival.OLD
        self._last[key] = (link, seq)
        self._last.move_to_end(key)
        if key in self._doubtful:
            self._doubtful.discard(key)
            return Arrival.NEXT
        # On another link the publisher counts anew, and what it said without one is lost.
        return Arrival.NEXT if (link, seq - 1) == known else Arrival.GAP
