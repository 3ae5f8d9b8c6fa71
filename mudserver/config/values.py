"""What a setting's value may be: parsers of what options, files and the environment give."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from attrs import evolve
from twisted.internet.endpoints import serverFromString

from mudserver.config.bus_address import BusAddress
from mudserver.config.bus_user import BusUser
from mudserver.world.channels import Channel, check_channels

Network = IPv4Network | IPv6Network

Parse = Callable[[object], object]

#: What stands before an endpoint where trusted proxies speak the PROXY protocol.
PROXIED: Final = "haproxy:"

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})
_LARGEST_PORT: Final = 65_535
_LONGEST_NAME: Final = 60
_NO_TOPIC: Final = "anything at all"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[a-z0-9_.-]+|\[[0-9a-f:.]+\]", re.IGNORECASE | re.ASCII)
_PEER: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_PEER: Final = 32
_COLON: Final = re.compile(r"(?<!\\):")
_MODE: Final = re.compile(r"(0o?)?[0-7]{3}")
_OWNER: Final = 0o600
_ANYBODY: Final = 0o666


class Unacceptable(Exception):
    """A value that a setting can't have; the text says what is allowed."""


def _text(value: object, expected: str) -> str:
    if not isinstance(value, str):
        raise Unacceptable(expected)
    return value


def name(value: object) -> str:
    """Read what something is called: some characters that can be shown."""
    expected = f"expected a name of 1 to {_LONGEST_NAME} characters"
    text = _text(value, expected).strip()
    if not text.isprintable() or not 1 <= len(text) <= _LONGEST_NAME:
        raise Unacceptable(expected)
    return text


def peer(value: object) -> str:
    """Read what a process is called on the bus, or nothing."""
    expected = f"expected up to {_LONGEST_PEER} of a-z, 0-9 and - between them, or nothing"
    text = _text(value, expected)
    if text and (len(text) > _LONGEST_PEER or _PEER.fullmatch(text) is None):
        raise Unacceptable(expected)
    return text


def bus_address(value: object) -> BusAddress | None:
    """Read where a hub is, or nothing."""
    expected = "expected unix:PATH or tcp:HOST:PORT, or nothing"
    text = _text(value, expected)
    try:
        return BusAddress.parse(text) if text else None
    except (ValueError, RuntimeError):
        raise Unacceptable(expected) from None


def socket_mode(value: object) -> int:
    """
    Read the mode of a Unix socket, in octal: ``0660`` as text, or TOML's ``0o660``.

    Its owner may always connect: that is the daemon itself.
    """
    expected = "expected the mode of a socket in octal, from 0600 to 0666"
    mode: object = value
    if isinstance(value, str):
        mode = int(value[-3:], 8) if _MODE.fullmatch(value) else None
    if not isinstance(mode, int) or isinstance(mode, bool) or mode & ~_ANYBODY or ~mode & _OWNER:
        raise Unacceptable(expected)
    return mode


def bus_user(text: str) -> BusUser:
    """Read whose processes may join the bus, and as what."""
    try:
        return BusUser.parse(text)
    except ValueError as problem:
        raise Unacceptable(f"{text!r}: {problem}") from None


def number(low: float, high: float) -> Parse:
    """Make what reads numbers in that range."""

    def parse(value: object) -> float:
        try:
            found = float(value) if isinstance(value, str | int | float) else None
        except (ValueError, OverflowError):
            found = None
        if found is None or isinstance(value, bool) or not low <= found <= high:
            raise Unacceptable(f"expected a number from {low:g} to {high:g}")
        return found

    return parse


def integer(low: int, high: int) -> Parse:
    """Make what reads whole numbers in that range."""

    def parse(value: object) -> int:
        try:
            found = int(value) if isinstance(value, str | int) else None
        except ValueError:
            found = None
        if found is None or isinstance(value, bool) or not low <= found <= high:
            raise Unacceptable(f"expected a whole number from {low} to {high}")
        return found

    return parse


