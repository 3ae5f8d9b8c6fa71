"""The operators' port."""

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from mudserver.errors import PortUnavailable
from mudserver.telemetry.metrics import PrometheusMeter
from mudserver.telemetry.operations import IDLE_SECONDS, OperationsService


@implementer(IListeningPort, IStreamServerEndpoint)
class Endpoint:
    """Listens in memory; its own port."""

    def __init__(self) -> None:
        self.factory: IProtocolFactory | None = None
        self.error: Exception | None = None
        self.stopped = False

    def listen(
        self,
        protocolFactory: IProtocolFactory,  # noqa: N803 - Twisted's name
    ) -> Deferred[IListeningPort]:
        if self.error is not None:
            return fail(self.error)
        protocolFactory.doStart()
        self.factory = protocolFactory
        return succeed(self)

    def startListening(self) -> None:
        pass

    def stopListening(self) -> None:
        assert self.factory is not None
        self.factory.doStop()
        self.stopped = True

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 4004)


class OperationsTestCase(SynchronousTestCase):
    """The service on an endpoint in memory."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint()
        self.meter = PrometheusMeter()
        self.ready = {"database": True, "world": True}
        self.service = OperationsService(
            self.clock, self.endpoint, "tcp:4004", self.meter, lambda: self.ready
        )

    def start(self) -> None:
        self.successResultOf(self.service.startService())

    def tearDown(self) -> None:
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def connect(self) -> StringTransportWithDisconnection:
        assert self.endpoint.factory is not None
        protocol = self.endpoint.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50_000))
        assert protocol is not None
        transport = StringTransportWithDisconnection()
        transport.protocol = protocol
        protocol.makeConnection(transport)
        return transport

    def get(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        """Ask; returns status, head and body."""
        transport = self.connect()
        request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        transport.protocol.dataReceived(request.encode())
        head, _, body = transport.value().decode().partition("\r\n\r\n")
        if transport.connected:
            transport.loseConnection()
        return int(head.split()[1]), head, body


class OperationsTest(OperationsTestCase):
    def test_alive(self) -> None:
        """`/healthz` says that the process answers, whatever else is missing."""
        self.start()
        self.ready["database"] = False
        status, head, body = self.get("/healthz")
        self.assertEqual((status, body), (200, "ok\n"))
        self.assertIn("Cache-Control: no-store", head)

    def test_ready(self) -> None:
        """`/readyz` says that players can enter."""
        self.start()
        self.assertEqual(self.get("/readyz")[::2], (200, "ok\n"))

    def test_not_ready(self) -> None:
        """Or what is missing, with 503; it asks anew each time."""
        self.start()
        self.ready["world"] = False
        self.assertEqual(self.get("/readyz")[::2], (503, "not ready: world\n"))
        self.ready["database"] = False
        self.assertEqual(self.get("/readyz")[::2], (503, "not ready: database, world\n"))
        self.ready.update(database=True, world=True)
        self.assertEqual(self.get("/readyz")[0], 200)

    def test_head(self) -> None:
        """A HEAD has the status and no body."""
        self.start()
        self.ready["world"] = False
        self.assertEqual(self.get("/readyz", "HEAD")[::2], (503, ""))

    def test_elsewhere(self) -> None:
        """There is nothing else."""
        self.start()
        self.assertEqual(self.get("/")[0], 404)
        self.assertEqual(self.get("/readyz", "POST")[0], 405)

    def test_our_own_fault(self) -> None:
        """A failure is logged, and its traceback shown to nobody."""

        def fail_to_say() -> dict[str, bool]:
            raise ZeroDivisionError("secret")

        self.service = OperationsService(
            self.clock, self.endpoint, "tcp:4004", PrometheusMeter(), fail_to_say
        )
        self.start()
        status, _, body = self.get("/readyz")
        self.assertEqual(status, 500)
        self.assertNotIn("secret", body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_idle(self) -> None:
        """A connection that asks nothing is closed."""
        self.start()
        transport = self.connect()
        self.clock.advance(IDLE_SECONDS - 1.0)
        self.assertTrue(transport.connected)
        self.clock.advance(1.0)
        self.assertFalse(transport.connected)

    def test_port_in_use(self) -> None:
        """A port that can't be had is named, with the reason."""
        self.endpoint.error = CannotListenError("", 4004, OSError(98, "Address already in use"))
        failure = self.failureResultOf(self.service.startService(), PortUnavailable)
        for words in ("operations", "tcp:4004", "Address already in use"):
            self.assertIn(words, failure.getErrorMessage())

    def test_stop(self) -> None:
        """It stops listening, once."""
        self.start()
        self.successResultOf(self.service.stopService())
        self.assertTrue(self.endpoint.stopped)
        self.endpoint.stopped = False
        self.successResultOf(self.service.stopService())
        self.assertFalse(self.endpoint.stopped)


class MetricsTest(OperationsTestCase, TestCase):
    """The page that Prometheus reads; it is made in a thread."""

    async def test_metrics(self) -> None:
        """`/metrics` shows what was counted, and the process itself."""
        self.start()
        self.meter.count("refusals", reason="bad_json")
        transport = self.connect()
        transport.protocol.dataReceived(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        channel: Any = transport.protocol
        (request,) = channel._channel.requests
        await request.notifyFinish()
        head, _, body = transport.value().decode().partition("\r\n\r\n")
        self.assertIn(" 200 ", head)
        self.assertIn("text/plain", head)
        self.assertIn('mud_refusals_total{reason="bad_json"} 1.0', body)
        self.assertIn("process_cpu_seconds_total", body)
        transport.loseConnection()
