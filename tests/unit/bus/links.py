"""Two ends of a link, and what lies between them."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols import amp
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect, makeFakeClient, makeFakeServer

from mudserver.bus.commands import Join, JoinRefused, PeerInfo
from mudserver.bus.envelopes import VERSION, Envelope
from mudserver.bus.link import Link
from mudserver.bus.link_limits import LinkLimits

HUB = PeerInfo("hub", "bus", "h1")
WORLD = PeerInfo("world", "world", "w1")

Admit = Callable[[Link, PeerInfo], None]


def anyone(link: Link, peer: PeerInfo) -> None:
    """Let everybody join."""
    del link, peer


def nobody(link: Link, peer: PeerInfo) -> None:
    """Let nobody join."""
    raise JoinRefused(f"{peer.name} may not join.")


@define(eq=False)
class Owner:
    """
    Notes what a link tells.

    Attributes:
        joins: How often it was joined.
        received: What came.
        shed: What was dropped.
        gone: Why it is over, each time that is told.
    """

    joins: int = 0
    envelopes: list[Envelope] = field(factory=list)
    dropped: list[Envelope] = field(factory=list)
    ends: list[Exception] = field(factory=list)
    on_received: Callable[[Link, Envelope], None] | None = None

    def joined(self, link: Link) -> None:
        self.joins += 1

    def received(self, link: Link, envelope: Envelope) -> None:
        self.envelopes.append(envelope)
        if self.on_received is not None:
            self.on_received(link, envelope)

    def shed(self, link: Link, envelopes: Sequence[Envelope]) -> None:
        self.dropped += envelopes

    def gone(self, link: Link, reason: Failure) -> None:
        assert isinstance(reason.value, Exception)
        self.ends.append(reason.value)


class End:
    """One end of a link, with its owner and transport."""

    def __init__(
        self, clock: Clock, me: PeerInfo, *, admit: Admit = anyone, limits: LinkLimits | None = None
    ) -> None:
        self.owner = Owner()
        self.link = Link(self.owner, me, admit, clock, limits)
        self.transport: FakeTransport = (
            makeFakeServer(self.link) if me is HUB else makeFakeClient(self.link)
        )


class Pair:
    """
    A link of which both ends are here.

    Attributes:
        clock: Theirs.
        hub: One end.
        world: The other.
    """

    def __init__(
        self,
        *,
        admit: Admit = anyone,
        limits: LinkLimits | None = None,
        hub_limits: LinkLimits | None = None,
    ) -> None:
        self.clock = Clock()
        self.hub = End(self.clock, HUB, admit=admit, limits=hub_limits or limits)
        self.world = End(self.clock, WORLD, limits=limits)
        self.pump: IOPump = connect(
            self.hub.link,
            self.hub.transport,
            self.world.link,
            self.world.transport,
            clock=self.clock,
            greet=False,
        )

    def settle(self) -> None:
        """Let all go to where it goes, in no time."""
        moved = True
        while moved:
            self.clock.advance(0)
            moved = self.pump.pump()

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass for both ends, while all goes to where it goes."""
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            self.settle()


class Wire(StringTransport):
    """
    Takes what is written.

    Attributes:
        aborting: Whether nothing more is written.
        prompt: Whether what is written goes at once; None where nobody said.
    """

    aborting = False
    prompt: bool | None = None

    def abortConnection(self) -> None:
        self.aborting = True
        super().abortConnection()

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.prompt = enabled


class RawEnd:
    """A link whose other end says whatever it likes."""

    def __init__(self, *, joined: bool = False) -> None:
        self.clock = Clock()
        end = End(self.clock, HUB)
        self.link, self.owner = end.link, end.owner
        self.transport = Wire()
        self.link.makeConnection(self.transport)
        if joined:
            self.join()
            self.say(amp.AmpBox({amp.ANSWER: b"1"}))
            assert self.owner.joins == 1
        self.transport.clear()

    def say(self, box: Any) -> None:
        self.link.dataReceived(box.serialize())

    def command(self, kind: type[amp.Command], **arguments: object) -> None:
        box = kind.makeArguments(arguments, self.link)
        box.update({amp.COMMAND: kind.commandName, amp.ASK: b"7"})
        self.say(box)

    def join(self, name: str = "world", version: int = VERSION) -> None:
        self.command(Join, version=version, name=name, role="world", instance="i")

    def said(self) -> bytes:
        said: bytes = self.transport.value()
        return said
