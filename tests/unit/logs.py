"""What was logged, for tests."""

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer


@implementer(ILogObserver)
class Captured(list[LogEvent]):
    """The events that are logged while the context lasts."""

    def __call__(self, event: LogEvent) -> None:
        self.append(event)

    def __enter__(self) -> "Captured":
        globalLogPublisher.addObserver(self)
        return self

    def __exit__(self, *_: object) -> None:
        globalLogPublisher.removeObserver(self)
