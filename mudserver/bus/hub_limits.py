"""How much a hub of the bus bears."""

from attrs import field, frozen

from mudserver.bus.link_limits import LinkLimits
from mudserver.bus.members import ExchangeLimits


@frozen
class HubLimits:
    """
    How much the hub bears.

    Attributes:
        peers: That have joined; others are refused.
        strangers: Connections that have not joined yet; others are closed at once.
        told: Seconds between two `Shed` to one peer.
        logged: Seconds between two lines in the log about what one peer is refused, and about those
            who come and can't join.
        farewell: Seconds for links to end when the hub stops.
        exchange: How much each peer may have.
        link: What each link bears.
    """

    peers: int = 256
    strangers: int = 64
    told: float = 0.25
    logged: float = 60.0
    farewell: float = 15.0
    exchange: ExchangeLimits = field(factory=ExchangeLimits)
    link: LinkLimits = field(factory=LinkLimits)
