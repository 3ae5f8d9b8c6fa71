"""How a measurement ends that is told to."""

import signal
import sys
from types import FrameType

#: What shells say of a process that SIGTERM has ended.
_STATUS = 128 + signal.SIGTERM


def end_children_on_sigterm() -> None:
    """
    Have SIGTERM end this process as Ctrl-C does: whoever has started a process ends it.

    By default it would end this process alone. A second one changes nothing: what is being ended
    needs its time.
    """

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(_STATUS)

    signal.signal(signal.SIGTERM, end)
