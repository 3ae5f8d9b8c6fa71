"""
What the two ends of a link say to each other: the bus's own protocol, inside AMP boxes.

A link joins a peer (a process that holds gateways or a world) to the hub. All envelopes that one
reactor turn produced for a link go into as few boxes as they fit in. The hub looks at envelopes
alone: payloads pass through it as they are.

=============  ==================================  ================================================
envelope       from                                means
=============  ==================================  ================================================
Subscribe      peer                                have me sent what is published on that pattern
Unsubscribe    peer                                no longer
Respond        peer                                I answer requests on that subject
Withdraw       peer                                no longer
Watch          peer                                tell me who responds on that pattern
Unwatch        peer                                no longer
Present        hub                                 those respond there, now
Publish        peer                                for all who subscribed
Deliver        hub                                 what somebody published, for that subscription
Receipt        peer, hub                           a durable message is received, or can't be
Ask            peer, hub                           a request
Answer         peer, hub                           its reply
Fail           peer, hub                           its failure
Refused        hub                                 what you said is not allowed, or too much
Shed           hub                                 lossy messages for you were dropped here
Chunk          peer, hub                           a part of an envelope that is too large for a box
=============  ==================================  ================================================
"""

from typing import Final

import msgspec

#: Of this protocol, in the greeting; ends that don't share one don't talk.
VERSION: Final = 1


class Envelope(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """One of the below."""

    @property
    def lossy(self) -> bool:
        """Whether it is dropped where the link is too slow, rather than the link."""
        return False


class Subscribe(Envelope, frozen=True, tag=1):
    """
    Attributes:
        id: The peer's own number of the subscription.
        pattern: As in `IBus.subscribe`.
        group: The same; empty for none.
    """

    id: int
    pattern: str
    group: str = ""


class Unsubscribe(Envelope, frozen=True, tag=2):
    """The subscription of that number ends."""

    id: int


class Respond(Envelope, frozen=True, tag=3):
    """As `IBus.respond`."""

    subject: str
    rank: int = 0


class Withdraw(Envelope, frozen=True, tag=4):
    """The peer no longer responds there."""

    subject: str


class Watch(Envelope, frozen=True, tag=5):
    """
    Attributes:
        id: The peer's own number of the watch.
        pattern: As in `IBus.watch`.
    """

    id: int
    pattern: str


class Unwatch(Envelope, frozen=True, tag=6):
    """The watch of that number ends."""

    id: int


class Present(Envelope, frozen=True, tag=7):
    """
    Attributes:
        id: The number of the watch.
        subjects: On which somebody responds.
    """

    id: int
    subjects: tuple[str, ...]


class Publish(Envelope, frozen=True, tag=8):
    """
    Attributes:
        subject: Where.
        seq: Counts what this publisher sends to this subject: 1, 2, 3 …; again from 1 on a new
            link. A durable message that is sent again keeps its ``id`` and gets a new ``seq``.
        id: Names a durable message among all of this publisher; empty for a lossy one.
        payload: A message, encoded.
    """

    subject: str
    seq: int
    id: str
    payload: bytes

    @property
    def lossy(self) -> bool:
        """What has no id is tried once."""
        return not self.id


class Deliver(Envelope, frozen=True, tag=9):
    """
    Attributes:
        subscriptions: The peer's numbers of those subscriptions that get it.
        sender: The name of the peer that published it, that run of its process, and its link:
            ``NAME/INSTANCE/NUMBER``.
        subject: Where.
        seq: As in `Publish`. Each receiver that takes part in no group gets all of a sender's and
            subject's, without holes.
        id: As in `Publish`.
        payload: As in `Publish`.
    """

    subscriptions: tuple[int, ...]
    sender: str
    subject: str
    seq: int
    id: str
    payload: bytes

    @property
    def lossy(self) -> bool:
        """What has no id is tried once."""
        return not self.id


class Receipt(Envelope, frozen=True, tag=10):
    """
    What became of a durable message.

    A receiver sends it to the hub for each it got; the hub sends it to the publisher when the last
    receiver has, or at once where there was none.

    Attributes:
        sender: As in `Deliver`; empty from the hub to the publisher.
        id: Which.
        received: By how many; 0 where nobody subscribed, or one of them was gone before it
            confirmed.
        error: Set where a receiver can't understand it and never will: no more tries.
    """

    sender: str
    id: str
    received: int
    error: str = ""


class Ask(Envelope, frozen=True, tag=11):
    """
    Attributes:
        id: The asker's own number of the question; the hub's own where the hub passes it on.
        subject: Where.
        patience: Seconds for which the asker waits.
        payload: A request, encoded.
    """

    id: int
    subject: str
    patience: float
    payload: bytes


class Answer(Envelope, frozen=True, tag=12):
    """
    Attributes:
        id: As in `Ask`.
        payload: The reply, encoded.
    """

    id: int
    payload: bytes


class Fail(Envelope, frozen=True, tag=13):
    """
    Attributes:
        id: As in `Ask`.
        payload: The error, encoded; empty where it is the hub that says so.
        reason: Of the hub, in words, where nobody responds there or no longer: to the asker that is
            `BusUnavailable`.
    """

    id: int
    payload: bytes
    reason: str = ""


class Shed(Envelope, frozen=True, tag=14):
    """
    Attributes:
        subscriptions: The peer's numbers of those that lossy messages were dropped of.
    """

    subscriptions: tuple[int, ...]


class Refused(Envelope, frozen=True, tag=16):
    """
    The hub did not do what the peer said, and won't; for the peer's log.

    A question that is refused has its `Fail` besides, a durable message its `Receipt`.

    Attributes:
        kind: The name of the envelope's type, in small letters, such as ``subscribe``.
        subject: Its subject or pattern, cut short where that is too long; empty where it has none.
        reason: Why, in words.
    """

    kind: str
    subject: str
    reason: str

    @property
    def lossy(self) -> bool:
        """It is for the log alone."""
        return True


class Chunk(Envelope, frozen=True, tag=15):
    """
    A part of an encoded envelope; the parts follow each other without anything between.

    Attributes:
        last: Whether it is the last part.
        part: Some bytes.
    """

    last: bool
    part: bytes
