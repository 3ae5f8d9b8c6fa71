"""JSON text to typed messages, and every way to be refused."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.wire.envelope import MAX_DEPTH, MessageRefused, decode, encode
from mudserver.wire.messages import Command, Expiring, Hello, Ping, Resume, RoomDelta


def say(**fields: object) -> bytes:
    return json.dumps(fields).encode()


class DecodeTests(SynchronousTestCase):
    """`decode` returns a typed message, or says with a code what is wrong."""

    def refused(self, data: bytes) -> MessageRefused:
        refusal: MessageRefused = self.assertRaises(MessageRefused, decode, data)
        return refusal

    def test_messages(self) -> None:
        """A message of a client becomes its type."""
        self.assertEqual(Command("look", "1"), decode(say(type="command", text="look", id="1")))
        self.assertEqual(Ping(), decode(say(type="ping")))
        resume = {"session": "s", "secret": "x", "seq": 3}
        self.assertEqual(
            Hello("t", "c", resume=Resume("s", "x", 3)),
            decode(say(type="hello", ticket="t", csrf="c", resume=resume)),
        )

    def test_codes(self) -> None:
        """Each fault has its code."""
        for data, code in (
            (b"", "bad_json"),
            (b"hello", "bad_json"),
            (b'{"type": "ping"', "bad_json"),
            (b'{"type": "ping", "id": "\xff"}', "bad_json"),
            (b'{"type": "ping", "id": "\\ud800"}', "bad_json"),
            (b"[]", "bad_field"),
            (say(text="look"), "bad_type"),
            (say(type="dance"), "bad_type"),
            (say(type="command", text="look", loud=True), "bad_field"),
            (say(type="command", text=1), "bad_field"),
            (say(type="command"), "bad_field"),
            (say(type="command", text="x" * 2001), "too_long"),
            (say(type="command", text="look", id="x" * 65), "too_long"),
            (say(type="occupants", after=-1), "bad_field"),
            (say(type="occupants", after=2**53), "bad_field"),
            (b'{"type": "occupants", "after": 1e400}', "bad_field"),
            (say(type="refresh"), "bad_field"),
            (say(type="refresh", token=None), "bad_field"),
            (say(type="refresh", token="t", ticket="t"), "bad_field"),
            (b"[" * (MAX_DEPTH + 1), "too_deep"),
        ):
            self.assertEqual(code, self.refused(data).code, data)

    def test_names_that_come_twice(self) -> None:
        """A field that is there twice is refused, however it is spelt; in a text it is no field."""
        for twice in (
            b'{"type": "ping", "id": "1", "id": "2"}',
            rb'{"type": "ping", "id": "1", "\u0069d" : "2"}',
            b'{"type":"hello","ticket":"t","csrf":"c","resume":{"session":"s","secret":"x",'
            b'"seq":1,"seq":2}}',
            b'{"type":"command","text":"look","text":"look"}',
            b'{"type":"command","text":"look","type":"command"}',
            b'{"type":"command","text":"look","id":"1","id":"2"}',
            b'{"type":"command","text":"look","id":null,"id":"1"}',
            b'{"type":"command","text":"look","id":"1","id":null}',
            rb'{"type":"command","text":"\\","text":"look"}',
        ):
            self.assertEqual(self.refused(twice).code, "bad_json", twice)
        self.assertEqual(self.refused(b'{"type": "bye", "type": "ping"}').code, "bad_type")
        text = 'say {"text": "text": "type":'
        self.assertEqual(Command(text, "type"), decode(say(type="command", text=text, id="type")))

    def test_control_characters(self) -> None:
        """Neither commands, ids nor names hold what no database takes and no log should."""
        for fields in (
            {"type": "command", "text": "say \x1b[2J"},
            {"type": "command", "text": "look", "id": "\x00a"},
            {"type": "command", "text": "look", "id": "a\n"},
            {"type": "login", "name": "ann\x00", "password": "x"},
            {"type": "login", "name": "ann", "password": "x", "character": "\x7f"},
        ):
            refusal = self.refused(say(**fields))
            self.assertEqual("bad_field", refusal.code)
            self.assertIn("ontrol characters", refusal.message)

    def test_passwords_may_hold_anything(self) -> None:
        """A password is hashed, never stored or shown."""
        decode(say(type="login", name="ann", password="\x00\n"))

    def test_id_of_the_refused(self) -> None:
        """A refusal names the message that it answers, where that can be read."""
        self.assertEqual("7", self.refused(say(type="command", text=1, id="7")).id)
        self.assertIsNone(self.refused(say(type="command", text=1, id=7)).id)
        self.assertIsNone(self.refused(b'{"type":"coo","id":"\xfa4"}').id)

    def test_depth_counts_outside_strings(self) -> None:
        """Brackets that a player types are no nesting."""
        decode(say(type="command", text='say "' + "[{" * 50))

    @given(st.binary(max_size=80))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever comes is a message or is refused."""
        try:
            decode(data)
        except MessageRefused as error:
            self.assertTrue(error.code)


class EncodeTests(SynchronousTestCase):
    """`encode` writes what the protocol shows."""

    def test_keywords(self) -> None:
        """Fields that Python has no names for have the protocol's."""
        self.assertEqual({"type": "expiring", "in": 5.0}, json.loads(encode(Expiring(in_=5.0))))
        delta = RoomDelta(from_=1, to=2, patch=(), time="t")
        self.assertEqual(1, json.loads(encode(delta))["from"])
