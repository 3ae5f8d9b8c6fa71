"""
A hub in a process of its own: ``python -m tests.bench.bus.hub WAY FOLDER``.

Each line that it reads has it say how many boxes it has sent to gateways.
"""

import sys
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from mudserver.bus.hub import Hub
from mudserver.bus.link import Link
from mudserver.telemetry.metrics import PrometheusMeter
from tests.bench.bus.by_twisted import failed
from tests.bench.bus.ways import entrance, shown

reactor = cast(Any, installed)


class OpenHub(Hub):
    """A hub whose links can be seen."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.gateways: list[Link] = []

    def joined(self, link: Link) -> None:
        super().joined(link)
        if link.peer is not None and link.peer.role == "gateway":
            self.gateways.append(link)


class Questions(LineReceiver):
    """Answers whoever started it; ends with it."""

    delimiter = b"\n"

    def __init__(self, hub: OpenHub) -> None:
        self._hub = hub

    def lineReceived(self, line: bytes) -> None:
        del line
        self.sendLine(str(sum(link.boxes for link in self._hub.gateways)).encode())

    def connectionLost(self, reason: Failure | None = None) -> None:
        if reactor.running:
            reactor.stop()


async def _open(way: str, folder: Path) -> None:
    hub = OpenHub(
        "hub", "h1", (entrance(reactor, way, folder),), clock=reactor, meter=PrometheusMeter()
    )
    await hub.startService()
    reactor.addSystemEventTrigger("before", "shutdown", hub.stopService)
    StandardIO(Questions(hub), reactor=reactor)
    print(f"at {shown(hub.addresses()[0])}", flush=True)


def main() -> None:
    """Serve until told to end."""
    way, folder = sys.argv[1:]
    reactor.callWhenRunning(
        lambda: Deferred.fromCoroutine(_open(way, Path(folder))).addErrback(failed)
    )
    reactor.run()


if __name__ == "__main__":
    main()
