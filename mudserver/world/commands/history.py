"""What was said before."""

from attrs import frozen

from mudserver.world.history import HISTORY_LINES, PastLine


@frozen
class ReadHistory:
    """
    Read again what was said.

    Attributes:
        channel: Where; `mudserver.world.history.TELLS` for one's own tells, None for all of it.
        count: How many lines.
        lines: What was found, once it was looked up.
    """

    channel: str | None = None
    count: int = HISTORY_LINES
    lines: tuple[PastLine, ...] | None = None
