"""How much a peer of the bus keeps, and how long it waits."""

from attrs import field, frozen

from mudserver.bus.answering import MAX_ANSWERING
from mudserver.bus.asked import MAX_ASKED
from mudserver.bus.backoff import Backoff
from mudserver.bus.breaker import BreakerLimits
from mudserver.bus.dead_letters import DeadLetterLimits
from mudserver.bus.link_limits import LinkLimits
from mudserver.bus.unconfirmed import DurableLimits


@frozen
class PeerLimits:
    """
    The bounds of a peer.

    Attributes:
        link: Of the link; its ``queue`` must hold all durable messages at once.
        durable: Of messages that are not confirmed.
        breaker: Of destinations that don't answer.
        letters: Of dead letters.
        asked: Questions that wait for their answers, at a time.
        answering: Questions that are being answered, at a time.
        reconnect: Pauses before another link.
        steady: Seconds after which a link that breaks counts as having been good, so that the next
            pause is short.
        linger: Seconds for which a process that stops waits for receipts; what is not confirmed
            then becomes dead letters.
    """

    link: LinkLimits = field(factory=LinkLimits)
    durable: DurableLimits = field(factory=DurableLimits)
    breaker: BreakerLimits = field(factory=BreakerLimits)
    letters: DeadLetterLimits = field(factory=DeadLetterLimits)
    asked: int = MAX_ASKED
    answering: int = MAX_ANSWERING
    reconnect: Backoff = field(default=Backoff(first=0.2, longest=3.0))
    steady: float = 10.0
    linger: float = 2.0
