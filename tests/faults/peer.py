"""Peers that write their bytes themselves, and so may do what no client would."""

import json
import re
import struct
import zlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.faults import frames
from tests.faults.frames import Frame
from tests.integration.transcript import DEADLINE, Watch
from tests.integration.web_client import Message

#: Where attackers are: not where those are who play meanwhile.
ATTACKER = "127.0.0.66"

#: Another place of theirs.
ACCOMPLICE = "127.0.0.67"

_HANDSHAKE = (
    "GET /ws HTTP/1.1\r\n"
    "Host: localhost:{port}\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "{more}\r\n"
)

_END_OF_HEAD = b"\r\n\r\n"

T = TypeVar("T")


class ITransport(ITCPTransport, IConsumer, IPushProducer):
    """A transport as Twisted's TCP has it."""


class Peer(Protocol):
    """
    One TCP connection.

    Attributes:
        received: All bytes that came.
        lost: Whether the connection is gone.
    """

    transport: ITransport

    def __init__(self) -> None:
        self.received = b""
        self.lost = False
        self._watch: Watch[Any] = Watch(reactor)
        self._ends: list[Deferred[None]] = []

    # ------------------------------------------------------------ from the transport

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._watch.grown()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True
        self._watch.end(reason.getErrorMessage())
        for each in self._ends:
            each.callback(None)
        self._ends.clear()

    # ------------------------------------------------------------ from the test

    def write(self, data: bytes) -> None:
        """Send bytes, if there still is a connection."""
        if not self.lost:
            self.transport.write(data)

    async def expect(self, wanted: bytes) -> re.Match[bytes]:
        """Wait until what came matches a pattern somewhere."""
        return await self.until(lambda: re.search(wanted, self.received), repr(wanted))

    async def until(self, find: Callable[[], T | None], wanted: str) -> T:
        """
        Wait until there is something to find in what came.

        Raises:
            AssertionError: It didn't come.
        """
        try:
            found: T = await self._watch.until(find)
        except AssertionError as problem:
            raise AssertionError(f"no {wanted} {problem}; {self.received[-500:]!r}") from None
        return found

    async def closed(self) -> None:
        """Wait until the connection is gone."""
        if not self.lost:
            end: Deferred[None] = Deferred()
            self._ends.append(end)
            end.addTimeout(DEADLINE, reactor)
            await end

    def hang_up(self) -> Deferred[None]:
        """Drop the connection, if there still is one; fires when it is gone."""
        if not self.lost:
            self.transport.abortConnection()
        return Deferred.fromCoroutine(self.closed())


def _inflated(frame: Frame) -> bytes:
    """Return a frame's payload as it was before it was compressed by itself (RFC 7692 §7.2.2)."""
    if not frame.rsv:
        return frame.payload
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame.payload + b"\x00\x00\xff\xff")


@frozen
class Closed:
    """
    How a WebSocket ended.

    Attributes:
        code: Of the server's close frame; None if there was none.
        reason: What it said.
    """

    code: int | None
    reason: str = ""


class WebSocketPeer(Peer):
    """
    One WebSocket.

    Attributes:
        frames: All that came, but for the pings that were answered.
        messages: The JSON in them.
        answers_pings: Whether it shows that it is there.
        answers_close: Whether it says goodbye, too.
        head: What the server answered to the handshake.
    """

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self.messages: list[Message] = []
        self.answers_pings = True
        self.answers_close = True
        self.head = b""
        self._reader = frames.Reader()

    def dataReceived(self, data: bytes) -> None:
        if not self.head:
            self.received += data
            head, end, rest = self.received.partition(_END_OF_HEAD)
            if not end or not head.startswith(b"HTTP/1.1 101"):
                self._watch.grown()
                return
            self.head, data = head, rest
        for frame in self._reader.receive(data):
            self._take(frame)
        self._watch.grown()

    def _take(self, frame: Frame) -> None:
        if frame.opcode == frames.PING and self.answers_pings:
            self.write(frames.write(frames.PONG, frame.payload))
            return
        self.frames.append(frame)
        if frame.opcode == frames.TEXT:
            self.messages.append(json.loads(_inflated(frame)))
        elif frame.opcode == frames.CLOSE and self.answers_close:
            self.write(frames.write(frames.CLOSE, frame.payload[:2]))

    # ------------------------------------------------------------ from the test

    def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> None:
        """Send a frame."""
        self.write(frames.write(opcode, payload, fin=fin, rsv=rsv))

    def say(self, message: Message) -> None:
        """Send a message."""
        self.send(frames.TEXT, json.dumps(message).encode())

    def command(self, text: str, id: str | None = None) -> None:
        """Send a command."""
        self.say({"type": "command", "text": text} | ({} if id is None else {"id": id}))

    async def hear(self, type: str, **fields: object) -> Message:
        """Wait for a message that is like that; it may have come before."""

        def find() -> Message | None:
            for message in self.messages:
                if message["type"] == type and fields.items() <= message.items():
                    return message
            return None

        return await self.until(find, f"{type} with {fields}")

    async def ended(self) -> Closed:
        """Wait until the connection is gone; tells how it ended."""
        await self.closed()
        for frame in self.frames:
            if frame.opcode == frames.CLOSE:
                (code,) = struct.unpack("!H", frame.payload[:2])
                return Closed(code, frame.payload[2:].decode())
        return Closed(None)


async def connect(case: TestCase, port: int, address: str = ATTACKER) -> Peer:
    """Connect to a port of this machine from one of its addresses; it ends with the test."""
    return await _connected(case, Peer(), port, address)


async def open_websocket(
    case: TestCase,
    port: int,
    address: str = ATTACKER,
    headers: Mapping[str, str] | None = None,
) -> WebSocketPeer:
    """Open a WebSocket, and say nothing yet."""
    peer = await ask_for_websocket(case, port, address, headers)
    await peer.until(lambda: peer.head or None, "handshake")
    return peer


async def ask_for_websocket(
    case: TestCase,
    port: int,
    address: str = ATTACKER,
    headers: Mapping[str, str] | None = None,
) -> WebSocketPeer:
    """Ask for a WebSocket, which may be refused."""
    peer = await _connected(case, WebSocketPeer(), port, address)
    peer.write(handshake(port, headers))
    return peer


def handshake(port: int, headers: Mapping[str, str] | None = None) -> bytes:
    """Return what asks for a WebSocket."""
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return _HANDSHAKE.format(port=port, more=more).encode()


async def enter(
    case: TestCase, port: int, hello: Message, address: str = ATTACKER
) -> WebSocketPeer:
    """Come into the world by a first message."""
    peer = await open_websocket(case, port, address)
    peer.say(hello)
    await peer.hear("mark")
    return peer


P = TypeVar("P", bound=Peer)


async def _connected(case: TestCase, peer: P, port: int, address: str) -> P:
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port, bindAddress=(address, 0))
    await connectProtocol(endpoint, peer)
    case.addCleanup(peer.hang_up)
    return peer


async def together(works: Iterable[Coroutine[Deferred[Any], Any, T]]) -> list[T]:
    """Do all of it at once; returns the results in order."""
    doing = [Deferred.fromCoroutine(work) for work in works]
    return await gatherResults(doing, consumeErrors=True)
