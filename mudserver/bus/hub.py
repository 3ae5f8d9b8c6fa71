"""
The hub of the bus: where all peers meet.

It holds an `Exchange`, which says what goes where, and a `Link` to each peer. Nothing it holds
matters: when it dies, peers come back and say again who they are.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.bus.commands import JoinRefused, PeerInfo
from mudserver.bus.entrance import Entrance, is_exposed
from mudserver.bus.envelopes import Envelope, Refused
from mudserver.bus.exchange import Exchange
from mudserver.bus.hub_limits import HubLimits
from mudserver.bus.link import Link
from mudserver.bus.members import Member, Outgoing
from mudserver.bus.rights import Rights, is_peer_name
from mudserver.bus.seat import Seat
from mudserver.bus.seldom import Seldom
from mudserver.errors import StartupError
from mudserver.interfaces.meter import IMeter
from mudserver.listening import in_words, listen

#: What the hub calls its role on links.
HUB_ROLE: Final = "bus"

#: Seconds between two looks at what has expired, and between two measures.
TICK: Final = 1.0


#: Characters in which two reasons must differ to be told each for itself; what follows may be the
#: other end's own choice.
_ALIKE: Final = 20


class _Links(Factory):
    """Makes the hub's ends of links."""

    noisy = False

    def __init__(self, make: Callable[[], Link | None]) -> None:
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> Link | None:
        del addr
        return self._make()


