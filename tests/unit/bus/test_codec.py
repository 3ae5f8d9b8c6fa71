"""What crosses the bus arrives as it was, or is refused by a declared error."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.codec import MAX_NAME, MAX_PAYLOAD_BYTES, VERSION, Codec, kind_of
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.errors import Garbled, UnknownKind, Unsendable
from mudserver.ids import AccountId, Epoch, Generation, InputNumber, SessionId, TokenHash
from mudserver.interfaces.authority import Attended, LookUpName, NameState, Origin, Refresh, Revoke
from mudserver.interfaces.bus import Message, Request
from mudserver.interfaces.continuity import FromWorld, HandedOver, HandOver, WorldOpened
from mudserver.interfaces.play import Detached, EventId, Input, PasswordWanted, Show
from mudserver.session.moment import Moment
from mudserver.view.line import Line, Span, Style, View
from tests.unit.bus.values import declared, reply_type, values

CODEC = Codec(VOCABULARY)
MESSAGES = [kind for kind in VOCABULARY if issubclass(kind, Message)]
REQUESTS = [kind for kind in VOCABULARY if issubclass(kind, Request)]
WHO = LookUpName("Ann", Origin("192.0.2.1", secure=True))

#: Of each type.
EXAMPLES = 20

anything = st.sampled_from(VOCABULARY).flatmap(values)


def read(payload: bytes) -> object:
    """Read a payload as what its type says."""
    try:
        return CODEC.decode_message(payload)
    except Garbled:
        return CODEC.decode_request(payload)


def payload_of(name: str, body: object) -> bytes:
    """A payload with that name and those fields."""
    return bytes((VERSION, len(name))) + name.encode() + msgspec.msgpack.encode(body)


class VocabularyTest(SynchronousTestCase):
    """Everything that the interfaces have for the bus can cross it."""

    def test_complete(self) -> None:
        """Every message and request is in the vocabulary, once."""
        self.assertCountEqual(VOCABULARY, declared())

    def test_names(self) -> None:
        """The names on the wire are the types', and short enough."""
        for kind in VOCABULARY:
            self.assertLessEqual(len(kind.__name__), MAX_NAME)

    def test_two_of_one_name(self) -> None:
        """Two types of one name can't be told apart."""
        self.assertRaises(TypeError, Codec, (Show, Show))

    def test_no_reply_type(self) -> None:
        """A request must say what is replied."""

        @frozen
        class Silent(Request):  # type: ignore[type-arg]
            pass

        self.assertRaises(TypeError, Codec, (Silent,))


class RoundTripTest(SynchronousTestCase):
    """What is written is read as it was."""

    def test_each(self) -> None:
        """Values of each type arrive equal, and of the same type."""
        for kind in VOCABULARY:
            self._each(kind, CODEC.decode_message if kind in MESSAGES else CODEC.decode_request)

    def _each(self, kind: type, decode: Callable[[bytes], object]) -> None:
        @settings(max_examples=EXAMPLES)
        @given(values(kind))
        def check(value: Any) -> None:
            there = decode(CODEC.encode(value))
            self.assertEqual(there, value)
            self.assertIs(type(there), kind)

        check()

    def test_each_reply(self) -> None:
        """So do replies."""
        for kind in REQUESTS:
            self._each_reply(kind)

    def _each_reply(self, kind: type) -> None:
        @settings(max_examples=EXAMPLES)
        @given(values(kind), values(reply_type(kind)))
        def check(request: Any, reply: object) -> None:
            there = CODEC.decode_reply(request, CODEC.encode_reply(request, reply))
            self.assertEqual(there, reply)
            self.assertIs(type(there), type(reply))

        check()

    def test_time(self) -> None:
        """A time arrives with its zone, to the microsecond."""
        when = datetime(2026, 2, 3, 4, 5, 6, 789, UTC)
        request = Refresh(SessionId("s"), None, None)
        attended = Attended(AccountId(1), "Ann", TokenHash("cafe"), when, ("Ann",))
        there = CODEC.decode_reply(request, CODEC.encode_reply(request, attended))
        self.assertEqual((there.expires, there.expires.tzinfo), (when, UTC))
        nowhere = CODEC.encode_reply(request, evolve(attended, expires=when.replace(tzinfo=None)))
        self.assertRaises(Garbled, CODEC.decode_reply, request, nowhere)

    def test_kind(self) -> None:
        """The type of a payload can be named without reading it; of no payload, too."""
        self.assertEqual(kind_of(CODEC.encode(WHO)), "LookUpName")
        for data in (b"", b"\x01", b"\x01\x00", b"\x01\xff"):
            self.assertEqual(kind_of(data), "?")


