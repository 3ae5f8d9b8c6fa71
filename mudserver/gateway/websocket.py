"""WebSocket by Autobahn: a protocol that hands everything to a link, and its factory."""

from collections.abc import Callable, Mapping
from typing import Final, cast

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.util import encode_truncate
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mudserver.errors import CloseCode
from mudserver.gateway import deflate, sockets
from mudserver.gateway.admission import Place
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.shared import Shared
from mudserver.gateway.wires import Wire
from mudserver.interfaces.authority import Origin
from mudserver.wire.frames import whole_text

SUBPROTOCOL = "mud.v1.json"

#: Makes what drives a WebSocket.
MakeLink = Callable[[Shared, Wire, Origin, Place], JsonLink]

#: WebSocket as in RFC 6455; the drafts before it are not spoken.
_VERSION = 13

#: What Autobahn keeps of a handshake that is done, for its log.
_OF_THE_HANDSHAKE: Final = (
    "_transport_details",
    "_wskey",
    "http_headers",
    "http_request_data",
    "http_request_host",
    "http_request_params",
    "http_request_path",
    "http_request_uri",
    "http_response_data",
    "http_status_line",
    "websocket_extensions",
    "websocket_origin",
    "websocket_protocols",
)

#: What Autobahn sets on each connection, and hardly ever sets again.
_FRESH: Final[Mapping[str, object]] = {
    **dict.fromkeys(_OF_THE_HANDSHAKE),
    **dict.fromkeys(
        (
            "_perMessageCompress",
            "autoPingPending",
            "autoPingPendingCall",
            "autoPingPendingSent",
            "autoPingTimeoutCall",
            "closeHandshakeTimeoutCall",
            "current_frame",
            "localCloseCode",
            "localCloseReason",
            "openHandshakeTimeoutCall",
            "remoteCloseCode",
            "remoteCloseReason",
            "trackedTimings",
            "wasNotCleanReason",
            "websocket_protocol_in_use",
        )
    ),
    **dict.fromkeys(
        (
            "closedByMe",
            "droppedByMe",
            "failedByMe",
            "inside_message",
            "triggered",
            "wasClean",
            "wasCloseHandshakeTimeout",
            "wasMaxFramePayloadSizeExceeded",
            "wasMaxMessagePayloadSizeExceeded",
            "wasOpenHandshakeTimeout",
            "wasServerConnectionDropTimeout",
            "wasServingFlashSocketPolicyFile",
        ),
        False,
    ),
    "autoPingPendingSeq": 0,
    "data": b"",
    "send_state": WebSocketServerProtocol.SEND_STATE_GROUND,
    # Only chopped writes are queued, which ours aren't; an empty deque takes 760 bytes.
    "send_queue": (),
}

#: What goes though it has another value then.
_LET_GO: Final = frozenset((*_OF_THE_HANDSHAKE, "send_queue"))

#: Opcodes of frames that are no part of a message (RFC 6455 §5.5).
_CONTROL = range(0x8, 0x10)

#: Random bytes in a ping: one who reads nothing can't guess them.
_PROBE_BYTES = 8

#: Bytes of the reason in a close frame (RFC 6455 §5.5).
_MAX_REASON_BYTES = 123


