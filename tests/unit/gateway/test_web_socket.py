"""Where an HTTP connection becomes a WebSocket, and where it doesn't."""

import gc
import json
from collections.abc import Mapping
from weakref import ref

from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway.admission import AdmissionLimits
from mudserver.gateway.web.channel import HttpLimits
from mudserver.gateway.websocket import WebSocketConnection
from mudserver.ids import Generation, SessionId
from mudserver.interfaces.authority import Origin, PasswordCredential, TicketCredential
from mudserver.interfaces.play import Attach, Attached
from tests.unit.gateway.web_bench import (
    ATTENDED,
    ELSEWHERE,
    HERE,
    Bench,
    Client,
    Response,
    WebTransport,
    parse,
    request,
)

#: The example of RFC 6455 §1.3, with its answer.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}
HELLO = b'{"type": "hello", "ticket": "t", "csrf": "c"}'
LOGIN = b'{"type": "login", "name": "Ann", "password": "a long sentence"}'


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """Write a frame as clients do, masked (with zeros, for the sake of reading it here)."""
    assert len(payload) < 126
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload


def messages(data: bytes) -> tuple[list[dict[str, object]], int | None]:
    """Read frames of the server: the messages, and the code it closes with."""
    found: list[dict[str, object]] = []
    code = None
    while data:
        opcode, length, data = data[0] & 0x0F, data[1], data[2:]
        if length == 126:
            length, data = int.from_bytes(data[:2]), data[2:]
        payload, data = data[:length], data[length:]
        if opcode == 1:
            found.append(json.loads(payload))
        elif opcode == 8:
            code = int.from_bytes(payload[:2])
    return found, code


class UpgradeTestCase(SynchronousTestCase):
    """A site, and a client that wants a WebSocket."""

    limits = AdmissionLimits()

    def setUp(self) -> None:
        self.bench = Bench(admission=self.limits)

    def knock(
        self,
        headers: Mapping[str, str] | None = None,
        *,
        client: Client | None = None,
        method: str = "GET",
        without: str = "",
        body: bytes | None = None,
        host: str = "localhost:4001",
    ) -> tuple[Client, Response]:
        """Ask for an upgrade, and return the answer."""
        client = self.bench.connect() if client is None else client
        wanted = {**HANDSHAKE, **({} if headers is None else headers)}
        wanted.pop(without, None)
        client.send(request(method, "/ws", body, wanted, host))
        (response,) = parse(client.received())
        return client, response

    def open(self, client: Client | None = None) -> Client:
        client, response = self.knock(client=client)
        self.assertEqual(response.status, 101)
        return client


