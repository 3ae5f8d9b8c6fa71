"""
Which durable messages were received, so that none is received twice.

Of each instance of a publisher it remembers a mark, up to which all are done with, and the numbers
received above it. Publishers raise the mark by the floor in their ids (`MessageId`), and keep the
distance between floor and newest bounded (`DurableLimits.span`); so is what is remembered.
"""

from collections import OrderedDict
from typing import Final

from attrs import define, field

from mudserver.bus.message_id import MessageId

#: Instances of publishers that are remembered; of more, the one not heard for longest is forgotten.
MAX_PUBLISHERS: Final = 256

#: Numbers above the mark that are remembered of each; of more, the mark passes the lowest.
MAX_NUMBERS: Final = 20_000

_FORGOTTEN: Final = 8


@define(eq=False)
class _Publisher:
    """What was received of one instance."""

    mark: int = 0
    above: set[int] = field(factory=set)

    def raise_to(self, mark: int) -> None:
        """All up to there are done with."""
        if mark > self.mark:
            if mark - self.mark < len(self.above):
                self.above.difference_update(range(self.mark + 1, mark + 1))
            else:
                self.above = {number for number in self.above if number > mark}
            self.mark = mark
        while self.mark + 1 in self.above:
            self.mark += 1
            self.above.discard(self.mark)


class Received:
    """
    Remembers durable messages.

    Args:
        max_publishers: How many instances of publishers at once.
        max_numbers: How many messages above the mark of each.
    """

    def __init__(
        self, max_publishers: int = MAX_PUBLISHERS, max_numbers: int = MAX_NUMBERS
    ) -> None:
        self._max_publishers = max_publishers
        self._max_numbers = max_numbers
        self._publishers: OrderedDict[tuple[str, str], _Publisher] = OrderedDict()

    def __len__(self) -> int:
        """Return how many numbers are remembered one by one."""
        return sum(len(each.above) for each in self._publishers.values())

    def knows(self, name: str, id: MessageId) -> bool:
        """Tell whether a message was received, or is so old that it must have been."""
        publisher = self._publishers.get((name, id.instance))
        return publisher is not None and (
            id.number <= publisher.mark or id.number in publisher.above
        )

    def note(self, name: str, id: MessageId) -> None:
        """
        Note that a message was received.

        Args:
            name: Of the peer that published it, as the hub knows it.
            id: The message's.
        """
        key = (name, id.instance)
        publisher = self._publishers.get(key)
        if publisher is None:
            publisher = self._publishers[key] = _Publisher()
            if len(self._publishers) > self._max_publishers:
                self._publishers.popitem(last=False)
        self._publishers.move_to_end(key)
        if id.number > publisher.mark:
            publisher.above.add(id.number)
        publisher.raise_to(id.floor - 1)
        if len(publisher.above) > self._max_numbers:
            # More than one at a time, since finding them takes a while.
            publisher.raise_to(sorted(publisher.above)[len(publisher.above) // _FORGOTTEN])
