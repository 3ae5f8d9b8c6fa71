"""Where a link of the bus is in its life."""

from enum import Enum, auto


class LinkStage(Enum):
    """The stages, in their order; some are left out."""

    #: The ends have not let each other in yet.
    GREETING = auto()
    JOINED = auto()
    #: What waits is still sent; nothing is received any more.
    CLOSING = auto()
    #: Nothing but the last answer is sent.
    ENDING = auto()
    GONE = auto()
