"""Clients of Autobahn at the gateway's protocol, without sockets."""

import json
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress_deflate import (
    PerMessageDeflateOffer,
    PerMessageDeflateResponseAccept,
)
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump

from mudserver.gateway.websocket import SUBPROTOCOL, WebSocketConnection, WebSocketFactory
from mudserver.ids import SessionId
from tests.unit.gateway.bench import HOME, GatewayTestCase

HELLO = b'{"type": "hello", "ticket": "t", "csrf": "c"}'


class Client(WebSocketClientProtocol):
    """Remembers what it gets; may be told not to answer pings and goodbyes."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = False
        self.answers_pings = True
        self.answers_goodbyes = True
        self.messages: list[dict[str, Any]] = []
        self.pongs: list[bytes] = []
        self.closed: tuple[bool, int | None, str | None] | None = None

    def onOpen(self) -> None:
        self.opened = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803 - Autobahn's name
        assert not isBinary
        self.messages.append(json.loads(payload))

    def onPing(self, payload: bytes) -> None:
        if self.answers_pings:
            super().onPing(payload)

    def onCloseFrame(
        self,
        code: int,
        reasonRaw: bytes,  # noqa: N803 - Autobahn's name
    ) -> bool | None:
        return super().onCloseFrame(code, reasonRaw) if self.answers_goodbyes else None

    def onPong(self, payload: bytes) -> None:
        self.pongs.append(payload)

    def onClose(
        self,
        wasClean: bool,  # noqa: N803 - Autobahn's name
        code: int | None,
        reason: str | None,
    ) -> None:
        self.closed = (wasClean, code, reason)

    @property
    def code(self) -> int | None:
        return None if self.closed is None else self.closed[1]


class Pipe(FakeTransport):
    """A transport in memory whose reader can pause, and whose buffer can be full."""

    reading = True
    producer: Any

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True


def accepted_deflate(response: object) -> PerMessageDeflateResponseAccept:
    return PerMessageDeflateResponseAccept(response)


class WebSocketTestCase(GatewayTestCase):
    """A server, and Autobahn's own client."""

    def setUp(self) -> None:
        super().setUp()
        self.factory = WebSocketFactory(self.shared, self.clock)
        self.pumps: list[tuple[WebSocketConnection, IOPump]] = []

    def tearDown(self) -> None:
        for connection, pump in self.pumps:
            connection.connectionLost(Failure(ConnectionDone()))
            client = pump.client
            if client.closed is None:
                client.connectionLost(Failure(ConnectionDone()))
        super().tearDown()

    def connect(
        self,
        protocols: tuple[str, ...] = (SUBPROTOCOL,),
        offers: tuple[PerMessageDeflateOffer, ...] = (),
    ) -> tuple[WebSocketConnection, Client, IOPump]:
        factory = WebSocketClientFactory(
            "ws://localhost/ws", protocols=list(protocols), reactor=self.clock
        )
        factory.protocol = Client
        factory.setProtocolOptions(
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            serverConnectionDropTimeout=0,
            perMessageCompressionOffers=list(offers),
            perMessageCompressionAccept=accepted_deflate,
        )
        client = factory.buildProtocol(None)
        assert isinstance(client, Client)
        server = self.factory.build(HOME, self.shared.admission.admit(HOME.address))
        server_pipe, client_pipe = Pipe(server, isServer=True), Pipe(client, isServer=False)
        pump = IOPump(client, server, client_pipe, server_pipe, False)
        self.pumps.append((server, pump))
        client.makeConnection(client_pipe)
        server.makeConnection(server_pipe)
        pump.flush()
        return server, client, pump

    def enter(
        self, offers: tuple[PerMessageDeflateOffer, ...] = (), name: str = "Ann"
    ) -> tuple[WebSocketConnection, Client, IOPump, SessionId]:
        server, client, pump = self.connect(offers=offers)
        client.sendMessage(HELLO)
        pump.flush()
        session = self.world.admit(name=name).session
        pump.flush()
        client.messages.clear()
        return server, client, pump, session
