"""What a peer of the bus receives: its subscriptions, and what arrives for them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.bus.codec import Codec, kind_of
from mudserver.bus.envelopes import Deliver, Receipt, Subscribe
from mudserver.bus.message_id import MessageId
from mudserver.bus.received import Received
from mudserver.bus.streams import Arrival, Streams
from mudserver.errors import Garbled, UnknownKind
from mudserver.interfaces.bus import Message
from mudserver.interfaces.meter import IMeter

#: Seconds between two lines in the log about what can't be understood.
LOGGED: Final = 60.0

#: Characters of an error in a receipt.
MAX_ERROR: Final = 300


@define(eq=False)
class Subscription:
    """
    One who receives.

    Attributes:
        id: Its number; none is given twice.
        pattern: On which subjects.
        group: With whom it takes turns; empty for with nobody.
        receive: Gets each message.
        lost: Told that some are missing.
    """

    id: int
    pattern: str
    group: str
    receive: Callable[[Message], None]
    lost: Callable[[], None]

    @property
    def envelope(self) -> Subscribe:
        """What the hub is told of it."""
        return Subscribe(self.id, self.pattern, self.group)


class Inbox:
    """
    The subscriptions of a peer.

    A message is received at most once, in its publisher's order, and each hole is told.

    Args:
        clock: Its next turn is when holes are told.
        codec: Reads messages.
        meter: Counts.
    """

    _log = Logger()
    _receiving = _log.failureHandler("A receiver of a message failed.")

    def __init__(self, clock: IReactorTime, codec: Codec, meter: IMeter) -> None:
        self._clock = clock
        self._codec = codec
        self._meter = meter
        self._subscribed = 0
        self._subscriptions: dict[int, Subscription] = {}
        self._streams = Streams()
        self._received = Received()
        self._losing: dict[int, None] = {}
        self._telling: IDelayedCall | None = None
        self._unlogged = 0
        self._quiet_until = float("-inf")

    def __iter__(self) -> Iterator[Subscription]:
        return iter(tuple(self._subscriptions.values()))

    def add(
        self,
        pattern: str,
        receive: Callable[[Message], None],
        group: str | None,
        lost: Callable[[], None],
    ) -> Subscription:
        """Begin a subscription."""
        self._subscribed += 1
        subscription = Subscription(self._subscribed, pattern, group or "", receive, lost)
        self._subscriptions[subscription.id] = subscription
        return subscription

    def end(self, subscription: Subscription) -> bool:
        """End a subscription; return False where it has ended."""
        return self._subscriptions.pop(subscription.id, None) is not None

    def relinked(self, *, same_hub: bool) -> None:
        """There is another link: whatever was published since the last one broke is missing."""
        if same_hub:
            self._streams.relinked()
        else:
            self._streams = Streams()  # another hub numbers links anew
        self.lose(tuple(self._subscriptions))

    def lose(self, numbers: Iterable[int]) -> None:
        """Tell subscriptions, in the next turn and once, that messages are missing."""
        self._losing.update(dict.fromkeys(numbers))
        if self._losing and self._telling is None:
            self._telling = self._clock.callLater(0, self._tell)

    def stop(self) -> None:
        """Tell nothing more."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    def deliver(self, deliver: Deliver) -> Receipt | None:
        """
        Give a message to those it is for.

        Returns:
            The receipt of a durable one.
        """
        if deliver.id:
            self._meter.count("bus_messages", direction="in", kind="durable")
            self._follow(deliver)
            return self._deliver_durable(deliver)
        self._meter.count("bus_messages", direction="in", kind="lossy")
        if self._follow(deliver) is Arrival.OLD:
            self._meter.count("bus_duplicates", kind="lossy")
            return None
        try:
            message = self._codec.decode_message(deliver.payload)
        except Garbled as error:
            self._garbled(deliver, error)
            if not isinstance(error, UnknownKind):  # of a later release: nobody here misses it
                self.lose(deliver.subscriptions)
            return None
        self._give(deliver, message)
        return None

    def _deliver_durable(self, deliver: Deliver) -> Receipt:
        name = deliver.sender.partition("/")[0]
        try:
            id = MessageId.read(deliver.id)
            if self._received.knows(name, id):
                self._meter.count("bus_duplicates", kind="durable")
                return Receipt(deliver.sender, deliver.id, 1)
            message = self._codec.decode_message(deliver.payload)
        except (Garbled, ValueError) as error:
            self._garbled(deliver, error)
            return Receipt(deliver.sender, deliver.id, 0, str(error)[:MAX_ERROR])
        if not self._give(deliver, message):
            # Those it was for have ended meanwhile; somebody else may have it next time.
            return Receipt(deliver.sender, deliver.id, 0)
        self._received.note(name, id)
        return Receipt(deliver.sender, deliver.id, 1)

    def _follow(self, deliver: Deliver) -> Arrival:
        """Note where a message stands in its stream, and whether some are missing before it."""
        alone = [
            number
            for number in deliver.subscriptions
            if (there := self._subscriptions.get(number)) is not None and not there.group
        ]
        if not alone:
            return Arrival.NEXT  # others of a group get the rest of the stream
        arrival = self._streams.note(deliver.sender, deliver.subject, deliver.seq)
        if arrival is Arrival.GAP:
            self._meter.count("bus_gaps")
            self.lose(alone)
        return arrival

    def _give(self, deliver: Deliver, message: Message) -> bool:
        given = False
        for number in deliver.subscriptions:
            subscription = self._subscriptions.get(number)
            if subscription is not None:
                given = True
                with self._receiving:
                    subscription.receive(message)
        return given

    def _tell(self) -> None:
        self._telling = None
        losing, self._losing = self._losing, {}
        for number in losing:
            subscription = self._subscriptions.get(number)
            if subscription is not None:
                with self._receiving:
                    subscription.lost()

    def _garbled(self, deliver: Deliver, error: Exception) -> None:
        self._meter.count("bus_garbled")
        self._unlogged += 1
        now = self._clock.seconds()
        if now < self._quiet_until:
            return
        self._quiet_until = now + LOGGED
        self._log.warn(
            "A {kind} of {sender} to {subject} can't be understood: {error}; it is one of {count}"
            " since this was logged last.",
            kind=kind_of(deliver.payload),
            sender=deliver.sender,
            subject=deliver.subject,
            error=str(error),
            count=self._unlogged,
        )
        self._unlogged = 0
