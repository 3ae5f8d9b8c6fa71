"""The processes of each way: what stands between, a world, and gateways."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final, Protocol

from attrs import frozen

from tests.bench.bus.flow import Done, Order, read_done, written
from tests.bench.bus.party import GATEWAYS
from tests.bench.server import Server, cpu_seconds, python

#: Debian's package puts it where only root has its PATH.
NATS_SERVER: Final = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")

_READY: Final = r"(?m)^ready$"
_PORT: Final = re.compile(r"client connections on 127\.0\.0\.1:(\d+)")
_ADDRESS: Final = re.compile(r"(?m)^at (\S+)$")


@frozen
class Busy:
    """CPU that the processes took, in microseconds for each message."""

    world: float
    between: float
    gateway: float


@frozen
class Troupe:
    """
    Processes that play together.

    Attributes:
        name: As in the tables.
        world: Sends.
        gateways: Receive.
        hub: What stands between; None where nothing does.
        counts: Whether the hub says how many boxes it sent.
    """

    name: str
    world: Server
    gateways: Sequence[Server]
    hub: Server | None = None
    counts: bool = False

    def play(self, order: Order) -> tuple[Done, Busy]:
        """Have the world do something."""
        before = self._cpu()
        done = read_done(self.world.ask(written(order)))
        spent = [after - began for after, began in zip(self._cpu(), before, strict=True)]
        world, between, gateway = (each / max(1, done.amount) * 1e6 for each in spent)
        return done, Busy(world, between, gateway)

    def latencies(self) -> tuple[float, ...]:
        """Return how long what the first gateway received took, since this was called last."""
        return read_done(self.gateways[0].ask(written(Order("latencies")))).latencies

    def boxes(self) -> int:
        """Return how many boxes the hub sent to gateways."""
        return int(self.hub.ask("boxes")) if self.hub is not None and self.counts else 0

    def _cpu(self) -> tuple[float, float, float]:
        gateways = [pid for each in self.gateways if each is not self.world for pid in each.pids]
        return (
            cpu_seconds(self.world.pids),
            cpu_seconds(self.hub.pids) if self.hub is not None else 0.0,
            cpu_seconds(gateways),
        )


class Way(Protocol):
    """A way between worlds and gateways."""

    @property
    def name(self) -> str:
        """As in the tables."""

    def open(self, gateways: int) -> AbstractContextManager[Troupe]:
        """Start the processes."""


@frozen
class Loopback:
    """One process, and no way."""

    name: str = "loopback, one process"

    @contextmanager
    def open(self, gateways: int) -> Iterator[Troupe]:
        """Implement `Way.open`."""
        del gateways
        module = "tests.bench.bus.by_twisted"
        with python(module, "loopback", "-", "-", "-", ready=_READY, orders=True) as server:
            yield Troupe(self.name, server, [server])


@frozen
class ByHub:
    """
    Our hub.

    Attributes:
        name: As in the tables.
        way: Of `tests.bench.bus.ways`.
        folder: For its socket and certificates.
    """

    name: str
    way: str
    folder: Path

    @contextmanager
    def open(self, gateways: int) -> Iterator[Troupe]:
        """Implement `Way.open`."""
        folder = str(self.folder)
        with ExitStack() as stack:
            hub = python(
                "tests.bench.bus.hub", self.way, folder, ready=_ADDRESS.pattern, orders=True
            )
            stack.enter_context(hub)
            address = _found(_ADDRESS, hub)
            peers = [
                stack.enter_context(
                    python(
                        "tests.bench.bus.by_twisted",
                        *(self.way, folder, name, address),
                        ready=_READY,
                        orders=True,
                    )
                )
                for name in (*GATEWAYS[:gateways], "world")
            ]
            yield Troupe(self.name, peers[-1], peers[:-1], hub, counts=True)


@frozen
class ByNats:
    """
    A NATS server, over plain TCP.

    Attributes:
        name: As in the tables.
        how: Of `tests.bench.bus.by_nats`.
    """

    name: str
    how: str

    @contextmanager
    def open(self, gateways: int) -> Iterator[Troupe]:
        """Implement `Way.open`."""
        assert NATS_SERVER is not None
        command = [NATS_SERVER, "--addr", "127.0.0.1", "--port", "-1"]
        with ExitStack() as stack:
            server = stack.enter_context(Server(command, r"Server is ready", Path.cwd()))
            address = f"127.0.0.1:{_found(_PORT, server)}"
            peers = [
                stack.enter_context(
                    python(
                        "tests.bench.bus.by_nats",
                        *(self.how, name, address),
                        ready=_READY,
                        orders=True,
                    )
                )
                for name in (*GATEWAYS[:gateways], "world")
            ]
            yield Troupe(self.name, peers[-1], peers[:-1], server)


def _found(pattern: re.Pattern[str], server: Server) -> str:
    match = pattern.search(server.said)
    assert match is not None
    return match[1]
