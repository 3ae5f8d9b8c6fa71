"""What bounds an HTTP connection: deadlines, sizes, numbers."""

from io import BytesIO
from ipaddress import ip_network

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import NotAuthenticated
from mudserver.gateway.admission import AdmissionLimits
from mudserver.gateway.web.channel import HttpLimits
from mudserver.gateway.web.policy import WebPolicy
from mudserver.interfaces.authority import Describe, LogIn
from tests.unit.gateway.web_bench import (
    ELSEWHERE,
    HERE,
    LOGGED_IN,
    Bench,
    Client,
    parse,
    request,
)

LIMITS = HttpLimits()
FULL = b'{"name": "Ann", "password": "x"}'
ASK = request("GET", "/api/session", headers={"Authorization": "Bearer x"})


class ChannelTestCase(SynchronousTestCase):
    """A site, and a connection to it."""

    def setUp(self) -> None:
        self.bench = Bench(limits=LIMITS)
        self.clock = self.bench.clock
        self.bench.world.answers[LogIn] = LOGGED_IN
        self.client = self.bench.connect()

    def assert_refused(self, client: Client, status: int, code: str) -> None:
        """One refusal came, what else is sent is thrown away, and the connection closes."""
        (response,) = client.responses()
        self.assertEqual((response.status, response.error), (status, code))
        self.assertEqual(response.header("Connection"), "close")
        client.send(request("GET", "/") + 100_000 * b"x")
        self.assertEqual(client.received(), b"")
        self.assertFalse(client.transport.disconnecting)
        self.clock.advance(LIMITS.linger)
        self.assertTrue(client.transport.disconnecting)
        self.assertEqual(self.bench.meter.counts[f"refusals {code}"], 1)


class FloodTests(ChannelTestCase):
    """What is sent is charged where it arrives."""

    def test_requests(self) -> None:
        """Too many requests on one connection are refused, and it closes."""
        client = self.bench.connect(ELSEWHERE)
        for _ in range(1_000):
            self.assertEqual(client.ask("GET", "/nothing").status, 404)
        client.send(request("GET", "/nothing"))
        self.assert_refused(client, 429, "flood")

    def test_bytes(self) -> None:
        """So are too many bytes."""
        client = self.bench.connect(ELSEWHERE)
        body = b"x" * 60_000
        for _ in range(69):
            self.assertEqual(client.ask("POST", "/api/session", body).status, 400)
        client.send(request("POST", "/api/session", body))
        self.assert_refused(client, 429, "flood")

    def test_in_the_middle_of_an_answer(self) -> None:
        """Where no refusal can be told, since an answer is under way, the connection is dropped."""
        client = self.bench.connect(ELSEWHERE)
        self.bench.world.answers[Describe] = Deferred()
        client.send(ASK)
        for _ in range(65):
            client.channel.dataReceived(b"x" * 64_000)
        self.assertFalse(client.transport.disconnected)
        client.channel.dataReceived(b"x" * 64_000)
        self.assertTrue(client.transport.disconnected)
        self.assertEqual(self.bench.meter.counts["refusals flood"], 1)
        client.disconnect()

    def test_behind_a_proxy(self) -> None:
        """A trusted proxy may have many clients on one connection."""
        for _ in range(1_100):
            self.assertEqual(self.client.ask("GET", "/nothing").status, 404)


