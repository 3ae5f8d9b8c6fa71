"""How much a link of the bus bears."""

from attrs import frozen

from mudserver.bus.boxes import BOX_BYTES


@frozen
class LinkLimits:
    """
    What a link bears.

    Attributes:
        box: Bytes of a box.
        window: Boxes that are sent and not answered.
        lossy: Bytes that wait; beyond, lossy envelopes are dropped, the oldest first.
        queue: Bytes that wait; beyond, the link breaks.
        beat: Seconds between two signs of life.
        patience: Seconds without any sign of life of the other end; then the link breaks.
        deadline: Seconds for each answer, for the greeting, for the other end to read on, and for
            what is to be sent when the link is closed.
    """

    box: int = BOX_BYTES
    window: int = 16
    lossy: int = 8 * 1024 * 1024
    queue: int = 32 * 1024 * 1024
    beat: float = 5.0
    patience: float = 15.0
    deadline: float = 10.0
