"""
Where messages are missing.

All that one publisher sends to one subject over one link is a stream, numbered without holes. The
hub hands on whole streams to those who subscribed outside of groups; so a hole is what was lost.
"""

from collections import OrderedDict
from enum import Enum
from typing import Final

from attrs import frozen

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


@frozen
class _Last:
    """
    The last message that arrived of a stream.

    Attributes:
        instance: The run of the publisher's process that sent it.
        link: Over which of the hub's links, which are numbered in their order.
        seq: Its number in the stream.
    """

    instance: str
    link: int
    seq: int


class Streams:
    """
    The streams that arrive from one hub.

    Another run of a publisher's process misses nothing of what it says itself if it is heard from
    its first word. What the run before it said last may be lost, as it may where none follows.

    Args:
        max_streams: How many to remember.
    """

    def __init__(self, max_streams: int = MAX_STREAMS) -> None:
        self._max_streams = max_streams
        self._last: OrderedDict[tuple[str, str], _Last] = OrderedDict()
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
            sender: Who published it: ``NAME/INSTANCE/NUMBER``, the number being its link's.
            subject: Where.
            seq: Its number in the stream.
        """
        publisher, _, number = sender.rpartition("/")
        name, _, instance = publisher.partition("/")
        link = int(number) if number.isdecimal() else 0
        key = (name, subject)
        known = self._last.get(key)
        if known is None:
            self._last[key] = _Last(instance, link, seq)
            if len(self._last) > self._max_streams:
                forgotten, _ = self._last.popitem(last=False)
                self._doubtful.discard(forgotten)
            return Arrival.NEXT
        if (link, seq) <= (known.link, known.seq):
            return Arrival.OLD
        self._last[key] = _Last(instance, link, seq)
        self._last.move_to_end(key)
        if key in self._doubtful:
            self._doubtful.discard(key)
            return Arrival.NEXT
        if instance != known.instance:
            return Arrival.NEXT if seq == 1 else Arrival.GAP
        # On another link the publisher counts anew, and what it said without one is lost.
        return Arrival.NEXT if (link, seq - 1) == (known.link, known.seq) else Arrival.GAP