class DeadlineTests(ChannelTestCase):
    """Nobody holds a connection by doing nothing, or next to nothing."""

    def test_silence(self) -> None:
        """Who says nothing at all is let go without a word."""
        self.clock.advance(LIMITS.head - 1)
        self.assertFalse(self.client.transport.disconnecting)
        self.clock.advance(1)
        self.assertTrue(self.client.transport.disconnecting)
        self.assertEqual(self.client.received(), b"")

    def test_trickle(self) -> None:
        """The head's deadline is absolute, however it trickles in."""
        for byte in request("GET", "/")[:4]:
            self.client.send(bytes([byte]))
            self.clock.advance(1)
        self.client.send(b"/")
        self.assertEqual(self.client.received(), b"")
        self.clock.advance(1)
        self.assert_refused(self.client, 408, "timeout")

    def test_late_start(self) -> None:
        """It counts from the connection's first moment, not from the first byte."""
        self.clock.advance(LIMITS.head - 1)
        self.client.send(b"GET / HTTP/1.1\r\n")
        self.clock.advance(1)
        self.assert_refused(self.client, 408, "timeout")

    def test_next_request(self) -> None:
        """A later request has as long, from its own first byte."""
        self.client.send(request("GET", "/"))
        self.clock.advance(LIMITS.idle - 1)
        self.client.received()
        self.client.send(b"G")
        self.clock.advance(LIMITS.head - 1)
        self.client.send(b"ET / HTTP/1.1\r\n")
        self.clock.advance(1)
        self.assert_refused(self.client, 408, "timeout")

    def test_pipelined_start(self) -> None:
        """The start of a later request that came with the one before has its deadline, too."""
        self.client.send(request("GET", "/") + b"GET / HT")
        self.client.received()
        self.clock.advance(LIMITS.head)
        self.assert_refused(self.client, 408, "timeout")

    def test_body(self) -> None:
        """A body has its own deadline."""
        self.client.send(request("POST", "/api/session", FULL)[:-1])
        self.clock.advance(LIMITS.body - 1)
        self.assertEqual(self.client.received(), b"")
        self.clock.advance(1)
        self.assert_refused(self.client, 408, "timeout")

    def test_idle(self) -> None:
        """A connection that waits for its next request too long is let go without a word."""
        self.client.send(request("GET", "/"))
        self.client.received()
        self.clock.advance(LIMITS.idle - 1)
        self.assertFalse(self.client.transport.disconnecting)
        self.clock.advance(1)
        self.assertTrue(self.client.transport.disconnecting)
        self.assertEqual(self.client.received(), b"")

    def test_idle_again(self) -> None:
        """Each answer starts that anew."""
        for _ in range(3):
            self.client.send(request("GET", "/"))
            self.client.received()
            self.clock.advance(LIMITS.idle - 1)
        self.assertFalse(self.client.transport.disconnecting)

    def test_answering(self) -> None:
        """While the world is asked, only the world has a deadline."""
        waiting: Deferred[object] = Deferred()
        self.bench.world.answers[Describe] = waiting
        self.client.send(ASK)
        self.clock.advance(LIMITS.head + LIMITS.body - 1)
        self.assertEqual(self.client.received(), b"")
        waiting.errback(NotAuthenticated("No."))
        self.assertEqual(self.client.responses()[0].status, 401)

    def test_unread(self) -> None:
        """A last answer that isn't read is given up."""
        self.client.send(request("GET", "/", headers={"Connection": "close"}))
        self.assertTrue(self.client.transport.disconnecting)
        self.clock.advance(LIMITS.unread - 1)
        self.assertFalse(self.client.transport.disconnected)
        self.clock.advance(1)
        self.assertTrue(self.client.transport.disconnected)

    def test_nothing_left(self) -> None:
        """A connection that is gone leaves no timer and no place behind."""
        for start in (b"", b"GET /", request("POST", "/", FULL)[:-1], request("GET", "/"), b"\0\n"):
            client = self.bench.connect()
            client.send(start)
            client.disconnect()
        self.client.disconnect()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.bench.site), 0)


