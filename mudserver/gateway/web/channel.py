"""One HTTP connection: what Twisted's channel doesn't bound is bounded here."""

from collections.abc import Callable
from enum import Enum, auto
from http import HTTPStatus

from attrs import frozen
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, HTTPFactory, Request
from twisted.web.http_headers import Headers

from mudserver.errors import PlayerError, TooManyTries, Unavailable
from mudserver.gateway.admission import RETRY_AFTER
from mudserver.gateway.sockets import IStream
from mudserver.gateway.web.answer import SECURITY_HEADERS, Answer, Form, HttpRefusal, refusal
from mudserver.interfaces.meter import IMeter
from mudserver.session.intake import Intake


@frozen
class HttpLimits:
    """
    What an HTTP client may take.

    Attributes:
        head: Seconds to a complete request head, however it trickles in.
        body: Seconds from there to the complete body.
        idle: Seconds that a connection may wait for its next request.
        unread: Seconds that a last answer may wait to be read.
        linger: Seconds for which a client that was refused may go on sending; so it reads why,
            where a connection closed at once would drop the answer (RFC 9112 §9.6).
        headers: Header lines of a request.
        body_bytes: Bytes in a body.
    """

    head: float = 5.0
    body: float = 10.0
    idle: float = 60.0
    unread: float = 30.0
    linger: float = 2.0
    headers: int = 100
    body_bytes: int = 64 * 1024


class _Phase(Enum):
    """Where a connection stands, and so what its timer waits for."""

    NEW = auto()  # nothing has come yet; the head's deadline runs already
    HEAD = auto()
    BODY = auto()
    ANSWERING = auto()  # the world's own deadline runs
    IDLE = auto()
    LINGERING = auto()  # refused; what still comes is thrown away
    CLOSING = auto()
    GONE = auto()


