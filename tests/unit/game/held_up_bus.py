"""A bus whose confirmations wait."""

from collections.abc import Callable

from twisted.internet.task import Clock

from mudserver.bus.loopback import LoopbackBus
from mudserver.interfaces.bus import Message


class HeldUpBus(LoopbackBus):
    """Confirms what must arrive when it is told to."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.unconfirmed: list[Callable[[], None]] = []

    def publish(
        self, subject: str, message: Message, delivered: Callable[[], None] | None = None
    ) -> None:
        super().publish(subject, message)
        if delivered is not None and message.durable:
            self.unconfirmed.append(delivered)

    def confirm(self) -> None:
        confirmed, self.unconfirmed = self.unconfirmed, []
        for each in confirmed:
            each()
