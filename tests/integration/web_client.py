"""HTTP and ``mud.v1.json`` as a program speaks them that was written from the documentation."""

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.integration.transcript import DEADLINE, Watch

SUBPROTOCOL = "mud.v1.json"

#: What is a message of play, and so is counted (docs/protocol.md).
PLAY = frozenset(
    {"text", "room.state", "room.delta", "chat", "char.state", "char.delta", "presence", "system"}
)

Message = Mapping[str, Any]


@frozen
class Reply:
    """
    The answer to an HTTP request.

    Attributes:
        status: The code.
        headers: By name, in lower case; the last of each.
        body: As it came.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body in words."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as the JSON that it is."""
        return json.loads(self.body)


def _request(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: object,
    headers: Mapping[str, str],
) -> Reply:
    try:
        if body is None:
            connection.request(method, path, headers=dict(headers))
        else:
            kind = {"Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body), {**kind, **headers})
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, named, response.read())
    finally:
        connection.close()


async def request(
    port: int,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    *,
    source: str = "127.0.0.1",
) -> Reply:
    """Ask a web server of this machine, from one of its addresses; a body goes as JSON."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", port, timeout=DEADLINE, source_address=(source, 0)
    )
    return await deferToThread(_request, connection, method, path, body, headers or {})


@frozen
class Login:
    """
    A log-in by the HTTP API.

    Attributes:
        port: The port of the web.
        token: Proves who we are, for as long as it lasts.
    """

    port: int
    token: str = field(repr=False)

    async def hello(self) -> Message:
        """Fetch a ticket; returns the message that spends it."""
        reply = await self.call("POST", "/api/session/ticket")
        assert reply.status == http.client.OK, reply
        return {"type": "hello", "ticket": reply.json["ticket"], "csrf": reply.json["csrf"]}

    async def call(self, method: str, path: str, body: object = None) -> Reply:
        """Call the API by the token."""
        bearer = {"Authorization": f"Bearer {self.token}"}
        return await request(self.port, method, path, {} if body is None else body, bearer)


async def register(port: int, name: str, password: str) -> Login:
    """Make an account, and log in by it."""
    reply = await request(port, "POST", "/api/accounts", {"name": name, "password": password})
    assert reply.status == http.client.CREATED, (reply, reply.text)
    return await log_in(port, name, password)


async def log_in(port: int, name: str, password: str) -> Login:
    """Log in by an account that is there."""
    reply = await request(port, "POST", "/api/session", {"name": name, "password": password})
    assert reply.status == http.client.OK, (reply, reply.text)
    return Login(port, reply.json["token"])


class WebSocketPlayer(WebSocketClientProtocol):
    """
    One WebSocket.

    Attributes:
        messages: All that came, in order.
        count: How many messages of play.
        code: The close code; None while the connection stands.
        heard: Called with each message.
    """

    transport: ITCPTransport

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.count = 0
        self.code: int | None = None
        self.opened: Deferred[None] = Deferred()
        self.heard: Callable[[Message], None] = lambda _: None
        self._read = 0
        self._watch: Watch[Message] = Watch(reactor)
        self._ends: list[Deferred[None]] = []

    # ------------------------------------------------------------ from Autobahn

    def onOpen(self) -> None:
        self.opened.callback(None)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803
        assert not isBinary
        message = json.loads(payload)
        self.messages.append(message)
        self.count += message["type"] in PLAY
        self.heard(message)
        self._watch.grown()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N803
        del wasClean
        self.code = code or 1006
        self._watch.end(f"{code} {reason}")
        if not self.opened.called:
            self.opened.errback(AssertionError(f"the WebSocket wasn't opened: {code} {reason}"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        for each in self._ends:
            each.callback(None)
        self._ends.clear()

    # ------------------------------------------------------------ from the test

    def say(self, message: Message) -> None:
        """Send a message."""
        self.sendMessage(json.dumps(message).encode())

    def command(self, text: str, id: str | None = None) -> None:
        """Send a command."""
        self.say({"type": "command", "text": text} | ({} if id is None else {"id": id}))

    async def expect(self, type: str, **fields: object) -> Message:
        """
        Wait for a message, after those that were expected before.

        Raises:
            AssertionError: It didn't come; tells what came instead.
        """
        return await self._next(
            f"{type} with {fields}",
            lambda message: message["type"] == type and fields.items() <= message.items(),
        )

    async def answer(self, text: str, id: str) -> Message:
        """Send a command; returns its `ack` or `error`."""
        self.command(text, id)
        return await self._next(
            f"answer to {text!r}",
            lambda message: message["type"] in ("ack", "error") and message.get("id") == id,
        )

    @property
    def answered(self) -> set[str]:
        """The ids of the commands that were answered so far, by `ack` or `error`."""
        return {
            message["id"]
            for message in self.messages
            if message["type"] in ("ack", "error") and "id" in message
        }

    async def acknowledged(self, text: str, id: str) -> None:
        """Send a command, and wait until what it changed is committed."""
        answer = await self.answer(text, id)
        assert answer["type"] == "ack", (text, answer)

    async def _next(self, wanted: str, fits: Callable[[Message], bool]) -> Message:
        def find() -> Message | None:
            for place in range(self._read, len(self.messages)):
                if fits(self.messages[place]):
                    self._read = place + 1
                    return self.messages[place]
            return None

        try:
            return await self._watch.until(find)
        except AssertionError as problem:
            raise AssertionError(
                f"there was no {wanted} {problem}; there was:\n"
                + "\n".join(map(str, self.messages[self._read :]))
            ) from None

    async def closed(self) -> int:
        """Wait until the connection is gone; returns the close code."""
        if self.code is None:
            await self._end()
        assert self.code is not None
        return self.code

    def hang_up(self) -> Deferred[None]:
        """Drop the connection, if there still is one; fires when it is gone."""
        if self.code is not None:
            return Deferred.fromCoroutine(self._gone())
        end = self._end()
        self.transport.abortConnection()
        return end

    async def _gone(self) -> None:
        await self.closed()

    def _end(self) -> Deferred[None]:
        end: Deferred[None] = Deferred()
        self._ends.append(end)
        end.addTimeout(DEADLINE, reactor)
        return end


async def open_websocket(
    case: TestCase, port: int, headers: Mapping[str, str] | None = None
) -> WebSocketPlayer:
    """Open a WebSocket at ``/ws``, and say nothing yet; it ends with the test."""
    factory = WebSocketClientFactory(
        f"ws://127.0.0.1:{port}/ws",
        protocols=[SUBPROTOCOL],
        headers=dict(headers or {}),
        reactor=reactor,
    )
    factory.protocol = WebSocketPlayer
    factory.noisy = False
    factory.setProtocolOptions(
        openHandshakeTimeout=0, closeHandshakeTimeout=0, serverConnectionDropTimeout=0
    )
    player = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
    assert isinstance(player, WebSocketPlayer)
    case.addCleanup(player.hang_up)
    player.opened.addTimeout(DEADLINE, reactor)
    await player.opened
    return player


async def enter(case: TestCase, login: Login, resume: Message | None = None) -> WebSocketPlayer:
    """Come into the world; what the first state holds has come when this returns."""
    player = await open_websocket(case, login.port)
    hello = await login.hello()
    player.say({**hello, "resume": resume} if resume is not None else hello)
    await player.expect("welcome")
    await player.expect("mark")
    return player
