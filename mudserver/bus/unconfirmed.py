"""
The durable messages of a publisher, each kept until all who subscribed have confirmed it.

No clock: ``now`` is an argument, in seconds of any monotonic clock. Each message has its own tries
and pauses, so none waits for another. What is done with one that is due, or given up, is the
caller's business.
"""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from heapq import heapify, heappop, heappush
from typing import Final

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from mudserver.bus.backoff import Backoff, Pick
from mudserver.bus.message_id import MessageId

NO_RECEIPT: Final = "No receipt came in time."
TOO_OLD: Final = "It was tried for too long."
TOO_MANY: Final = "Too many durable messages are not confirmed."

#: Entries of the timetable that are out of date, beyond the number of messages, before it is
#: cleared of them.
_STALE: Final = 1_000


@frozen
class DurableLimits:
    """
    How many messages are kept, for how long, and how often they are sent.

    Attributes:
        messages: At once; when there are as many, the oldest for whoever has the most of them is
            given up, or a newer one for the same refused.
        size: Bytes of their payloads, likewise.
        span: From the oldest number to the newest: of more, the oldest are given up. Receivers
            remember as many (`mudserver.bus.received.MAX_NUMBERS` must not be less).
        failures: After so many failed tries a message is given up.
        age: Seconds after which it is, however often it was tried.
        receipt: Seconds within which a receipt is expected.
        backoff: The pauses between tries.
    """

    messages: int = 10_000
    size: int = 8 * 1024 * 1024
    span: int = 16_384
    failures: int = 20
    age: float = 300.0
    receipt: float = 5.0
    backoff: Backoff = field(default=Backoff(first=0.25, longest=10.0))


class Phase(Enum):
    """What a message waits for."""

    #: Its first try on this link.
    NEW = "new"
    #: Its receipt.
    SENT = "sent"
    #: Its next try.
    RESTING = "resting"


@define(eq=False)
class Durable:
    """
    One message that is not confirmed.

    Attributes:
        id: Its name.
        subject: Where it goes.
        kind: Its type.
        payload: It, encoded.
        since: When it was published, in seconds.
        first_at: The same, as a date (UTC).
        phase: What it waits for.
        entry: Its entry in the timetable; 0 for none.
        attempts: How often it was sent.
        failures: How often that failed.
        error: Why, the last time.
        moot: Whether it is of no use once nobody receives there.
        fleeting: Whether it is of no use once this process has stopped.
        delivered: Called when it is confirmed, or given up; None where nobody wants to know.
        letter: Which dead letter it was, and will be if it is given up; empty for none.
        confirmed: Fires when it is confirmed, and fails when it is given up; None likewise.
    """

    id: MessageId
    subject: str
    kind: str
    payload: bytes
    since: float
    first_at: datetime
    phase: Phase = Phase.NEW
    entry: int = 0
    attempts: int = 0
    failures: int = 0
    error: str = ""
    moot: bool = False
    fleeting: bool = False
    delivered: Callable[[], None] | None = None
    letter: str = ""
    confirmed: Deferred[None] | None = None


@define(eq=False)
class _Destination:
    """
    What goes to one subject.

    Attributes:
        messages: By number.
        size: Bytes of their payloads.
    """

    messages: dict[int, Durable] = field(factory=dict)
    size: int = 0

    def share(self, limits: DurableLimits, more: int = 0, size: int = 0) -> float:
        """Return which part of what there may be goes there, with so many more."""
        messages = (len(self.messages) + more) / limits.messages
        return max(messages, (self.size + size) / limits.size)


