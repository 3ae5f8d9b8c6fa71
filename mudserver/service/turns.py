"""How much one turn of the reactor takes on."""

import select
from typing import Final

#: Connections served in one turn. A loss or a handshake takes a millisecond or more; thousands at
#: once, as when a network goes or comes back, would keep everybody else waiting for seconds.
MOST_EVENTS: Final = 32


class BoundedPoller:
    """
    The system's poller, which reports few events at a time; the rest comes first the next time.

    Args:
        poller: What it passes everything on to.
        most: Events at a time.
    """

    def __init__(self, poller: "select.epoll", most: int = MOST_EVENTS) -> None:
        self._poller = poller
        self._most = most
        self.register = poller.register
        self.modify = poller.modify
        self.unregister = poller.unregister
        self.close = poller.close

    def poll(self, timeout: float, maxevents: int) -> list[tuple[int, int]]:
        """Wait for events, for so many seconds at most."""
        return self._poller.poll(timeout, min(maxevents, self._most))


def bound_turns(reactor: object) -> None:
    """
    Have a reactor serve at most `MOST_EVENTS` connections between two looks at its timers.

    Twisted's epoll reactor serves all that are ready, and has no setting for less; others are left
    as they are.
    """
    poller = getattr(reactor, "_poller", None)
    if hasattr(select, "epoll") and isinstance(poller, select.epoll):
        reactor._poller = BoundedPoller(poller)  # type: ignore[attr-defined]  # noqa: SLF001