class OpenTests(UpgradeTestCase):
    """The way in."""

    def test_handshake(self) -> None:
        """The answer proves that the key was read, and names our subprotocol where offered."""
        for offered, chosen in (
            (None, None),
            ("mud.v1.json", "mud.v1.json"),
            ("chat, mud.v1.json", "mud.v1.json"),
            ("chat", None),
        ):
            headers = {} if offered is None else {"Sec-WebSocket-Protocol": offered}
            client, response = self.knock(headers)
            self.assertEqual(response.status, 101)
            self.assertEqual(response.header("Sec-WebSocket-Accept"), ACCEPT)
            self.assertEqual(response.header("Sec-WebSocket-Protocol"), chosen)
            self.assertEqual(response.header("Server"), "mudserver")
            client.disconnect()

    def test_speaks(self) -> None:
        """What is sent then reaches the world, and the answer the client."""
        client = self.open()
        client.send(frame(HELLO))
        (asked,) = self.bench.world.requests
        assert isinstance(asked, Attach)
        self.assertEqual(asked.credential, TicketCredential("t", "c"))
        (error, closing), code = messages(client.received())
        self.assertEqual(
            (error["code"], closing["type"], code), ("not_authenticated", "closing", 3500)
        )

    def test_after_others(self) -> None:
        """A connection that served pages before may become one, too."""
        client = self.bench.connect()
        self.assertEqual(client.ask("GET", "/").status, 200)
        self.open(client)

    def test_same_origin(self) -> None:
        """Our own pages come in."""
        self.assertEqual(self.knock({"Origin": "http://localhost:4001"})[1].status, 101)

    def test_origin(self) -> None:
        """The world learns from where the client really came, and whether others can read along."""
        for peer, headers, origin in (
            (HERE, {}, Origin(HERE, secure=True)),
            (ELSEWHERE, {}, Origin(ELSEWHERE, secure=False)),
            (ELSEWHERE, {"X-Forwarded-For": HERE}, Origin(ELSEWHERE, secure=False)),
            (HERE, {"X-Forwarded-For": ELSEWHERE}, Origin(ELSEWHERE, secure=False)),
            (
                HERE,
                {"X-Forwarded-For": ELSEWHERE, "X-Forwarded-Proto": "https"},
                Origin(ELSEWHERE, secure=True),
            ),
        ):
            client, _ = self.knock(headers, client=self.bench.connect(peer))
            client.send(frame(LOGIN))
            asked = self.bench.world.requests[-1]
            assert isinstance(asked, Attach)
            self.assertEqual(asked.origin, origin)
            self.assertEqual(asked.credential, PasswordCredential("Ann", "a long sentence"))

    def test_too_early(self) -> None:
        """Frames that came in one piece with the request are not lost."""
        client = self.bench.connect()
        client.send(request("GET", "/ws", headers=HANDSHAKE) + frame(HELLO))
        self.assertEqual(len(self.bench.world.requests), 1)
        head, _, frames = client.received().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "))
        self.assertEqual(messages(frames)[1], 3500)

    def test_counted(self) -> None:
        """It is counted as a request, too."""
        self.open()
        self.assertEqual(self.bench.meter.counts["http_requests GET 101"], 1)


class HandOverTests(UpgradeTestCase):
    """What is left of the HTTP connection: nothing."""

    def test_channel(self) -> None:
        """The channel is gone, with its memory."""
        client = self.bench.connect()
        self.open(client)
        channel = ref(client.channel)
        connection = client.transport.protocol
        self.assertIsInstance(connection, WebSocketConnection)
        self.assertIs(client.transport.producer, connection)
        gc.disable()
        self.addCleanup(gc.enable)
        del client.channel
        self.assertIsNone(channel(), "it is in a cycle")

    def test_deadlines(self) -> None:
        """The channel's deadlines never come: only the WebSocket's own count."""
        client = self.open()
        self.bench.clock.advance(HttpLimits().head + HttpLimits().idle)
        self.assertFalse(client.transport.disconnecting)
        self.assertEqual(self.bench.clock.getDelayedCalls(), [])

    def test_secrets(self) -> None:
        """Nothing that the WebSocket keeps of the request holds a secret."""
        headers = {"Cookie": "mud-4001=the-token", "Authorization": "Bearer the-token"}
        client, response = self.knock({**headers, "X-CSRF-Token": "the-csrf"})
        self.assertEqual(response.status, 101)
        connection = client.transport.protocol
        assert isinstance(connection, WebSocketConnection)
        self.assertNotIn("the-", repr(vars(connection)))
        self.assertIsNone(connection.http_headers)
        self.assertIsNone(connection.http_request_data)

    def test_place(self) -> None:
        """It is no HTTP connection any more, and counts with the players until it ends."""
        client = self.open()
        self.assertEqual(len(self.bench.site), 0)
        self.assertEqual(len(self.bench.shared.roster), 1)
        client.disconnect()
        self.assertEqual(len(self.bench.shared.roster), 0)


