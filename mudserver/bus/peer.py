"""
The bus of a process that is joined to others by a hub.

`AmpBus` keeps one link to the hub. Whatever it was told to subscribe to, to respond on and to watch
it tells the hub again over each new link; the hub remembers nothing. What is lost with a link is
told (`IBus.subscribe`), what must not be lost is sent again (`mudserver.bus.outgoing`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from twisted.application.internet import ClientService
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import (
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mudserver.bus.answering import Answering, Responder
from mudserver.bus.asked import RETRY_AFTER, Asked
from mudserver.bus.backoff import Pick
from mudserver.bus.codec import Codec
from mudserver.bus.commands import PeerInfo
from mudserver.bus.dead_letters import DeadLetters, Elsewhere, at_once
from mudserver.bus.destinations import Destinations
from mudserver.bus.envelopes import (
    Answer,
    Ask,
    Deliver,
    Envelope,
    Fail,
    Present,
    Receipt,
    Refused,
    Shed,
    Unsubscribe,
    Unwatch,
    Withdraw,
)
from mudserver.bus.inbox import Inbox
from mudserver.bus.keeper import WorldKeeper
from mudserver.bus.link import Link, LinkOwner
from mudserver.bus.outgoing import Outgoing
from mudserver.bus.peer_limits import PeerLimits
from mudserver.bus.spool import Spool
from mudserver.bus.unconfirmed import Unconfirmed
from mudserver.bus.watching import Watches
from mudserver.errors import BusUnavailable
from mudserver.interfaces.bus import IBus, Message, R, Request
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.undelivered import IUndelivered

NO_LINK: Final = "There is no link to the bus."
STOPS: Final = "This process stops."

#: Says whether the other end of a link is a hub to join; raises `JoinRefused` where it is not.
Admit = Callable[[Link, PeerInfo], None]


def _anyone(link: Link, hub: PeerInfo) -> None:
    """Take any hub for ours."""
    del link, hub


def _no_more(late: object, seconds: float) -> None:
    """Go on after a wait that took too long."""
    del late, seconds


@implementer(IBus)
class AmpBus(Service):
    """
    An `IBus` over a link to a hub.

    Without a link lossy messages are dropped, durable ones kept, requests fail at once, and nobody
    is seen to respond.

    Args:
        reactor: Measures time.
        endpoint: Leads to the hub.
        me: Who the hub is told we are. The instance names this run of the process among all that
            there ever are.
        codec: Writes and reads messages.
        meter: Counts.
        pick: Gives fractions from 0 to 1, for jitter.
        utc_now: Dates dead letters.
        undelivered: Keeps what can't be delivered; None to have the world keep it.
        spool: The file for that while nobody can; None for none.
        elsewhere: Runs what that file needs.
        limits: How much is kept, for how long.
        admit: Says whether the other end is the hub that it should be.
        make_link: Makes a link for its owner, in place of one by ``me``, ``admit`` and the limits.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        endpoint: IStreamClientEndpoint,
        me: PeerInfo,
        *,
        codec: Codec,
        meter: IMeter,
        pick: Pick,
        utc_now: Callable[[], datetime],
        undelivered: IUndelivered | None = None,
        spool: Spool | None = None,
        elsewhere: Elsewhere = at_once,
        limits: PeerLimits | None = None,
        admit: Admit = _anyone,
        make_link: Callable[[LinkOwner], Link] | None = None,
    ) -> None:
        self._clock = reactor
        self._meter = meter
        self._pick = pick
        self._limits = limits = limits or PeerLimits()
        self._link: Link | None = None
        self._linked_at: float | None = None
        self._missed = ""
        self._hub: PeerInfo | None = None
        self._link_failures = 0
        self._unlinked: Deferred[None] | None = None
        self._watches = Watches()
        self._destinations = Destinations(
            reactor,
            limits.breaker,
            pick=pick,
            meter=meter,
            back=lambda subject: self._outgoing.hasten((subject,)),
        )
        self._breakers = self._destinations.breakers
        self._inbox = Inbox(reactor, codec, meter)
        self._asked = Asked(reactor, codec, self._breakers, limits.asked)
        self._answering = Answering(reactor, codec, limits.answering)
        self._letters = DeadLetters(
            reactor,
            undelivered or WorldKeeper(self),
            meter,
            pick,
            spool=spool,
            limits=limits.letters,
            elsewhere=elsewhere,
        )
        self._outgoing = Outgoing(
            reactor,
            utc_now=utc_now,
            codec=codec,
            unconfirmed=Unconfirmed(me.instance, limits.durable, pick),
            breakers=self._breakers,
            bury=self._letters.bury,
            meter=meter,
        )
        self._me = me
        self._admit = admit
        factory = Factory.forProtocol(lambda: (make_link or self._make_link)(self))
        factory.noisy = False
        self._client = ClientService(endpoint, factory, self._pause, reactor)
        meter.gauge("bus_unlinked", 1.0)

    @property
    def linked(self) -> bool:
        """Whether there is a link to the hub."""
        return self._link is not None

    @property
    def unconfirmed(self) -> int:
        """How many durable messages are not confirmed."""
        return len(self._outgoing)

    # ------------------------------------------------------------ the service

    def startService(self) -> None:
        """Begin to connect; whoever needs a link finds out by `IBus.watch`."""
        Service.startService(self)
        self._outgoing.start()
        self._letters.start()
        self._client.startService()

    def stopService(self) -> Deferred[None]:
        """
        Wait a little for receipts, bury what is not confirmed, and end the link.

        Returns:
            Fires when all that is done.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._link is not None:
            answered = self._outgoing.answered()
            answered.addTimeout(self._limits.linger, self._clock, _no_more)
            await answered
        self._outgoing.stop()
        await self._letters.stop()
        self._answering.stop()
        self._asked.fail_all(STOPS)
        if self._link is not None:
            # Not by ClientService, which would cut off what waits to be sent.
            unlinked = self._unlinked = Deferred()
            self._link.close(STOPS)
            await unlinked
        await self._client.stopService()
        self._inbox.stop()
        self._destinations.stop()

    def _pause(self, attempt: int) -> float:
        """Return the pause before another link; those that broke at once count as failures."""
        del attempt
        self._link_failures += 1
        return self._limits.reconnect.pause(self._link_failures, self._pick)

    # ------------------------------------------------------------ the port

    def publish(
        self, subject: str, message: Message, delivered: Callable[[], None] | None = None
    ) -> None:
        """Implement `IBus.publish`."""
        self._outgoing.publish(subject, message, delivered)

    def redeliver(self, subject: str, message: Message, letter: str) -> Deferred[None]:
        """Implement `IBus.redeliver`."""
        return self._outgoing.redeliver(subject, message, letter)

    def subscribe(
        self,
        pattern: str,
        receive: Callable[[Message], None],
        *,
        group: str | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> Callable[[], None]:
        """Implement `IBus.subscribe`."""
        subscription = self._inbox.add(pattern, receive, group, lost)
        self._send(subscription.envelope)

        def unsubscribe() -> None:
            if self._inbox.end(subscription):
                self._send(Unsubscribe(subscription.id))

        return unsubscribe

    def request(self, subject: str, request: Request[R], timeout: float = 10.0) -> Deferred[R]:
        """
        Implement `IBus.request`.

        Fails with `Overloaded` when too many questions wait for their answers, and with
        `Unavailable` where one can't be written.
        """
        link = self._link
        if link is None:
            return fail(BusUnavailable(NO_LINK, retry_after=RETRY_AFTER))
        return self._asked.ask(subject, request, timeout, self._request_sender(link))

    def respond(self, subject: str, responder: Responder, *, rank: int = 0) -> Callable[[], None]:
        """
        Implement `IBus.respond`.

        Raises:
            ValueError: Somebody in this process responds there already.
        """
        responding = self._answering.add(subject, rank, responder)
        self._send(responding.envelope)

        def withdraw() -> None:
            if self._answering.remove(responding):
                self._send(Withdraw(subject))

        return withdraw

    def watch(self, pattern: str, changed: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Implement `IBus.watch`."""
        watching = self._watches.add(pattern, changed)
        if self._link is None:
            self._watches.present(Present(watching.id, ()))
        else:
            self._link.send(watching.envelope)

        def end() -> None:
            if self._watches.end(watching):
                self._send(Unwatch(watching.id))

        return end

    # ------------------------------------------------------------ the owner of a link

    def joined(self, link: Link) -> None:
        """A link is there, and both ends know each other: say all again."""
        again = self._linked_at is not None
        hub = link.peer
        same_hub, self._hub = hub == self._hub, hub
        self._link = link
        self._linked_at = self._clock.seconds()
        self._missed = ""
        self._meter.gauge("bus_unlinked", 0.0)
        self._log.info("The link to the bus is there.")
        for subscription in self._inbox:
            link.send(subscription.envelope)
        for responding in self._answering.responders():
            link.send(responding.envelope)
        for watching in self._watches.all():
            link.send(watching.envelope)
        self._breakers.forget()
        self._outgoing.linked(link.send)
        if again:
            self._inbox.relinked(same_hub=same_hub)

    def received(self, link: Link, envelope: Envelope) -> None:
        """The hub says something."""
        if link is not self._link:
            return
        match envelope:
            case Deliver():
                receipt = self._inbox.deliver(envelope)
                if receipt is not None:
                    self._send(receipt)
            case Receipt():
                self._outgoing.received(envelope)
            case Ask():
                self._meter.count("bus_messages", direction="in", kind="request")
                self._answering.asked(envelope, self._reply_sender(link))
            case Answer():
                self._meter.count("bus_messages", direction="in", kind="reply")
                self._asked.answered(envelope)
            case Fail():
                self._meter.count("bus_messages", direction="in", kind="reply")
                self._asked.failed(envelope)
            case Present():
                for subject in envelope.subjects:
                    self._breakers.succeeded(subject)
                self._outgoing.hasten(frozenset(envelope.subjects))
                self._watches.present(envelope)
            case Shed():
                self._meter.count("bus_gaps")
                self._inbox.lose(envelope.subscriptions)
            case Refused():
                self._log.warn(
                    "The hub refuses a {kind} of {subject}: {reason}",
                    kind=envelope.kind,
                    subject=envelope.subject,
                    reason=envelope.reason,
                )
            case _:
                self._log.warn(
                    "The hub sends a {kind}, which is for peers to send.",
                    kind=type(envelope).__name__,
                )

    def shed(self, link: Link, envelopes: Sequence[Envelope]) -> None:
        """What we sent was dropped on this side of the link; its subscribers see the hole."""
        del link
        self._meter.count("bus_shed", len(envelopes))

    def gone(self, link: Link, reason: Failure) -> None:
        """The link is broken, or ended."""
        if link is not self._link:
            self._miss(reason.getErrorMessage())
            return
        self._link = None
        assert self._linked_at is not None
        if self._clock.seconds() - self._linked_at >= self._limits.steady:
            self._link_failures = 0
        self._meter.gauge("bus_unlinked", 1.0)
        if self._unlinked is None:
            self._log.warn("The link to the bus is gone: {reason}", reason=reason.getErrorMessage())
        self._outgoing.unlinked()
        self._asked.fail_all("The link to the bus broke.")
        self._watches.unlinked()
        unlinked, self._unlinked = self._unlinked, None
        if unlinked is not None:
            unlinked.callback(None)

    def _miss(self, reason: str) -> None:
        """Log why no link has come about, once for all tries that end alike."""
        if self._unlinked is None and reason != self._missed:
            self._missed = reason
            self._log.warn(
                "No link to the bus comes about, and it is tried again: {reason}", reason=reason
            )

    def _make_link(self, owner: LinkOwner) -> Link:
        return Link(owner, self._me, self._admit, self._clock, self._limits.link)

    def _send(self, envelope: Envelope) -> None:
        """Send over the link; where there is none, the next one begins by saying it."""
        if self._link is not None:
            self._link.send(envelope)

    def _request_sender(self, link: Link) -> Callable[[Ask], None]:
        def send(ask: Ask) -> None:
            self._meter.count("bus_messages", direction="out", kind="request")
            link.send(ask)

        return send

    def _reply_sender(self, link: Link) -> Callable[[Answer | Fail], None]:
        def send(reply: Answer | Fail) -> None:
            if link is self._link:  # else nobody waits for it: the hub told the asker
                self._meter.count("bus_messages", direction="out", kind="reply")
                link.send(reply)

        return send
