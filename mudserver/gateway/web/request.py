"""One HTTP request: from Twisted's form to ours, and the answer back."""

from twisted.python.failure import Failure
from twisted.web.server import Request

from mudserver.errors import PlayerError, Unavailable
from mudserver.gateway.origin import ForwardedAddress, host_of
from mudserver.gateway.web.answer import Answer, Form, failure, refusal
from mudserver.gateway.web.api import Call
from mudserver.gateway.web.channel import WebChannel
from mudserver.gateway.web.cookies import cookie_name
from mudserver.gateway.web.cross_origin import sharing
from mudserver.gateway.web.policy import Caller, Facts

#: What proxies add: any of these shows that the peer asks for somebody else.
_FORWARDING = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
)


class WebRequest(Request):
    """
    A request.

    Attributes:
        caller: Who asks; known before any resource sees the request.
        address: Where it comes from; the proxy's own until the caller is known.
        page: As of the caller; empty until that is known.
        refused_as: The code that it was refused with; None where it was not.
    """

    channel: WebChannel
    caller: Caller
    page: str = ""
    address: str = ""
    refused_as: str | None = None

    # ------------------------------------------------------------ what was asked

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of a header, in order."""
        raw = self.requestHeaders.getRawHeaders(name.encode()) or ()
        return tuple(value.decode("latin-1") for value in raw)

    def value(self, name: str) -> str:
        """Return the value of a header: empty without one, joined where there are many."""
        return ", ".join(self.values(name))

    def facts(self) -> Facts:
        """Return what tells who asks."""
        peer: object = self.channel.peer
        introduced = isinstance(peer, ForwardedAddress)
        tls = isinstance(peer, ForwardedAddress) and peer.tls
        return Facts(
            peer=host_of(peer),
            tls=tls or bool(self.isSecure()),
            host=self.values("Host"),
            origin=self.values("Origin"),
            forwarded_for=self.values("X-Forwarded-For"),
            forwarded_proto=self.values("X-Forwarded-Proto"),
            forwarded=introduced or any(map(self.requestHeaders.hasHeader, _FORWARDING)),
        )

    def call(self) -> Call:
        """Return the same as a call of the API."""
        assert self.content is not None
        cookie = self.getCookie(cookie_name(self.caller.site).encode()) or b""
        return Call(
            caller=self.caller,
            content_type=self.value("Content-Type"),
            body=self.content.read(),
            authorization=self.value("Authorization"),
            cookie=cookie.decode("latin-1"),
            csrf=self.value("X-CSRF-Token"),
        )

    @property
    def form(self) -> Form:
        """In which form a refusal is told to who asks for that path."""
        if self.path == b"/api" or self.path.startswith(b"/api/"):
            return Form.JSON
        return Form.TEXT if self.path == b"/ws" else Form.PAGE

    # ------------------------------------------------------------ what is answered

    def answer(self, answer: Answer) -> None:
        """Send the answer, unless the client has gone."""
        if self._disconnected:
            return
        self.setResponseCode(answer.status.value, answer.status.phrase.encode())
        for name, value in answer.headers.items():
            self.setHeader(name, value)
        if self.form is Form.JSON:
            for name, value in sharing(self.page).items():
                self.setHeader(name, value)
        if answer.content_type:
            self.setHeader("Content-Type", answer.content_type)
        if answer.body or answer.content_type:
            self.setHeader("Content-Length", str(len(answer.body)))
        self.write(answer.body)
        self.finish()

    def refuse(self, error: PlayerError | Unavailable) -> None:
        """Say why not."""
        self.refused_as = error.code if isinstance(error, PlayerError) else "unavailable"
        self.answer(refusal(error, self.form))

    # ------------------------------------------------------------ from Twisted

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Have the request processed as it is: no query is wanted, and no body is a form's."""
        assert self.content is not None
        self.content.seek(0)
        self.args = {}
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.process()

    def handleContentChunk(self, data: bytes) -> None:
        """Take a piece of the body, as long as it isn't too large."""
        assert self.content is not None
        if self.content.tell() + len(data) > self.channel.body_bytes:
            self.channel.refuse_body()
        else:
            super().handleContentChunk(data)

    def processingFailed(self, reason: Failure) -> Failure:
        """Own up to a fault of ours."""
        self._log.failure("A request could not be answered.", reason)
        self.answer(failure(self.form))
        return reason