@implementer(IPushProducer)
class WebSocketConnection(WebSocketServerProtocol):
    """
    One WebSocket.

    Autobahn frames and unframes. Its timers are off: deadlines are the link's.

    Args:
        shared: What all links of the gateway have in common.
        origin: Where the peer is, proxies already resolved.
        place: What the connection takes up.
        link: Makes what drives it.
    """

    transport: sockets.IStream

    def __init__(
        self, shared: Shared, origin: Origin, place: Place, link: MakeLink = JsonLink
    ) -> None:
        super().__init__()
        self._link = link(shared, self, origin, place)
        self._random = shared.token_bytes
        self._longest = shared.limits.message
        self._probe = b""

    # ------------------------------------------------------------ from Autobahn

    def connectionMade(self) -> None:
        """Take the transport."""
        sockets.prepare(self.transport)
        self._link.accepted()
        super().connectionMade()

    def onConnect(self, request: ConnectionRequest) -> str | None:
        """Choose the subprotocol; without one, the same is spoken."""
        return SUBPROTOCOL if SUBPROTOCOL in request.protocols else None

    def onOpen(self) -> None:
        """The handshake is done."""
        with self._link.guarded("a handshake"):
            self.transport.registerProducer(self, True)
            if self.websocket_extensions_in_use:
                # Autobahn gives it no type but that of its first value.
                self._perMessageCompress = deflate.Inflation()  # type: ignore[assignment]
                self._link.inflates()
            self._forget_handshake()
            self._link.opened()

    def _forget_handshake(self) -> None:
        """
        Let go of what Autobahn would keep for nothing: some 4 KB of each connection.

        What is as its class has it, is left to that: a dictionary of half the size remains.
        """
        settled = vars(type(self))
        self.__dict__ = {
            name: value
            for name, value in vars(self).items()
            if name not in settled or (name not in _LET_GO and settled[name] is not value)
        }

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; from who sends far too many nothing more is taken."""
        if self._link.arrived(len(data)):
            # Not by Autobahn's dataReceived, which formats each read for a log that nobody keeps.
            self._dataReceived(data)
        else:
            self.transport.pauseProducing()

    def processData(self) -> bool:
        """
        Take a message that is whole already, as nearly all are; leave all else to Autobahn.

        Its steps for one of them cost more than the command that it holds.
        """
        # Between frames it is None, which Autobahn gives no type.
        under_way = self.current_frame or self.inside_message  # type: ignore[truthy-bool]
        if not under_way and self.state == self.STATE_OPEN:
            whole = whole_text(self.data, self._longest)
            if whole is not None:
                text, size = whole
                self.data = self.data[size:]
                try:  # as `Contact.guarded` does, which takes longer than some commands
                    self._link.framed()
                    self._link.received(text, binary=False)
                except Exception:  # noqa: BLE001 - whatever it is, it costs this connection only
                    self._link.crashed("a message")
                return bool(self.data)
        return super().processData()

    def onFrameBegin(self) -> None:
        """Charge a frame, whatever it is and however empty, before anything is made of it."""
        with self._link.guarded("a frame"):
            self._link.framed()
        super().onFrameBegin()

    def onFrameData(self, payload: bytes) -> None:
        """
        Take a part of a frame.

        What follows a fault is thrown away, up to the client's own goodbye: where inflating fails,
        Autobahn would gather it.
        """
        if not self.failedByMe or self.current_frame.opcode in _CONTROL:
            super().onFrameData(payload)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Take a message; a failure of ours costs this connection only."""
        with self._link.guarded("a message"):
            self._link.received(payload, isBinary)

    def onPing(self, payload: bytes) -> None:
        """Answer in turn, unless too many come."""
        with self._link.guarded("a ping"):
            self._link.pinged(payload)

    def onPong(self, payload: bytes) -> None:
        """Believe that the peer is there if it gives back what it was sent."""
        with self._link.guarded("a pong"):
            if self._probe and payload == self._probe:
                self._probe = b""
                self._link.answered()
            else:
                self._link.ponged()

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        """
        Say goodbye, whoever began; Autobahn calls this for faults that it finds, too.

        What the client asked for before its own goodbye or fault comes first.
        """
        self._link.hurry()
        if not isReply:
            with self._link.guarded("a goodbye"):
                self._link.explain(code, (reasonUtf8 or b"").decode())
        super().sendCloseFrame(code, reasonUtf8, isReply)
        with self._link.guarded("a goodbye"):
            self._link.parting(code, isReply)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        try:
            super().connectionLost(reason)
        finally:
            self._link.lost(reason.getErrorMessage())

    # ------------------------------------------------------------ from the transport

    def pauseProducing(self) -> None:
        """The transport's buffer is full: take nothing more that would be answered."""
        with self._link.guarded("a pause"):
            self.transport.pauseProducing()
            self._link.full()

    def resumeProducing(self) -> None:
        """The transport takes more."""
        with self._link.guarded("a resumption"):
            self.transport.resumeProducing()
            self._link.drained()

    def stopProducing(self) -> None:
        """The transport is gone: `connectionLost` says the same."""

    # ------------------------------------------------------------ from the link

    def write(self, data: bytes) -> None:
        """Implement `Wire.write`."""
        # Not by Autobahn's sendData, which formats each write for a log that nobody keeps.
        if self.state == self.STATE_OPEN:
            sockets.send(self.transport, data)

    def probe(self) -> None:
        """Implement `Wire.probe`."""
        self._probe = self._random(_PROBE_BYTES)
        self.sendPing(self._probe)

    def hang_up(self, code: CloseCode, reason: str) -> None:
        """Implement `Wire.hang_up`."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(int(code), encode_truncate(reason, _MAX_REASON_BYTES))
        elif self.state == self.STATE_CONNECTING:
            self.abort()

    def abort(self) -> None:
        """Implement `Wire.abort`."""
        self.dropConnection(abort=True)
        self.transport.abortConnection()


class WebSocketFactory(WebSocketServerFactory):
    """
    Makes WebSockets.

    Args:
        shared: What all links of the gateway have in common.
        reactor: What Autobahn schedules by; with its timers off, nothing.
        link: Makes what drives each connection.
    """

    def __init__(self, shared: Shared, reactor: object, link: MakeLink = JsonLink) -> None:
        super().__init__(protocols=[SUBPROTOCOL], server="mudserver", reactor=reactor)
        self._shared = shared
        self._link = link
        self.setProtocolOptions(
            versions=[_VERSION],
            webStatus=False,
            failByDrop=False,
            echoCloseCodeReason=True,
            maskServerFrames=False,
            requireMaskedClientFrames=True,
            maxMessagePayloadSize=shared.limits.message,
            maxFramePayloadSize=shared.limits.message,
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
            autoPingTimeout=0,
            tcpNoDelay=True,
            allowedOrigins=["*"],
            allowNullOrigin=True,
            perMessageCompressionAccept=deflate.agree,
        )
        self._kind = self._settled()

    def _settled(self) -> type[WebSocketConnection]:
        """Make a class that has what is the same for all connections; Autobahn would copy it."""
        settled = {name: getattr(self, name) for name in WebSocketServerProtocol.CONFIG_ATTRS}
        settled["perMessageCompressionAccept"] = staticmethod(deflate.agree)
        # Nothing is left to copy, nor to be formatted for a log that nobody keeps.
        namespace = {**_FRESH, **settled, "CONFIG_ATTRS": ()}
        kind = type(WebSocketConnection.__name__, (WebSocketConnection,), namespace)
        return cast(type[WebSocketConnection], kind)

    def build(self, origin: Origin, place: Place) -> WebSocketConnection:
        """Make the protocol for an admitted peer; its transport comes next."""
        connection = self._kind(self._shared, origin, place, self._link)
        connection.factory = self
        return connection
