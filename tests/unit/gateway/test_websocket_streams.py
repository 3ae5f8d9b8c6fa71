"""Messages that are taken at once, and what Autobahn takes: nobody can tell them apart."""

import zlib
from itertools import chain
from typing import Final

from autobahn.twisted.websocket import WebSocketServerProtocol
from hypothesis import given
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from mudserver.errors import CloseCode
from mudserver.gateway.admission import Place
from mudserver.gateway.allowances import AllowanceLimits
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.shared import LinkLimits, Shared
from mudserver.gateway.websocket import WebSocketConnection, WebSocketFactory
from mudserver.gateway.wires import Wire
from mudserver.interfaces.authority import Origin
from mudserver.session.bucket import Rate
from mudserver.session.intake import IntakeLimits
from tests.unit.gateway.bench import HOME, GatewayTestCase
from tests.unit.wire.splits import divided, streams
from tests.unit.wire.test_frames import frame

HANDSHAKE: Final = (
    b"GET /ws HTTP/1.1\r\n"
    b"Host: localhost\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    b"\r\n"
)

PING: Final = b'{"type":"ping"}'
BYE: Final = b'{"type":"bye"}'
FAULT: Final = b'{"type":"fault"}'
MOST: Final = 300

_deflating = zlib.compressobj(wbits=-15)
DEFLATED: Final = (_deflating.compress(PING) + _deflating.flush(zlib.Z_SYNC_FLUSH))[:-4]

FRAMES: Final = (
    frame(PING),
    frame(PING, mask=b"\0\0\0\0"),
    frame(BYE),
    frame(FAULT),
    frame(b""),
    frame("“café”".encode()),
    frame(b"x" * 125),
    frame(b"x" * 126),
    frame(b"x" * MOST),
    frame(b"x" * (MOST + 1)),
    frame(b"\xff\xfe"),
    frame(b"caf\xc3"),
    frame(b"\xa9"),
    frame(DEFLATED, 0xC1),
    frame(PING, 0xC1),  # which inflates to nothing sound
    frame(PING, 0x91),  # a bit that no extension uses
    frame(PING, 0x82),  # binary
    frame(b'{"type":', 0x01),  # the first fragment
    frame(b"caf\xc3", 0x01),
    frame(b"", 0x00),  # a fragment between
    frame(b'"ping"}', 0x80),  # the last one
    frame(b"\xa9", 0x80),
    frame(b"are you there", 0x89),
    frame(b"here I am", 0x8A),
    frame(b"\x03\xe8", 0x88),  # a goodbye
    b"\x81\x05hello",
    b"\x81\xfe\0\x05\0\0\0\0hello",  # a longer form of the length than it needs
)


class Noted(JsonLink):
    """Notes what it is told of the stream; ends or breaks where a message tells it to."""

    heard: list[tuple[object, ...]]

    def accepted(self) -> None:
        self.heard = []
        super().accepted()

    def framed(self) -> bool:
        self.heard.append(("frame",))
        return super().framed()

    def received(self, data: bytes, binary: bool) -> None:
        self.heard.append(("message", data, binary))
        if data == BYE:
            self.close(CloseCode.NORMAL, "Bye.")
        elif data == FAULT:
            raise RuntimeError("ours")

    def pinged(self, payload: bytes) -> None:
        self.heard.append(("ping", payload))
        super().pinged(payload)

    def ponged(self) -> None:
        self.heard.append(("pong",))
        super().ponged()

    def parting(self, code: int | None, by_peer: bool) -> None:
        self.heard.append(("parting", code, by_peer))
        super().parting(code, by_peer)


class Slow(WebSocketConnection):
    """Leaves everything to Autobahn."""

    def processData(self) -> bool:
        return WebSocketServerProtocol.processData(self)


class StreamTest(GatewayTestCase):
    """Any stream, however it is divided."""

    allowance = AllowanceLimits(
        intake=IntakeLimits(frames=Rate(1.0, 15.0), raw_bytes=Rate(1.0, 3_000.0)),
        strangers_bytes=Rate(1.0, 1e9),
    )
    limits = LinkLimits(message=MOST)

    def play(
        self, kind: type[WebSocketConnection], pieces: list[bytes]
    ) -> tuple[list[tuple[object, ...]], bytes]:
        """Return what a connection made of a stream: what its link heard, and what it wrote."""
        links: list[Noted] = []

        def link(shared: Shared, wire: Wire, origin: Origin, place: Place) -> Noted:
            links.append(Noted(shared, wire, origin, place))
            return links[0]

        connection = kind(self.shared, HOME, self.shared.admission.admit(HOME.address), link)
        connection.factory = WebSocketFactory(self.shared, self.clock)
        transport = StringTransport()
        connection.makeConnection(transport)
        for piece in chain((HANDSHAKE,), pieces):
            connection.dataReceived(piece)
        self.turn()
        connection.connectionLost(Failure(ConnectionDone()))
        self.flushLoggedErrors(RuntimeError)
        return links[0].heard, transport.value()

    @given(divided(streams(FRAMES)))
    def test_same(self, pieces: list[bytes]) -> None:
        """A connection hears and says the same as one that leaves everything to Autobahn."""
        heard, written = self.play(WebSocketConnection, pieces)
        self.assertEqual((heard, written), self.play(Slow, pieces))
