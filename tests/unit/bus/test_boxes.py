"""Envelopes come out of boxes as they were put in."""

import contextlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.backlog import Backlog
from mudserver.bus.boxes import (
    BOX_BYTES,
    CHUNK_BYTES,
    HEAD_BYTES,
    MAX_ENVELOPE_BYTES,
    Unpacker,
    box,
    encode,
    pieces,
)
from mudserver.bus.codec import MAX_PAYLOAD_BYTES
from mudserver.bus.envelopes import Ask, Chunk, Envelope, Respond, Subscribe, Unsubscribe
from mudserver.errors import Garbled, Unsendable
from tests.unit.bus.envelopes import any_envelope, large_envelope, publish

SMALLEST = HEAD_BYTES + CHUNK_BYTES + 1


def boxed(envelopes: list[Envelope], box_bytes: int = BOX_BYTES) -> list[bytes]:
    """All boxes that take those envelopes."""
    backlog = Backlog(box_bytes)
    for envelope in envelopes:
        backlog.add(envelope)
    boxes = []
    while (each := backlog.take()) is not None:
        boxes.append(each)
    return boxes


def unpacked(boxes: list[bytes]) -> list[Envelope]:
    """All that is in those boxes."""
    unpacker = Unpacker()
    return [envelope for each in boxes for envelope in unpacker.receive(each)]


class BoxesTest(SynchronousTestCase):
    """Boxes are of a limited size, and keep everything."""

    @given(
        st.lists(any_envelope | large_envelope, max_size=12),
        st.integers(SMALLEST, 200) | st.just(BOX_BYTES),
    )
    def test_any(self, envelopes: list[Envelope], box_bytes: int) -> None:
        """Whatever the size of the boxes, all envelopes come out, equal and in order."""
        boxes = boxed(envelopes, box_bytes)
        self.assertLessEqual(max(map(len, boxes), default=0), box_bytes)
        there = unpacked(boxes)
        self.assertEqual(there, envelopes)
        self.assertEqual(list(map(type, there)), list(map(type, envelopes)))

    def test_one_box(self) -> None:
        """What fits into one box goes in one; what doesn't takes as few as can be."""
        small = [publish(number) for number in range(1000)]
        size = sum(map(len, map(encode, small)))
        self.assertEqual(len(boxed(list(small))), 1)
        self.assertLess(size, BOX_BYTES)
        many = [publish(number) for number in range(10_000)]
        size = sum(map(len, map(encode, many)))
        self.assertEqual(len(boxed(list(many))), -(-size // (BOX_BYTES - HEAD_BYTES)))

    def test_largest(self) -> None:
        """The largest payload fits into an envelope; a larger envelope is refused at once."""
        largest = Ask(1, "x" * 128, 10.0, bytes(MAX_PAYLOAD_BYTES))
        boxes = boxed([largest])
        self.assertEqual((len(boxes), unpacked(boxes)), (18, [largest]))
        too_large = Ask(1, "x", 10.0, bytes(MAX_ENVELOPE_BYTES))
        self.assertRaises(Unsendable, encode, too_large)

    def test_unwritable(self) -> None:
        """What can't be written is refused."""
        self.assertRaises(Unsendable, encode, Respond("\ud800"))
        self.assertRaises(Unsendable, encode, Unsubscribe(1 << 70))

    def test_releases(self) -> None:
        """A field that another release has more, or has less and with a default, is no obstacle."""
        more = msgspec.msgpack.encode([1, 7, "world", "group", "added"])
        less = msgspec.msgpack.encode([1, 7, "world"])
        there = Unpacker().receive(box([more, less]))
        self.assertEqual(there, [Subscribe(7, "world", "group"), Subscribe(7, "world")])

    @given(st.binary(max_size=100))
    def test_any_bytes(self, data: bytes) -> None:
        """Bytes are a box, or garbled; also those of a chunked envelope."""
        for each in (data, b"\x91" + data, box([encode(Chunk(True, data))])):
            with contextlib.suppress(Garbled):
                Unpacker().receive(each)

    @given(st.lists(large_envelope, min_size=1, max_size=5), st.data())
    def test_mutated(self, envelopes: list[Envelope], data: st.DataObject) -> None:
        """So are boxes with other bytes in them, and shortened ones."""
        unpacker = Unpacker()
        with contextlib.suppress(Garbled):
            for each in boxed(envelopes, 100):
                changed = bytearray(each[: data.draw(st.integers(0, len(each)))] or each)
                changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
                    st.integers(0, 255)
                )
                unpacker.receive(bytes(changed))

    def test_chunks_that_do_not_belong(self) -> None:
        """Nothing may come between chunks, and no chunk be inside chunks."""
        first = encode(Chunk(False, b"\x92"))
        self.assertRaises(Garbled, Unpacker().receive, box([first, encode(publish(1))]))
        inner = encode(Chunk(True, encode(publish(1))))
        whole = encode(Chunk(True, inner))
        self.assertRaises(Garbled, Unpacker().receive, box([whole]))

    def test_chunks_without_end(self) -> None:
        """No more than the largest envelope is assembled; empty chunks take nothing."""
        unpacker = Unpacker()
        full = box([encode(Chunk(False, bytes(BOX_BYTES - HEAD_BYTES - CHUNK_BYTES)))])
        empty = box([encode(Chunk(False, b""))] * 1000)
        for _ in range(MAX_ENVELOPE_BYTES // BOX_BYTES):
            self.assertEqual(unpacker.receive(full), [])
            self.assertEqual(unpacker.receive(empty), [])
        self.assertRaises(Garbled, lambda: [unpacker.receive(full) for _ in range(2)])

    def test_pieces(self) -> None:
        """An envelope that just fits is not cut; one that is a byte too large is."""
        encoded = encode(publish(1, size=100))
        self.assertEqual(pieces(encoded, len(encoded) + HEAD_BYTES), [encoded])
        self.assertEqual(len(pieces(encoded, len(encoded) + HEAD_BYTES - 1)), 2)
