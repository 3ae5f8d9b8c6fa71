"""Players who send a command a second, whatever happens; as cheap as can be."""

import json
import struct
from collections import Counter
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

#: Masking by zeros costs nothing (RFC 6455 §5.3); only browsers need surprising masks.
_MASK: Final = bytes(4)
_TEXT: Final = 0x81
_CLOSE: Final = 0x8
_PING: Final = 0x9
_PONG: Final = 0x8A

_UPGRADE: Final = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: mud.v1.json\r\n\r\n"
)

_ACK: Final = b'{"type":"ack"'
_ERROR: Final = b'{"type":"error"'
_WELCOME: Final = b'{"type":"welcome"'


def frame(first: int, payload: bytes) -> bytes:
    """Return a client's frame (RFC 6455 §5.2) of at most 64 KiB."""
    length = len(payload)
    head = struct.pack("!BB", first, 0x80 | length)
    if length > 125:
        head = struct.pack("!BBH", first, 0x80 | 126, length)
    return head + _MASK + payload


@define
class Record:
    """
    What all players together saw.

    Attributes:
        sent: How many commands.
        answers: How many were answered.
        strays: Answers to what was not asked, or to what was answered before.
        errors: By code; `not_here` means that a thing wasn't where an acknowledged command put it.
        lost: Connections that ended by themselves.
    """

    sent: int = 0
    answers: int = 0
    strays: int = 0
    errors: Counter[str] = field(factory=Counter)
    lost: int = 0


class SteadyPlayer(Protocol):
    """
    One who gets a thing, says something, drops it, and looks at what is left; again and again.

    Args:
        clock: Tells the time.
        record: Where to write what was seen.
        thing: The thing, which nobody else touches.

    Attributes:
        thing: The same.
        welcomed: Fires when it is in the world.
        longest: The longest wait for an answer, in seconds, since `begin_round`.
    """

    transport: ITransport

    def __init__(self, clock: IReactorTime, record: Record, thing: str) -> None:
        self.welcomed: Deferred[None] = Deferred()
        self.longest = 0.0
        self._clock = clock
        self._record = record
        self.thing = thing
        self._deeds = (f"get {thing}", "say What a wind there is.", f"drop {thing}", "inventory")
        self._login: dict[str, str] = {}
        self._sent = 0
        self._open: dict[str, float] = {}
        self._bytes = b""
        self._upgraded = False
        self._leaving = False

    # ------------------------------------------------------------ what it does

    def enter(self, port: int, name: str, password: str) -> Deferred[None]:
        """Come in by a password; fires when the world is entered."""
        self.transport.write(_UPGRADE.format(port=port).encode())
        self._login = {"type": "login", "name": name, "password": password}
        return self.welcomed

    def act(self) -> None:
        """Send the next command."""
        id = f"c{self._sent}"
        self._open[id] = self._clock.seconds()
        self._say({"type": "command", "text": self._deeds[self._sent % 4], "id": id})
        self._sent += 1
        self._record.sent += 1

    def begin_round(self) -> None:
        """Forget how long it waited."""
        self.longest = 0.0

    @property
    def waiting(self) -> int:
        """How many commands are not answered yet."""
        return len(self._open)

    @property
    def holds(self) -> bool:
        """Whether it holds the thing, once all was answered."""
        return self._sent % 4 in (1, 2)

    def leave(self) -> None:
        """Drop the connection."""
        self._leaving = True
        self.transport.loseConnection()

    # ------------------------------------------------------------ what it hears

    def dataReceived(self, data: bytes) -> None:
        """Take frames apart; those of a server are not masked."""
        data = self._bytes + data
        start = 0
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._bytes = data
                return
            assert data.startswith(b"HTTP/1.1 101"), data
            self._upgraded, start = True, end + 4
            self._say(self._login)
        while len(data) >= start + 2:
            length, body = data[start + 1], start + 2
            if length == 126:
                body += 2
            elif length == 127:
                body += 8
            if len(data) < body:
                break
            if body > start + 2:
                length = int.from_bytes(data[start + 2 : body], "big")
            if len(data) < body + length:
                break
            self._frame(data[start] & 0xF, data[body : body + length])
            start = body + length
        self._bytes = data[start:]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note it, if it was not ours."""
        if self._leaving:
            return
        self._record.lost += 1
        if not self.welcomed.called:
            self.welcomed.errback(reason)

    def _frame(self, kind: int, payload: bytes) -> None:
        if kind == _PING:
            self.transport.write(frame(_PONG, payload))
        elif kind == _CLOSE:
            self._record.errors[f"close {int.from_bytes(payload[:2], 'big')}"] += 1
        elif payload.startswith(_ACK):
            self._answered(json.loads(payload).get("id"))
        elif payload.startswith(_ERROR):
            message = json.loads(payload)
            self._record.errors[message["code"]] += 1
            self._answered(message.get("id"))
        elif payload.startswith(_WELCOME) and not self.welcomed.called:
            self.welcomed.callback(None)

    def _answered(self, id: str | None) -> None:
        since = None if id is None else self._open.pop(id, None)
        if since is None:
            self._record.strays += 1
            return
        self._record.answers += 1
        self.longest = max(self.longest, self._clock.seconds() - since)

    def _say(self, message: dict[str, str]) -> None:
        self.transport.write(frame(_TEXT, json.dumps(message).encode()))
