"""Who takes part in the exchange, and how much each may take of it."""

from typing import Final

from attrs import define, field, frozen

from mudserver.bus.codec import MAX_PAYLOAD_BYTES
from mudserver.bus.envelopes import Envelope
from mudserver.bus.rights import Rights
from mudserver.bus.subjects import is_subject

#: Subjects of which it is remembered that a member may publish there; they are forgotten beyond.
MAX_KNOWN_SUBJECTS: Final = 1_000


@frozen
class ExchangeLimits:
    """
    How much one member may have at a time; what exceeds it is refused.

    Attributes:
        subscriptions: That have not ended.
        responders: Subjects that it responds on.
        watches: That have not ended.
        changes: Of who responds, in a second or so, that others are told of at once; what it
            changes beyond is told together then, once.
        questions: That it asked and that are not answered.
        unconfirmed: Durable messages that it published and that not all have confirmed; the
            publisher is told at once that another one was not received, and sends it again later.
        under_way: Bytes of all these durable messages and questions that go to one subject, so that
            a member can't fill the links of others; such a message counts each time that it is
            sent.
        payload: Bytes of one message, request or reply.
        patience: Seconds for which a question is kept at most, whatever its asker says.
        confirmation: Seconds for which the exchange waits until all have confirmed a durable
            message; then it counts as not received.
    """

    subscriptions: int = 1_000
    responders: int = 16
    watches: int = 100
    changes: int = 50
    questions: int = 10_000
    unconfirmed: int = 10_000
    under_way: int = 16 * 1024 * 1024
    payload: int = MAX_PAYLOAD_BYTES
    patience: float = 120.0
    confirmation: float = 30.0


@define(eq=False)
class Member:
    """
    A peer that takes part in an exchange, from its joining to its leaving.

    Attributes:
        name: Of the peer, and of this run of its process: ``NAME/INSTANCE``.
        sender: Names that and this taking part, as ``NAME/INSTANCE/NUMBER``.
        rights: What it may do.
    """

    name: str
    sender: str
    rights: Rights
    _known: set[str] = field(init=False, factory=set)

    def may_publish(self, subject: str) -> bool:
        """Tell whether that is a subject, and one to which it may send."""
        known = self._known
        if subject in known:
            return True
        if not (is_subject(subject) and self.rights.may_publish(subject)):
            return False
        if len(known) >= MAX_KNOWN_SUBJECTS:
            known.clear()
        known.add(subject)
        return True


#: What an exchange sends, to whom, in order.
Outgoing = list[tuple[Member, Envelope]]
