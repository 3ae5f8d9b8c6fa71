"""Errors cross the bus whole, and nothing of our own faults does."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver import errors
from mudserver.bus.codec import MAX_PAYLOAD_BYTES, VERSION
from mudserver.bus.failures import decode_failure, encode_failure
from mudserver.errors import (
    BusUnavailable,
    CloseCode,
    Garbled,
    NotAuthenticated,
    PlayerError,
    StorageRefused,
    Unavailable,
    UnknownKeys,
)

CROSSING = sorted(
    (
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, (PlayerError, Unavailable))
        and kind is not UnknownKeys
    ),
    key=lambda kind: kind.__name__,
)


class FailuresTest(SynchronousTestCase):
    """What an error says, it says on the other side."""

    @given(st.sampled_from(CROSSING), st.text(max_size=50), st.none() | st.floats(0, 1e6))
    def test_each(self, kind: type[PlayerError | Unavailable], text: str, after: float) -> None:
        """Type, message, code and the time to wait arrive."""
        error = kind(text)
        if after is not None:
            error.retry_after = after
        if isinstance(error, PlayerError):
            error.code = "other"
        there = decode_failure(encode_failure(error))
        self.assertIs(type(there), kind)
        self.assertEqual(vars(there), vars(error))
        self.assertEqual(str(there), text)

    def test_close_code(self) -> None:
        """How a connection is to be closed arrives."""
        error = NotAuthenticated("No.", CloseCode.EXPIRED)
        there = decode_failure(encode_failure(error))
        assert isinstance(there, NotAuthenticated)
        self.assertIs(there.close_code, CloseCode.EXPIRED)

    def test_unknown_keys(self) -> None:
        """What a character needs and isn't there arrives, of many the first ones."""
        error = UnknownKeys(("hall",), ("lamp", "rope"))
        there = decode_failure(encode_failure(error))
        self.assertEqual((type(there), vars(there)), (UnknownKeys, vars(error)))
        many = encode_failure(UnknownKeys(("x" * 10_000,) * 10_000, ()))
        self.assertLess(len(many), MAX_PAYLOAD_BYTES)
        self.assertIsInstance(decode_failure(many), UnknownKeys)

    def test_other(self) -> None:
        """Of a fault nothing is told but that there was one."""
        for fault in (ZeroDivisionError("secret"), StorageRefused("secret"), KeyError("secret")):
            there = decode_failure(encode_failure(fault))
            self.assertIs(type(there), Unavailable)
            self.assertNotIn("secret", str(there))

    def test_of_another_release(self) -> None:
        """An error that isn't known here arrives as the nearest of its bases."""

        class Newer(BusUnavailable):
            pass

        class Stranger(PlayerError):
            pass

        self.assertIs(type(decode_failure(encode_failure(Newer("x")))), BusUnavailable)
        there = decode_failure(encode_failure(Stranger("x", code="strange", retry_after=2.0)))
        self.assertEqual(vars(there), vars(PlayerError("x", code="strange", retry_after=2.0)))

    def test_unwritable(self) -> None:
        """A message that can't be written is mended, one that is too long is cut."""
        there = decode_failure(encode_failure(PlayerError("\ud800" * 9_999, code="\ud800")))
        self.assertIs(type(there), PlayerError)

    @given(st.binary(max_size=100))
    def test_any_bytes(self, data: bytes) -> None:
        """Bytes are an error, or they are garbled."""
        for payload in (data, bytes((VERSION,)) + data):
            with contextlib.suppress(Garbled):
                self.assertIsInstance(decode_failure(payload), (PlayerError, Unavailable))

    @given(st.sampled_from(CROSSING), st.data())
    def test_mutated(self, kind: type[PlayerError | Unavailable], data: st.DataObject) -> None:
        """So with a few other bytes in them."""
        payload = bytearray(encode_failure(kind("Wait.")))
        for place in data.draw(st.lists(st.integers(0, len(payload) - 1), max_size=4)):
            payload[place] = data.draw(st.integers(0, 255))
        with contextlib.suppress(Garbled):
            decode_failure(bytes(payload))