class WebChannel(HTTPChannel):
    """
    Serves one connection, one request after the other.

    Twisted's timeout starts anew with every byte and isn't used: here each phase has an absolute
    deadline.

    Args:
        limits: What the client may take.
        clock: Measures that.
        meter: Counts what is refused here.
        released: Called once, when this is no HTTP connection any more.
        peer: Who is at the other end, or whom a proxy speaks for there.
        refused: Why the client may not ask anything; None where it may.
        intake: What is taken of it; None where many clients share the connection.

    Attributes:
        peer: The same.
    """

    timeOut = None
    site: HTTPFactory
    transport: IStream

    def __init__(
        self,
        limits: HttpLimits,
        clock: IReactorTime,
        meter: IMeter,
        released: "Callable[[WebChannel], None]",
        *,
        peer: IAddress | None = None,
        refused: PlayerError | Unavailable | None = None,
        intake: Intake | None = None,
    ) -> None:
        super().__init__()
        self.maxHeaders = limits.headers
        self._limits = limits
        self._clock = clock
        self._meter = meter
        self._released = released
        self.peer = peer
        self._refused = refused
        self._intake = intake
        self._phase = _Phase.NEW
        self._timer: IDelayedCall | None = None
        self._successor: IProtocol | None = None
        self._finishing = False

    # ------------------------------------------------------------ from the transport

    def connectionMade(self) -> None:
        """Take the transport."""
        super().connectionMade()
        self._enter(_Phase.NEW, self._limits.head)
        if self._refused is not None:
            self._turn_away(self._refused)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; the first of a request starts its deadline."""
        if not self._within(len(data)):
            return
        if self._phase is _Phase.IDLE:
            self._enter(_Phase.HEAD, self._limits.head)
        elif self._phase is _Phase.NEW:
            self._phase = _Phase.HEAD
        super().dataReceived(data)
        if self._phase is _Phase.IDLE and self._buffer:
            self._enter(_Phase.HEAD, self._limits.head)

    def _within(self, size: int) -> bool:
        """Charge bytes; who sends too many is refused, and dropped where that can't be said."""
        intake = self._intake
        if intake is None or self._phase in (_Phase.LINGERING, _Phase.CLOSING, _Phase.GONE):
            return True
        within = intake.bytes_arrived(size, self._clock.seconds())
        if not within and self._phase is _Phase.ANSWERING:
            self._meter.count("refusals", reason=_too_much().code)
            self._enter(_Phase.CLOSING)
            self.transport.abortConnection()
        elif not within:
            self._turn_away(_too_much())
        return within

    def rawDataReceived(self, data: bytes) -> None:
        """Take what is no header line."""
        if self._successor is not None:
            self._successor.dataReceived(data)
        elif self._phase is not _Phase.LINGERING:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a header line of more than 16 KiB."""
        del line
        self._refuse_head()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        super().connectionLost(reason)
        self._leave()

    # ------------------------------------------------------------ from Twisted's parser

    def allHeadersReceived(self) -> None:
        """The head is complete; a body that is announced as too large isn't waited for."""
        if self.length is not None and self.length > self._limits.body_bytes:
            self.refuse_body()
            return
        if self._intake is not None and not self._intake.frame_arrived(self._clock.seconds()):
            self._turn_away(_too_much())
            return
        self._enter(_Phase.BODY, self._limits.body)
        super().allHeadersReceived()

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """Tell whether another request may follow."""
        return super().checkPersistence(request, version) and not self._finishing

    def allContentReceived(self) -> None:
        """The request is complete: have it answered."""
        if self._phase is _Phase.BODY:
            self._enter(_Phase.ANSWERING)
            super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        """The request is answered; the next may have come already."""
        if self.persistent:
            self._enter(_Phase.IDLE, self._limits.idle)
        super().requestDone(request)

    def loseConnection(self) -> None:
        """Close, when all is sent; a client that doesn't read is dropped."""
        self._enter(_Phase.CLOSING, self._limits.unread)
        super().loseConnection()

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Send the head of an answer, whoever made it."""
        for name, value in SECURITY_HEADERS.items():
            headers.setRawHeaders(name, [value])
        super().writeHeaders(version, code, reason, headers)

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Refuse what Twisted can't parse; its own answer has no body and is often lost."""
        if self._receivedHeaderSize > self.totalHeadersSize or (
            self._receivedHeaderCount > self.maxHeaders
        ):
            self._refuse_head()
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "bad_request", "That is no HTTP request.")

    # ------------------------------------------------------------ refusals

    @property
    def body_bytes(self) -> int:
        """How many bytes a body has at most."""
        return self._limits.body_bytes

    def refuse_body(self) -> None:
        """Refuse a body that is too large."""
        self._refuse(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too_long",
            f"A body has at most {self._limits.body_bytes} bytes.",
        )

    def _turn_away(self, error: PlayerError | Unavailable) -> None:
        """Refuse, and throw away whatever else is sent."""
        if self._phase in (_Phase.LINGERING, _Phase.CLOSING, _Phase.GONE):
            return
        self._enter(_Phase.LINGERING, self._limits.linger)
        self.setRawMode()
        code = error.code if isinstance(error, PlayerError) else "unavailable"
        self._meter.count("refusals", reason=code)
        self._write(refusal(error, Form.JSON))

    def _refuse_head(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too_long", "The headers are too long."
        )

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        self._turn_away(HttpRefusal(status, code, message))

    def _write(self, answer: Answer) -> None:
        headers = Headers()
        for name, value in answer.headers.items():
            headers.setRawHeaders(name, [value])
        headers.setRawHeaders("Connection", ["close"])
        headers.setRawHeaders("Content-Type", [answer.content_type])
        headers.setRawHeaders("Content-Length", [str(len(answer.body))])
        status = answer.status
        self.writeHeaders(b"HTTP/1.1", b"%d" % status.value, status.phrase.encode(), headers)
        self.write(answer.body)

    # ------------------------------------------------------------ the end

    def finish(self) -> None:
        """Close when the request under way is answered; at once where there is none."""
        self._finishing = True
        if self._phase in (_Phase.NEW, _Phase.IDLE):
            self.loseConnection()
        elif self._phase is not _Phase.HEAD:
            self.persistent = False

    def hand_over(self, successor: IProtocol) -> None:
        """
        Let go of the transport, which another protocol takes over.

        What the client sent too early, together with the request, goes to the successor, once
        the request itself is served.
        """
        self.transport.unregisterProducer()
        self.requests.clear()
        self._successor = successor
        self._leave()

    def _leave(self) -> None:
        if self._phase is not _Phase.GONE:
            self._enter(_Phase.GONE)
            self._released(self)

    def _enter(self, phase: _Phase, seconds: float | None = None) -> None:
        self._phase = phase
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self._clock.callLater(seconds, self._late)

    def _late(self) -> None:
        self._timer = None
        match self._phase:
            case _Phase.HEAD | _Phase.BODY:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT, "timeout", "The request took too long.")
            case _Phase.CLOSING:
                self.transport.abortConnection()
            case _:
                self.loseConnection()


def _too_much() -> TooManyTries:
    return TooManyTries("Too much at once.", code="flood", retry_after=RETRY_AFTER)