class RefusalTest(SynchronousTestCase):
    """What can't be read is refused by one error, what can't be written by another."""

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """Bytes are a payload, or they are garbled."""
        for decode in (CODEC.decode_message, CODEC.decode_request):
            with contextlib.suppress(Garbled):
                decode(data)

    @given(st.sampled_from(VOCABULARY), st.binary(max_size=200))
    def test_any_body(self, kind: type, data: bytes) -> None:
        """So with a type that is known before them, and for replies."""
        name = kind.__name__.encode()
        for attempt in (
            lambda: read(bytes((VERSION, len(name))) + name + data),
            lambda: CODEC.decode_reply(WHO, bytes((VERSION,)) + data),
        ):
            with contextlib.suppress(Garbled):
                attempt()

    @given(anything, st.data())
    def test_truncated(self, value: Any, data: st.DataObject) -> None:
        """A payload that ends early is garbled."""
        payload = CODEC.encode(value)
        cut = payload[: data.draw(st.integers(0, len(payload) - 1))]
        self.assertRaises(Garbled, read, cut)

    @given(anything, st.data())
    def test_mutated(self, value: Any, data: st.DataObject) -> None:
        """A payload with other bytes in it is another value, or garbled."""
        payload = bytearray(CODEC.encode(value))
        for place in data.draw(st.lists(st.integers(0, len(payload) - 1), max_size=4)):
            payload[place] = data.draw(st.integers(0, 255))
        try:
            there = read(bytes(payload))
        except Garbled:
            return
        self.assertIn(type(there), VOCABULARY)

    def test_version(self) -> None:
        """Another version is garbled."""
        payload = CODEC.encode(WHO)
        other = bytes((VERSION + 1,)) + payload[1:]
        self.assertRaises(Garbled, CODEC.decode_request, other)
        self.assertRaises(Garbled, CODEC.decode_reply, WHO, bytes((VERSION + 1,)) + b"\xc0")

    def test_trailing(self) -> None:
        """Nothing follows the fields."""
        self.assertRaises(Garbled, CODEC.decode_request, CODEC.encode(WHO) + b"\xc0")

    def test_strict(self) -> None:
        """A number is no text, a text no number, and every field without a default is there."""
        good = {"session": "s", "generation": 1, "quit": True}
        gone = Detached(SessionId("s"), Generation(1), quit=True)
        self.assertEqual(CODEC.decode_message(payload_of("Detached", good)), gone)
        for wrong in ({"session": 1}, {"generation": "1"}, {"quit": 1}, {"generation": 1.5}):
            self.assertRaises(Garbled, CODEC.decode_message, payload_of("Detached", good | wrong))
        for missing in good:
            rest = {name: value for name, value in good.items() if name != missing}
            self.assertRaises(Garbled, CODEC.decode_message, payload_of("Detached", rest))

    def test_message_or_request(self) -> None:
        """A request is no message, and a message no request."""
        self.assertRaises(Garbled, CODEC.decode_message, CODEC.encode(WHO))
        wanted = PasswordWanted(SessionId("s"))
        self.assertRaises(Garbled, CODEC.decode_request, CODEC.encode(wanted))

    def test_nesting(self) -> None:
        """A message inside another has none inside, however deep the rest of the bytes nests."""
        inner = FromWorld(Epoch(1), WorldOpened())
        self.assertRaises(Unsendable, CODEC.encode, FromWorld(Epoch(1), inner))
        fields = {"epoch": 1, "message": CODEC.encode(inner)}
        self.assertRaises(Garbled, CODEC.decode_message, payload_of("FromWorld", fields))
        deep = payload_of("WorldOpened", {"new": None})[:-1] + b"\x91" * 500_000
        self.assertRaises(Garbled, CODEC.decode_message, deep)

    def test_request_inside(self) -> None:
        """A request can't be inside a message."""
        fields = {"epoch": 1, "message": CODEC.encode(WHO)}
        self.assertRaises(Garbled, CODEC.decode_message, payload_of("FromWorld", fields))

    def test_promised_more_than_there_is(self) -> None:
        """An array that claims to be huge costs nothing."""
        for start in (b"\x81\xa8sessions\xdd\xff\xff\xff\xff", b"\x81\xa3new\xdd\xff\xff\xff\xff"):
            payload = bytes((VERSION, 4)) + b"Show" + start + b"\xa1s"
            self.assertRaises(Garbled, CODEC.decode_message, payload)

    def test_largest(self) -> None:
        """A payload has a largest size, on both sides."""

        def show(size: int) -> Show:
            return Show(View("text", bytes(size)), ())

        rest = len(CODEC.encode(show(100_000))) - 100_000
        largest = CODEC.encode(show(MAX_PAYLOAD_BYTES - rest))
        self.assertEqual(len(largest), MAX_PAYLOAD_BYTES)
        self.assertIsInstance(CODEC.decode_message(largest), Show)
        self.assertRaises(Unsendable, CODEC.encode, show(MAX_PAYLOAD_BYTES - rest + 1))
        padded = payload_of("WorldOpened", {"new": bytes(MAX_PAYLOAD_BYTES - 20)})
        self.assertGreater(len(padded), MAX_PAYLOAD_BYTES)
        self.assertRaises(Garbled, CODEC.decode_message, padded)
        self.assertEqual(
            CODEC.decode_message(payload_of("WorldOpened", {"new": bytes(1_000)})), WorldOpened()
        )
        reply: Any = "x" * MAX_PAYLOAD_BYTES
        self.assertRaises(Unsendable, CODEC.encode_reply, WHO, reply)

    def test_unwritable(self) -> None:
        """Half a surrogate pair, or a number that is too large, can't be written."""
        for typed in (
            Input(SessionId("s"), Generation(1), InputNumber(1), "\ud800"),
            Input(SessionId("s"), Generation(1), InputNumber(1 << 64), ""),
        ):
            self.assertRaises(Unsendable, CODEC.encode, typed)

    def test_secrets_are_not_told(self) -> None:
        """The error doesn't repeat what stands in the payload."""
        payload = payload_of("Revoke", {"token": ["hunter2"]})
        error = self.assertRaises(Garbled, CODEC.decode_request, payload)
        self.assertIn("Revoke", str(error))
        self.assertNotIn("hunter2", str(error))
        self.assertNotIn("hunter2", str(error.__context__))


