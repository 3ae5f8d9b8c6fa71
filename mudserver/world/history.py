"""What was said before, as it is read again."""

from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from mudserver.ids import CharacterId

#: How far back players can read: what bounds how much is searched.
MAX_HISTORY_AGE: Final = timedelta(days=7)

#: Lines that one look into the past shows, and where no number is given.
MAX_HISTORY_LINES: Final = 50
HISTORY_LINES: Final = 20

#: What tells are called where channels are named.
TELLS: Final = "tell"


@frozen
class PastLine:
    """
    Something that was said.

    Attributes:
        at: When (UTC).
        channel: On which channel; `TELLS` for what one player told another.
        name: The speaker's, as it was then.
        target: To whom alone; None where it was said to all who listened.
        target_name: As it was then; empty where there is none.
    """

    at: datetime
    channel: str
    speaker: CharacterId
    name: str
    text: str = field(repr=False)
    target: CharacterId | None = None
    target_name: str = ""


@frozen
class HistoryWanted:
    """
    What somebody wants to read again.

    Attributes:
        reader: Who; of tells only their own are found.
        channels: On which channels it was said.
        tells: Whether tells are wanted, too.
        since: Nothing older (UTC).
        limit: How many lines, the newest.
    """

    reader: CharacterId
    channels: tuple[str, ...]
    tells: bool
    since: datetime
    limit: int
