"""Where an HTTP connection becomes a WebSocket (RFC 6455 §4)."""

import re
from http import HTTPStatus

from attrs import frozen
from autobahn.twisted.resource import WebSocketResource
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mudserver.errors import BusUnavailable, Overloaded, PlayerError, TooManyTries, Unavailable
from mudserver.gateway.admission import RETRY_AFTER
from mudserver.gateway.shared import Shared
from mudserver.gateway.web.answer import HttpRefusal
from mudserver.gateway.web.request import WebRequest
from mudserver.gateway.web.resources import Spot, check_method
from mudserver.gateway.websocket import WebSocketConnection, WebSocketFactory

_VERSION = "13"
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==", re.ASCII)

#: All that Autobahn is told of the request. It keeps the headers as long as the connection lasts,
#: and cookies are none of its business; where the request is from was checked before.
_HANDSHAKE = frozenset(
    {
        b"host",
        b"upgrade",
        b"connection",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-protocol",
        b"sec-websocket-extensions",
    }
)


@frozen
class _Built:
    """A factory of the one connection that was built for a request."""

    connection: WebSocketConnection

    def buildProtocol(self, addr: object) -> WebSocketConnection:
        del addr
        return self.connection


class WebSocketEntrance(Spot):
    """
    Takes WebSockets in, and refuses in plain HTTP.

    Args:
        shared: What all links of the gateway have in common.
        factory: Makes the connections.
    """

    _log = Logger()

    def __init__(self, shared: Shared, factory: WebSocketFactory) -> None:
        super().__init__()
        self._shared = shared
        self._factory = factory

    def serve(self, request: WebRequest) -> None:
        """Implement `Spot.serve`."""
        _check_upgrade(request)
        arrivals = self._shared.arrivals
        # Who comes by a proxy was not counted at the door, since nobody knew who it was.
        wait = (
            arrivals.arrive(request.caller.origin.address, self._shared.clock.seconds())
            if request.caller.by_proxy
            else 0.0
        )
        if wait is None:
            self._shared.meter.count("refusals", reason="too_many_arrivals")
            raise TooManyTries("You come too often.", retry_after=RETRY_AFTER)
        if wait:
            self._shared.meter.count("arrivals_delayed")
            try:
                self._shared.tasks.run("arrival", self._serve_later(request, wait))
            except Overloaded:
                arrivals.begin()
                raise
        else:
            self._open(request)

    async def _serve_later(self, request: WebRequest, wait: float) -> None:
        """Let a client in when it has its turn, if it is still there."""
        gone = request.notifyFinish()
        waiting: Deferred[None] = deferLater(self._shared.clock, wait)
        gone.addBoth(lambda _: waiting.cancel())
        try:
            await waiting
        except CancelledError:
            if not request.finished and not request._disconnected:  # noqa: SLF001
                request.refuse(BusUnavailable("The server stops."))
            return
        finally:
            self._shared.arrivals.begin()
        try:
            self._open(request)
        except (PlayerError, Unavailable) as error:
            request.refuse(error)

    def _open(self, request: WebRequest) -> None:
        origin = request.caller.origin
        try:
            place = self._shared.admission.admit(origin.address)
        except (TooManyTries, Unavailable):
            self._shared.meter.count("refusals", reason="too_many_connections")
            raise
        connection = self._factory.build(origin, place)
        for name in {name.lower() for name, _ in request.requestHeaders.getAllRawHeaders()}:
            if name not in _HANDSHAKE:
                request.requestHeaders.removeHeader(name)
        transport = request.channel.transport
        request.channel.hand_over(connection)
        with self._log.failuresHandled("A WebSocket could not be opened.") as opening:
            WebSocketResource(_Built(connection)).render(request)
        if opening.failed:
            place.leave()
            transport.abortConnection()
        self._shared.meter.count("http_requests", method="GET", status="101")


def _check_upgrade(request: WebRequest) -> None:
    """
    Check what the handshake needs.

    Raises:
        HttpRefusal: Something is missing or wrong.
    """
    check_method(request, ("GET",))
    if not (_lists(request, "Upgrade", "websocket") and _lists(request, "Connection", "upgrade")):
        raise HttpRefusal(
            HTTPStatus.UPGRADE_REQUIRED,
            "upgrade_required",
            "This is a WebSocket: ask for an upgrade.",
            {"Upgrade": "websocket", "Connection": "Upgrade"},
        )
    if request.value("Sec-WebSocket-Version") != _VERSION:
        raise HttpRefusal(
            HTTPStatus.UPGRADE_REQUIRED,
            "upgrade_required",
            f"Version {_VERSION} of WebSocket is spoken here (RFC 6455).",
            {
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": _VERSION,
            },
        )
    assert request.content is not None
    if (
        _KEY.fullmatch(request.value("Sec-WebSocket-Key")) is None
        or request.clientproto != b"HTTP/1.1"
        or request.content.read(1)
    ):
        raise HttpRefusal(
            HTTPStatus.BAD_REQUEST, "bad_request", "That is no handshake of a WebSocket."
        )


def _lists(request: WebRequest, name: str, wanted: str) -> bool:
    return wanted in (token.strip().lower() for token in request.value(name).split(","))
