"""What was said: how it is written down, kept and read."""

from datetime import datetime

from attrs import field, frozen
from twisted.internet.defer import Deferred
from zope.interface import Interface

from mudserver.ids import CharacterId, Epoch, InputNumber, RoomId, SessionId
from mudserver.world.applied import Entity
from mudserver.world.history import HistoryWanted, PastLine


@frozen
class ChatLine:
    """
    Something that a player said to all who listened.

    Attributes:
        session: By which session,
        number: which of its inputs,
        index: and which of that input's events: so it is stored once.
        at: When (UTC).
        channel: ``say``, ``emote``, or a channel's name.
        room: Where; None on a channel.
        name: The speaker's, as it was then.
        hushed: Whether only staff heard it.
    """

    session: SessionId
    number: InputNumber
    index: int
    at: datetime
    channel: str
    room: RoomId | None
    speaker: CharacterId
    name: str
    text: str = field(repr=False)
    hushed: bool = False

    @property
    def entity(self) -> Entity:
        """That line."""
        return ("line", self.session, self.number, self.index)


@frozen
class TellLine:
    """Something that one player told another; as `ChatLine`. Whom the silenced tell is not kept."""

    session: SessionId
    number: InputNumber
    index: int
    at: datetime
    speaker: CharacterId
    name: str
    target: CharacterId
    target_name: str
    text: str = field(repr=False)

    @property
    def entity(self) -> Entity:
        """That line."""
        return ("line", self.session, self.number, self.index)


Line = ChatLine | TellLine


@frozen
class Retention:
    """
    How long what was said is kept.

    Attributes:
        lines: Days, for what was said to all who listened; 0 to write nothing down.
        tells: Days, for what one player told another; 0 to write nothing down.
    """

    lines: int = 30
    tells: int = 7


@frozen
class LogWanted:
    """
    What staff wants to read again.

    Attributes:
        since: Nothing older (UTC).
        before: Nothing from then on (UTC).
        channel: ``say``, ``emote``, ``tell`` or a channel's name; None for all but tells.
        name: Only what this player said, by the name as it was then, without case; of tells, what
            they were told, too. None for everyone.
        limit: How many lines, the newest.
    """

    since: datetime
    before: datetime
    channel: str | None = None
    name: str | None = None
    limit: int = 100


@frozen
class LogLine:
    """
    A line as staff reads it.

    Attributes:
        line: What was said.
        hushed: Whether only staff heard it.
        room: The key of the room where it was said; empty on channels, and for tells.
    """

    line: PastLine
    hushed: bool = False
    room: str = ""


@frozen
class Upkeep:
    """
    What was done so that lines are kept by the day.

    Attributes:
        made: How many days were prepared.
        dropped: How many days were forgotten.
    """

    made: int = 0
    dropped: int = 0


class IHistoryStore(Interface):
    """
    What was said, as the journal has written it down.

    Every Deferred may fail with `StorageUnavailable`.
    """

    def recent(wanted: HistoryWanted) -> Deferred[tuple[PastLine, ...]]:
        """Read what a player may read again, the oldest first; nothing that only staff heard."""

    def search(wanted: LogWanted) -> Deferred[tuple[LogLine, ...]]:
        """Read what staff wants to, the oldest first."""

    def maintain(epoch: Epoch, now: datetime, retention: Retention) -> Deferred[Upkeep]:
        """
        Prepare for the days to come, and forget those that are over.

        What is written for a day that isn't prepared is kept all the same, and put in its place
        when the day is.

        Args:
            epoch: Of our lease.
            now: The moment (UTC).
            retention: How long what is kept.

        Returns:
            Fires with what was done. Fails with `Fenced` where another world has the lease, and
            with `StorageUnavailable` where the tables are in use for long; then it is done the
            next time.
        """
