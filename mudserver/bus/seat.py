"""A peer's place at the hub of the bus."""

from collections import Counter
from collections.abc import Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.bus.commands import PeerInfo
from mudserver.bus.envelopes import Deliver, Envelope, Refused, Shed
from mudserver.bus.hub_limits import HubLimits
from mudserver.bus.link import Link
from mudserver.bus.members import Member
from mudserver.errors import Unsendable
from mudserver.interfaces.meter import IMeter


class Seat:
    """
    A peer that has joined.

    Args:
        link: The way to it.
        peer: Who it is.
        member: What it is to the exchange.
        clock: Measures time.
        meter: Counts.
        said: Counts what is sent, by type.
        limits: How often the peer, and the log, is told.

    Attributes:
        link: As given.
        peer: As given.
        member: As given.
    """

    _log = Logger()

    def __init__(
        self,
        link: Link,
        peer: PeerInfo,
        member: Member,
        *,
        clock: IReactorTime,
        meter: IMeter,
        said: Counter[type[Envelope]],
        limits: HubLimits,
    ) -> None:
        self.link = link
        self.peer = peer
        self.member = member
        self._clock = clock
        self._meter = meter
        self._said = said
        self._limits = limits
        self._lost: dict[int, None] = {}
        self._telling: IDelayedCall | None = None
        self._unlogged = 0
        self._quiet_until = float("-inf")

    def send(self, envelope: Envelope) -> None:
        """Send something, if it can be sent; what the peer is refused is logged as well."""
        self._said[type(envelope)] += 1
        if isinstance(envelope, Refused):
            self._note(envelope)
        try:
            self.link.send(envelope)
        except Unsendable as error:
            self._log.error(
                "What is for {peer} can't be sent: {error}", peer=self.peer.name, error=error
            )
            self._meter.count("hub_unsendable")

    def shed(self, envelopes: Sequence[Envelope]) -> None:
        """Tell the peer that those were dropped; not each time, but soon."""
        for envelope in envelopes:
            if isinstance(envelope, Deliver):
                self._lost.update(dict.fromkeys(envelope.subscriptions))
        if self._lost and self._telling is None:
            self._telling = self._clock.callLater(self._limits.told, self._tell)

    def leave(self) -> None:
        """Tell the peer nothing more."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    def _tell(self) -> None:
        self._telling = None
        lost, self._lost = tuple(self._lost), {}
        self.send(Shed(lost))

    def _note(self, refused: Refused) -> None:
        self._meter.count("hub_refused", role=self.peer.role, kind=refused.kind)
        self._unlogged += 1
        now = self._clock.seconds()
        if now < self._quiet_until:
            return
        self._quiet_until = now + self._limits.logged
        self._log.warn(
            "{role} {peer} is refused to {kind} {subject}: {reason}; {count} refusals since this"
            " was logged last.",
            role=self.peer.role,
            peer=self.peer.name,
            kind=refused.kind,
            subject=refused.subject,
            reason=refused.reason,
            count=self._unlogged,
        )
        self._unlogged = 0
