"""What the ends of a link say first: who they are, and whether the other may come in."""

from collections.abc import Callable

from attrs import define, field

from mudserver.bus.commands import JoinRefused, PeerInfo, VersionRefused
from mudserver.bus.envelopes import VERSION


@define(eq=False)
class Greeting:
    """
    One end's part in it.

    Attributes:
        me: Who the other end is told we are.
        admit: Called with who the other end says it is; raises `JoinRefused` where that one may not
            join.
        peer: The other end; None before it has said who it is and was let in.
        welcome: Whether the other end has let us in.
    """

    me: PeerInfo
    admit: Callable[[PeerInfo], None]
    peer: PeerInfo | None = field(default=None, init=False)
    welcome: bool = field(default=False, init=False)

    @property
    def over(self) -> bool:
        """Whether each end has let the other in."""
        return self.welcome and self.peer is not None

    def heard(self, version: int, peer: PeerInfo) -> None:
        """
        Let the other end in.

        Raises:
            JoinRefused: It may not come in.
        """
        if self.peer is not None:
            raise JoinRefused("You have joined already.")
        if version != VERSION:
            raise VersionRefused(f"We speak version {VERSION} of the bus's protocol.")
        if not peer.lawful:
            raise JoinRefused("That is no name.")
        self.admit(peer)
        self.peer = peer
