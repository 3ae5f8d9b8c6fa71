"""A gateway without sockets: a world that answers as it is told, and wires that remember."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from struct import unpack
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import CloseCode
from mudserver.gateway.admission import Admission, AdmissionLimits
from mudserver.gateway.allowances import AllowanceLimits, Allowances
from mudserver.gateway.link import Link
from mudserver.gateway.reaper import SWEEP_SECONDS
from mudserver.gateway.seat import Player
from mudserver.gateway.shared import LinkLimits
from mudserver.ids import (
    AccountId,
    CommandId,
    Epoch,
    GatewayId,
    Generation,
    InputNumber,
    SessionId,
    TokenHash,
)
from mudserver.interfaces.authority import Attended, Origin, Transport
from mudserver.interfaces.bus import WORLD, Message, Request, gateway_subject
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.exclusion import ListNetworkBans, NetworkBan, NetworkBans
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import (
    Attach,
    Attached,
    Detached,
    Ended,
    Input,
    Refusal,
    Settled,
    Show,
)
from mudserver.session.moment import Moment
from mudserver.session.unsettled import ANSWERED
from mudserver.telemetry.metrics import PrometheusMeter
from mudserver.view.line import Line, Span, View
from tests.unit.gateway.shared import make_shared

GATEWAY = GatewayId("g")
HOME = Origin("192.0.2.1", secure=True)
EXPIRES = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)

#: What stands for the mark after a prompt (IAC GA), and for hiding and showing input (ECHO).
MARK = b"\xff\xf9"
HIDE = b"\xff\xfb\x01"
REVEAL = b"\xff\xfc\x01"


@implementer(IMeter)
class StrictMeter:
    """
    Remembers counts and gauges by name and labels, and refuses what isn't declared.

    Attributes:
        counts: The sums of all counts.
        gauges: The last value of each gauge.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}
        self._declared = PrometheusMeter()

    def count(self, metric: str, amount: float = 1.0, **labels: str) -> None:
        self._declared.count(metric, amount, **labels)
        self.counts[" ".join((metric, *labels.values()))] += int(amount)

    def gauge(self, metric: str, value: float, **labels: str) -> None:
        self._declared.gauge(metric, value, **labels)
        self.gauges[" ".join((metric, *labels.values()))] = value

    def observe(self, metric: str, value: float, **labels: str) -> None:
        self._declared.observe(metric, value, **labels)


class Secrets:
    """Bytes that look random, and are the same in every run."""

    def __init__(self) -> None:
        self._numbers = count()

    def __call__(self, amount: int) -> bytes:
        return sha256(str(next(self._numbers)).encode()).digest()[:amount]


def view(text: str, play: bool = True) -> View:
    """A view that shows its text to all kinds of clients."""
    body = json.dumps({"type": "text", "text": text}).encode()
    return View("text", body, Line((Span(text),)), play)


def attended(name: str = "Ann") -> Attended:
    return Attended(AccountId(1), name, TokenHash("cafe"), EXPIRES, (name,))


def player(transport: Transport = Transport.WEBSOCKET) -> Player:
    return Player(attended(), transport, HOME)


