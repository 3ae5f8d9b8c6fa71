"""
Telnet, bytes to events and back (RFC 854, RFC 855).

`Parser` takes what arrived and returns frozen events; `escape`, `command`, `negotiate`
and `subnegotiate` make the bytes to send. Nothing here does I/O, and nothing raises on
what a peer sent: whatever the bytes, there is an event for them.

Why not `twisted.conch.telnet`: it raises `ValueError` on a command byte it does not know, so
binary rubbish ends in a traceback. It buffers a subnegotiation without bound or, in newer
releases, drops the connection at the first long one. It walks every byte in Python, rewrites CR
before anyone can judge it, and owns a transport, so it cannot be driven by plain calls.

A byte after IAC inside a subnegotiation may be IAC (an escaped 255) or SE (the end). For
anything else implementations differ: the BSD telnetd family and libtelnet end the
subnegotiation there and read IAC and the byte as a command; PuTTY and conch go on inside it. Both
are right about a different mistake, so the byte decides:

- A telnet command (236 to 254) means that IAC SE was forgotten. The subnegotiation is refused as
  malformed, since nobody knows whether it was whole, and the command is read as one.
- Any other byte means a 255 that was not doubled, as old clients do in a window 255
  columns wide. Both bytes belong to the payload. Ending here would spill the rest
  of it into the player's input.
"""

from enum import Enum, IntEnum
from typing import Final, TypeAlias

from attrs import define, field, frozen

MAX_SUBNEGOTIATION_BYTES: Final = 8192
"""Longest payload accepted, unescaped; room for a large GMCP message. A longer one is refused."""


class Code(IntEnum):
    """Bytes with a meaning after IAC: RFC 854, EOR from RFC 885, 236 to 238 from RFC 1184."""

    EOF = 236
    SUSP = 237
    ABORT = 238
    EOR = 239
    SE = 240
    NOP = 241
    DM = 242
    BRK = 243
    IP = 244
    AO = 245
    AYT = 246
    EC = 247
    EL = 248
    GA = 249
    SB = 250
    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254
    IAC = 255


class Verb(IntEnum):
    """What a negotiation says (RFC 854): WILL and WONT of its sender, DO and DONT of the other."""

    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254


class Reason(Enum):
    """Why a subnegotiation was refused; the value serves as a metric label."""

    TOO_LONG = "too_long"
    MALFORMED = "malformed"


@frozen
class Data:
    """
    Bytes for the application, unescaped; never empty.

    How the data between two other events is divided follows how it arrived.
    """

    data: bytes


@frozen
class Command:
    """IAC and one byte: a `Code` below SB, or a byte that no RFC names."""

    code: int


@frozen
class Negotiation:
    """IAC, a verb and an option (0 to 255)."""

    verb: Verb
    option: int


@frozen
class Subnegotiation:
    """What stood between IAC SB and IAC SE: the option (0 to 255) and its payload, unescaped."""

    option: int
    payload: bytes


@frozen
class Refused:
    """A subnegotiation that was thrown away; `option` is None where none was named."""

    reason: Reason
    option: int | None


Event: TypeAlias = Data | Command | Negotiation | Subnegotiation | Refused


class _State(Enum):
    """Where in the grammar the next byte stands."""

    DATA = "data"
    COMMAND = "after IAC"
    OPTION = "after IAC and a verb"
    SUBNEGOTIATION = "after IAC SB"
    SUBNEGOTIATION_IAC = "after IAC inside a subnegotiation"


_IAC: Final = bytes((Code.IAC,))
_IAC_IAC: Final = _IAC * 2
_IAC_SB: Final = bytes((Code.IAC, Code.SB))
_IAC_SE: Final = bytes((Code.IAC, Code.SE))
_FIRST_COMMAND: Final = Code.EOF  # no RFC names a lower one


