"""What a world and a gateway do while they are measured, whatever the way between them."""

import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

import msgspec
from attrs import define, field, frozen

from tests.bench.bus.messages import Load
from tests.bench.bus.party import GATEWAYS, Party, subject

#: Messages of one turn; so often a gateway says how many it has.
BURST: Final = 32

#: Messages that may be on their way to a gateway; few enough that the bus drops none.
WINDOW: Final = {Load.ONE: 512, Load.MANY: 128}

#: Latencies that a gateway keeps.
_KEPT: Final = 5_000

#: Seconds between two messages that are sent alone.
_ALONE: Final = 0.002


@frozen
class Order:
    """
    What to do.

    Attributes:
        verb: ``send``, ``alone``, ``confirm`` or ``ask`` for a world; ``latencies`` for a gateway.
        load: Of which messages.
        seconds: For how long.
        at_once: Durable messages or questions at a time; of one the latencies are noted.
        gateways: Told, by ``send``.
    """

    verb: str
    load: Load = Load.ONE
    seconds: float = 0.0
    at_once: int = 1
    gateways: int = 1


@frozen
class Done:
    """
    What was done.

    Attributes:
        amount: How often.
        seconds: How long it took.
        latencies: Of each alone, in seconds.
    """

    amount: int = 0
    seconds: float = 0.0
    latencies: tuple[float, ...] = ()


def written(value: Order | Done) -> str:
    """Return a line."""
    return msgspec.json.encode(value).decode()


def read_order(line: str | bytes) -> Order:
    """Read a line."""
    return msgspec.json.decode(line, type=Order)


def read_done(line: str | bytes) -> Done:
    """Read a line."""
    return msgspec.json.decode(line, type=Done)


@define(eq=False)
class Gateway:
    """
    Receives, and says how much.

    Attributes:
        number: Which of the gateways.
    """

    _party: Party
    number: int
    _received: int = field(default=0, init=False)
    _latencies: deque[float] = field(factory=lambda: deque(maxlen=_KEPT), init=False)

    async def open(self) -> None:
        """Begin to receive."""
        await self._party.receive(self.number, self._take)

    def latencies(self) -> Done:
        """Return how long messages took since it was asked for last; the newest ones."""
        taken = tuple(self._latencies)
        self._latencies.clear()
        return Done(len(taken), 0.0, taken)

    def _take(self, stamp: int) -> None:
        if stamp:
            self._latencies.append((time.monotonic_ns() - stamp) / 1e9)
        self._received += 1
        if self._received % BURST == 0:
            self._party.credit(self.number, self._received)


@define(eq=False)
class World:
    """Sends, and asks."""

    _party: Party
    _sent: Counter[int] = field(factory=Counter, init=False)
    _credited: Counter[int] = field(factory=Counter, init=False)

    async def open(self) -> None:
        """Begin to hear of what gateways receive."""
        await self._party.receive_credits(self._credit)

    async def obey(self, order: Order) -> Done:
        """Do as ordered."""
        if order.verb == "send":
            return await self._send(order)
        if order.verb == "alone":
            return await self._alone(order)
        return await self._repeat(order)

    async def _send(self, order: Order) -> Done:
        """Send as many as go, a burst a turn."""
        gateways = range(order.gateways)
        subjects = [subject(gateway) for gateway in gateways]
        began, sent = time.monotonic(), 0
        while time.monotonic() < began + order.seconds:
            await self._party.send(subjects, order.load, BURST)
            sent += BURST
            for gateway in gateways:
                self._sent[gateway] += BURST
            await self._party.turn()
            await self._arrived(gateways, WINDOW[order.load])
        await self._arrived(gateways, 0)
        return Done(sent, time.monotonic() - began)

    async def _alone(self, order: Order) -> Done:
        """Send one at a time, with nothing else under way."""
        bursts = max(1, round(order.seconds / _ALONE / BURST))
        began = time.monotonic()
        for _ in range(bursts * BURST):
            await self._party.send([subject(0)], order.load, 1)
            await self._party.pause(_ALONE)
        self._sent[0] += bursts * BURST
        await self._arrived([0], 0)
        return Done(bursts * BURST, time.monotonic() - began)

    async def _repeat(self, order: Order) -> Done:
        """Do what has an answer, so many at a time."""
        began, amount, taken = time.monotonic(), 0, []
        now = began
        while now < began + order.seconds:
            since = now
            if order.verb == "ask":
                await self._party.ask(subject(0), order.at_once)
            else:
                await self._party.confirm(subject(0), order.load, order.at_once)
            now = time.monotonic()
            amount += order.at_once
            taken.append(now - since)
        return Done(amount, now - began, tuple(taken) if order.at_once == 1 else ())

    async def _arrived(self, gateways: Sequence[int], but: int) -> None:
        """Wait until no gateway lacks more than so many."""
        while any(self._sent[each] - self._credited[each] > but for each in gateways):
            await self._party.woken()

    def _credit(self, gateway: int, received: int) -> None:
        self._credited[gateway] = received
        self._party.wake()


def role(party: Party, name: str) -> World | Gateway:
    """Return who a process of that name is."""
    return World(party) if name == "world" else Gateway(party, GATEWAYS.index(name))
