"""Messages compressed one by one."""

import zlib

from autobahn.websocket.compress_deflate import PerMessageDeflateOffer
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway.deflate import Inflation, agree, deflated


class DeflatedTest(SynchronousTestCase):
    @given(st.binary(max_size=5_000), st.binary(max_size=5_000))
    def test_inflates(self, one: bytes, other: bytes) -> None:
        """Any message inflates to itself, whatever came before it."""
        inflation = Inflation()
        for message in (one, other):
            inflation.start_decompress_message()
            inflated = inflation.decompress_message_data(deflated(message), len(message))
            self.assertEqual(inflated, message)
            inflation.end_decompress_message()

    def test_shrinks(self) -> None:
        """The empty block that ends a message stays behind (RFC 7692 §7.2.1)."""
        message = deflated(b"Hello. " * 100)
        self.assertLess(len(message), 40)
        self.assertFalse(message.endswith(b"\x00\x00\xff\xff"))
        self.assertEqual(zlib.decompress(message + b"\x00\x00\xff\xff\x03\x00", -15)[:6], b"Hello.")


class AgreeTest(SynchronousTestCase):
    def test_answer(self) -> None:
        """Both sides are held to messages compressed by themselves, and we to the large window."""
        for asked, answer in (
            (0, "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            (
                15,
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=15;"
                " client_no_context_takeover",
            ),
        ):
            agreed = agree([PerMessageDeflateOffer(request_max_window_bits=asked)])
            assert agreed is not None
            self.assertEqual(agreed.get_extension_string(), answer)

    def test_nothing(self) -> None:
        """Other extensions, and smaller windows, are not agreed upon."""
        self.assertIsNone(agree([]))
        self.assertIsNone(agree([object(), PerMessageDeflateOffer(request_max_window_bits=9)]))
