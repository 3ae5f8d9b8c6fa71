"""What could not be delivered, as operators read it."""

from importlib import import_module
from json import loads
from pkgutil import iter_modules
from typing import Any

import attrs
import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver import interfaces
from mudserver.bus.codec import VERSION, Codec
from mudserver.bus.legible import MAX_DEPTH, MAX_UNKNOWN_BYTES, NOT_SHOWN, SECRETS, legible
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.ids import Epoch, Generation, InputNumber, SessionId
from mudserver.interfaces.authority import Origin, Register
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import EventId, Input, Show
from mudserver.view.line import Line, Span, View

SESSION = SessionId("g-1")


def shown(body: bytes) -> FromWorld:
    """What a world has a gateway show."""
    view = View("chat", body, Line((Span("Ann tells you: hi"),)))
    return FromWorld(
        Epoch(4), Show(view, (SESSION,), EventId(SESSION, InputNumber(7), 0), durable=True)
    )


def packed(kind: str, fields: object) -> bytes:
    """A payload as another release may have written it."""
    name = kind.encode()
    return bytes((VERSION, len(name))) + name + msgspec.msgpack.encode(fields)


class LegibleTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.codec = Codec(VOCABULARY)

    def read(self, payload: bytes) -> dict[str, Any]:
        read = loads(legible(self.codec, payload))
        assert isinstance(read, dict)
        return read

    def test_what_is_shown(self) -> None:
        """What players are shown stands there in plain words, and nothing of it as bytes."""
        read = self.read(self.codec.encode(shown(b'{"type":"chat","text":"hi \xc3\xa9"}')))
        self.assertEqual(read["epoch"], 4)
        view = read["Show"]["view"]
        self.assertEqual(view["body"], {"type": "chat", "text": "hi é"})
        self.assertEqual(view["line"]["spans"][0]["text"], "Ann tells you: hi")
        self.assertEqual(read["Show"]["event"], {"session": "g-1", "number": 7, "index": 0})

    def test_other_bytes(self) -> None:
        """Bytes that are no JSON are text where they can be, and else hexadecimal."""
        for body, expected in (
            (b"hello", "hello"),
            (b"{oh", "{oh"),
            (b"\xff\x00", {"bytes": "ff00"}),
        ):
            read = self.read(self.codec.encode(shown(body)))
            self.assertEqual(read["Show"]["view"]["body"], expected)

    def test_unknown_kind(self) -> None:
        """What a later release alone knows shows its fields nevertheless, and says why."""
        read = self.read(packed("Whispered", {"session": "g-1", "body": b'{"a":[1]}'}))
        self.assertEqual(read["kind"], "Whispered")
        self.assertIn("vocabulary", read["unreadable"])
        self.assertEqual(read["fields"], {"session": "g-1", "body": {"a": [1]}})

    def test_unknown_within(self) -> None:
        """So does what a world of a later release tells."""
        inner = packed("Whispered", {"session": "g-1"})
        read = self.read(packed("FromWorld", {"epoch": 4, "message": inner}))
        self.assertEqual(read["fields"]["epoch"], 4)
        self.assertEqual(read["fields"]["message"]["kind"], "Whispered")
        self.assertEqual(read["fields"]["message"]["fields"], {"session": "g-1"})

    def test_unfit(self) -> None:
        """What has other fields than its type shows those that it has."""
        read = self.read(packed("Detached", {"session": 7}))
        self.assertEqual((read["kind"], read["fields"]), ("Detached", {"session": 7}))
        self.assertIn("Detached", read["unreadable"])

    def test_undecodable(self) -> None:
        """What can't be decoded at all is shown as it is, with a word why."""
        long = packed("Whispered", {"text": "x" * MAX_UNKNOWN_BYTES})
        for payload in (b"", b"\x00\xff", b"\x01\x04Nope", packed("Nope", [1]), long):
            read = self.read(payload)
            self.assertEqual(read["bytes"], payload.hex())
            self.assertTrue(read["unreadable"])

    def test_secrets(self) -> None:
        """What is kept out of logs is not shown, whether or not the rest can be read."""
        typed = Input(SESSION, Generation(1), InputNumber(2), "password hunter2 hunter3")
        register = Register("Ann", "hunter2", Origin("192.0.2.1", secure=True))
        for payload in (
            self.codec.encode(typed),
            packed("Input", {"session": 7, "text": "password hunter2 hunter3"}),
            packed("Input", "hunter2"),
            self.codec.encode(register),
            packed("Register", {"what": ["hunter2"]}),
            packed("Later", {"who": {"password": "hunter2", "resume": {"secret": "hunter2"}}}),
        ):
            self.assertNotIn("hunter2", legible(self.codec, payload))
            self.assertNotIn(b"hunter2".hex(), legible(self.codec, payload))
        read = self.read(self.codec.encode(typed))
        self.assertEqual((read["session"], read["text"]), ("g-1", NOT_SHOWN))

    def test_secrets_are_known(self) -> None:
        """Whatever the bus's values keep out of logs is known by its name."""
        names = {
            field.name
            for module in ("authority", "continuity")
            for value in vars(import_module(f"mudserver.interfaces.{module}")).values()
            if isinstance(value, type) and attrs.has(value)
            for field in attrs.fields(value)
            if not field.repr
        }
        self.assertIn("authority", {each.name for each in iter_modules(interfaces.__path__)})
        self.assertEqual(names - SECRETS, set())

    def test_deep(self) -> None:
        """What is inside too much else is left out."""
        deep: object = "bottom"
        for _ in range(MAX_DEPTH + 1):
            deep = {"in": deep}
        text = legible(self.codec, packed("Deep", {"in": deep}))
        self.assertNotIn("bottom", text)
        self.assertIn('"in"', text)

    @given(st.binary(max_size=200))
    def test_anything(self, rest: bytes) -> None:
        """Whatever it is, something is shown of it."""
        for start in (b"", b"\x01\x04Nope", b"\x01\x09FromWorld\x82\xa5epoch\x01\xa7message"):
            self.read(start + rest)

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**63), 2**64 - 1)
            | st.floats()
            | st.text()
            | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner),
            max_leaves=10,
        )
    )
    def test_any_fields(self, value: object) -> None:
        """Whatever the fields of a later release hold is shown."""
        try:
            payload = packed("Later", {"value": value})
        except OverflowError:
            return
        self.assertIn("value", self.read(payload)["fields"])