@define(eq=False)
class Unconfirmed:
    """
    Keeps durable messages.

    Attributes:
        instance: Of this publisher; see `MessageId`.
        limits: How many and for how long.
        pick: Gives fractions, for jitter.
        size: Bytes of all payloads.
    """

    instance: str
    limits: DurableLimits
    pick: Pick
    size: int = field(default=0, init=False)
    _messages: dict[int, Durable] = field(factory=dict, init=False)
    _destinations: dict[str, _Destination] = field(factory=dict, init=False)
    _timetable: list[tuple[float, int, int]] = field(factory=list, init=False)
    _entries: int = field(default=0, init=False)
    _number: int = field(default=0, init=False)

    def __len__(self) -> int:
        return len(self._messages)

    def all(self) -> tuple[Durable, ...]:
        """Return all messages, in the order published."""
        return tuple(self._messages.values())

    def make_room(self, subject: str, size: int) -> tuple[Durable, ...]:
        """
        Give up the oldest messages for whoever has the most, where that is somebody else.

        So what can't be delivered to one keeps nothing from the others.

        Args:
            subject: Where the next message goes, which is to be added then.
            size: Bytes of its payload.

        Returns:
            Those that are given up.
        """
        found: list[Durable] = []
        while self._full(size):
            most = max(self._destinations.values(), key=self._share, default=None)
            own = self._destinations.get(subject, _Destination())
            if most is None or self._share(most) <= own.share(self.limits, 1, size):
                break
            oldest = next(iter(most.messages.values()))
            oldest.error = f"{TOO_MANY} {oldest.error}".rstrip()
            self.forget(oldest)
            found.append(oldest)
        return tuple(found)

    def _full(self, size: int) -> bool:
        limits = self.limits
        return len(self._messages) >= limits.messages or self.size + size > limits.size

    def _share(self, destination: _Destination) -> float:
        return destination.share(self.limits)

    def add(
        self, subject: str, kind: str, payload: bytes, now: float, first_at: datetime
    ) -> Durable:
        """
        Take another message; `sent` is to follow, now or as soon as there is a link.

        Returns:
            The message. Where there are too many it is not kept: its ``error`` says so.
        """
        self._number += 1
        floor = next(iter(self._messages), self._number)
        id = MessageId(self.instance, self._number, floor)
        message = Durable(id, subject, kind, payload, now, first_at)
        if self._full(len(payload)):
            message.error = TOO_MANY
            return message
        self._messages[self._number] = message
        self.size += len(payload)
        there = self._destinations.get(subject)
        if there is None:
            there = self._destinations[subject] = _Destination()
        there.messages[self._number] = message
        there.size += len(payload)
        return message

    def find(self, id: str) -> Durable | None:
        """Find a message by its id; None where it is none of these, or no longer."""
        try:
            read = MessageId.read(id)
        except ValueError:
            return None
        message = self._messages.get(read.number)
        return message if message is not None and message.id == read else None

    def forget(self, message: Durable) -> None:
        """All have confirmed it, or it is given up."""
        if self._messages.pop(message.id.number, None) is None:
            return
        self.size -= len(message.payload)
        there = self._destinations[message.subject]
        there.size -= len(message.payload)
        del there.messages[message.id.number]
        if not there.messages:
            del self._destinations[message.subject]

    def sent(self, message: Durable, now: float) -> None:
        """Note that a message was sent; its receipt is waited for."""
        message.attempts += 1
        self._put(message, Phase.SENT, now + self.limits.receipt)

    def failed(self, message: Durable, error: str, now: float) -> bool:
        """
        Note that a try failed.

        Returns:
            Whether it will be tried again; otherwise it is forgotten.
        """
        message.failures += 1
        message.error = error
        if message.failures >= self.limits.failures:
            self.forget(message)
            return False
        pause = self.limits.backoff.pause(message.failures, self.pick)
        self._put(message, Phase.RESTING, now + pause)
        return True

    def postpone(self, message: Durable, when: float) -> None:
        """Have a message sent at another time, though nothing failed."""
        self._put(message, Phase.RESTING, when)

    def unlink(self) -> None:
        """The link is gone: none is sent, and no receipt comes, until there is another."""
        self._timetable.clear()
        for message in self._messages.values():
            message.phase, message.entry = Phase.NEW, 0

    def due(self, now: float) -> tuple[Durable, ...]:
        """
        Return those whose time has come, in the order in which it came.

        One that is `Phase.SENT` had no receipt in time: `failed` is to follow. One that is
        `Phase.RESTING` is to be sent again: `sent` or `postpone` is to follow.
        """
        found = []
        while self._timetable and self._timetable[0][0] <= now:
            _, entry, number = heappop(self._timetable)
            message = self._messages.get(number)
            if message is not None and message.entry == entry:
                message.entry = 0
                found.append(message)
        return tuple(found)

    def give_up(self, now: float) -> tuple[Durable, ...]:
        """Forget those that are too old, or too far behind the newest, and return them."""
        found = []
        for message in self._messages.values():
            if message.since + self.limits.age > now and not self._too_far_behind(message):
                break
            message.error = message.error or TOO_OLD
            found.append(message)
        for message in found:
            self.forget(message)
        return tuple(found)

    def next(self) -> float | None:
        """Return when `due` or `give_up` will have something; None where nothing is waited for."""
        oldest = next(iter(self._messages.values()), None)
        if oldest is None:
            return None
        if self._too_far_behind(oldest):
            return oldest.since
        when = oldest.since + self.limits.age
        while self._timetable and not self._current(self._timetable[0]):
            heappop(self._timetable)
        return min(when, self._timetable[0][0]) if self._timetable else when

    def _too_far_behind(self, message: Durable) -> bool:
        return self._number - message.id.number >= self.limits.span

    def _current(self, entry: tuple[float, int, int]) -> bool:
        message = self._messages.get(entry[2])
        return message is not None and message.entry == entry[1]

    def _put(self, message: Durable, phase: Phase, when: float) -> None:
        self._entries += 1
        message.phase, message.entry = phase, self._entries
        heappush(self._timetable, (when, self._entries, message.id.number))
        if len(self._timetable) > len(self._messages) + _STALE:
            self._timetable = [entry for entry in self._timetable if self._current(entry)]
            heapify(self._timetable)
