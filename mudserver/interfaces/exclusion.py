"""
Which networks are kept out: what worlds tell gateways, which have no database.

A gateway asks for all of them when it starts, and hears of each change. Changes are numbered; one
that misses a number asks again.
"""

from attrs import frozen

from mudserver.ids import Epoch
from mudserver.interfaces.bus import Message, Request


@frozen
class NetworkBan:
    """
    A network from which nobody is let in.

    Attributes:
        network: Such as ``192.0.2.0/24``.
        left: Seconds until it ends by itself; None for no end.
        reason: What those are told who come from there.
    """

    network: str
    left: float | None
    reason: str


@frozen
class NetworkBans:
    """
    All networks that are kept out.

    Attributes:
        epoch: Of the world that says so; another world counts anew.
        number: Of the last change that is in it.
        bans: In any order.
    """

    epoch: Epoch
    number: int
    bans: tuple[NetworkBan, ...]


@frozen
class ListNetworkBans(Request[NetworkBans]):
    """Which networks are kept out?"""


@frozen
class NetworkBansChanged(Message):
    """
    A network is kept out from now on, or no longer.

    Attributes:
        epoch: As in `NetworkBans`.
        number: One more than that of the change before; 0 when a world has just opened.
        banned: What is new.
        lifted: The network that is free; None for none.
    """

    epoch: Epoch
    number: int
    banned: NetworkBan | None = None
    lifted: str | None = None

    @property
    def durable(self) -> bool:
        """Who is banned must not come in."""
        return True