class RefusedTests(UpgradeTestCase):
    """Requests that are no handshake."""

    def assert_refused(self, client: Client, response: Response, status: int) -> None:
        self.assertEqual(response.status, status)
        self.assertEqual(response.header("Content-Type"), "text/plain; charset=utf-8")
        self.assertTrue(response.body.endswith(b".\n"))
        self.assertEqual(len(self.bench.shared.roster), 0)
        self.assertEqual(client.ask("GET", "/").status, 200)

    def test_method(self) -> None:
        """Only GET can be upgraded."""
        for method in ("POST", "PUT", "OPTIONS"):
            client, response = self.knock(method=method)
            self.assertEqual(response.header("Allow"), "GET")
            self.assert_refused(client, response, 405)

    def test_no_upgrade(self) -> None:
        """A request that asks for none is told to; it is answered as HTTP and may go on."""
        for without, headers in (
            ("Upgrade", {}),
            ("Connection", {}),
            ("", {"Upgrade": "h2c"}),
            ("", {"Connection": "close-upgrade"}),
        ):
            client, response = self.knock(headers, without=without)
            self.assertEqual(response.header("Upgrade"), "websocket")
            self.assert_refused(client, response, 426)

    def test_version(self) -> None:
        """Another version than ours is told which is (RFC 6455 §4.4)."""
        for headers, without in (
            ({"Sec-WebSocket-Version": "8"}, ""),
            ({"Sec-WebSocket-Version": "13, 8"}, ""),
            ({}, "Sec-WebSocket-Version"),
        ):
            client, response = self.knock(headers, without=without)
            self.assertEqual(response.header("Sec-WebSocket-Version"), "13")
            self.assert_refused(client, response, 426)

    def test_key(self) -> None:
        """A key that is none is refused."""
        for key in ("", "short", KEY[:-1], KEY + "=", "*" * 22 + "==", f"{KEY}, {KEY}"):
            client, response = self.knock({"Sec-WebSocket-Key": key})
            self.assert_refused(client, response, 400)
        client, response = self.knock(without="Sec-WebSocket-Key")
        self.assert_refused(client, response, 400)

    def test_body(self) -> None:
        """A handshake has no body."""
        client, response = self.knock(body=b"x")
        self.assert_refused(client, response, 400)

    def test_old_http(self) -> None:
        """HTTP/1.0 knows no upgrades."""
        client = self.bench.connect()
        whole = request("GET", "/ws", headers=HANDSHAKE).replace(b"HTTP/1.1", b"HTTP/1.0")
        client.send(whole)
        self.assertTrue(client.received().startswith(b"HTTP/1.0 400 "))

    def test_other_pages(self) -> None:
        """A foreign page or name is refused before anything else is looked at."""
        for headers, host in (
            ({"Origin": "http://evil.example"}, "localhost:4001"),
            ({"Origin": "null"}, "localhost:4001"),
            ({"Origin": "https://localhost:4001"}, "localhost:4001"),
            ({"Origin": "http://evil.example"}, "evil.example"),
            ({}, "evil.example"),
        ):
            client, response = self.knock(headers, host=host)
            self.assert_refused(client, response, 403)
            client, response = self.knock(headers, host=host, method="POST", without="Upgrade")
            self.assert_refused(client, response, 403)

    def test_path_below(self) -> None:
        """There is nothing below it."""
        client = self.bench.connect()
        self.assertEqual(client.ask("GET", "/ws/", headers=HANDSHAKE).status, 404)

    def test_autobahn_refuses(self) -> None:
        """What only Autobahn finds wrong ends the connection, and gives its place back."""
        client = self.bench.connect()
        headers = {**HANDSHAKE, "Sec-WebSocket-Protocol": "chat, chat"}
        client.send(request("GET", "/ws", headers=headers))
        self.assertTrue(client.received().startswith(b"HTTP/1.1 400 "))
        self.assertTrue(client.transport.disconnecting)
        client.disconnect()
        self.assertEqual(len(self.bench.shared.roster), 0)


