"""Whole text messages of WebSocket clients."""

from itertools import cycle

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.wire.frames import whole_text

MASK = b"\x37\xfa\x21\x3d"
MOST = 1_000


def frame(payload: bytes, first: int = 0x81, mask: bytes = MASK) -> bytes:
    """Return a frame as clients send it."""
    size = len(payload)
    masked = bytes(byte ^ key for byte, key in zip(payload, cycle(mask), strict=False))
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = b"\xfe" + size.to_bytes(2)
    else:
        length = b"\xff" + size.to_bytes(8)
    return bytes([first]) + length + mask + masked


class WholeTextTest(SynchronousTestCase):
    def test_example(self) -> None:
        """The standard's own example of a masked message is read (RFC 6455 §5.7)."""
        example = bytes.fromhex("818537fa213d7f9f4d5158")
        self.assertEqual(whole_text(example, MOST), (b"Hello", 11))

    @given(st.text(max_size=200), st.binary(min_size=4, max_size=4), st.binary(max_size=9))
    def test_any(self, text: str, mask: bytes, rest: bytes) -> None:
        """Any text is, by any mask, whatever follows it."""
        framed = frame(text.encode(), mask=mask)
        self.assertEqual(whole_text(framed + rest, MOST), (text.encode(), len(framed)))

    def test_sizes(self) -> None:
        """So is one of any length that is allowed, where the form of the length changes, too."""
        for size in (0, 1, 125, 126, 127, 255, 256, MOST):
            framed = frame(b"x" * size)
            self.assertEqual(whole_text(framed, MOST), (b"x" * size, len(framed)))

    def test_not_all_here(self) -> None:
        """Of one that is cut anywhere, nothing is."""
        for size in (0, 5, 300):
            framed = frame(b"x" * size)
            for cut in range(len(framed)):
                self.assertIsNone(whole_text(framed[:cut], MOST), cut)

    def test_too_long(self) -> None:
        """Nor is one that is too long, in either form of a longer length."""
        self.assertIsNone(whole_text(frame(b"x" * (MOST + 1)), MOST))
        self.assertIsNone(whole_text(frame(b"x" * (1 << 16)), 1 << 20))

    def test_needless_length(self) -> None:
        """Nor is one whose length is in a longer form than it needs."""
        payload = b"x" * 125
        self.assertIsNone(whole_text(b"\x81\xfe\0\x7d\0\0\0\0" + payload, MOST))

    def test_not_utf8(self) -> None:
        """Nor is what is no UTF-8: broken off, a surrogate, or longer than it needs to be."""
        for payload in (b"\xff", b"caf\xc3", b"\xed\xa0\x80", b"\xc0\xaf"):
            self.assertIsNone(whole_text(frame(payload), MOST))

    def test_all_else(self) -> None:
        """Nor is any other kind of frame, or one without a mask."""
        for first in range(256):
            if first != 0x81:
                self.assertIsNone(whole_text(frame(b"Hello", first), MOST), hex(first))
        self.assertIsNone(whole_text(b"\x81\x09Hello you", MOST))