class ReleasesTest(SynchronousTestCase):
    """Processes of neighbouring releases understand each other."""

    def test_a_newer_field_is_skipped(self) -> None:
        """A release before a field was added reads the message without it, wherever it stands."""

        def described(newer: dict[str, object]) -> bytes:
            origin = {"address": "192.0.2.1", "secure": True, **newer}
            return payload_of("LookUpName", {"name": "Ann", "origin": origin, **newer})

        newer: dict[str, object] = {"added": {"deep": [1, None, b"x"]}, "other": 1.5}
        self.assertEqual(CODEC.decode_request(described(newer)), WHO)

    def test_of_a_union_and_of_a_nested_message(self) -> None:
        """So where the codec knows alternatives apart, and in a message inside another."""
        ticket = {"type": "TicketCredential", "ticket": "t", "csrf": "c", "added": 1}
        fields = {
            "session": "s",
            "gateway": "g",
            "credential": ticket,
            "character": None,
            "transport": "telnet",
            "origin": {"address": "192.0.2.1", "secure": False},
            "added": [1],
        }
        attach: Any = CODEC.decode_request(payload_of("Attach", fields))
        self.assertEqual((attach.credential.ticket, attach.resume), ("t", None))
        inner = payload_of("PasswordWanted", {"session": "s", "added": 1})
        nested = payload_of("FromWorld", {"epoch": 7, "message": inner, "added": 1})
        expected = FromWorld(Epoch(7), PasswordWanted(SessionId("s")))
        self.assertEqual(CODEC.decode_message(nested), expected)

    def test_an_older_message_has_the_default(self) -> None:
        """A release with a new field reads a message without it."""
        fields = {"session": "s", "generation": 1, "number": 2, "text": "look"}
        expected = Input(SessionId("s"), Generation(1), InputNumber(2), "look", None)
        self.assertEqual(CODEC.decode_message(payload_of("Input", fields)), expected)

    def test_handed_over_by_an_older_gateway(self) -> None:
        """A gateway that doesn't say what a session was shown hands it over all the same; and one
        that doesn't know of it reads the rest.
        """
        request = HandOver(SessionId("s"), Generation(2), "secret", 0)
        handed = HandedOver(
            seq=3,
            missed=(b"x",),
            settled=InputNumber(1),
            numbered=InputNumber(2),
            unsettled=((InputNumber(2), "look", None),),
            ages=(1.5,),
            moments=(Moment(Epoch(3), 4), None),
            early=((InputNumber(2), "c2"),),
            said=(EventId(SessionId("e"), InputNumber(1), 4),),
            seen=(EventId(SessionId("e"), InputNumber(2), 4),),
            gapped=True,
        )
        newer = CODEC.encode_reply(request, handed)
        self.assertEqual(CODEC.decode_reply(request, newer), handed)
        fields = msgspec.msgpack.decode(newer[1:])
        older = {
            name: fields[name] for name in ("seq", "missed", "settled", "numbered", "unsettled")
        }
        written = newer[:1] + msgspec.msgpack.encode(older)
        expected = HandedOver(3, (b"x",), InputNumber(1), InputNumber(2), handed.unsettled)
        self.assertEqual(CODEC.decode_reply(request, written), expected)

    def test_unknown_kind(self) -> None:
        """A type that isn't known here is told as such, so that nobody takes it for damage."""

        @frozen
        class Newer(Message):
            pass

        payload = Codec((Newer,)).encode(Newer())
        error = self.assertRaises(UnknownKind, CODEC.decode_message, payload)
        self.assertIn("Newer", str(error))
        self.assertRaises(Unsendable, CODEC.encode, Newer())
        nested = payload_of("FromWorld", {"epoch": 1, "message": payload})
        self.assertRaises(UnknownKind, CODEC.decode_message, nested)

    def test_unknown_style(self) -> None:
        """Words of a style that isn't known here are plain, rather than lost."""
        line = {"spans": [{"text": "Hi", "style": "glittering"}]}
        view = {"type": "text", "body": b"{}", "line": line}
        shown = CODEC.decode_message(payload_of("Show", {"view": view, "sessions": ["s"]}))
        expected = Show(View("text", b"{}", Line((Span("Hi", Style.PLAIN),))), (SessionId("s"),))
        self.assertEqual(shown, expected)

    def test_replies(self) -> None:
        """A reply is read as what the request asked for."""
        reply = CODEC.encode_reply(WHO, NameState.FREE)
        self.assertIs(CODEC.decode_reply(WHO, reply), NameState.FREE)
        self.assertRaises(Garbled, CODEC.decode_reply, Revoke("t"), reply)
