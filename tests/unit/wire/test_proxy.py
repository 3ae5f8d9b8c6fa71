"""The PROXY protocol, read."""

from ipaddress import ip_address
from struct import pack

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.wire.proxy import (
    MAX_BINARY_BYTES,
    MAX_TEXT_BYTES,
    BadHeader,
    Client,
    Header,
    parse,
)

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def binary(
    source: str = "192.0.2.7", port: int = 50_000, parts: bytes = b"", command: int = 0x21
) -> bytes:
    """A header of version 2."""
    address = ip_address(source)
    local = ip_address("192.0.2.1" if address.version == 4 else "2001:db8::1")
    body = address.packed + local.packed + pack("!HH", port, 4000) + parts
    family = 0x11 if address.version == 4 else 0x21
    return SIGNATURE + pack("!BBH", command, family, len(body)) + body


def part(kind: int, value: bytes) -> bytes:
    return pack("!BH", kind, len(value)) + value


class TextTests(SynchronousTestCase):
    """Version 1."""

    def test_families(self) -> None:
        """It names the client's address and port, of either family."""
        for family, source in (("4", "192.0.2.7"), ("6", "2001:db8::7")):
            local = "192.0.2.1" if family == "4" else "2001:db8::1"
            line = f"PROXY TCP{family} {source} {local} 50000 4000\r\n".encode()
            self.assertEqual(parse(line + b"look\r\n"), Header(len(line), Client(source, 50_000)))

    def test_unknown(self) -> None:
        """A proxy may not know, whatever else it says."""
        for line in (b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"):
            self.assertEqual(parse(line), Header(len(line), None))

    def test_longest(self) -> None:
        """The longest line that there can be is read, and a longer one isn't waited for."""
        line = b"PROXY UNKNOWN " + b"x" * (MAX_TEXT_BYTES - 16) + b"\r\n"
        self.assertEqual(len(line), MAX_TEXT_BYTES)
        self.assertEqual(parse(line), Header(MAX_TEXT_BYTES, None))
        self.assertIsNone(parse(line[:-1]))
        self.assertRaises(BadHeader, parse, b"PROXY UNKNOWN " + b"x" * MAX_TEXT_BYTES)

    def test_bad(self) -> None:
        """Anything else is refused."""
        for line in (
            b"PROXY \r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 50000\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 50000 4000 1\r\n",
            b"PROXY TCP4  192.0.2.7 192.0.2.1 50000 4000\r\n",
            b"PROXY TCP4 2001:db8::7 192.0.2.1 50000 4000\r\n",
            b"PROXY TCP6 192.0.2.7 2001:db8::1 50000 4000\r\n",
            b"PROXY TCP4 192.0.2.7 localhost 50000 4000\r\n",
            b"PROXY TCP4 192.0.2.07 192.0.2.1 50000 4000\r\n",
            b"PROXY TCP4 192.0.2.\xb2 192.0.2.1 50000 4000\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 4000\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 50000 +1\r\n",
            b"PROXY UDP4 192.0.2.7 192.0.2.1 50000 4000\r\n",
            b"PROXY tcp4 192.0.2.7 192.0.2.1 50000 4000\r\n",
            b"proxy TCP4 192.0.2.7 192.0.2.1 50000 4000\r\n",
            b"connect Ann secret\r\n",
            b"GET / HTTP/1.1\r\n",
            b"\r\nlook\r\n",
        ):
            self.assertRaises(BadHeader, parse, line)


class BinaryTests(SynchronousTestCase):
    """Version 2."""

    def test_families(self) -> None:
        """It names the client's address and port, of either family."""
        for source in ("192.0.2.7", "2001:db8::7"):
            header = binary(source)
            self.assertEqual(parse(header + b"look"), Header(len(header), Client(source, 50_000)))

    def test_tls(self) -> None:
        """It tells whether the client speaks TLS with the proxy, among whatever else."""
        for flags, tls in ((1, True), (7, True), (0, False), (6, False)):
            parts = part(1, b"h2") + part(0x20, pack("!BL", flags, 0)) + part(4, b"\0" * 9)
            header = parse(binary(parts=parts))
            assert header is not None
            self.assertEqual(header.client, Client("192.0.2.7", 50_000, tls))

    def test_itself(self) -> None:
        """A proxy may speak for itself, and may not know for whom it speaks."""
        for header in (
            binary(command=0x20),
            SIGNATURE + b"\x20\0\0\0",
            SIGNATURE + b"\x21\0\0\x03abc",
        ):
            self.assertEqual(parse(header), Header(len(header), None))

    def test_longest(self) -> None:
        """A header up to the limit is waited for, and a longer one isn't."""
        room = MAX_BINARY_BYTES - len(binary()) - 3
        header = binary(parts=part(4, b"\0" * room))
        self.assertEqual(len(header), MAX_BINARY_BYTES)
        self.assertEqual(parse(header), Header(MAX_BINARY_BYTES, Client("192.0.2.7", 50_000)))
        self.assertRaises(BadHeader, parse, binary(parts=part(4, b"\0" * (room + 1)))[:16])

    def test_bad(self) -> None:
        """Anything else is refused."""
        for header in (
            SIGNATURE + b"\x11\x11\0\x0c" + b"\0" * 12,
            SIGNATURE + b"\x22\x11\0\x0c" + b"\0" * 12,
            SIGNATURE + b"\x21\x12\0\x0c" + b"\0" * 12,
            SIGNATURE + b"\x21\x31\0\xd8" + b"\0" * 216,
            SIGNATURE + b"\x21\x11\0\x0b" + b"\0" * 11,
            SIGNATURE + b"\x21\x21\0\x0c" + b"\0" * 12,
            binary(parts=b"\x04\0"),
            binary(parts=b"\x04\0\x05abc"),
        ):
            self.assertRaises(BadHeader, parse, header)


class AnyTests(SynchronousTestCase):
    """Whatever comes, in whatever pieces."""

    @given(st.data())
    def test_pieces(self, data: st.DataObject) -> None:
        """Until a header is complete it is waited for, however it is cut."""
        header = data.draw(
            st.sampled_from(
                (
                    b"PROXY TCP4 192.0.2.7 192.0.2.1 50000 4000\r\n",
                    b"PROXY UNKNOWN\r\n",
                    binary(),
                    binary("2001:db8::7", parts=part(0x20, b"\x01\0\0\0\0")),
                )
            )
        )
        cut = data.draw(st.integers(0, len(header) - 1))
        self.assertIsNone(parse(header[:cut]))
        complete = parse(header)
        self.assertEqual(parse(header + data.draw(st.binary(max_size=20))), complete)

    @given(st.binary(max_size=300), st.sampled_from((b"", b"PROXY ", SIGNATURE, SIGNATURE + b"!")))
    def test_rubbish(self, rubbish: bytes, start: bytes) -> None:
        """Nothing else is raised than a refusal, and no more is ever wanted than the limit."""
        try:
            header = parse(start + rubbish)
        except BadHeader:
            return
        if header is not None:
            self.assertLessEqual(header.size, len(start + rubbish))
