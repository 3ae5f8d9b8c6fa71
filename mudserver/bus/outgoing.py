"""What a peer of the bus publishes, over one link after the other."""

from collections import OrderedDict
from collections.abc import Callable, Container
from datetime import datetime
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.bus.breaker import Breakers
from mudserver.bus.codec import Codec
from mudserver.bus.envelopes import Publish, Receipt
from mudserver.bus.unconfirmed import NO_RECEIPT, Durable, Phase, Unconfirmed
from mudserver.errors import BusUnavailable, Unsendable
from mudserver.interfaces.bus import GATEWAYS, Message
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.undelivered import Undelivered

#: Subjects whose messages are counted one by one over a link. Those not used for longest are
#: forgotten, and go on from the highest number forgotten: a hole that is none, but never a repeat.
MAX_SUBJECTS: Final = 10_000

NOBODY: Final = "Nobody received it."
STOPPED: Final = "The process stopped before it was confirmed."

#: The word for that in the count.
_STOPPED: Final = "stopped"

Send = Callable[[Publish], None]
Bury = Callable[[Undelivered, str], None]


@define(eq=False)
class Numbering:
    """
    Numbers what is sent to each subject over one link: 1, 2, 3 …

    Attributes:
        max_subjects: How many subjects to count for.
    """

    max_subjects: int = MAX_SUBJECTS
    _last: OrderedDict[str, int] = field(factory=OrderedDict, init=False)
    _forgotten: int = field(default=0, init=False)

    def next(self, subject: str) -> int:
        """Return the number of the next message to that subject."""
        last = self._last.get(subject)
        if last is None:
            last = self._forgotten
            if len(self._last) >= self.max_subjects:
                self._forgotten = max(self._forgotten, self._last.popitem(last=False)[1])
        else:
            self._last.move_to_end(subject)
        self._last[subject] = last + 1
        return last + 1


