"""Telnet, bytes to events and back."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.wire.telnet import (
    MAX_SUBNEGOTIATION_BYTES,
    Code,
    Command,
    Data,
    Event,
    Negotiation,
    Parser,
    Reason,
    Refused,
    Subnegotiation,
    Verb,
    command,
    escape,
    negotiate,
    subnegotiate,
)
from tests.unit.wire.splits import divided, every_division, lines_run, streams

TOKENS = [bytes((code,)) for code in Code] + [
    b"\xff\xfa",
    b"\xff\xf0",
    b"\xff\xff",
    b"\xff\xfb\x18",
    b"\xff\xfa\xc9Core.Ping\xff\xf0",
    b"look\r\n",
    b"x" * 3000,
]
MEANT = st.one_of(
    st.binary(min_size=1).map(Data),
    st.integers(0, Code.SB - 1).map(Command),
    st.builds(Negotiation, st.sampled_from(Verb), st.integers(0, 255)),
    st.builds(Subnegotiation, st.integers(0, 255), st.binary()),
)


def parse(*pieces: bytes) -> list[Event]:
    """The events of a stream, with adjacent data merged."""
    parser = Parser()
    events: list[Event] = []
    for piece in pieces:
        for event in parser.receive(piece):
            if isinstance(event, Data) and events and isinstance(last := events[-1], Data):
                events[-1] = Data(last.data + event.data)
            else:
                events.append(event)
    return events


def encode(event: Event) -> bytes:
    """The bytes that mean the event."""
    match event:
        case Data(data):
            return escape(data)
        case Command(code):
            return command(code)
        case Negotiation(verb, option):
            return negotiate(verb, option)
        case Subnegotiation(option, payload):
            return subnegotiate(option, payload)
        case Refused():
            raise AssertionError("nobody sends a refused subnegotiation on purpose")


class DataTests(SynchronousTestCase):
    """What is for the application."""

    def test_plain_chunk_passes_through(self) -> None:
        """A chunk without IAC becomes one event that holds the very same bytes object."""
        chunk = b"say hello\r\n"
        (event,) = Parser().receive(chunk)
        assert isinstance(event, Data)
        self.assertIs(event.data, chunk)

    def test_nothing_from_nothing(self) -> None:
        """An empty chunk gives no event."""
        self.assertEqual(Parser().receive(b""), [])

    def test_doubled_iac_is_one_byte(self) -> None:
        """IAC IAC is the byte 255, in one event with the data around it."""
        self.assertEqual(Parser().receive(b"a\xff\xffb"), [Data(b"a\xffb")])

    def test_data_before_a_command_is_not_held_back(self) -> None:
        """Data is handed on even when the chunk ends inside a command."""
        self.assertEqual(Parser().receive(b"look\r\n\xff"), [Data(b"look\r\n")])


class CommandTests(SynchronousTestCase):
    """IAC and what follows it."""

    def test_commands_stand_where_they_stood(self) -> None:
        """Commands come in order with the data around them."""
        self.assertEqual(
            parse(b"a\xff\xf6b\xff\xf1"),
            [Data(b"a"), Command(Code.AYT), Data(b"b"), Command(Code.NOP)],
        )

    def test_unknown_commands_are_events(self) -> None:
        """A byte that no RFC names after IAC is a command like any other."""
        self.assertEqual(parse(b"\xff\x00\xff\x41!"), [Command(0), Command(0x41), Data(b"!")])

    def test_stray_end_of_subnegotiation(self) -> None:
        """IAC SE outside a subnegotiation is a command."""
        self.assertEqual(parse(b"\xff\xf0"), [Command(Code.SE)])

    def test_negotiations(self) -> None:
        """Each verb takes the next byte as its option, whatever it is."""
        self.assertEqual(
            parse(b"\xff\xfb\x18\xff\xfc\x1f\xff\xfd\x01\xff\xfe\xff"),
            [
                Negotiation(Verb.WILL, 24),
                Negotiation(Verb.WONT, 31),
                Negotiation(Verb.DO, 1),
                Negotiation(Verb.DONT, 255),
            ],
        )


class SubnegotiationTests(SynchronousTestCase):
    """What stands between IAC SB and IAC SE."""

    def test_payload(self) -> None:
        """A subnegotiation names its option and carries what follows it."""
        self.assertEqual(
            parse(b"a\xff\xfa\x18\x00MUDLET\xff\xf0b"),
            [Data(b"a"), Subnegotiation(24, b"\x00MUDLET"), Data(b"b")],
        )

    def test_empty_payload(self) -> None:
        """An option alone is whole, as MCCP sends it."""
        self.assertEqual(parse(b"\xff\xfa\x56\xff\xf0"), [Subnegotiation(86, b"")])

    def test_doubled_iac_is_one_byte(self) -> None:
        """IAC IAC inside is the byte 255, and so is the option 255."""
        self.assertEqual(
            parse(b"\xff\xfa\x1f\x00\xff\xff\x00\x18\xff\xf0\xff\xfa\xff\xff\xff\xf0"),
            [Subnegotiation(31, b"\x00\xff\x00\x18"), Subnegotiation(255, b"")],
        )

    def test_undoubled_iac_belongs_to_the_payload(self) -> None:
        """IAC and a byte that is no command are payload: the sender forgot to double a 255."""
        self.assertEqual(
            parse(b"\xff\xfa\x1f\x00\xff\x00\x18\xff\xf0ok"),
            [Subnegotiation(31, b"\x00\xff\x00\x18"), Data(b"ok")],
        )

    def test_command_inside_ends_it(self) -> None:
        """A command inside means that the end was forgotten: refused, and the command counts."""
        malformed = Refused(Reason.MALFORMED, 24)
        cases: list[tuple[bytes, list[Event]]] = [
            (b"\xff\xf1", [Command(Code.NOP)]),
            (b"\xff\xec", [Command(Code.EOF)]),
            (b"\xff\xfd\x01", [Negotiation(Verb.DO, 1)]),
            (b"\xff\xfa\x1fab\xff\xf0", [Subnegotiation(31, b"ab")]),
        ]
        for inside, expected in cases:
            self.assertEqual(parse(b"\xff\xfa\x18xyz" + inside), [malformed, *expected])

    def test_without_option(self) -> None:
        """IAC SB IAC SE names no option and is refused."""
        self.assertEqual(
            parse(b"\xff\xfa\xff\xf0ok"), [Refused(Reason.MALFORMED, None), Data(b"ok")]
        )

    def test_longest(self) -> None:
        """A payload of the limit is accepted, and one byte more is refused."""
        payload = b"\xff" * MAX_SUBNEGOTIATION_BYTES
        self.assertEqual(parse(subnegotiate(201, payload)), [Subnegotiation(201, payload)])
        self.assertEqual(
            parse(subnegotiate(201, payload + b"x"), b"ok"),
            [Refused(Reason.TOO_LONG, 201), Data(b"ok")],
        )

    def test_too_long_is_told_once(self) -> None:
        """However long it is, and however it ends, a subnegotiation is refused once."""
        parser = Parser()
        events = parser.receive(b"\xff\xfa\xc9")
        for _ in range(100):
            events += parser.receive(b"{" * 1000 + b"\xff\xff\xff\x01")
        self.assertEqual(events, [Refused(Reason.TOO_LONG, 201)])
        self.assertEqual(parser.receive(b"\xff\xf1"), [Command(Code.NOP)])

    def test_too_long_is_told_at_once(self) -> None:
        """The refusal does not wait for an end that may never come."""
        stream = b"\xff\xfa\xc9" + b"x" * (MAX_SUBNEGOTIATION_BYTES + 1)
        self.assertEqual(parse(stream[:-1]), [])
        self.assertEqual(parse(stream), [Refused(Reason.TOO_LONG, 201)])

    def test_too_long_is_not_kept(self) -> None:
        """Of an endless subnegotiation no more than the limit is ever held."""
        parser = Parser()
        parser.receive(b"\xff\xfa\xc9")
        for _ in range(100):
            parser.receive(b"x" * 1000)
            self.assertLessEqual(len(parser._subnegotiation), 1 + MAX_SUBNEGOTIATION_BYTES)
        self.assertEqual(len(parser._subnegotiation), 0)

    def test_next_one_after_a_refusal(self) -> None:
        """A refused subnegotiation leaves nothing behind for the next."""
        for refused in (
            subnegotiate(201, b"x" * 10_000),
            b"\xff\xfa\xc9" + b"x" * 10_000 + b"\xff\xf1",
            b"\xff\xfa\xff\xf0",
            b"\xff\xfa\xc9abc\xff\xf1",
        ):
            self.assertEqual(
                parse(refused, subnegotiate(24, b"\x00A"))[-1], Subnegotiation(24, b"\x00A")
            )


class DivisionTests(SynchronousTestCase):
    """How the stream was divided makes no difference."""

    def test_every_place(self) -> None:
        """A stream of everything gives the same events wherever it is cut."""
        stream = (
            b"a\xff\xffb\xff\xf1\xff\xfb\x18c\xff\xfa\x1f\x00\xff\xff\xff\x00\xff\xf0"
            b"\xff\xfa\xff\xf0\xff\xfa\xc9xyz\xff\xfd\x06d\xff\xf9\xff\xfa\xff\xff\xff\xf0"
        )
        whole = parse(stream)
        self.assertEqual(len(whole), 11)
        for pieces in every_division(stream):
            self.assertEqual(parse(*pieces), whole)

    @given(divided(streams(TOKENS)))
    def test_any_stream(self, pieces: list[bytes]) -> None:
        """Any stream gives the same events in pieces as in one, and nothing raises."""
        self.assertEqual(parse(*pieces), parse(b"".join(pieces)))


class EncodingTests(SynchronousTestCase):
    """Bytes that mean what we want to say."""

    def test_bytes(self) -> None:
        """The encodings are those of RFC 854 and 855."""
        self.assertEqual(escape(b"a\xffb"), b"a\xff\xffb")
        self.assertEqual(command(Code.EOR), b"\xff\xef")
        self.assertEqual(negotiate(Verb.WILL, 25), b"\xff\xfb\x19")
        self.assertEqual(subnegotiate(24, b"\x01"), b"\xff\xfa\x18\x01\xff\xf0")
        self.assertEqual(subnegotiate(86), b"\xff\xfa\x56\xff\xf0")

    def test_what_is_no_command(self) -> None:
        """A byte that more must follow is not a command, nor is a number that is no byte."""
        for code in (Code.SB, Code.WILL, Code.DONT, Code.IAC, 256, -1):
            self.assertRaises(ValueError, command, code)
        self.assertRaises(ValueError, negotiate, Verb.DO, 256)
        self.assertRaises(ValueError, subnegotiate, 256)

    @given(divided(st.lists(MEANT).map(lambda events: b"".join(map(encode, events)))))
    def test_division_of_what_is_well_formed(self, pieces: list[bytes]) -> None:
        """What was encoded by the rules is never refused, however it is divided."""
        self.assertFalse([event for event in parse(*pieces) if isinstance(event, Refused)])

    @given(st.lists(MEANT))
    def test_round_trip(self, events: list[Event]) -> None:
        """What was encoded is parsed as what was meant."""
        merged: list[Event] = []
        for event in events:
            if isinstance(event, Data) and merged and isinstance(last := merged[-1], Data):
                merged[-1] = Data(last.data + event.data)
            else:
                merged.append(event)
        self.assertEqual(parse(b"".join(map(encode, events))), merged)


class CostTests(SynchronousTestCase):
    """What hostile input costs, counted in lines of Python executed."""

    def test_plain_data(self) -> None:
        """Data without IAC costs the same whatever its length."""
        self.assertEqual(lines_run(parse, b"x" * 1_000_000), lines_run(parse, b"x" * 10))

    def test_endless_subnegotiation(self) -> None:
        """A subnegotiation without an end costs the same whatever its length."""
        start = b"\xff\xfa\xc9"
        self.assertEqual(
            lines_run(parse, start + b"x" * 1_000_000), lines_run(parse, start + b"x" * 10_000)
        )

    def test_worst_bytes(self) -> None:
        """Twice as much of the worst input costs about twice as much, not four times."""
        for unit in (b"\xff", b"\xff\xf1", b"\xff\xfb\x18", b"\xff\xfa\xff\xf0", b"\xff\xfa"):
            once = lines_run(Parser().receive, unit * 1000)
            twice = lines_run(Parser().receive, unit * 2000)
            self.assertLess(twice, 2.1 * once)