def boolean(value: object) -> bool:
    """Read yes or no."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise Unacceptable("expected true or false")


def choice(*allowed: str) -> Parse:
    """Make what reads one of some words."""

    def parse(value: object) -> str:
        if value not in allowed:
            raise Unacceptable(f"expected one of: {', '.join(allowed)}")
        return str(value)

    return parse


def several(item: Callable[[str], object]) -> Parse:
    """Make what reads a list, or items separated by commas."""

    def parse(value: object) -> tuple[object, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise Unacceptable("expected a list of texts (or texts separated by commas)")
        return tuple(item(part) for part in value)

    return parse


def network(text: str) -> Network:
    """Read a network, or a single address."""
    try:
        return ip_network(text)
    except ValueError:
        raise Unacceptable(
            f"{text!r} is no network; expected one such as 10.0.0.0/8 or ::1"
        ) from None


def origin(text: str) -> str:
    """Read the origin of web pages (RFC 6454 §4); the scheme's own port isn't said."""
    problem = f"{text!r} is no origin; expected one such as https://mud.example.org"
    try:
        parts = urlsplit(text.lower())
        port = parts.port
    except ValueError:
        raise Unacceptable(problem) from None
    bare = SplitResult(parts.scheme, parts.netloc, "", "", "")
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    if (
        parts.scheme not in _DEFAULT_PORTS
        or _HOST.fullmatch(host) is None
        or bare.geturl() != text.lower().removesuffix("/")
    ):
        raise Unacceptable(problem)
    said = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{said}"


def public_url(value: object) -> str:
    """Read an origin, or nothing."""
    text = _text(value, "expected an origin such as https://mud.example.org, or nothing")
    return origin(text) if text else ""


def host(text: str) -> str:
    """Read the name of a host, without a port."""
    if _HOST.fullmatch(text) is None:
        raise Unacceptable(f"{text!r} is no host name; expected one such as mud.example.org")
    return text.lower()


def channel(text: str) -> Channel:
    """Read a channel that is for all: its name, and after a colon what it is for."""
    name, _, topic = text.partition(":")
    made = Channel(name.strip(), topic.strip() or _NO_TOPIC)
    try:
        check_channels((made,))
    except ValueError as problem:
        raise Unacceptable(f"{problem}; expected NAME or NAME: TOPIC") from None
    return made


def staff_channel(text: str) -> Channel:
    """Read a channel that is for those who keep order, as `channel`."""
    return evolve(channel(text), staff=True)


def endpoint(value: object) -> str:
    """Read where to listen, as Twisted describes it; or nothing."""
    expected = (
        "expected a server endpoint such as tcp:4000:interface=127.0.0.1, "
        "unix:/run/mud.sock or systemd:domain=INET:index=0, or nothing"
    )
    text = _text(value, expected)
    if not text:
        return ""
    try:
        serverFromString(_NoReactor(), text)
    except Exception as error:  # noqa: BLE001 (parsers of plug-ins raise what they like)
        raise Unacceptable(f"{expected} ({error})") from None
    kind, *arguments = _COLON.split(text)
    if kind == "haproxy":
        # Twisted's own would believe anybody's word of where a connection is from.
        raise Unacceptable(f"{expected}; the PROXY protocol isn't spoken there")
    if kind == "tcp" and not _has_port(arguments):
        raise Unacceptable(f"{expected}; a port is a number from 0 to {_LARGEST_PORT}")
    return text


def door(value: object) -> str:
    """Read where to listen for players: as `endpoint`, behind a proxy perhaps."""
    if isinstance(value, str) and value.startswith(PROXIED):
        behind = value.removeprefix(PROXIED)
        if not behind:
            raise Unacceptable(f"expected a server endpoint after {PROXIED}")
        return f"{PROXIED}{endpoint(behind)}"
    return endpoint(value)


def _has_port(arguments: list[str]) -> bool:
    """Whether the arguments of ``tcp`` name a port that can be: the first without a name is it."""
    ports = [part.removeprefix("port=") for part in arguments if part.startswith("port=")]
    ports += [part for part in arguments if "=" not in part][:1]
    return all(port.isdecimal() and int(port) <= _LARGEST_PORT for port in ports)


class _NoReactor:
    """Stands in while an endpoint's text is only being checked."""


def path(value: object) -> Path | None:
    """Read the path of a file or folder; ``~`` is the user's own folder. Or nothing."""
    expected = "expected a path, or nothing"
    text = _text(value, expected)
    try:
        return Path(text).expanduser() if text else None
    except RuntimeError as error:
        raise Unacceptable(f"{expected} ({error})") from None


def database(value: object) -> str:
    """Read the address of a PostgreSQL server, or nothing."""
    expected = (
        "expected postgresql://user:password@host:port/database, or nothing for the embedded one"
    )
    text = _text(value, expected)
    if text and not text.startswith(("postgresql://", "postgres://")):
        raise Unacceptable(expected)
    return text