class FaultyTransport(WebTransport):
    """A connection that the operating system has trouble with."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        raise OSError("no such option")


class FaultTests(UpgradeTestCase):
    """When something fails here in the middle of the hand-over."""

    limits = AdmissionLimits(connections=1)

    def test_dropped(self) -> None:
        """The connection is dropped, its place given back, and the fault logged."""
        for _ in range(2):
            client = self.bench.join(FaultyTransport(ELSEWHERE, tls=True))
            client.send(request("GET", "/ws", headers=HANDSHAKE))
            self.assertTrue(client.transport.disconnected)
            self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(self.bench.clock.getDelayedCalls(), [])


class CrowdTests(UpgradeTestCase):
    """Too many at once."""

    limits = AdmissionLimits(connections=2, total=3)

    def test_address(self) -> None:
        """One too many of an address is told so in HTTP; who leaves makes room."""
        first, _ = self.open(), self.open()
        client, response = self.knock()
        self.assertEqual(response.status, 429)
        self.assertEqual(response.header("Retry-After"), "30")
        self.assertEqual(response.body, b"There are too many connections from your address.\n")
        self.assertEqual(self.bench.meter.counts["refusals too_many_connections"], 1)
        first.disconnect()
        self.open(client)

    def test_forwarded_address(self) -> None:
        """Behind a proxy, each client counts for itself."""
        for _ in range(2):
            self.assertEqual(self.knock({"X-Forwarded-For": ELSEWHERE})[1].status, 101)
        self.assertEqual(self.knock({"X-Forwarded-For": ELSEWHERE})[1].status, 429)
        self.assertEqual(self.knock({"X-Forwarded-For": "192.0.2.8"})[1].status, 101)

    def test_total(self) -> None:
        """A full server says so to whoever comes."""
        for number in range(3):
            self.open(self.bench.connect(f"192.0.2.{number}"))
        _, response = self.knock()
        self.assertEqual(response.status, 503)
        self.assertEqual(response.header("Retry-After"), "30")

    def test_refused_log_in(self) -> None:
        """A connection whose login fails gives its place back when it ends, once."""
        clients = [self.open(), self.open()]
        for client in clients:
            client.send(frame(HELLO))
            client.disconnect()
            client.disconnect()
        self.open()
        self.open()
        self.assertEqual(self.knock()[1].status, 429)


class ArrivalTests(UpgradeTestCase):
    """Too many in a time."""

    limits = AdmissionLimits(connections=1_000, unauthenticated=1_000)

    def ask(self, address: str = ELSEWHERE) -> Client:
        """Ask for an upgrade through a proxy."""
        client = self.bench.connect()
        client.send(request("GET", "/ws", None, {**HANDSHAKE, "X-Forwarded-For": address}))
        return client

    def crowd(self) -> None:
        """Use up what may come at once."""
        for _ in range(60):
            self.assertEqual(parse(self.ask().received())[0].status, 101)

    def test_behind_a_proxy(self) -> None:
        """Each client has a rate of its own; who is beyond it waits, and is then let in."""
        self.crowd()
        late = self.ask()
        self.assertEqual(late.received(), b"")
        self.assertEqual(parse(self.ask("192.0.2.8").received())[0].status, 101)
        self.bench.clock.advance(0.1)
        self.assertEqual(parse(late.received())[0].status, 101)
        self.assertEqual(self.bench.shared.arrivals.waiting, 0)

    def test_too_many(self) -> None:
        """When as many wait, the next is refused."""
        self.crowd()
        waiting = [self.ask() for _ in range(60)]
        (response,) = parse(self.ask().received())
        self.assertEqual(response.status, 429)
        self.assertEqual(self.bench.meter.counts["refusals too_many_arrivals"], 1)
        for client in waiting:
            client.disconnect()
        self.assertEqual(self.bench.shared.arrivals.waiting, 0)
        self.assertEqual(len(self.bench.shared.tasks), 0)

    def test_stopped(self) -> None:
        """Who still waits when the server stops is told so."""
        self.crowd()
        client = self.ask()
        self.successResultOf(self.bench.shared.tasks.stop())
        self.assertEqual(parse(client.received())[0].status, 503)
        self.assertEqual(self.bench.shared.arrivals.waiting, 0)


class LogInTests(UpgradeTestCase):
    """Those who have not said yet who they are."""

    limits = AdmissionLimits(unauthenticated=1)

    def test_authenticated(self) -> None:
        """Who was let into the world is none of them any more."""
        self.bench.world.answers[Attach] = Attached(
            SessionId("s"), Generation(1), ATTENDED, "Ann", recovered=False
        )
        client = self.open()
        client.send(frame(HELLO))
        (welcome,), _ = messages(client.received())
        self.assertEqual(welcome["type"], "welcome")
        self.open()

    def test_unauthenticated(self) -> None:
        """They are fewer than may play."""
        first = self.open()
        _, response = self.knock()
        self.assertEqual(response.status, 429)
        first.disconnect()
        self.open()
