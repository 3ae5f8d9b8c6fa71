"""The web site: the client at ``/``, the API below ``/api``, the WebSocket at ``/ws``."""

from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from mudserver.errors import Banned, Forbidden, TooManyTries, Unavailable
from mudserver.gateway.admission import Place
from mudserver.gateway.incidents import Peer
from mudserver.gateway.origin import host_of
from mudserver.gateway.shared import Shared
from mudserver.gateway.web.api import Api
from mudserver.gateway.web.channel import HttpLimits, WebChannel
from mudserver.gateway.web.policy import WebPolicy
from mudserver.gateway.web.request import WebRequest
from mudserver.gateway.web.resources import ApiCall, Folder, Page, Refusal, Spot
from mudserver.gateway.web.static_files import INDEX, StaticFile
from mudserver.gateway.web.websocket_resource import WebSocketEntrance
from mudserver.gateway.websocket import WebSocketFactory
from mudserver.session.intake import Intake

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class WebSite(Site):
    """
    Serves HTTP connections.

    Args:
        shared: What all links of the gateway have in common.
        policy: Who may ask.
        files: What stands below ``/``.
        websockets: Makes the WebSockets.
        limits: What an HTTP client may take.
    """

    noisy = False
    _log = Logger()

    def __init__(
        self,
        shared: Shared,
        policy: WebPolicy,
        files: Sequence[StaticFile],
        websockets: WebSocketFactory,
        limits: HttpLimits,
    ) -> None:
        root = Folder()
        for file in files:
            page = Page(file)
            _plant(root, file.path, page)
            if file.path[-1] == INDEX:
                _plant(root, (*file.path[:-1], ""), page)
        calls = Api(shared.bus, policy.insecure_passwords).methods()
        for path, methods in sorted(calls.items(), key=lambda call: call[0]):
            _plant(root, path.split("/"), ApiCall(methods, shared.tasks))
        root.putChild(b"ws", WebSocketEntrance(shared, websockets))
        super().__init__(root, requestFactory=WebRequest, timeout=None, reactor=shared.clock)
        self._shared = shared
        self._policy = policy
        self._limits = limits
        self._places: dict[WebChannel, Place] = {}

    # ------------------------------------------------------------ connections

    def buildProtocol(  # type: ignore[override] # Twisted names its own channel's wrapper
        self, addr: IAddress | None
    ) -> WebChannel:
        """Make the channel of a connection; too many of one address are told so."""
        host = host_of(addr)
        place, refused, intake = Place(), None, None
        try:
            # Behind a proxy there are many clients, and their number is its business.
            crowd = self._policy.trusts(host)
            place = self._shared.admission.admit_http(None if crowd else host)
            if not crowd:
                allowance = self._shared.allowances.of_stranger(host)
                intake = Intake(allowance.frames, allowance.raw_bytes)
        except (TooManyTries, Unavailable) as error:
            refused = error
        channel = WebChannel(
            self._limits,
            self._shared.clock,
            self._shared.meter,
            self._released,
            peer=addr,
            refused=refused,
            intake=intake,
        )
        channel.factory = self
        channel.site = self
        channel.requestFactory = self.requestFactory
        self._places[channel] = place
        return channel

    def _released(self, channel: WebChannel) -> None:
        self._places.pop(channel).leave()

    def startFactory(self) -> None:
        """Begin; Twisted's log of requests, with all that they say, is not begun."""

    def stopFactory(self) -> None:
        """Nobody can come any more: let go of those who wait."""
        for channel in tuple(self._places):
            channel.finish()

    def acceptableProtocols(self) -> list[bytes]:
        """Return what may be agreed upon in a TLS handshake."""
        return [b"http/1.1"]

    def __len__(self) -> int:
        return len(self._places)

    # ------------------------------------------------------------ requests

    def getContentFile(self, length: int | None) -> BinaryIO:
        """Return what collects a body: memory, since none is large."""
        del length
        return BytesIO()

    def getResourceFor(self, request: WebRequest) -> Resource:
        """Find what is asked for, once it is clear who asks."""
        facts = request.facts()
        request.address = facts.peer
        try:
            request.caller = self._policy.judge(facts)
            request.page = request.caller.page
            self._shared.exclusion.check(request.caller.origin.address)
        except (Forbidden, Banned) as error:
            self._shared.meter.count("refusals", reason=error.code)
            return Refusal(error)
        request.address = request.caller.origin.address
        found: Resource = super().getResourceFor(request)
        return found

    def log(self, request: Request) -> None:
        """Note that a request is answered; what it carried is nobody's business."""
        method = request.method.decode("latin-1")
        known = method if method in _METHODS else "other"
        self._shared.meter.count("http_requests", method=known, status=str(request.code))
        self._log.debug(
            "{method} {path}: {status}",
            method=known,
            path=request.path.decode("latin-1"),
            status=request.code,
        )
        if isinstance(request, WebRequest) and request.refused_as is not None:
            peer = Peer("http", request.address)
            cause = f"{known} was answered {request.code}"
            self._shared.incidents.refused(peer, request.refused_as, cause)


def _plant(root: Folder, path: Sequence[str], spot: Spot) -> None:
    """Put a resource at its path, and folders on the way there, after what is to be above it."""
    above: Resource = root
    for name in path[:-1]:
        key = name.encode()
        if key not in above.children:
            above.putChild(key, Folder())
        above = above.children[key]
    above.putChild(path[-1].encode(), spot)
