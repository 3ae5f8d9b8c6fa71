"""
The PROXY protocol, versions 1 and 2: what a proxy says of a connection before the connection.

Sans-IO: `parse` looks at what has come so far. The specification is that of HAProxy,
``doc/proxy-protocol.txt``. What a header says is worth as much as the proxy that said it; whose
word counts is decided elsewhere.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import Struct
from typing import Final

from attrs import frozen

#: Longest header of version 1, with its CR LF: that of the specification.
MAX_TEXT_BYTES: Final = 107

#: Longest header of version 2. Addresses take 52 bytes at most; the rest is for certificates of
#: clients and the like, which proxies may be told to add.
MAX_BINARY_BYTES: Final = 4096

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_TEXT: Final = b"PROXY "
_CRLF: Final = b"\r\n"
_head: Final = Struct("!12sBBH")
_part: Final = Struct("!BH")
_inet: Final = Struct("!4s4sHH")
_inet6: Final = Struct("!16s16sHH")
_ADDRESSES: Final = {0x11: _inet, 0x21: _inet6}  # TCP over IPv4, TCP over IPv6

_LOCAL: Final = 0x20
_PROXY: Final = 0x21
_SSL: Final = 0x20
_CLIENT_SSL: Final = 0x01
_MAX_PORT: Final = 65_535


class BadHeader(Exception):
    """What came is no header, or one that we don't understand; the text says why."""


@frozen
class Client:
    """
    Whom a proxy speaks for.

    Attributes:
        address: The client's IP address.
        port: Its port.
        tls: Whether it speaks TLS with the proxy; only version 2 can tell.
    """

    address: str
    port: int
    tls: bool = False


@frozen
class Header:
    """
    A header, read.

    Attributes:
        size: Bytes of it; what follows them is the connection.
        client: Whom the proxy speaks for; None where it speaks for itself, say to see whether we
            are alive, or doesn't know.
    """

    size: int
    client: Client | None


def parse(data: bytes) -> Header | None:
    """
    Read the header at the beginning of a connection.

    Args:
        data: All that has come so far.

    Returns:
        None while the header isn't complete; then more is wanted.

    Raises:
        BadHeader: There won't be one.
    """
    if data.startswith(_SIGNATURE[: len(data)]):
        return _binary(data)
    if data.startswith(_TEXT[: len(data)]):
        return _text(data)
    raise BadHeader("no header")


def _text(data: bytes) -> Header | None:
    """Read version 1."""
    end = data.find(_CRLF, 0, MAX_TEXT_BYTES)
    if end < 0:
        if len(data) >= MAX_TEXT_BYTES:
            raise BadHeader("a line without an end")
        return None
    size = end + len(_CRLF)
    match data[:end].split(b" "):
        case [_, b"UNKNOWN", *_]:
            return Header(size, None)
        case [_, b"TCP4" | b"TCP6" as family, source, destination, port, other_port]:
            version = 4 if family == b"TCP4" else 6
            _read_address(destination, version)
            _read_port(other_port)
            return Header(size, Client(_read_address(source, version), _read_port(port)))
        case _:
            raise BadHeader("a line of another form")


def _read_address(text: bytes, version: int) -> str:
    try:
        address = ip_address(text.decode("ascii"))
    except ValueError:
        raise BadHeader("no address") from None
    if address.version != version:
        raise BadHeader("an address of another family")
    return str(address)


def _read_port(text: bytes) -> int:
    if not (text.isdigit() and len(text) <= len(str(_MAX_PORT)) and int(text) <= _MAX_PORT):
        raise BadHeader("no port")
    return int(text)


def _binary(data: bytes) -> Header | None:
    """Read version 2."""
    if len(data) < _head.size:
        return None
    _, command, family, length = _head.unpack_from(data)
    size = _head.size + length
    if command not in (_LOCAL, _PROXY):
        raise BadHeader("a version or a command that there isn't")
    if size > MAX_BINARY_BYTES:
        raise BadHeader("too long")
    if len(data) < size:
        return None
    if command == _LOCAL or family == 0:
        return Header(size, None)
    form = _ADDRESSES.get(family)
    if form is None:
        raise BadHeader("neither TCP over IPv4 nor over IPv6")
    if length < form.size:
        raise BadHeader("addresses cut short")
    source, _, port, _ = form.unpack_from(data, _head.size)
    address = IPv4Address(source) if form is _inet else IPv6Address(source)
    tls = _says_tls(data[_head.size + form.size : size])
    return Header(size, Client(str(address), port, tls))


def _says_tls(parts: bytes) -> bool:
    """Look for the part that tells of TLS between client and proxy (section 2.2.6)."""
    while parts:
        if len(parts) < _part.size:
            raise BadHeader("a part cut short")
        kind, length = _part.unpack_from(parts)
        value, parts = parts[_part.size : _part.size + length], parts[_part.size + length :]
        if len(value) < length:
            raise BadHeader("a part cut short")
        if kind == _SSL and value:
            return bool(value[0] & _CLIENT_SSL)
    return False
