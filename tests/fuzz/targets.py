"""
What is fuzzed: functions that take any bytes, and raise only where something is wrong.

The first byte of a stream decides how it is divided, since a division must make no difference.
"""

import contextlib
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from hypothesis import settings
from hypothesis.stateful import get_state_machine_test
from twisted.logger import capturedLogs
from twisted.protocols import amp

from mudserver.bus.boxes import box, encode
from mudserver.bus.codec import Codec
from mudserver.bus.envelopes import Publish, Subscribe
from mudserver.bus.failures import decode_failure, encode_failure
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.errors import CloseCode, Garbled, NotAuthenticated, PlayerError, Unavailable
from mudserver.ids import Epoch, GatewayId, SessionId
from mudserver.interfaces.authority import Origin, PasswordCredential, Transport
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import Attach, Attached, Show
from mudserver.view.line import Line as Row
from mudserver.view.line import Span, Style, View
from mudserver.wire import proxy, telnet
from mudserver.wire.envelope import MessageRefused, decode
from mudserver.wire.lines import Line, LineAssembler, LineTooLong
from mudserver.wire.options import OptionTable
from mudserver.wire.text import clean, has_control_characters
from mudserver.world.grammar import parse
from tests.unit.bus.links import RawEnd
from tests.unit.gateway.test_interleavings import Interleavings

Target = Callable[[bytes], object]

#: Bytes of one negotiation; an answer has two at most, so that no flood of them is amplified much.
_NEGOTIATION_BYTES: Final = 3


def telnet_stream(data: bytes) -> None:
    """Telnet gives the same events however it is divided, and options settle."""
    pieces = _divided(data)
    whole = _events(b"".join(pieces))
    assert _events(*pieces) == whole
    options = OptionTable()
    for event in whole:
        if isinstance(event, telnet.Negotiation):
            assert len(options.receive(event).send) <= 2 * _NEGOTIATION_BYTES


def lines(data: bytes) -> None:
    """Lines are the same however they are divided, bounded, and without controls."""
    pieces = _divided(data)
    whole = _lines(b"".join(pieces))
    assert _lines(*pieces) == whole
    for line in whole:
        if isinstance(line, Line):
            assert not has_control_characters(line.text)


def message(data: bytes) -> None:
    """A message is one, or is refused with a code."""
    try:
        decode(data)
    except MessageRefused as refused:
        assert refused.code


def proxy_header(data: bytes) -> None:
    """A header of the PROXY protocol is one, is waited for, or is refused."""
    try:
        header = proxy.parse(data)
    except proxy.BadHeader:
        return
    if header is not None:
        assert header.size <= len(data)


def command(data: bytes) -> None:
    """A line is a command, or the player is told why not."""
    try:
        parse(clean(data.decode("utf-8", "replace")))
    except PlayerError as error:
        assert error.code


_codec = Codec(VOCABULARY)
_box: Final = box([encode(Subscribe(1, "world")), encode(Publish("world", 1, "", b"x"))])
_attach: Final = Attach(
    SessionId("s"),
    GatewayId("g"),
    PasswordCredential("Ann", "secret"),
    None,
    Transport.TELNET,
    Origin("192.0.2.1", secure=True),
)


def payload(data: bytes) -> None:
    """Bytes from the bus are a message, a request, a reply, an error; or garbled. Whoever reads
    one can write it, and reads the same again.
    """
    with contextlib.suppress(Garbled):
        message = _codec.decode_message(data)
        written = _codec.encode(message)
        assert _codec.encode(_codec.decode_message(written)) == written
    with contextlib.suppress(Garbled):
        request = _codec.decode_request(data)
        written = _codec.encode(request)
        assert _codec.encode(_codec.decode_request(written)) == written
    with contextlib.suppress(Garbled):
        assert isinstance(_codec.decode_reply(_attach, data), Attached)
    with contextlib.suppress(Garbled):
        assert isinstance(decode_failure(data), (PlayerError, Unavailable))


