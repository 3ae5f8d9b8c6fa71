"""Who wants to be told of what."""

from collections.abc import Callable

from attrs import define, field, frozen
from twisted.logger import Logger

from mudserver.interfaces.notices import Heard, Topic


@frozen(eq=False)
class _Subscription:
    topic: Topic
    heard: Heard
    missed: Callable[[], None]


@define(eq=False)
class Subscriptions:
    """The subscribers of notices; one that fails costs the others nothing."""

    _all: list[_Subscription] = field(factory=list, init=False)
    _log = Logger()

    def add(self, topic: Topic, heard: Heard, missed: Callable[[], None]) -> Callable[[], None]:
        """Add a subscriber; returns what removes it, and may be called again."""
        subscription = _Subscription(topic, heard, missed)
        self._all.append(subscription)

        def end() -> None:
            if subscription in self._all:
                self._all.remove(subscription)

        return end

    def tell(self, topic: Topic, text: str) -> None:
        """Pass a notice on."""
        for each in tuple(self._all):
            if each.topic is topic:
                with self._log.failuresHandled("A notice could not be taken."):
                    each.heard(text)

    def tell_missed(self) -> None:
        """Tell everyone that notices may have been missed."""
        for each in tuple(self._all):
            with self._log.failuresHandled("A gap in the notices could not be taken."):
                each.missed()
