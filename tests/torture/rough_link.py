"""A link that treats envelopes badly, by a seed: see `Roughness`."""

from collections.abc import Callable, Sequence
from random import Random

from attrs import define, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mudserver.bus.commands import PeerInfo
from mudserver.bus.envelopes import (
    Answer,
    Ask,
    Deliver,
    Envelope,
    Fail,
    Publish,
    Receipt,
    Shed,
)
from mudserver.bus.link import Link, LinkOwner
from mudserver.bus.link_limits import LinkLimits

#: What a bus must do without, or get over. What a peer says of itself (what it subscribes to, where
#: it responds) is said once over a link: only whole links lose it, which `AmpBus` is to mend.
ROUGHLY = (Publish, Deliver, Receipt, Ask, Answer, Fail, Shed)

#: Of these, what may come twice. A question that does would be answered twice.
TWICE = (Publish, Deliver, Receipt, Answer, Fail, Shed)


#: Told of an envelope: which way it goes, it, and what becomes of it.
Note = Callable[[str, Envelope, str], None]


def _unnoted(way: str, envelope: Envelope, fate: str) -> None:
    """Let things happen without a word."""
    del way, envelope, fate


@frozen
class Roughness:
    """
    How bad it is.

    Attributes:
        lose: Fraction of the envelopes that get lost.
        double: … that come twice.
        delay: … that come late, behind others.
        longest: Seconds that one may be late.
        cut: … that the link breaks instead of.
    """

    lose: float = 0.05
    double: float = 0.05
    delay: float = 0.1
    longest: float = 0.5
    cut: float = 0.002


@define(eq=False)
class Mishaps:
    """
    Lets things happen to envelopes.

    Attributes:
        dice: Decides; seeded, so that it decides the same again.
        roughness: How often.
        clock: Measures how late what is late comes.
        cut: Breaks the link.
        calm: Whether nothing happens just now.
        note: Told which way each goes, and what becomes of it.
    """

    dice: Random
    roughness: Roughness
    clock: IReactorTime
    cut: Callable[[], None]
    calm: Callable[[], bool]
    note: Note

    def pass_on(self, way: str, envelope: Envelope, on: Callable[[Envelope], None]) -> None:
        """Pass an envelope on: as it should be, or not."""
        if not isinstance(envelope, ROUGHLY) or self.calm():
            self.note(way, envelope, "whole")
            on(envelope)
            return
        rough = self.roughness
        fate = self.dice.random()
        if fate < rough.cut:
            self.note(way, envelope, "cut")
            self.cut()
            return
        fate -= rough.cut
        if fate < rough.lose:
            self.note(way, envelope, "lost")
            return
        fate -= rough.lose
        if fate < rough.delay:
            late = self.dice.random() * rough.longest
            self.note(way, envelope, f"late:{late:.3f}")
            self.clock.callLater(late, on, envelope)
            return
        fate -= rough.delay
        twice = fate < rough.double and isinstance(envelope, TWICE)
        self.note(way, envelope, "twice" if twice else "whole")
        on(envelope)
        if twice:
            on(envelope)


class _RoughOwner:
    """Stands between a link and its owner."""

    def __init__(self, owner: LinkOwner) -> None:
        self._owner = owner
        self.mishaps: Mishaps | None = None

    def joined(self, link: Link) -> None:
        self._owner.joined(link)

    def received(self, link: Link, envelope: Envelope) -> None:
        assert self.mishaps is not None
        self.mishaps.pass_on("in", envelope, lambda each: self._owner.received(link, each))

    def shed(self, link: Link, envelopes: Sequence[Envelope]) -> None:
        self._owner.shed(link, envelopes)

    def gone(self, link: Link, reason: Failure) -> None:
        self._owner.gone(link, reason)


class RoughLink(Link):
    """
    A peer's end of a link on which, both ways, envelopes are lost, late, or come twice.

    Args:
        owner: As in `Link`.
        me: The same.
        clock: The same.
        dice: Decides what happens.
        roughness: How often.
        calm: Whether nothing happens just now.
        note: Told what becomes of each envelope.
        limits: As in `Link`.
    """

    def __init__(
        self,
        owner: LinkOwner,
        me: PeerInfo,
        clock: IReactorTime,
        *,
        dice: Random,
        roughness: Roughness,
        calm: Callable[[], bool] = lambda: False,
        note: Note = _unnoted,
        limits: LinkLimits | None = None,
    ) -> None:
        rough_owner = _RoughOwner(owner)
        super().__init__(rough_owner, me, _anyone, clock, limits)
        self._mishaps = Mishaps(dice, roughness, clock, self._abort_transport, calm, note)
        rough_owner.mishaps = self._mishaps

    def send(self, envelope: Envelope) -> None:
        """Send an envelope, or not."""
        self._mishaps.pass_on("out", envelope, super().send)


def _anyone(link: Link, peer: PeerInfo) -> None:
    del link, peer
