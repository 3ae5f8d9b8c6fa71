"""Characters as JSON documents: what is written is read, and nothing else is."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import BadDocument
from mudserver.game.character_document import (
    FORMAT,
    MAX_CHANNELS_OFF,
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_ITEMS,
    MAX_KEY_CHARS,
    MAX_MUTED,
    decode,
    encode,
)
from mudserver.interfaces.archive import CarriedItem, CharacterRecord

NOW = datetime(2026, 5, 1, tzinfo=UTC)

LAMP, ROPE = CarriedItem("lamp"), CarriedItem("rope")
MIA = CharacterRecord(
    "Mia", NOW - timedelta(days=3), "hall", (ROPE, LAMP, ROPE), ("Ann",), ("newbie",)
)

WRITTEN = """\
{
  "kind": "mudserver character",
  "format": 3,
  "name": "Mia",
  "created": "2026-04-28T00:00:00Z",
  "room": "hall",
  "items": [
    "rope",
    "lamp",
    "rope"
  ],
  "muted": [
    {
      "name": "Ann"
    }
  ],
  "channels_off": [
    "newbie"
  ]
}
"""

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
NAMES = st.from_regex(r"\A[A-Z][a-z]{1,19}\Z")

THINGS = st.builds(CarriedItem, KEYS) | st.builds(
    CarriedItem, KEYS, st.booleans(), st.lists(st.builds(CarriedItem, KEYS), max_size=3).map(tuple)
)


class DocumentTests(SynchronousTestCase):
    def refused(self, data: bytes, words: str) -> None:
        error = self.assertRaises(BadDocument, decode, data, NOW)
        self.assertIn(words, error.message)
        self.assertLess(len(error.message), 300)

    def changed(self, **changes: Any) -> bytes:
        document = {**json.loads(WRITTEN), **changes}
        present = {key: value for key, value in document.items() if value is not ...}
        return json.dumps(present).encode()

    def test_written(self) -> None:
        """The document is the one that the documentation shows."""
        self.assertEqual(encode(MIA).decode(), WRITTEN)
        self.assertEqual(decode(WRITTEN.encode(), NOW), MIA)

    @given(
        st.builds(
            CharacterRecord,
            NAMES,
            st.datetimes(datetime(1970, 1, 1), datetime(2026, 5, 1), timezones=st.just(UTC)),  # noqa: DTZ001
            st.none() | KEYS,
            st.lists(THINGS).map(tuple),
            st.lists(NAMES).map(tuple),
            st.lists(st.from_regex(r"\A[a-z]{2,12}\Z")).map(tuple),
        )
    )
    def test_round_trip(self, record: CharacterRecord) -> None:
        """What was written is read as it was."""
        self.assertEqual(decode(encode(record), NOW), record)

    def test_containers(self) -> None:
        """A container is written with what is in it, and an empty open one as any other thing."""
        purse = CarriedItem("purse", closed=True, contents=(CarriedItem("coin"),))
        bag = CarriedItem("bag", contents=(LAMP, purse))
        record = evolve(MIA, items=(bag, CarriedItem("sack")))
        written = json.loads(encode(record))
        self.assertEqual(
            written["items"],
            [
                {
                    "key": "bag",
                    "closed": False,
                    "contents": [
                        "lamp",
                        {"key": "purse", "closed": True, "contents": ["coin"]},
                    ],
                },
                "sack",
            ],
        )
        self.assertEqual(decode(encode(record), NOW), record)

    def test_too_deep(self) -> None:
        """What is deeper than containers can be is refused, however deep it is."""
        for depth, refused in ((MAX_DEPTH, False), (MAX_DEPTH + 1, True), (100_000, True)):
            inner = '{"key": "box", "closed": false, "contents": [' * depth + "]}" * depth
            data = WRITTEN.replace('"lamp"', inner).encode()
            if refused:
                self.assertRaises(BadDocument, decode, data, NOW)
            else:
                self.assertEqual(len(decode(data, NOW).item_keys), 2 + depth)

    def test_too_much_inside(self) -> None:
        """What is in containers counts, too."""
        box = CarriedItem("box", contents=(LAMP,) * (MAX_ITEMS - 1))
        full = evolve(MIA, items=(box,))
        self.assertEqual(decode(encode(full), NOW), full)
        data = encode(full).replace(b'"items": [', b'"items": ["rope",')
        self.assertRaises(BadDocument, decode, data, NOW)
        self.assertRaises(BadDocument, encode, evolve(MIA, items=(box, LAMP)))

    def test_largest(self) -> None:
        """The most that the format takes fits; one more is not written."""
        key, name = "k" * MAX_KEY_CHARS, "Ann"
        largest = evolve(
            MIA,
            items=(CarriedItem(key),) * MAX_ITEMS,
            muted=(name,) * MAX_MUTED,
            channels_off=("x" * 12,) * MAX_CHANNELS_OFF,
        )
        written = encode(largest)
        self.assertLess(len(written), MAX_DOCUMENT_BYTES)
        self.assertEqual(decode(written, NOW), largest)
        for more in (
            evolve(largest, items=(CarriedItem(key),) * (MAX_ITEMS + 1)),
            evolve(largest, muted=(name,) * (MAX_MUTED + 1)),
            evolve(largest, channels_off=("x" * 12,) * (MAX_CHANNELS_OFF + 1)),
        ):
            self.assertRaises(BadDocument, encode, more)

    def test_older(self) -> None:
        """A document of an older format, which says nothing of channels, turns none off."""
        for number in (1, 2):
            older = self.changed(format=number, channels_off=...)
            self.assertEqual(decode(older, NOW), evolve(MIA, channels_off=()))

    def test_newer(self) -> None:
        """A newer format is named as such, whatever else is in it."""
        newer = self.changed(format=FORMAT + 1, name=7, wings=[{"feathers": True}])
        self.refused(
            newer, f"has the format {FORMAT + 1}, and this mudserver knows those up to {FORMAT}"
        )

    def test_not_json(self) -> None:
        """What is not JSON is told apart from what is no character."""
        for data in (
            b"",
            b"\xff\xfe",
            b"kind: character",
            WRITTEN.encode()[:-3],
            b'{"a": ' + b"[" * 100_000,
        ):
            self.refused(data, "not JSON")
        for data in (b"{}", b"[]", b"null", b"7", self.changed(kind="a cat")):
            self.refused(data, "no mudserver character")

    def test_wrong_fields(self) -> None:
        """A wrong field is named, with its place."""
        for changes, words in (
            ({"name": 7}, "$.name"),
            ({"name": "Mia\0"}, "$.name"),
            ({"name": "M" * 21}, "$.name"),
            ({"name": ...}, "`name`"),
            ({"format": 0}, "$.format"),
            ({"format": True}, "$.format"),
            ({"created": "yesterday"}, "$.created"),
            ({"created": "2026-04-28T00:00:00"}, "$.created"),
            ({"room": ""}, "$.room"),
            ({"room": "a b"}, "$.room"),
            ({"room": "x" * (MAX_KEY_CHARS + 1)}, "$.room"),
            ({"items": ["lamp", "\x1b[31m"]}, "$.items"),
            ({"items": ["lämp"]}, "$.items"),
            ({"items": ["lamp"] * (MAX_ITEMS + 1)}, "$.items"),
            ({"items": {"lamp": 1}}, "$.items"),
            ({"muted": ["Ann"]}, "$.muted"),
            ({"muted": [{"name": "Ann", "id": 1}]}, "`id`"),
            ({"channels_off": ["Chat"]}, "$.channels_off"),
            ({"channels_off": ["chat\n"]}, "$.channels_off"),
            ({"channels_off": ["chat"] * (MAX_CHANNELS_OFF + 1)}, "$.channels_off"),
            ({"role": "owner"}, "`role`"),
        ):
            self.refused(self.changed(**changes), words)

    def test_hostile_words(self) -> None:
        """What an error quotes of the document is short, and does nothing to a terminal."""
        for name in ("\x1b[2Jyou", "x" * 100_000, "line\nline"):
            error = self.assertRaises(BadDocument, decode, self.changed(**{name: 1}), NOW)
            self.assertTrue(error.message.isprintable(), error.message)
            self.assertLess(len(error.message), 300)

    def test_times(self) -> None:
        """A moment is taken in any zone, but none in the future or before the epoch."""
        there = timezone(timedelta(hours=5))
        elsewhere = MIA.created.astimezone(there).isoformat()
        self.assertEqual(decode(self.changed(created=elsewhere), NOW), MIA)
        for moment in ("2026-05-03T00:00:00Z", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z"):
            self.refused(self.changed(created=moment), "in the future, or before 1970")

    def test_too_large(self) -> None:
        """More bytes than any document has are not even parsed."""
        self.refused(b" " * MAX_DOCUMENT_BYTES + WRITTEN.encode(), "larger than")

    @given(st.binary(max_size=200) | st.text().map(str.encode))
    def test_noise(self, data: bytes) -> None:
        """Whatever it is, it is refused and nothing else happens."""
        self.assertRaises(BadDocument, decode, data, NOW)

    def test_documentation(self) -> None:
        """The documentation shows a document that is read, with all its fields."""
        page = (Path(__file__).parents[3] / "docs" / "backup.md").read_text(encoding="utf-8")
        (shown,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        self.assertEqual(shown, WRITTEN)
        for name in json.loads(shown):
            self.assertIn(f"\n| `{name}` | ", page)
