"""A whole game over stores in memory, and a gateway that only remembers what it was sent."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import Fenced
from mudserver.game.game import Game
from mudserver.game.hasher import CHEAPEST, HashParameters, PasswordHasher
from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.game.ports import GamePorts
from mudserver.game.service import WorldService
from mudserver.ids import CommandId, GatewayId, Generation, InputNumber, SessionId
from mudserver.interfaces.authority import (
    Credential,
    LogIn,
    Origin,
    PasswordCredential,
    Register,
    TicketCredential,
    Transport,
)
from mudserver.interfaces.bus import WORLD, Message, gateway_subject
from mudserver.interfaces.continuity import FromWorld, Moved
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import (
    Attach,
    Attached,
    Detached,
    Ended,
    Input,
    PasswordWanted,
    Settled,
    Show,
)
from mudserver.interfaces.standby import Whereabouts
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from mudserver.storage.memory_failed_logins import MemoryFailedLoginStore
from mudserver.storage.memory_history import MemoryHistoryStore
from mudserver.storage.memory_journal import MemoryJournalStore
from mudserver.storage.memory_notices import MemoryNotices
from mudserver.storage.memory_undelivered import MemoryUndelivered
from mudserver.telemetry.metrics import METRICS, Kind
from mudserver.world.area import Area
from tests.contract.areas import harbour_world

T = TypeVar("T")

HOME = Origin("192.0.2.1", secure=True)
PASSWORD = "a long sentence"
DECLARED = {metric.name: metric for metric in METRICS}
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
WHEREABOUTS = Whereabouts("w1", "north", 7)


@implementer(IMeter)
@define
class CountingMeter:
    """Remembers counts by name and labels, and gauges; takes only what is declared."""

    counts: Counter[str] = field(factory=Counter)
    gauges: dict[str, float] = field(factory=dict)
    observed: Counter[str] = field(factory=Counter)

    def count(self, metric: str, amount: float = 1.0, **labels: str) -> None:
        check_declared(metric, labels, Kind.COUNTER)
        self.counts[" ".join((metric, *labels.values()))] += int(amount)

    def gauge(self, metric: str, value: float, **labels: str) -> None:
        check_declared(metric, labels, Kind.GAUGE)
        self.gauges[" ".join((metric, *labels.values()))] = value

    def observe(self, metric: str, value: float, **labels: str) -> None:
        check_declared(metric, labels, Kind.SECONDS, Kind.PAUSES, Kind.AMOUNTS, Kind.BYTES)
        self.observed[" ".join((metric, *labels.values()))] += 1


def check_declared(metric: str, labels: Mapping[str, str], *kinds: Kind) -> None:
    declared = DECLARED[metric]
    assert declared.kind in kinds, f"{metric} is a {declared.kind.value}"
    assert set(labels) == set(declared.labels), f"{metric} has the labels {declared.labels}"


@implementer(IReactorFromThreads)
@define
class InlineThreads:
    """A pool that works at once, or keeps what it gets until `work`; and its reactor."""

    patient: bool = False
    running: bool = False
    waiting: list[Callable[[], None]] = field(factory=list)

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def callInThreadWithCallback(
        self,
        onResult: Callable[[bool, T], object] | None,  # noqa: N803 - Twisted's name
        func: Callable[[], T],
    ) -> None:
        def run() -> None:
            try:
                success, result = True, func()
            except Exception:  # noqa: BLE001 - as a thread pool does
                success, result = False, Failure()  # type: ignore[assignment]
            if onResult is not None:
                onResult(success, result)

        if self.patient:
            self.waiting.append(run)
        else:
            run()

    def work(self, amount: int = 1) -> None:
        for _ in range(amount):
            self.waiting.pop(0)()

    def callFromThread(
        self,
        callable: Callable[..., Any],  # noqa: A002 - Twisted's name
        *args: object,
        **kwargs: object,
    ) -> None:
        callable(*args, **kwargs)


@define
class Secrets:
    """Bytes that look random, and are the same in every run."""

    _numbers: "count[int]" = field(factory=count)

    def __call__(self, amount: int) -> bytes:
        return sha256(str(next(self._numbers)).encode()).digest()[:amount]


@define(eq=False)
class FakeGateway:
    """Remembers what the world sent, per session and in order."""

    bus: LoopbackBus
    id: GatewayId
    messages: list[Message] = field(factory=list)
    _sessions: "count[int]" = field(factory=lambda: count(1))
    _numbers: Counter[SessionId] = field(factory=Counter)
    generations: dict[SessionId, Generation] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.bus.subscribe(gateway_subject(self.id), self._receive)

    def _receive(self, message: Message) -> None:
        assert isinstance(message, FromWorld), message
        self.messages.append(message.message)

    def attach(
        self,
        credential: Credential,
        *,
        character: str | None = None,
        resume: SessionId | None = None,
        transport: Transport = Transport.WEBSOCKET,
        origin: Origin = HOME,
        session: SessionId | None = None,
    ) -> Deferred[Attached]:
        id = session or SessionId(f"{self.id}-{next(self._sessions)}")
        reply = self.bus.request(
            WORLD, Attach(id, self.id, credential, character, transport, origin, resume)
        )

        def note(attached: Attached) -> Attached:
            self.messages.append(Opened(attached.session))
            self.generations[attached.session] = attached.generation
            return attached

        return reply.addCallback(note)

    def type(
        self,
        session: SessionId,
        text: str,
        command: str | None = None,
        *,
        number: int | None = None,
        generation: int | None = None,
    ) -> InputNumber:
        if number is None:
            self._numbers[session] += 1
            number = self._numbers[session]
        current = self.generations[session] if generation is None else Generation(generation)
        id = None if command is None else CommandId(command)
        self.bus.publish(WORLD, Input(session, current, InputNumber(number), text, id))
        return InputNumber(number)

    def detach(
        self, session: SessionId, *, by_choice: bool = False, generation: int | None = None
    ) -> None:
        current = self.generations[session] if generation is None else Generation(generation)
        self.bus.publish(WORLD, Detached(session, current, by_choice))

    def of(self, session: SessionId) -> list[Message]:
        """All that concerned a session."""
        return [message for message in self.messages if _concerns(message, session)]

    def types(self, session: SessionId) -> list[str]:
        """The types of the views that a session was shown."""
        return [m.view.type for m in self.of(session) if isinstance(m, Show)]

    def lines(self, session: SessionId) -> list[str]:
        """What a terminal would show."""
        shown = [m.view.line for m in self.of(session) if isinstance(m, Show)]
        return [line.text for line in shown if line is not None]

    def bodies(self, session: SessionId, type: str) -> list[dict[str, object]]:
        """The messages of one type."""
        return [
            json.loads(m.view.body)
            for m in self.of(session)
            if isinstance(m, Show) and m.view.type == type
        ]

    def settled(self, session: SessionId) -> list[Settled]:
        return [m for m in self.of(session) if isinstance(m, Settled)]

    def ended(self, session: SessionId) -> list[Ended]:
        return [m for m in self.of(session) if isinstance(m, Ended)]

    def forget(self) -> None:
        self.messages.clear()


@define
class Opened(Message):
    """Noted where the answer to `Attach` came."""

    session: SessionId


def _concerns(message: Message, session: SessionId) -> bool:
    if isinstance(message, Show):
        return session in message.sessions
    if isinstance(message, Settled | Ended | PasswordWanted | Opened | Moved):
        return message.session == session
    return False


class GameTestCase(SynchronousTestCase):
    """A game that runs in three rooms; Ann and Bob have accounts."""

    limits = GameLimits(AccountLimits(), PresenceLimits(sessions=50, grace=120.0))
    hash_parameters: HashParameters = CHEAPEST
    apart = False

    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = CountingMeter()
        self.bus = self.make_bus()
        self.database = MemoryDatabase(now=self.utc_now)
        self.account_store = MemoryAccountStore(self.database)
        self.failed_login_store = MemoryFailedLoginStore(self.database)
        self.world_store = MemoryWorldStore(self.database)
        self.journal_store = MemoryJournalStore(self.database)
        self.notices = MemoryNotices()
        self.undelivered = MemoryUndelivered()
        self.fenced: list[Fenced] = []
        self.successResultOf(self.world_store.import_areas(self.make_areas()))
        self.threads = InlineThreads()
        self.secrets = Secrets()
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        self.gateway = FakeGateway(self.bus, GatewayId("g"))
        for name in ("Ann", "Bob"):
            self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, HOME)))

    def tearDown(self) -> None:
        if self.service.open:
            self.database.failure = None
            self.database.release()
            self.advance()
            self.successResultOf(self.service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def make_bus(self) -> LoopbackBus:
        """Return what joins the world and its gateways."""
        return LoopbackBus(self.clock)

    def make_areas(self) -> tuple[Area, ...]:
        """Return what the world is made of."""
        return harbour_world()

    def make_hasher(self) -> PasswordHasher:
        return PasswordHasher(self.threads, self.hash_parameters, self.meter, self.threads)

    def make_service(self) -> WorldService:
        ports = GamePorts(
            bus=self.bus,
            accounts=self.account_store,
            failed_logins=self.failed_login_store,
            world=self.world_store,
            journal=self.journal_store,
            history=MemoryHistoryStore(self.database),
            hasher=self.make_hasher(),
            clock=self.clock,
            utc_now=self.utc_now,
            token_bytes=self.secrets,
            pick=lambda: 0.99,
            meter=self.meter,
            notices=self.notices,
            undelivered=self.undelivered,
            whereabouts=WHEREABOUTS,
            apart=self.apart,
        )
        return WorldService(ports, self.limits, fenced=self.fenced.append)

    @property
    def game(self) -> Game:
        return self.service.game

    def utc_now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.clock.seconds())

    def advance(self, seconds: float = 0.1) -> None:
        """Let the loop and the journal have their turns."""
        self.clock.pump([0.0, 0.0, 0.0, seconds, 0.0, 0.0, 0.0])

    def open_doors(self) -> None:
        """Open the doors of the room where everyone begins."""
        start = self.game.world.room(self.game.world.start)
        for way in tuple(start.exits.values()):
            if way.door is not None:
                self.game.world.put_door(way.door, closed=False)

    def log_in(self, name: str) -> TicketCredential:
        logged_in = self.bus.request(WORLD, LogIn(name, PASSWORD, HOME, Transport.WEBSOCKET))
        result = self.successResultOf(logged_in)
        return TicketCredential(result.ticket, result.csrf)

    def enter(self, name: str, gateway: FakeGateway | None = None) -> SessionId:
        """Bring someone into the world by name and password."""
        attaching = (gateway or self.gateway).attach(PasswordCredential(name, PASSWORD))
        self.advance()
        return self.successResultOf(attaching).session

    def type(self, session: SessionId, text: str, command: str | None = None) -> None:
        """Type a line, and let it be carried out and committed."""
        self.gateway.type(session, text, command)
        self.advance()
