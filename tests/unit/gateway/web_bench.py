"""A web site over transports in memory, and a world that answers as it is told."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define, field, frozen
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import directlyProvides

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import NotAuthenticated
from mudserver.gateway.admission import Admission, AdmissionLimits
from mudserver.gateway.reaper import Reaper
from mudserver.gateway.roster import Roster
from mudserver.gateway.shared import LinkLimits, Shared
from mudserver.gateway.switchboard import Switchboard
from mudserver.gateway.web.channel import HttpLimits, WebChannel
from mudserver.gateway.web.policy import WebPolicy
from mudserver.gateway.web.site import WebSite
from mudserver.gateway.web.static_files import StaticFile
from mudserver.gateway.websocket import WebSocketFactory
from mudserver.ids import AccountId, GatewayId, TokenHash
from mudserver.interfaces.authority import Attended, Described, LoggedIn, TicketIssued
from mudserver.interfaces.bus import WORLD, Request
from mudserver.tasks import Tasks
from tests.unit.game.theatre import CountingMeter, Secrets

HERE = "127.0.0.1"
ELSEWHERE = "192.0.2.7"

EXPIRES = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ATTENDED = Attended(AccountId(7), "Ann", TokenHash("cafe"), EXPIRES, ("Ann", "Beth"))
LOGGED_IN = LoggedIn(ATTENDED, token="the-token", csrf="the-csrf", ticket="the-ticket")
DESCRIBED = Described(ATTENDED, csrf="the-csrf")
TICKET = TicketIssued(ticket="a-ticket", csrf="the-csrf")

FILES = (
    StaticFile(("index.html",), b"<!doctype html>", "text/html; charset=utf-8"),
    StaticFile(("app.js",), b"export {};", "text/javascript; charset=utf-8"),
    StaticFile(("fonts", "serif.woff2"), b"\0font", "font/woff2"),
)


@define
class FakeWorld:
    """
    Remembers requests, and answers them by their type.

    Attributes:
        answers: A value to reply with, an error to fail with, or a Deferred to wait for; where
            there is none, the request fails as unauthenticated.
        requests: All so far.
    """

    answers: dict[type[object], object] = field(factory=dict)
    requests: list[Request[object]] = field(factory=list)

    def respond(self, request: Request[object]) -> Deferred[object]:
        self.requests.append(request)
        answer = self.answers.get(type(request), NotAuthenticated("That is not known."))
        if isinstance(answer, Deferred):
            return answer
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)


@frozen
class Response:
    """An HTTP response, read by the book."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} came {len(found)} times"
        return found[0] if found else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The code of a refusal."""
        assert set(self.json) == {"error"}, self.body
        assert set(self.json["error"]) == {"code", "message"}, self.body
        return str(self.json["error"]["code"])


def parse(data: bytes, head_only: bool = False) -> list[Response]:
    """Read all responses of a connection; raises where they are not complete."""
    responses = []
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        assert separator, f"incomplete: {head!r}"
        first, *lines = head.decode("ascii").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1", version
        headers = tuple(
            (name, value) for name, _, value in (line.partition(": ") for line in lines)
        )
        lengths = [int(value) for name, value in headers if name.lower() == "content-length"]
        length = lengths[0] if lengths and not head_only else 0
        assert len(data) >= length, "the body is incomplete"
        responses.append(Response(int(status), headers, data[:length]))
        data = data[length:]
    return responses


class WebTransport(StringTransport):
    """A connection in memory, as lenient as a socket."""

    protocol: Protocol

    def __init__(self, host: str, tls: bool = False) -> None:
        address = IPv6Address if ":" in host else IPv4Address
        super().__init__(peerAddress=address("TCP", host, 50_000))
        if tls:
            directlyProvides(self, ISSLTransport)

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def setTcpKeepAlive(self, enabled: bool) -> None:
        pass

    def unregisterProducer(self) -> None:
        if self.producer is not None:
            super().unregisterProducer()


@define
class Client:
    """The other end of a connection."""

    channel: WebChannel
    transport: WebTransport

    def send(self, data: bytes) -> None:
        # Whatever has taken over the transport gets the bytes, as on a real one.
        self.transport.protocol.dataReceived(data)

    def received(self) -> bytes:
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def responses(self) -> list[Response]:
        return parse(self.received())

    def disconnect(self) -> None:
        self.transport.protocol.connectionLost(Failure(ConnectionDone()))

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        host: str | None = "localhost:4001",
    ) -> Response:
        self.send(request(method, path, body, headers, host))
        (response,) = parse(self.received(), head_only=method == "HEAD")
        return response


def request(
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    host: str | None = "localhost:4001",
) -> bytes:
    """Write a request; one with a body is JSON unless a header says otherwise."""
    lines = {} if host is None else {"Host": host}
    if body is not None:
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines |= {} if headers is None else headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")


class Bench:
    """A site, its clock, its world."""

    def __init__(
        self,
        policy: WebPolicy | None = None,
        admission: AdmissionLimits | None = None,
        limits: HttpLimits | None = None,
    ) -> None:
        self.clock = Clock()
        self.meter = CountingMeter()
        self.bus = LoopbackBus(self.clock)
        self.world = FakeWorld()
        self.bus.respond(WORLD, self.world.respond)
        self.admission = Admission(admission or AdmissionLimits())
        gateway = GatewayId("g")
        self.shared = Shared(
            gateway=gateway,
            bus=self.bus,
            clock=self.clock,
            switchboard=Switchboard(gateway, self.bus, self.clock, self.meter),
            roster=Roster(),
            reaper=Reaper(self.clock),
            tasks=Tasks(self.meter),
            meter=self.meter,
            limits=LinkLimits(),
            token_bytes=Secrets(),
            pick=lambda: 0.5,
            utc_now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            admission=self.admission,
        )
        self.site = WebSite(
            self.shared,
            policy or WebPolicy(),
            FILES,
            WebSocketFactory(self.shared, self.clock),
            limits or HttpLimits(),
        )

    def connect(self, host: str = HERE, tls: bool = False, peer: IAddress | None = None) -> Client:
        return self.join(WebTransport(host, tls), peer)

    def join(self, transport: WebTransport, peer: IAddress | None = None) -> Client:
        channel = self.site.buildProtocol(transport.getPeer() if peer is None else peer)
        transport.protocol = channel
        channel.makeConnection(transport)
        return Client(channel, transport)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        host: str | None = "localhost:4001",
    ) -> Response:
        """Ask on a connection of its own, from this machine."""
        return self.connect().ask(method, path, body, headers, host)
