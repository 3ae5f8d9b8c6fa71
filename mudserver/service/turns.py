"""How much one turn of the reactor takes on."""

import atexit
import gc
import select
from typing import Final

#: Connections served in one turn. A loss or a handshake takes a millisecond or more; thousands at
#: once, as when a network goes or comes back, would keep everybody else waiting for seconds.
MOST_EVENTS: Final = 32


#: New objects after which Python looks for garbage in cycles among the young, which it does after
#: 700 by default. A turn makes some ten thousand, and what it keeps for the next (work that waits,
#: output) was looked through a dozen times: one twentieth of the time that commands take. Hardly
#: any of it is in cycles; all else goes at once anyway.
YOUNG_OBJECTS: Final = 20_000

#: Looks at the young for one at the middle-aged, and looks at those for one at all there is.
_MIDDLE_AGED: Final = 20
_OLD: Final = 10


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


def bound_collection() -> None:
    """
    Have Python look for garbage less often: after `YOUNG_OBJECTS` new objects; and not at its end.

    All that is left then goes with the process. To look through it takes a world with a thousand
    players a tenth of a second of a processor, just when the next one has most to do.
    """
    gc.set_threshold(YOUNG_OBJECTS, _MIDDLE_AGED, _OLD)
    atexit.register(gc.freeze)
