"""
A link: the connection of a peer and the hub, in AMP; both ends are alike.

Each end says who it is (`Join`), and lets the other in or not. From then on either sends envelopes:
those of one reactor turn go together, in as few boxes as they fit in (`Carry`), of which a limited
number is not answered yet. Where that isn't enough, envelopes wait: of too many, those that may be
lost are dropped, the oldest first; where the others are too many, the link breaks. Nobody waits for
an end that doesn't read, doesn't answer or isn't alive: the link breaks then, too, and whoever owns
an end begins anew with another link.

Whatever the other end sends, it can do no more than that: what breaks the protocol breaks the link,
with a line in the log of both.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, cast

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import (
    IDelayedCall,
    IPushProducer,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mudserver.bus.backlog import Backlog
from mudserver.bus.boxes import Unpacker
from mudserver.bus.carrier import CarrierAMP
from mudserver.bus.commands import (
    Beat,
    BoxRefused,
    Carry,
    Join,
    JoinRefused,
    PeerInfo,
)
from mudserver.bus.envelopes import VERSION, Envelope
from mudserver.bus.greeting import Greeting
from mudserver.bus.link_limits import LinkLimits
from mudserver.bus.link_stage import LinkStage
from mudserver.bus.link_transport import LinkTransport
from mudserver.bus.pulse import Pulse
from mudserver.bus.trust import why_lost
from mudserver.bus.window import Window
from mudserver.errors import BusUnavailable, Garbled, MudError
from mudserver.listening import in_words


class LinkLost(BusUnavailable):
    """The link is broken; the message says why."""


class LinkOwner(Protocol):
    """
    Who has an end of a link. Nothing is called after ``gone``.

    A failure of a method is our fault: it is logged, and the link goes on.
    """

    def joined(self, link: "Link") -> None:
        """Both ends have let the other in; ``link.peer`` is who is there."""

    def received(self, link: "Link", envelope: Envelope) -> None:
        """An envelope is here; they come in the order in which they were sent."""

    def shed(self, link: "Link", envelopes: Sequence[Envelope]) -> None:
        """Those that should have gone over the link were dropped; once for many."""

    def gone(self, link: "Link", reason: Failure) -> None:
        """
        The link is over, also where it was never joined; once.

        Args:
            link: Which.
            reason: `JoinRefused` where one end doesn't let the other in, else `LinkLost`.
        """


@implementer(IPushProducer)
class Link(CarrierAMP):
    """
    One end of a link.

    Args:
        owner: Gets what comes.
        me: Who the other end is told we are.
        admit: Called with the link and who the other end says it is; raises `JoinRefused` where
            that one may not join.
        clock: Lets us wait, and send at the end of the reactor's turn.
        limits: What it bears.

    Attributes:
        boxes: How many were sent.
    """

    _log = Logger()
    _calling = _log.failureHandler("The owner of a link failed.")

    def __init__(
        self,
        owner: LinkOwner,
        me: PeerInfo,
        admit: Callable[["Link", PeerInfo], None],
        clock: IReactorTime,
        limits: LinkLimits | None = None,
    ) -> None:
        super().__init__((Join, Carry, Beat))
        self._owner = owner
        self._greeting = Greeting(me, partial(admit, self))
        self._clock = clock
        self._limits = limits or LinkLimits()
        self.boxes = 0
        self._stage = LinkStage.GREETING
        self._reason: MudError | None = None
        self._backlog = Backlog(self._limits.box)
        self._unpacker = Unpacker()
        self._shed: list[Envelope] = []
        self._window = Window(
            clock, size=self._limits.window, deadline=self._limits.deadline, late=self._late
        )
        self._pulse = Pulse(
            clock,
            every=self._limits.beat,
            patience=self._limits.patience,
            stall=self._limits.deadline,
            beat=self._beat,
            dead=self.broken,
            failed=self.failed,
        )
        self._flushing: IDelayedCall | None = None
        self._ending: IDelayedCall | None = None
        self._losing: IDelayedCall | None = None

    @property
    def peer(self) -> PeerInfo | None:
        """The other end; None before it has said who it is and was let in."""
        return self._greeting.peer

    @property
    def queued(self) -> int:
        """Bytes that wait to be sent."""
        return self._backlog.size

    # ------------------------------------------------------------ for the owner

    def send(self, envelope: Envelope) -> None:
        """
        Send an envelope at the end of the reactor's turn; it may be dropped as `LinkOwner.shed`
        tells, and goes nowhere once the link is closed.

        Raises:
            Unsendable: It is too large, or something in it can't be written.
        """
        if self._stage not in (LinkStage.GREETING, LinkStage.JOINED):
            return
        self._backlog.add(envelope)
        if self._backlog.size > self._limits.lossy:
            self._shed.extend(self._backlog.shed(self._limits.lossy))
        if self._backlog.size > self._limits.queue:
            self.broken(f"{self._backlog.size} bytes wait to be sent.")
        self._flush_soon()

    def close(self, reason: str) -> None:
        """
        End the link in good order: what waits is sent, but nothing is received any more.

        Args:
            reason: In words, for the log, and for `LinkOwner.gone`.
        """
        if self._stage is LinkStage.GREETING:
            self._end(LinkLost(reason))
        elif self._stage is LinkStage.JOINED:
            self._stage = LinkStage.CLOSING
            self._reason = LinkLost(reason)
            self._lose_by_deadline()
            self._log.info("The link to {peer} closes: {reason}", peer=self.there, reason=reason)
            self._flush_soon()

    # ------------------------------------------------------------ the connection

    def connectionMade(self) -> None:
        """Greet."""
        self._wire = cast(LinkTransport, self.transport)
        self._wire.registerProducer(self, True)
        if ITCPTransport.providedBy(self._wire) and not isinstance(
            self._wire.getHost(), UNIXAddress
        ):
            self._wire.setTcpNoDelay(True)  # a box is complete: nothing to wait for
        self._pulse.heard()
        self._ending = self._clock.callLater(self._limits.deadline, self.broken, "No greeting.")
        me = self._greeting.me
        joining = self.callRemote(
            Join, version=VERSION, name=me.name, role=me.role, instance=me.instance
        )
        self._call(joining, self._welcomed)

    def dataReceived(self, data: bytes) -> None:
        """Take what came, which is a sign of life."""
        self._pulse.heard()
        super().dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of everything, and tell the owner."""
        self._stage = LinkStage.GONE
        for call in (self._flushing, self._ending, self._losing):
            self._cancel(call)
        self._pulse.stop()
        self._window.stop()
        super().connectionLost(reason)
        self._backlog = Backlog()
        self._unpacker = Unpacker()
        self._shed.clear()
        error = self._reason or LinkLost(why_lost(reason))
        with self._calling:
            self._owner.gone(self, Failure(error))

    def pauseProducing(self) -> None:
        """Send no more boxes: the other end doesn't read as fast."""
        self._pulse.pause()

    def resumeProducing(self) -> None:
        """Send again."""
        self._pulse.resume()
        self._flush_soon()

    def stopProducing(self) -> None:
        """Send no more; the end of the connection follows."""
        self.pauseProducing()

    # ------------------------------------------------------------ what comes

    @Join.responder
    def _join(self, version: int, name: str, role: str, instance: str) -> dict[str, object]:
        try:
            self._greeting.heard(version, PeerInfo(name, role, instance))
        except JoinRefused as error:
            self._end(error)
            raise
        self._greeted()
        return {}

    def carried(self, box: bytes) -> None:
        """Implement `CarrierAMP.carried`: give the owner what is in the box."""
        if self._stage is LinkStage.GREETING:
            self._end(LinkLost("Envelopes came before the greeting."))
            raise BoxRefused("Join first.")
        try:
            envelopes = self._unpacker.receive(box)
        except Garbled as error:
            self._end(LinkLost(f"A box can't be read: {error}"))
            raise BoxRefused(str(error)) from None
        for envelope in envelopes:
            if self._stage is not LinkStage.JOINED:
                break
            with self._calling:
                self._owner.received(self, envelope)

    @Beat.responder
    def _beaten(self) -> dict[str, object]:
        return {}

    # ------------------------------------------------------------ the greeting

    def _welcomed(self, _: object) -> None:
        """The other end lets us in."""
        self._greeting.welcome = True
        self._greeted()

    def _greeted(self) -> None:
        """Begin, if each end has let the other in."""
        if self._stage is LinkStage.GREETING and self._greeting.over:
            self._stage = LinkStage.JOINED
            self._cancel(self._ending)
            self._pulse.start()
            with self._calling:
                self._owner.joined(self)
            self._flush_soon()

    # ------------------------------------------------------------ what goes

    def _flush_soon(self) -> None:
        """Send at the end of this turn of the reactor, together with what else comes up."""
        if self._flushing is None and self._stage is not LinkStage.GONE:
            self._flushing = self._clock.callLater(0, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        if self._shed:
            shed, self._shed = self._shed, []
            with self._calling:
                self._owner.shed(self, shed)
        while (
            self._stage in (LinkStage.JOINED, LinkStage.CLOSING)
            and not self._window.full
            and not self._pulse.paused
            and (box := self._backlog.take()) is not None
        ):
            self.boxes += 1
            self._window.sent()
            self.carry(box)
        if self._stage is LinkStage.CLOSING and not self._backlog and not self._window:
            self._lose()

    def answered(self) -> None:
        """Implement `CarrierAMP.answered`: there is room for another box."""
        self._window.answered()
        if self._backlog or self._stage is LinkStage.CLOSING:
            self._flush_soon()

    def refused(self, why: str) -> None:
        """Implement `CarrierAMP.refused`: break the link."""
        self._break(LinkLost(f"Refused by the other end: {why}"))

    def _late(self) -> None:
        """Break the link where something was not answered in time."""
        self._break(LinkLost(f"No answer in {self._limits.deadline:g} s."))

    def _call(self, called: "Deferred[object]", answered: Callable[[object], None]) -> None:
        """Wait for an answer, so long."""
        called.addTimeout(self._limits.deadline, self._clock)
        called.addCallbacks(answered, self._unheard)
        called.addErrback(self.failed)

    def _unheard(self, failure: Failure) -> None:
        """Break the link: a command was refused, or not answered."""
        if failure.check(JoinRefused):
            self._break(cast(JoinRefused, failure.value))
        elif failure.check(TimeoutError):
            self._late()
        else:
            self._break(LinkLost(f"Refused by the other end: {failure.getErrorMessage()}"))

    def _beat(self) -> None:
        self.callRemote(Beat)

    # ------------------------------------------------------------ the end

    @property
    def over(self) -> bool:
        """Whether nothing is taken from the other end any more."""
        return self._stage in (LinkStage.ENDING, LinkStage.GONE)

    @property
    def there(self) -> str:
        """The other end, in words: its name, or its address where that isn't known."""
        return in_words(self._wire.getPeer()) if self.peer is None else self.peer.name

    def broken(self, reason: str) -> None:
        """End the link at once."""
        self._break(LinkLost(reason))

    def misused(self, reason: str) -> None:
        """End the link: what came is not lawful."""
        self._end(LinkLost(reason))

    def failed(self, failure: Failure) -> None:
        """End the link by a fault of our own."""
        self._log.failure("The link to {peer} failed.", failure, peer=self.there)
        self._end(LinkLost("An internal error."))

    def _break(self, error: MudError) -> None:
        """End the link at once."""
        if self._stage is not LinkStage.GONE:
            self._give_up(error)
            self._abort_transport()

    def _end(self, error: MudError) -> None:
        """End the link when what we now answer is sent."""
        if not self.over:
            self._give_up(error)
            self._lose_by_deadline()
            self._losing = self._clock.callLater(0, self._lose)

    def _give_up(self, error: MudError) -> None:
        """Do no more; what happened first is the reason."""
        if self.over:
            return
        if self._reason is None:
            self._reason = error
            if self._stage is LinkStage.JOINED:  # else the owner knows better who that was
                self._log.warn(
                    "The link to {peer} ends: {reason}", peer=self.there, reason=str(error)
                )
        self._stage = LinkStage.ENDING
        self._pulse.stop()

    def _lose_by_deadline(self) -> None:
        """Let the connection end in good order, but not for ever."""
        self._cancel(self._ending)
        self._ending = self._clock.callLater(self._limits.deadline, self._abort_transport)

    def _lose(self) -> None:
        """Let what is written go out, and end the connection."""
        self._stage = LinkStage.ENDING
        self._pulse.stop()
        self._wire.unregisterProducer()
        self._wire.loseConnection()

    def _abort_transport(self) -> None:
        self._wire.abortConnection()

    def _cancel(self, call: IDelayedCall | None) -> None:
        if call is not None and call.active():
            call.cancel()