class Outgoing:
    """
    Publishes messages.

    A lossy message goes over the link that there is, or nowhere. A durable one is kept until it is
    confirmed: sent again after pauses, at once over another link, and buried in the end.

    Args:
        clock: What pauses are measured by.
        utc_now: Dates dead letters.
        codec: Writes messages.
        unconfirmed: Keeps the durable ones.
        breakers: Say where to try again, and are told what came of it.
        bury: Gets what can't be delivered, and a word for the count.
        meter: Counts.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        *,
        utc_now: Callable[[], datetime],
        codec: Codec,
        unconfirmed: Unconfirmed,
        breakers: Breakers,
        bury: Bury,
        meter: IMeter,
    ) -> None:
        self._clock = clock
        self._utc_now = utc_now
        self._codec = codec
        self._unconfirmed = unconfirmed
        self._breakers = breakers
        self._bury = bury
        self._meter = meter
        self._send: Send | None = None
        self._numbering = Numbering()
        self._timer: IDelayedCall | None = None
        self._waiters: list[Deferred[None]] = []
        self._stopped = False

    def __len__(self) -> int:
        """Return how many durable messages are not confirmed."""
        return len(self._unconfirmed)

    def publish(
        self, subject: str, message: Message, delivered: Callable[[], None] | None = None
    ) -> None:
        """As `IBus.publish`."""
        durable = message.durable
        try:
            payload = self._codec.encode(message)
        except Unsendable as error:
            self._unsendable(subject, message, error)
            if durable:
                self._tell(delivered)
            return
        kind = "durable" if durable else "lossy"
        self._meter.count("bus_messages", direction="out", kind=kind)
        if durable:
            kept = self._take(subject, message, payload)
            kept.delivered = delivered
            self._begin(kept)
        elif self._send is None:
            self._meter.count("bus_unlinked_drops")
        else:
            self._send(Publish(subject, self._numbering.next(subject), "", payload))

    def redeliver(self, subject: str, message: Message, letter: str) -> Deferred[None]:
        """As `IBus.redeliver`."""
        try:
            payload = self._codec.encode(message)
        except Unsendable as error:
            return fail(BusUnavailable(str(error)))
        self._meter.count("bus_messages", direction="out", kind="durable")
        kept = self._take(subject, message, payload)
        kept.letter = letter
        confirmed = kept.confirmed = Deferred()
        self._begin(kept)
        return confirmed

    def linked(self, send: Send) -> None:
        """There is a link: send over it, first of all what is not confirmed, in order."""
        self._send = send
        self._numbering = Numbering()
        for message in self._unconfirmed.all():
            if message.attempts:
                self._meter.count("bus_retries", reason="relinked")
            self._send_durable(message)
        self._set_timer()

    def unlinked(self) -> None:
        """There is no link."""
        self._send = None
        self._unconfirmed.unlink()
        self._set_timer()
        self._note_answer()

    def received(self, receipt: Receipt) -> None:
        """The hub says what became of a durable message."""
        message = self._unconfirmed.find(receipt.id)
        if message is None:
            return
        now = self._clock.seconds()
        if receipt.error:
            message.error = receipt.error
            self._breakers.withdrawn(message.subject, now)
            self._unconfirmed.forget(message)
            self._bury_message(message, "refused")
        elif receipt.received:
            self._unconfirmed.forget(message)
            self._breakers.succeeded(message.subject)
            self._tell(message.delivered)
            if message.confirmed is not None:
                message.confirmed.callback(None)
        elif message.phase is Phase.SENT:  # else it is about a try that was given up already
            self._failed(message, NOBODY, now)
        self._set_timer()
        self._note_answer()

    def hasten(self, subjects: Container[str]) -> None:
        """Somebody is there again: send what rests until a later try now, and count tries anew."""
        now = self._clock.seconds()
        for message in self._unconfirmed.all():
            if message.subject in subjects:
                message.failures = 0
                if message.phase is Phase.RESTING:
                    self._unconfirmed.postpone(message, now)
        self._set_timer()

    def answered(self) -> Deferred[None]:
        """Return what fires when the hub has said of each message what became of it."""
        if not self._waits:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._waiters.append(waiter)
        return waiter

    def start(self) -> None:
        """Keep durable messages from now on."""
        self._stopped = False

    def stop(self) -> None:
        """Bury whatever is not confirmed, and what is still to come."""
        self._stopped = True
        for message in self._unconfirmed.all():
            self._unconfirmed.forget(message)
            self._bury_message(message, _STOPPED)
        self._set_timer()

    # ------------------------------------------------------------ durable messages

    def _take(self, subject: str, told: Message, payload: bytes) -> Durable:
        """Take another message; `_begin` is to follow."""
        for given_up in self._unconfirmed.make_room(subject, len(payload)):
            self._bury_message(given_up, "full")
        message = self._unconfirmed.add(
            subject, _kind(told), payload, self._clock.seconds(), self._utc_now()
        )
        message.moot = told.moot or subject == GATEWAYS
        message.fleeting = told.fleeting
        return message

    def _begin(self, message: Durable) -> None:
        """Send a message for the first time, or bury it."""
        if message.error:
            self._bury_message(message, "full")
            return
        if self._stopped:
            self.stop()
            return
        if self._send is not None:
            self._send_durable(message)
        self._set_timer()

    def _send_durable(self, message: Durable) -> None:
        assert self._send is not None
        self._unconfirmed.sent(message, self._clock.seconds())
        subject = message.subject
        seq = self._numbering.next(subject)
        self._send(Publish(subject, seq, str(message.id), message.payload))

    def _failed(self, message: Durable, error: str, now: float) -> None:
        again = self._unconfirmed.failed(message, error, now)
        self._breakers.failed(message.subject, now)
        if not again:
            self._bury_message(message, "given_up")

    @property
    def _waits(self) -> bool:
        """Whether a receipt is waited for."""
        return any(message.phase is Phase.SENT for message in self._unconfirmed.all())

    def _note_answer(self) -> None:
        if self._waiters and not self._waits:
            waiters, self._waiters = self._waiters, []
            for each in waiters:
                each.callback(None)

    def _turn(self) -> None:
        """Do what is due."""
        self._timer = None
        now = self._clock.seconds()
        for message in self._unconfirmed.give_up(now):
            self._bury_message(message, "given_up")
        for message in self._unconfirmed.due(now):
            if message.phase is Phase.SENT:
                self._failed(message, NO_RECEIPT, now)
            elif self._breakers.admit(message.subject, now):
                self._meter.count("bus_retries", reason="failed")
                self._send_durable(message)
            else:
                self._unconfirmed.postpone(message, self._breakers.reopens(message.subject))
        self._set_timer()
        self._note_answer()

    def _set_timer(self) -> None:
        """Have a turn when something is due; one that comes too early does no harm."""
        self._meter.gauge("bus_unconfirmed", len(self._unconfirmed))
        when = self._unconfirmed.next()
        if when is None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        if self._timer is not None:
            if self._timer.getTime() <= when:
                return
            self._timer.cancel()
        self._timer = self._clock.callLater(max(0.0, when - self._clock.seconds()), self._turn)

    # ------------------------------------------------------------ dead letters

    def _tell(self, delivered: Callable[[], None] | None) -> None:
        """Tell who wants to know that there is nothing more to be done for a message."""
        if delivered is not None:
            with self._log.failuresHandled("Who waited for a delivery failed."):
                delivered()

    def _bury_message(self, message: Durable, reason: str) -> None:
        stopped = reason == _STOPPED
        useless = (message.moot and message.error == NOBODY) or (message.fleeting and stopped)
        if stopped:
            message.error = f"{STOPPED} {message.error}".rstrip()
        else:
            self._tell(message.delivered)
        if message.confirmed is not None:
            message.confirmed.errback(BusUnavailable(message.error))
        if useless:
            self._log.info(
                "A {kind} to {subject} means nothing any more: {error}",
                kind=message.kind,
                subject=message.subject,
                error=message.error,
            )
            return
        letter = Undelivered(
            message.letter or str(message.id),
            message.subject,
            message.kind,
            message.payload,
            message.error,
            message.attempts,
            message.first_at,
            self._utc_now(),
        )
        self._bury(letter, reason)

    def _unsendable(self, subject: str, message: Message, error: Unsendable) -> None:
        self._meter.count("bus_unsendable")
        self._log.error(
            "A {kind} to {subject} is not sent: {error}",
            kind=_kind(message),
            subject=subject,
            error=error,
        )


def _kind(message: Message) -> str:
    """Name a message's type for people: of what a world tells, what that is."""
    if isinstance(message, FromWorld):
        message = message.message
    return type(message).__name__