class SizeTests(ChannelTestCase):
    """Nobody makes us hold much."""

    def log_in(self, size: int) -> bytes:
        """Write a login of that many bytes."""
        return FULL + (size - len(FULL)) * b" "

    def test_largest_body(self) -> None:
        """A body of exactly the limit is taken."""
        response = self.client.ask("POST", "/api/session", self.log_in(LIMITS.body_bytes))
        self.assertEqual(response.status, 200)

    def test_announced(self) -> None:
        """A larger one is refused as soon as it is announced, before any of it has come."""
        head = request("POST", "/api/session", self.log_in(LIMITS.body_bytes + 1))
        self.client.send(head[: head.index(b"\r\n\r\n") + 4])
        self.assert_refused(self.client, 413, "too_long")

    def test_expected(self) -> None:
        """Who asks whether to send it is told no, and not first to go on."""
        head = request("POST", "/api/session", self.log_in(10_000_000), {"Expect": "100-continue"})
        self.client.send(head[: head.index(b"\r\n\r\n") + 4])
        self.assert_refused(self.client, 413, "too_long")

    def test_continue(self) -> None:
        """Who asks with a smaller one is told to go on."""
        whole = request("POST", "/api/session", FULL, {"Expect": "100-continue"})
        self.client.send(whole[: -len(FULL)])
        self.assertEqual(self.client.received(), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.client.send(FULL)
        self.assertEqual(self.client.responses()[0].status, 200)

    def chunked(self, *chunks: bytes) -> bytes:
        head = (
            b"POST /api/session HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)

    def test_chunks(self) -> None:
        """A body in chunks is taken up to the limit, wherever it is cut."""
        whole = self.log_in(LIMITS.body_bytes)
        self.client.send(self.chunked(whole[:10], whole[10:40_000], whole[40_000:]) + b"0\r\n\r\n")
        self.assertEqual(self.client.responses()[0].status, 200)

    def test_too_many_chunks(self) -> None:
        """One that grows beyond it is refused there, though it could never be announced."""
        self.client.send(self.chunked(self.log_in(LIMITS.body_bytes)))
        self.assertEqual(self.client.received(), b"")
        self.client.send(b"1\r\n \r\n0\r\n\r\n")
        self.assert_refused(self.client, 413, "too_long")
        self.assertEqual(self.bench.world.requests, [])

    def test_one_large_chunk(self) -> None:
        """The same in one chunk that came at once, its end included."""
        self.client.send(self.chunked(self.log_in(LIMITS.body_bytes + 1)) + b"0\r\n\r\n")
        self.assert_refused(self.client, 413, "too_long")
        self.assertEqual(self.bench.world.requests, [])

    def test_memory(self) -> None:
        """Bodies are kept in memory, never in files, whatever their length."""
        for length in (None, 0, 10**9):
            self.assertIsInstance(self.bench.site.getContentFile(length), BytesIO)

    def test_long_line(self) -> None:
        """A header line without end is refused when it is too long, not when it ends."""
        self.client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + 17_000 * b"x")
        self.assert_refused(self.client, 431, "too_long")

    def test_long_target(self) -> None:
        """The same for the request line."""
        self.client.send(b"GET /" + 17_000 * b"x")
        self.assert_refused(self.client, 431, "too_long")

    def test_long_head(self) -> None:
        """Nor may all lines together be longer."""
        lines = {f"X-{number}": 1_000 * "x" for number in range(17)}
        self.client.send(request("GET", "/", headers=lines))
        self.assert_refused(self.client, 431, "too_long")

    def test_many_headers(self) -> None:
        """Nor may there be too many of them."""
        lines = {f"X-{number}": "x" for number in range(LIMITS.headers)}
        self.client.send(request("GET", "/", headers=lines))
        self.assert_refused(self.client, 431, "too_long")


class RubbishTests(ChannelTestCase):
    """What is no HTTP."""

    def test_malformed(self) -> None:
        """It is told so, and nothing else is read of it."""
        for rubbish in (
            b"hello\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/1.1 more\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nrubbish\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
            b"\r\n\r\n\r\n",
        ):
            bench = Bench()
            client = bench.connect()
            client.send(rubbish)
            (response,) = client.responses()
            self.assertEqual((response.status, response.error), (400, "bad_request"), rubbish)
            client.send(request("GET", "/"))
            self.assertEqual(client.received(), b"")
            self.assertEqual(bench.meter.counts["refusals bad_request"], 1)
            bench.clock.advance(LIMITS.linger)
            self.assertTrue(client.transport.disconnecting)

    def test_every_split(self) -> None:
        """A request is understood however its bytes arrive."""
        whole = request("POST", "/api/session", FULL)
        for cut in range(1, len(whole)):
            client = self.bench.connect()
            client.send(whole[:cut])
            self.assertEqual(client.received(), b"")
            client.send(whole[cut:])
            self.assertEqual(client.responses()[0].status, 200, cut)
            client.disconnect()


class NumberTests(SynchronousTestCase):
    """How many connections one address may have."""

    def test_too_many(self) -> None:
        """One too many is told so before it asks, and when to come back."""
        bench = Bench(admission=AdmissionLimits(http=2))
        first, _ = bench.connect(ELSEWHERE), bench.connect(ELSEWHERE)
        turned_away = bench.connect(ELSEWHERE)
        (response,) = turned_away.responses()
        self.assertEqual((response.status, response.error), (429, "too_many_connections"))
        self.assertEqual(response.header("Retry-After"), "30")
        turned_away.send(request("GET", "/"))
        self.assertEqual(turned_away.received(), b"")
        bench.clock.advance(HttpLimits().linger)
        self.assertTrue(turned_away.transport.disconnecting)
        turned_away.disconnect()
        self.assertEqual(bench.connect("192.0.2.8").received(), b"")
        self.assertEqual(bench.connect(ELSEWHERE).responses()[0].status, 429)
        first.disconnect()
        self.assertEqual(bench.connect(ELSEWHERE).ask("GET", "/").status, 200)

    def test_proxy(self) -> None:
        """A trusted proxy speaks for many, and may have as many as it likes."""
        policy = WebPolicy(trusted_proxies=(ip_network("10.0.0.0/8"),))
        bench = Bench(policy, AdmissionLimits(http=1))
        for _ in range(3):
            self.assertEqual(bench.connect("10.1.1.1").ask("GET", "/").status, 200)
        bench.connect(HERE)
        self.assertEqual(bench.connect(HERE).responses()[0].status, 429)


class StopTests(ChannelTestCase):
    """The site closes."""

    def test_idle(self) -> None:
        """Who asks nothing is let go at once."""
        asked = self.bench.connect()
        asked.ask("GET", "/")
        self.bench.site.doStart()
        self.bench.site.doStop()
        self.assertTrue(self.client.transport.disconnecting)
        self.assertTrue(asked.transport.disconnecting)

    def test_asking(self) -> None:
        """Who is being served is served, and nothing more."""
        waiting: Deferred[object] = Deferred()
        self.bench.world.answers[Describe] = waiting
        self.client.send(ASK)
        started = self.bench.connect()
        started.send(request("GET", "/")[:5])
        self.bench.site.stopFactory()
        self.assertFalse(self.client.transport.disconnecting)
        waiting.errback(NotAuthenticated("No."))
        self.client.send(request("GET", "/"))
        self.assertEqual([answer.status for answer in parse(self.client.received())], [401])
        self.assertTrue(self.client.transport.disconnecting)
        started.send(request("GET", "/")[5:])
        self.assertEqual(started.responses()[0].status, 200)
        self.assertTrue(started.transport.disconnecting)

    def test_no_timers(self) -> None:
        """A site that merely stands there schedules nothing."""
        bench = Bench()
        bench.site.doStart()
        self.assertEqual(bench.clock.getDelayedCalls(), [])

    def test_protocols(self) -> None:
        """Over TLS, HTTP/1.1 is agreed upon: a WebSocket can't grow out of anything newer here."""
        self.assertEqual(self.bench.site.acceptableProtocols(), [b"http/1.1"])