@define
class Parser:
    """
    Telnet events out of bytes that arrive in pieces.

    It holds at most one unfinished subnegotiation of `MAX_SUBNEGOTIATION_BYTES`. A longer
    one is refused once, at the byte that is too many, and skipped to its end as it streams.
    """

    _state: _State = field(default=_State.DATA, init=False)
    _verb: Verb = field(default=Verb.WILL, init=False)
    _subnegotiation: bytearray = field(factory=bytearray, init=False)  # the option, then payload
    _skipping: bool = field(default=False, init=False)

    def receive(self, data: bytes) -> list[Event]:
        """
        Take what arrived.

        Args:
            data: The next bytes of the stream; any length, divided anywhere.

        Returns:
            The events that these bytes complete, in order. Data is handed on at once.
        """
        if self._state is _State.DATA and _IAC not in data:
            return [Data(data)] if data else []

        events: list[Event] = []
        pieces: list[bytes] = []  # data not yet made into an event: one per run of it
        position = 0
        while position < len(data):
            if self._state is _State.DATA:
                stop = data.find(_IAC, position)
                if stop < 0:
                    pieces.append(data[position:])
                    break
                if stop > position:
                    pieces.append(data[position:stop])
                self._state = _State.COMMAND
                position = stop + 1
            elif self._state is _State.SUBNEGOTIATION:
                stop = data.find(_IAC, position)
                if stop < 0:
                    self._gather(data[position:], events)
                    break
                self._gather(data[position:stop], events)
                self._state = _State.SUBNEGOTIATION_IAC
                position = stop + 1
            else:
                byte = data[position]
                position += 1
                if self._state is _State.COMMAND and byte == Code.IAC:
                    pieces.append(_IAC)
                    self._state = _State.DATA
                else:
                    if pieces:
                        events.append(Data(b"".join(pieces)))
                        pieces.clear()
                    self._step(byte, events)
        if pieces:
            events.append(Data(b"".join(pieces)))
        return events

    def _step(self, byte: int, events: list[Event]) -> None:
        """Take the one byte that a state other than data and subnegotiation waits for."""
        match self._state:
            case _State.COMMAND:
                self._command(byte, events)
            case _State.OPTION:
                events.append(Negotiation(self._verb, byte))
                self._state = _State.DATA
            case _State.SUBNEGOTIATION_IAC if byte == Code.SE:
                self._end(events)
                self._state = _State.DATA
            case _State.SUBNEGOTIATION_IAC if byte == Code.IAC:
                self._gather(_IAC, events)
                self._state = _State.SUBNEGOTIATION
            case _State.SUBNEGOTIATION_IAC if byte < _FIRST_COMMAND:
                self._gather(bytes((Code.IAC, byte)), events)
                self._state = _State.SUBNEGOTIATION
            case _:
                self._refuse(Reason.MALFORMED, events)
                self._command(byte, events)

    def _command(self, byte: int, events: list[Event]) -> None:
        """Take the byte after IAC, which is not IAC itself."""
        if byte == Code.SB:
            self._skipping = False
            self._state = _State.SUBNEGOTIATION
        elif byte >= Verb.WILL:
            self._verb = Verb(byte)
            self._state = _State.OPTION
        else:
            events.append(Command(byte))
            self._state = _State.DATA

    def _gather(self, piece: bytes, events: list[Event]) -> None:
        """Add to the subnegotiation, unless that makes it too long."""
        if self._skipping:
            return
        room = 1 + MAX_SUBNEGOTIATION_BYTES - len(self._subnegotiation)
        if len(piece) <= room:
            self._subnegotiation += piece
            return
        if not self._subnegotiation:
            self._subnegotiation += piece[:1]
        self._refuse(Reason.TOO_LONG, events)

    def _end(self, events: list[Event]) -> None:
        """Hand on the subnegotiation, now that IAC SE has come."""
        if self._subnegotiation:
            option, payload = self._subnegotiation[0], bytes(self._subnegotiation[1:])
            self._subnegotiation.clear()
            events.append(Subnegotiation(option, payload))
        else:
            self._refuse(Reason.MALFORMED, events)

    def _refuse(self, reason: Reason, events: list[Event]) -> None:
        """Give up the subnegotiation, and say so unless that was said before."""
        if not self._skipping:
            option = self._subnegotiation[0] if self._subnegotiation else None
            events.append(Refused(reason, option))
        self._subnegotiation.clear()
        self._skipping = True


def escape(data: bytes) -> bytes:
    """Double every 255, so that `data` passes through telnet as it is (RFC 854)."""
    return data.replace(_IAC, _IAC_IAC)


def command(code: int) -> bytes:
    """
    IAC and a command byte, say `Code.GA`.

    Raises:
        ValueError: The byte is none (0 to 255), or one that more must follow: SB, a verb or IAC.
    """
    if code >= Code.SB:
        raise ValueError(f"{code} is not a command that stands alone")
    return bytes((Code.IAC, code))


def negotiate(verb: Verb, option: int) -> bytes:
    """
    IAC, the verb and the option.

    Raises:
        ValueError: The option is not a byte.
    """
    return bytes((Code.IAC, verb, option))


def subnegotiate(option: int, payload: bytes = b"") -> bytes:
    """
    IAC SB, the option, the payload escaped, IAC SE (RFC 855).

    Raises:
        ValueError: The option is not a byte.
    """
    return _IAC_SB + escape(bytes((option,)) + payload) + _IAC_SE
