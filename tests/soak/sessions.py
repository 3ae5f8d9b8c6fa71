"""Players as cheap as can be, so that one process can be thousands."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final, Protocol

from attrs import define, field
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from tests.soak.ground import PASSWORD

#: What players do, and how often beside the others.
DEEDS: Final = {
    "ping": 40,
    "say What a wind there is today.": 20,
    "east": 10,
    "west": 10,
    "get stone": 5,
    "drop stone": 5,
    "look": 10,
}
_TELNET_DEEDS: Final = {deed: often for deed, often in DEEDS.items() if deed != "ping"}

#: Seconds that a player waits to get in.
PATIENCE: Final = 60.0

_PONG: Final = b'{"type":"pong"'
_ACK: Final = b'{"type":"ack"'
_ERROR: Final = b'{"type":"error"'
_WELCOME: Final = b'{"type":"welcome"'


@define
class Tally:
    """
    What all players together saw.

    Attributes:
        messages: How many came; lines, over telnet.
        commands: How many were sent.
        answers: How many of those were answered.
        refusals: By code.
        round_trips: Of pings, in seconds.
        closes: Connections that ended by themselves, by close code.
    """

    messages: int = 0
    commands: int = 0
    answers: int = 0
    refusals: Counter[str] = field(factory=Counter)
    round_trips: list[float] = field(factory=list)
    closes: Counter[str] = field(factory=Counter)


class Player(Protocol):
    """One who is in the world."""

    def act(self, random: Random) -> None:
        """Do something."""

    def leave(self) -> None:
        """Drop the connection."""


class WebSocketPlayer(WebSocketClientProtocol):
    """One WebSocket."""

    transport: ITCPTransport

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.opened: Deferred[None] = Deferred()
        self.welcomed: Deferred[None] = Deferred()
        self._tally = tally
        self._leaving = False
        self._sent = 0
        self._pinged: dict[str, float] = {}

    def onOpen(self) -> None:
        self.opened.callback(None)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803
        tally = self._tally
        tally.messages += 1
        if payload.startswith(_PONG):
            tally.answers += 1
            since = self._pinged.pop(json.loads(payload)["id"])
            tally.round_trips.append(time.perf_counter() - since)
        elif payload.startswith(_ACK):
            tally.answers += 1
        elif payload.startswith(_ERROR):
            tally.answers += 1
            tally.refusals[json.loads(payload)["code"]] += 1
        elif payload.startswith(_WELCOME):
            self.welcomed.callback(None)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N803
        if self._leaving:
            return
        self._tally.closes[str(code or 1006)] += 1
        for each in (self.opened, self.welcomed):
            if not each.called:
                each.errback(AssertionError(f"not let in: {code} {reason}"))

    async def enter(self, name: str) -> None:
        """Come in by a password."""
        login = {"type": "login", "name": name, "password": PASSWORD}
        self.sendMessage(json.dumps(login).encode())
        self.welcomed.addTimeout(PATIENCE, reactor)
        await self.welcomed

    def act(self, random: Random) -> None:
        """Ping, or send a command with an id."""
        (deed,) = random.choices(list(DEEDS), list(DEEDS.values()))
        self._sent += 1
        self._tally.commands += 1
        id = str(self._sent)
        if deed == "ping":
            self._pinged[id] = time.perf_counter()
            self.sendMessage(b'{"type":"ping","id":"%s"}' % id.encode())
        else:
            command = {"type": "command", "text": deed, "id": id}
            self.sendMessage(json.dumps(command).encode())

    def leave(self) -> None:
        """Drop the connection."""
        self._leaving = True
        self.transport.abortConnection()


class TelnetPlayer(TwistedProtocol):
    """One who plays by telnet, and refuses every option by not answering."""

    transport: ITCPTransport

    def __init__(self, tally: Tally) -> None:
        self.welcomed: Deferred[None] = Deferred()
        self._tally = tally
        self._leaving = False
        self._waiting = False

    def dataReceived(self, data: bytes) -> None:
        self._tally.messages += data.count(b"\n")
        if not self.welcomed.called:
            if b"> " in data:
                self.welcomed.callback(None)
        elif self._waiting:
            self._waiting = False
            self._tally.answers += 1

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._leaving:
            return
        self._tally.closes["telnet"] += 1
        if not self.welcomed.called:
            self.welcomed.errback(AssertionError("not let in"))

    async def enter(self, name: str) -> None:
        """Come in by a password."""
        self.transport.write(f"connect {name} {PASSWORD}\r\n".encode())
        self.welcomed.addTimeout(PATIENCE, reactor)
        await self.welcomed

    def act(self, random: Random) -> None:
        """Type a line, if the last one was answered."""
        if self._waiting:
            return
        (deed,) = random.choices(list(_TELNET_DEEDS), list(_TELNET_DEEDS.values()))
        self._waiting = True
        self._tally.commands += 1
        self.transport.write(deed.encode() + b"\r\n")

    def leave(self) -> None:
        """Drop the connection."""
        self._leaving = True
        self.transport.abortConnection()


class _Factory(WebSocketClientFactory):
    noisy = False

    def __init__(self, url: str, protocols: Sequence[str], tally: Tally) -> None:
        super().__init__(url, protocols=list(protocols), reactor=reactor)
        self._tally = tally
        self.setProtocolOptions(
            openHandshakeTimeout=0, closeHandshakeTimeout=0, serverConnectionDropTimeout=0
        )

    def buildProtocol(self, addr: object) -> WebSocketPlayer:
        player = WebSocketPlayer(self._tally)
        player.factory = self
        return player


async def open_websocket(port: int, path: str, tally: Tally) -> WebSocketPlayer:
    """Open a WebSocket on this machine, and say nothing yet."""
    factory = _Factory(f"ws://127.0.0.1:{port}{path}", [], tally)
    player = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
    assert isinstance(player, WebSocketPlayer)
    player.opened.addTimeout(PATIENCE, reactor)
    await player.opened
    return player


async def enter_by_websocket(port: int, name: str, tally: Tally) -> Player:
    """Come into the world."""
    player = await open_websocket(port, "/ws", tally)
    await player.enter(name)
    return player


async def enter_by_telnet(port: int, name: str, tally: Tally) -> Player:
    """Come into the world."""
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    player: TelnetPlayer = await connectProtocol(endpoint, TelnetPlayer(tally))
    await player.enter(name)
    return player
