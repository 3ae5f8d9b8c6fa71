"""Notices without a database, for tests and for worlds in memory."""

from collections.abc import Callable

from zope.interface import implementer

from mudserver.interfaces.notices import Heard, INotices, Topic
from mudserver.storage.subscriptions import Subscriptions


@implementer(INotices)
class MemoryNotices:
    """Passes on what it is told to."""

    def __init__(self) -> None:
        self._subscriptions = Subscriptions()

    def subscribe(
        self, topic: Topic, heard: Heard, missed: Callable[[], None]
    ) -> Callable[[], None]:
        """Implement `INotices.subscribe`."""
        return self._subscriptions.add(topic, heard, missed)

    def sound(self, topic: Topic, text: str) -> None:
        """Let a notice be heard."""
        self._subscriptions.tell(topic, text)

    def lose(self) -> None:
        """Let notices have been missed."""
        self._subscriptions.tell_missed()