def link(data: bytes) -> None:
    """Whatever the other end of a link says, nothing is raised, nothing logged as our fault, and
    the owner is told of the end once.
    """
    end = RawEnd(joined=bool(data) and data[0] % 2 == 1)
    with capturedLogs() as events:
        for piece in _divided(data[1:]):
            end.link.dataReceived(piece)
            end.clock.advance(0)
        end.link.connectionLost()
    assert not [event for event in events if "log_failure" in event]
    assert len(end.owner.ends) == 1
    assert not end.clock.getDelayedCalls()


_gateway = get_state_machine_test(
    Interleavings, settings=settings(database=None, deadline=None, stateful_step_count=60)
)


def gateway(data: bytes) -> None:
    """Whatever happens to connections, nothing of them is left (as the unit tests have it)."""
    _gateway.hypothesis.fuzz_one_input(data)  # type: ignore[attr-defined]


TARGETS: Final[dict[str, Target]] = {
    "telnet": telnet_stream,
    "lines": lines,
    "message": message,
    "proxy": proxy_header,
    "command": command,
    "gateway": gateway,
    "payload": payload,
    "link": link,
}

#: Where a search begins, since some doors open to a word only.
SEEDS: Final[dict[str, tuple[bytes, ...]]] = {
    "telnet": (b"\x02\x03\x07a\xff\xfb\x18\xff\xfa\x18\0xterm\xff\xf0\xff\xfd\x06\xff\xff\r\n",),
    "lines": (b"\x02\x03\x07caf\xc3\xa9\r\nb\x08c\r\0\x1b[2J\n",),
    "message": (
        b'{"type":"command","text":"say hello","id":"7"}',
        b'{"type":"hello","ticket":"t","csrf":"c","resume":{"session":"s","secret":"s","seq":1}}',
        b'{"type":"occupants","after":1e3}',
    ),
    "proxy": (
        b"PROXY TCP4 192.0.2.7 192.0.2.1 50000 4000\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\xc3\x50\x0f\xa0",
    ),
    "command": (b"silence bob for 1h30m: for the noise", b"put lamp in box", b"'hello"),
    "gateway": (),
    "payload": (
        _codec.encode(_attach),
        _codec.encode(
            FromWorld(
                Epoch(1),
                Show(View("text", b"{}", Row((Span("Hi", Style.SPEECH),))), (SessionId("s"),)),
            )
        ),
        encode_failure(NotAuthenticated("No.", CloseCode.EXPIRED)),
    ),
    "link": (
        b"\x01\x00" + amp.AmpBox(_command=b"Carry", _ask=b"1", box=_box).serialize(),
        b"\x01\x02\x07\x09" + amp.AmpBox(_command=b"Beat").serialize(),
        b"\x00\x00"
        + amp.AmpBox(
            _command=b"Join", _ask=b"1", version=b"1", name=b"w", role=b"world", instance=b"i"
        ).serialize()
        + amp.AmpBox(_answer=b"1").serialize(),
    ),
}


def _divided(data: bytes) -> list[bytes]:
    """Cut at places that the first bytes name."""
    if not data:
        return []
    cuts, stream = data[1 : 1 + data[0] % 8], data[1 + data[0] % 8 :]
    places = sorted(cut % (len(stream) + 1) for cut in cuts)
    return [stream[start:end] for start, end in pairwise([0, *places, len(stream)])]


def _events(*pieces: bytes) -> list[telnet.Event]:
    """The events of a stream, with adjacent data merged."""
    parser = telnet.Parser()
    events: list[telnet.Event] = []
    for piece in pieces:
        for event in parser.receive(piece):
            last = events[-1] if events else None
            if isinstance(event, telnet.Data) and isinstance(last, telnet.Data):
                events[-1] = telnet.Data(last.data + event.data)
            else:
                events.append(event)
    return events


def _lines(*pieces: bytes) -> list[Line | LineTooLong]:
    assembler = LineAssembler()
    return [line for piece in pieces for line in assembler.receive(piece)]
