"""The operators' port: metrics, and whether the daemon is alive and ready."""

from collections.abc import Callable, Mapping

from prometheus_client import ProcessCollector
from prometheus_client.twisted import MetricsResource
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorTime, IStreamServerEndpoint
from twisted.web import http
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site

from mudserver.listening import listen
from mudserver.telemetry.metrics import PrometheusMeter

#: Seconds after which an idle HTTP connection is closed.
IDLE_SECONDS = 30.0

_READING = (b"GET", b"HEAD")

Readiness = Callable[[], Mapping[str, bool]]


class _Health(Resource):
    """Says ``ok`` while every part is; else which is not, with 503."""

    isLeaf = True

    def __init__(self, readiness: Readiness) -> None:
        super().__init__()
        self._readiness = readiness

    def render(self, request: Request) -> bytes:
        """Answer; whoever wants to do more than read is refused."""
        if request.method not in _READING:
            request.setResponseCode(http.NOT_ALLOWED)
            request.setHeader(b"Allow", b", ".join(_READING))
            return b""
        missing = sorted(part for part, ready in self._readiness().items() if not ready)
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        if missing:
            request.setResponseCode(503)
            return f"not ready: {', '.join(missing)}\n".encode()
        return b"ok\n"


class _Root(Resource):
    """What stands above the pages."""

    def getChild(self, path: bytes, request: Request) -> IResource:
        """There is nothing else."""
        del path, request
        return notFound()


class _Site(Site):
    """Keeps no log of requests: probes and scrapes come every few seconds, and tell nothing."""

    noisy = False
    displayTracebacks = False

    def startFactory(self) -> None:
        """Begin, without the log."""

    def stopFactory(self) -> None:
        """End."""

    def log(self, request: http.Request) -> None:
        """Note nothing."""


class OperationsService(Service):
    """
    Serves ``/metrics``, ``/healthz`` and ``/readyz``.

    Args:
        clock: Measures how long connections are idle.
        endpoint: Where to listen.
        address: The same as the operator wrote it.
        meter: What ``/metrics`` shows.
        readiness: What ``/readyz`` asks: the parts, and whether each is ready.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: IStreamServerEndpoint,
        address: str,
        meter: PrometheusMeter,
        readiness: Readiness,
    ) -> None:
        self._endpoint = endpoint
        self._address = address
        meter.collect(ProcessCollector(registry=None))
        root = _Root()
        root.putChild(b"metrics", MetricsResource(registry=meter.registry))
        root.putChild(b"healthz", _Health(dict))
        root.putChild(b"readyz", _Health(readiness))
        self._site = _Site(root, timeout=IDLE_SECONDS, reactor=clock)
        self._port: IListeningPort | None = None

    def startService(self) -> Deferred[None]:
        """
        Listen.

        Returns:
            Fires when listening; fails with `PortUnavailable`.
        """
        Service.startService(self)
        return Deferred.fromCoroutine(self._listen())

    def stopService(self) -> Deferred[object]:
        """Stop listening; fires when that is done."""
        Service.stopService(self)
        port, self._port = self._port, None
        return maybeDeferred(lambda: None if port is None else port.stopListening())

    async def _listen(self) -> None:
        self._port = await listen("operations", self._address, self._endpoint, self._site)