class Hub(Service):
    """
    Lets peers in, and passes on what they say to each other.

    A peer that reads too slowly loses lossy messages, and is told of which subscriptions; where
    that isn't enough, its link breaks (`LinkLimits`), and it comes back. A peer that joins again
    under its name, from the same process or another one, takes the place of its older link at once:
    that a machine is gone is often noticed late.

    Args:
        name: What peers are told this hub is called.
        instance: Names this run of it.
        entrances: Where peers come in.
        clock: Measures time.
        meter: Gets the metrics that begin with ``hub_``.
        limits: How much it bears.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        instance: str,
        entrances: Sequence[Entrance],
        *,
        clock: IReactorTime,
        meter: IMeter,
        limits: HubLimits | None = None,
    ) -> None:
        self._me = PeerInfo(name, HUB_ROLE, instance)
        self._entrances = entrances
        self._clock = clock
        self._meter = meter
        self._limits = limits or HubLimits()
        self._exchange = Exchange(self._limits.exchange)
        self._ports: list[IListeningPort] = []
        # All links that are not gone; with what rights, once they are known.
        self._links: dict[Link, Rights | None] = {}
        self._strangers: set[Link] = set()
        # Of these, of whom the log knows already that they may not join.
        self._told: set[Link] = set()
        self._seats: dict[Link, Seat] = {}
        self._by_member: dict[Member, Seat] = {}
        self._by_name: dict[tuple[str, str], Seat] = {}
        self._heard: Counter[type[Envelope]] = Counter()
        self._said: Counter[type[Envelope]] = Counter()
        self._seldom = Seldom(clock, self._limits.logged)
        self._emptied: Deferred[None] | None = None
        self._ticks = LoopingCall(self._tick)
        self._ticks.clock = clock

    # ------------------------------------------------------------ the service

    def startService(self) -> Deferred[None]:
        """
        Let peers in.

        Returns:
            Fires when all entrances are open. Fails with `PortUnavailable` where one can't be had,
            with `StartupError` where one is open to other machines and not encrypted; then none is
            open.
        """
        Service.startService(self)
        return Deferred.fromCoroutine(self._open())

    def stopService(self) -> Deferred[None]:
        """
        Let nobody in any more, and end all links; what waits to be sent still goes out.

        Returns:
            Fires when all links are gone.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._close())

    def addresses(self) -> tuple[IAddress, ...]:
        """Return where peers come in, as far as that is open."""
        return tuple(port.getHost() for port in self._ports)

    def peers(self) -> tuple[PeerInfo, ...]:
        """Return who has joined."""
        return tuple(seat.peer for seat in self._seats.values())

    async def _open(self) -> None:
        try:
            for entrance in self._entrances:
                await self._listen(entrance)
        except StartupError:
            await self._shut()
            raise
        self._ticks.start(TICK, now=False).addErrback(self._failed)

    async def _listen(self, entrance: Entrance) -> None:
        factory = _Links(partial(self._make_link, entrance))
        port = await listen("bus", entrance.address, entrance.endpoint, factory)
        self._ports.append(port)
        address = port.getHost()
        if entrance.encrypted:
            return
        if is_exposed(address):
            raise StartupError(
                f"The bus can't listen on {in_words(address)}: without TLS, only Unix sockets and"
                " loopback are allowed."
            )
        if hasattr(address, "host"):
            self._log.warn(
                "The bus is plain TCP on {address}: every process of this machine may join.",
                address=in_words(address),
            )

    async def _shut(self) -> None:
        while self._ports:
            stopped = self._ports.pop().stopListening()
            if stopped is not None:
                await stopped

    async def _close(self) -> None:
        if self._ticks.running:
            self._ticks.stop()
        await self._shut()
        for link in tuple(self._links):
            link.close("The hub stops.")
        if self._links:
            emptied = self._emptied = Deferred()
            try:
                await emptied.addTimeout(self._limits.farewell, self._clock)
            except DeadlineError:
                self._emptied = None
                self._log.warn("{count} links of the bus did not end.", count=len(self._links))
        self._measure()

    # ------------------------------------------------------------ who comes

    def _make_link(self, entrance: Entrance) -> Link | None:
        if len(self._strangers) >= self._limits.strangers:
            self._turn_away()
            return None
        link = Link(self, self._me, partial(self._admit, entrance), self._clock, self._limits.link)
        self._links[link] = None
        self._strangers.add(link)
        return link

    def _admit(self, entrance: Entrance, link: Link, claimed: PeerInfo) -> None:
        """
        Let a peer in, or not.

        Raises:
            JoinRefused: Not.
        """
        try:
            self._links[link] = self._rights(entrance, link, claimed)
        except JoinRefused as error:
            self._told.add(link)
            self._meter.count("hub_joins_refused")
            if self._seldom.due(f"{claimed.role} {claimed.name}"):
                self._log.warn(
                    "{role} {peer} may not join the bus by {address}: {error}",
                    role=claimed.role,
                    peer=claimed.name,
                    address=entrance.address,
                    error=error,
                )
            raise

    def _rights(self, entrance: Entrance, link: Link, claimed: PeerInfo) -> Rights:
        """
        Return what a peer may do.

        Raises:
            JoinRefused: It may not even join.
        """
        if not is_peer_name(claimed.name):
            raise JoinRefused("That is no name for a peer.")
        known = (claimed.role, claimed.name) in self._by_name
        if len(self._seats) >= self._limits.peers and not known:
            raise JoinRefused("There are too many peers.")
        return entrance.doorman.admit(link.transport, claimed)

    def _turn_away(self) -> None:
        """Count a connection that there is no room for; such may be many, so log it rarely."""
        self._meter.count("hub_joins_refused")
        if self._seldom.due("strangers"):
            self._log.warn("Connections to the bus are closed: too many have not joined.")

    def _left_early(self, link: Link, reason: Failure) -> None:
        """Log that a connection ended before it had joined, such as for a bad certificate."""
        self._meter.count("hub_joins_refused")
        where, said = link.there, reason.getErrorMessage()
        if self._seldom.due(f"{where.rpartition(':')[0]} {said[:_ALIKE]}"):
            self._log.warn(
                "A connection from {peer} ended before it had joined the bus: {reason}",
                peer=where or "a process here",
                reason=said,
            )

    # ------------------------------------------------------------ links

    def joined(self, link: Link) -> None:
        """Implement `LinkOwner.joined`: the peer takes part from now on."""
        peer, rights = link.peer, self._links.get(link)
        assert peer is not None
        assert rights is not None
        self._strangers.discard(link)
        older = self._by_name.get((peer.role, peer.name))
        if older is not None:
            self._replace(older, peer)
        member = self._exchange.join(f"{peer.name}/{peer.instance}", rights)
        seat = Seat(
            link,
            peer,
            member,
            clock=self._clock,
            meter=self._meter,
            said=self._said,
            limits=self._limits,
        )
        self._seats[link] = self._by_member[member] = seat
        self._by_name[peer.role, peer.name] = seat
        self._count_peers(peer.role)
        self._log.info("{role} {peer} has joined the bus.", role=peer.role, peer=peer.name)

    def received(self, link: Link, envelope: Envelope) -> None:
        """Implement `LinkOwner.received`: pass it on."""
        seat = self._seats.get(link)
        if seat is None:
            return
        self._heard[type(envelope)] += 1
        self._send(self._exchange.received(seat.member, envelope, self._clock.seconds()))

    def shed(self, link: Link, envelopes: Sequence[Envelope]) -> None:
        """Implement `LinkOwner.shed`: tell the peer, but not each time."""
        self._meter.count("hub_shed", float(len(envelopes)))
        seat = self._seats.get(link)
        if seat is not None:
            seat.shed(envelopes)

    def gone(self, link: Link, reason: Failure) -> None:
        """Implement `LinkOwner.gone`: the peer takes part no longer."""
        self._links.pop(link, None)
        if link in self._strangers and link not in self._told and self.running:
            self._left_early(link, reason)
        self._strangers.discard(link)
        self._told.discard(link)
        seat = self._seats.get(link)
        if seat is not None:
            self._log.info(
                "{role} {peer} has left the bus: {reason}",
                role=seat.peer.role,
                peer=seat.peer.name,
                reason=reason.getErrorMessage(),
            )
            self._unseat(seat)
        if self._emptied is not None and not self._links:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def _replace(self, older: Seat, peer: PeerInfo) -> None:
        if older.peer.instance == peer.instance:
            self._log.info("{peer} joins the bus again.", peer=peer.name)
        else:
            self._log.warn(
                "Another process joins the bus as {peer}, and the older one's link ends. Processes"
                " that run at a time need names of their own.",
                peer=peer.name,
            )
            # For its log: that the link ends tells nobody why.
            older.link.send(Refused("join", peer.name, "another process has joined by that name"))
        self._unseat(older)
        older.link.close("Another link has taken its place.")

    def _unseat(self, seat: Seat) -> None:
        del self._seats[seat.link], self._by_member[seat.member]
        del self._by_name[seat.peer.role, seat.peer.name]
        seat.leave()
        self._count_peers(seat.peer.role)
        self._send(self._exchange.leave(seat.member))

    def _send(self, outgoing: Outgoing) -> None:
        for member, envelope in outgoing:
            seat = self._by_member.get(member)
            if seat is not None:
                seat.send(envelope)

    # ------------------------------------------------------------ time, and measures

    def _tick(self) -> None:
        self._send(self._exchange.expire(self._clock.seconds()))
        self._measure()

    def _measure(self) -> None:
        exchange, meter = self._exchange, self._meter
        for kind, count in self._heard.items():
            meter.count("hub_heard", float(count), kind=kind.__name__.lower())
        for kind, count in self._said.items():
            meter.count("hub_said", float(count), kind=kind.__name__.lower())
        self._heard.clear()
        self._said.clear()
        for what, count in exchange.strays.items():
            meter.count("hub_strays", float(count), kind=what)
        exchange.strays.clear()
        meter.gauge("hub_questions", float(exchange.questions))
        meter.gauge("hub_unconfirmed", float(exchange.unconfirmed))
        meter.gauge("hub_queue_bytes", float(sum(link.queued for link in self._links)))

    def _count_peers(self, role: str) -> None:
        there = sum(seat.peer.role == role for seat in self._seats.values())
        self._meter.gauge("hub_peers", float(there), role=role)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("The hub's clock stands still.", failure)