@define(eq=False)
class FakeWorld:
    """
    Keeps requests until it is told to answer, but for that of the networks that are kept out.

    Attributes:
        asked: Requests that wait for an answer, the oldest first.
        requests: All requests so far.
        messages: All messages so far.
        bans: The networks that are kept out.
        epoch: Whose they are.
        number: Of the last change of them.
        banning: How often they were asked for.
        began: When sessions begin that it lets in.
    """

    bus: LoopbackBus
    asked: list[tuple[Request[object], Deferred[object]]] = field(factory=list)
    requests: list[Request[object]] = field(factory=list)
    messages: list[Message] = field(factory=list)
    bans: list[NetworkBan] = field(factory=list)
    epoch: int = 1
    number: int = 0
    banning: int = 0
    began: Moment | None = None
    withdraw: Callable[[], None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.withdraw = self.bus.respond(WORLD, self._respond)
        self.bus.subscribe(WORLD, self.messages.append)

    def _respond(self, request: Request[object]) -> Deferred[object]:
        if isinstance(request, ListNetworkBans):
            self.banning += 1
            return succeed(NetworkBans(Epoch(self.epoch), self.number, tuple(self.bans)))
        answer: Deferred[object] = Deferred()
        self.requests.append(request)
        self.asked.append((request, answer))
        return answer

    # ------------------------------------------------------------ answers

    def answer(self, value: object) -> Request[object]:
        """Answer the oldest request; an error fails it."""
        request, answer = self.asked.pop(0)
        if isinstance(value, Exception):
            answer.errback(value)
        else:
            answer.callback(value)
        return request

    def admit(self, generation: int = 1, recovered: bool = False, name: str = "Ann") -> Attach:
        """Let the oldest who waits in; a recovered session is the one asked for."""
        request = self.asked[0][0]
        assert isinstance(request, Attach)
        session = request.session
        if recovered:
            assert request.resume is not None
            session = request.resume
        self.answer(
            Attached(
                session,
                Generation(generation),
                attended(name),
                name,
                recovered,
                began=self.began,
            )
        )
        return request

    # ------------------------------------------------------------ messages

    def send(self, message: Message) -> None:
        self.bus.publish(gateway_subject(GATEWAY), FromWorld(Epoch(self.epoch), message))

    def show(self, text: str, *sessions: SessionId, play: bool = True) -> None:
        self.send(Show(view(text, play), sessions))

    def settle(
        self,
        session: SessionId,
        number: int = 1,
        command: str | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        id = None if command is None else CommandId(command)
        self.send(Settled(session, InputNumber(number), id, refusal))

    def end(
        self,
        session: SessionId,
        code: CloseCode = CloseCode.KICKED,
        reason: str = "Out!",
        farewell: Line | None = None,
    ) -> None:
        self.send(Ended(session, code, reason, farewell))

    @property
    def inputs(self) -> list[Input]:
        return [message for message in self.messages if isinstance(message, Input)]

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.inputs]

    @property
    def detached(self) -> list[Detached]:
        return [message for message in self.messages if isinstance(message, Detached)]


@define(eq=False)
class FakeWire:
    """
    Remembers what a link did.

    Attributes:
        writes: Each write.
        probes: How often the peer was probed.
        closed: Code and reason of our goodbye; None before.
        aborted: Whether the connection was dropped.
    """

    writes: list[bytes] = field(factory=list)
    probes: int = 0
    closed: tuple[CloseCode, str] | None = None
    aborted: bool = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def probe(self) -> None:
        self.probes += 1

    def hang_up(self, code: CloseCode, reason: str) -> None:
        self.closed = (code, reason)

    def abort(self) -> None:
        self.aborted = True

    def mark_prompt(self) -> bytes:
        return MARK

    def hide_input(self, hidden: bool) -> bytes:
        return HIDE if hidden else REVEAL

    @property
    def code(self) -> CloseCode | None:
        return None if self.closed is None else self.closed[0]

    def take(self) -> bytes:
        """All that was written since the last time."""
        data = b"".join(self.writes)
        self.writes.clear()
        return data

    def messages(self) -> list[dict[str, Any]]:
        """All JSON messages that were written since the last time."""
        return [json.loads(payload) for payload in unframe(self.take())]


def unframe(data: bytes) -> list[bytes]:
    """Read unmasked text frames (RFC 6455 §5.2)."""
    payloads = []
    while data:
        assert data[0] == 0x81, data
        size, start = data[1], 2
        if size == 126:
            (size,), start = unpack("!H", data[2:4]), 4
        elif size == 127:
            (size,), start = unpack("!Q", data[2:10]), 10
        assert len(data) >= start + size
        payloads.append(data[start : start + size])
        data = data[start + size :]
    return payloads


class GatewayTestCase(SynchronousTestCase):
    """A gateway, a world, a clock; at the end of each test nothing is left of any connection."""

    limits = LinkLimits()
    allowance = AllowanceLimits()
    admission = AdmissionLimits()

    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = StrictMeter()
        self.bus = LoopbackBus(self.clock)
        self.world = FakeWorld(self.bus)
        self.links: list[Link] = []
        self.shared = make_shared(
            GATEWAY,
            self.bus,
            self.clock,
            self.meter,
            limits=self.limits,
            token_bytes=Secrets(),
            utc_now=lambda: NOW,
            admission=Admission(self.admission),
            allowances=Allowances(self.allowance),
        )
        self.shared.switchboard.start()
        self.shared.reaper.start()

    def tearDown(self) -> None:
        for link in self.links:
            link.lost("The test is over.")
        self.assert_nothing_left()
        self.shared.reaper.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def assert_nothing_left(self) -> None:
        """Once no connection is there any more, and its time is over, nothing of it is left."""
        shared = self.shared
        self.assertEqual(len(shared.roster), 0)
        self.pass_time(self.limits.resume + 10.0)  # and what a request takes
        self.assertEqual(len(shared.switchboard), 0)
        self.assertEqual(len(shared.reaper), 0)
        self.assertEqual(len(shared.tasks), 0)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)  # the reaper's next sweep

    def typed(self, session: SessionId, amount: int) -> None:
        """Let a session have sent so many inputs, without any client."""
        seat = self.shared.switchboard.seat(session)
        assert seat is not None
        for _ in range(amount):
            seat.play.unsettled.keep("look", None, ANSWERED)
        seat.play.unsettled.sent = seat.play.unsettled.numbered

    def turn(self) -> None:
        """Let the reactor turn end."""
        self.clock.advance(0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, sweep by sweep."""
        sweeps = round(seconds / SWEEP_SECONDS)
        self.clock.pump([SWEEP_SECONDS] * sweeps)
        self.clock.advance(seconds - sweeps * SWEEP_SECONDS)
