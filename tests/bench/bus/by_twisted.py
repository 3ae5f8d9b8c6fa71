"""
A world or a gateway over the bus: a process that does as it is told, a line an order.

``python -m tests.bench.bus.by_twisted WAY FOLDER NAME ADDRESS``. The way ``loopback`` has a world
and all gateways in one process.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final, cast

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from mudserver.bus.codec import Codec
from mudserver.bus.commands import PeerInfo
from mudserver.bus.loopback import LoopbackBus
from mudserver.bus.peer import AmpBus
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.interfaces.authority import NameState
from mudserver.interfaces.bus import WORLD, IBus, Message, Request
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import OccupantsWanted, Show
from mudserver.telemetry.metrics import PrometheusMeter
from tests.bench.bus.flow import Done, Gateway, World, read_order, role, written
from tests.bench.bus.messages import QUESTION, Load, credit, show
from tests.bench.bus.party import GATEWAYS, subject
from tests.bench.bus.ways import endpoint

reactor = cast(Any, installed)

#: Orders have no lists.
_MAX_LINE: Final = 1_000


class Meter(PrometheusMeter):
    """Measures as a daemon does, and says when nothing is unconfirmed."""

    def __init__(self) -> None:
        super().__init__()
        self.unconfirmed = 0.0
        self.confirmed: Callable[[], None] = lambda: None

    def gauge(self, metric: str, value: float, **labels: str) -> None:
        super().gauge(metric, value, **labels)
        if metric == "bus_unconfirmed":
            self.unconfirmed = value
            if not value:
                self.confirmed()


class ByBus:
    """
    A `tests.bench.bus.party.Party` that has a bus.

    Args:
        bus: It.
        meter: Of the bus.
    """

    def __init__(self, bus: IBus, meter: Meter) -> None:
        self._bus = bus
        self._meter = meter
        self._meter.confirmed = self.wake
        self._waiting: Deferred[None] | None = None

    async def receive_credits(self, credited: Callable[[int, int], None]) -> None:
        def receive(message: Message) -> None:
            assert isinstance(message, OccupantsWanted)
            credited(message.generation, message.after)

        self._bus.subscribe(WORLD, receive)

    async def receive(self, gateway: int, received: Callable[[int], None]) -> None:
        def receive(message: Message) -> None:
            assert isinstance(message, FromWorld)
            shown = message.message
            assert isinstance(shown, Show)
            if not shown.durable:
                assert shown.event is not None
                received(shown.event.number)

        def respond(request: Request[object]) -> Deferred[object]:
            del request
            return succeed(NameState.KNOWN)

        self._bus.subscribe(subject(gateway), receive)
        self._bus.respond(subject(gateway), respond)

    def credit(self, gateway: int, received: int) -> None:
        self._bus.publish(WORLD, credit(gateway, received))

    async def send(self, subjects: Sequence[str], load: Load, amount: int) -> None:
        for _ in range(amount):
            message = show(load, time.monotonic_ns())
            for each in subjects:
                self._bus.publish(each, message)

    async def confirm(self, to: str, load: Load, amount: int) -> None:
        for _ in range(amount):
            self._bus.publish(to, show(load, 0, durable=True))
        while self._meter.unconfirmed:
            await self.woken()

    async def ask(self, to: str, amount: int) -> None:
        await gatherResults([self._bus.request(to, QUESTION) for _ in range(amount)])

    def turn(self) -> Deferred[None]:
        return self.pause(0.0)

    def pause(self, seconds: float) -> Deferred[None]:
        paused: Deferred[None] = Deferred()
        reactor.callLater(seconds, paused.callback, None)
        return paused

    def woken(self) -> Deferred[None]:
        self._waiting = Deferred()
        return self._waiting

    def wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


class Orders(LineReceiver):
    """Takes orders, one after the other; ends with whoever gives them."""

    delimiter = b"\n"
    MAX_LENGTH = _MAX_LINE

    def __init__(self, world: World | None, gateway: Gateway | None) -> None:
        self._world = world
        self._gateway = gateway

    def lineReceived(self, line: bytes) -> None:
        Deferred.fromCoroutine(self._obey(line)).addErrback(failed)

    def connectionLost(self, reason: Failure | None = None) -> None:
        if reactor.running:
            reactor.stop()

    async def _obey(self, line: bytes) -> None:
        order = read_order(line)
        if order.verb == "latencies":
            done = Done() if self._gateway is None else self._gateway.latencies()
        else:
            assert self._world is not None
            done = await self._world.obey(order)
        self.sendLine(written(done).encode())


def failed(failure: Failure) -> None:
    """Say what went wrong, and end."""
    failure.printTraceback(file=sys.stderr)
    os._exit(1)


async def _join(way: str, folder: Path, name: str, address: str) -> None:
    meter = Meter()
    kind = "world" if name == "world" else "gateway"
    codec = Codec(VOCABULARY)
    bus = AmpBus(
        reactor,
        endpoint(reactor, way, folder, kind, address),
        PeerInfo(name, kind, "i1"),
        codec=codec,
        meter=meter,
        pick=Random(1).random,
        utc_now=lambda: datetime.now(UTC),
    )
    bus.startService()
    there: Deferred[None] = Deferred()

    def changed(subjects: frozenset[str]) -> None:
        if not there.called and bus.linked and (name == "world" or subjects):
            there.callback(None)

    who = role(ByBus(bus, meter), name)
    await who.open()
    bus.watch("gateway.*", changed)
    await there
    world, gateway = (who, None) if isinstance(who, World) else (None, who)
    StandardIO(Orders(world, gateway), reactor=reactor)
    print("ready", flush=True)


async def _alone() -> None:
    party = ByBus(LoopbackBus(reactor), Meter())
    world, gateways = World(party), [Gateway(party, number) for number in range(len(GATEWAYS))]
    await world.open()
    for gateway in gateways:
        await gateway.open()
    StandardIO(Orders(world, gateways[0]), reactor=reactor)
    print("ready", flush=True)


def main() -> None:
    """Take part until orders end."""
    way, folder, name, address = sys.argv[1:]
    joining = _alone() if way == "loopback" else _join(way, Path(folder), name, address)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(joining).addErrback(failed))
    reactor.run()


if __name__ == "__main__":
    main()
