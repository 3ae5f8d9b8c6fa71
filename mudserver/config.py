"""
Settings: named once, read from three places, checked once, before anything starts.

A setting is given by an option on the command line, by a key in the TOML file, or by an
environment variable; the first of these that names it wins. ``telnet`` is ``--telnet``, the
key ``telnet`` and ``MUDSERVER_TELNET``; a key in a table, ``limits.grace``, is
``--limits-grace`` and ``MUDSERVER_LIMITS_GRACE``.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field, fields, frozen
from twisted.internet.endpoints import serverFromString

from mudserver.errors import ConfigError

Network = IPv4Network | IPv6Network

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})
_LARGEST_PORT: Final = 65_535


class _Unacceptable(Exception):
    """A value that a setting can't have; the text says what is allowed."""


Parse = Callable[[object], object]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Unacceptable("expected text")
    return value


def _number(low: float, high: float) -> Parse:
    def parse(value: object) -> float:
        try:
            number = float(value) if isinstance(value, str | int | float) else None
        except ValueError:
            number = None
        if number is None or isinstance(value, bool) or not low <= number <= high:
            raise _Unacceptable(f"expected a number from {low:g} to {high:g}")
        return number

    return parse


def _integer(low: int, high: int) -> Parse:
    def parse(value: object) -> int:
        try:
            number = int(value) if isinstance(value, str | int) else None
        except ValueError:
            number = None
        if number is None or isinstance(value, bool) or not low <= number <= high:
            raise _Unacceptable(f"expected a whole number from {low} to {high}")
        return number

    return parse


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise _Unacceptable("expected true or false")


def _choice(*allowed: str) -> Parse:
    def parse(value: object) -> str:
        if value not in allowed:
            raise _Unacceptable(f"expected one of {', '.join(allowed)}")
        return str(value)

    return parse


def _list(item: Callable[[str], object]) -> Parse:
    def parse(value: object) -> tuple[object, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise _Unacceptable("expected a list of texts (or texts separated by commas)")
        return tuple(item(part) for part in value)

    return parse


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise _Unacceptable(
            f"{text!r} is no network; expected one such as 10.0.0.0/8 or ::1"
        ) from None


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise _Unacceptable(f"{text!r} is no origin; expected one such as https://mud.example.org")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _public_url(value: object) -> str:
    text = _text(value)
    return _origin(text) if text else ""


def _host(text: str) -> str:
    if not text or "/" in text or "@" in text:
        raise _Unacceptable(f"{text!r} is no host name")
    return text.lower()


def _endpoint(value: object) -> str:
    text = _text(value)
    if not text:
        return ""
    try:
        serverFromString(_NoReactor(), text)
    except Exception as error:  # noqa: BLE001 (parsers of plug-ins raise what they like)
        raise _Unacceptable(
            "expected a server endpoint such as tcp:4000:interface=127.0.0.1, "
            f"unix:/run/mud.sock or systemd:domain=INET:index=0 ({error})"
        ) from None
    port = text.split(":")[1] if text.startswith("tcp:") else "0"
    port = port.removeprefix("port=")
    if not port.isdigit() or int(port) > _LARGEST_PORT:
        raise _Unacceptable(f"a port is a number from 0 to {_LARGEST_PORT}")
    return text


def _path(value: object) -> Path | None:
    text = _text(value)
    return Path(text).expanduser() if text else None


def _database(value: object) -> str:
    text = _text(value)
    if text and urlsplit(text).scheme not in ("postgresql", "postgres"):
        raise _Unacceptable(
            "expected postgresql://user:password@host:port/database, or nothing "
            "for the embedded one"
        )
    return text


class _NoReactor:
    """Stands in while an endpoint's text is only being checked."""


def _setting(
    parse: Parse,
    default: object,
    doc: str,
    *,
    key: str | None = None,
    short: str | None = None,
    secret: bool = False,
) -> Any:
    return field(
        default=default,
        metadata={"parse": parse, "doc": doc, "key": key, "short": short},
        repr=not secret,
    )


@frozen
class Settings:
    """
    All that an operator can set. Each field's metadata holds what ``--help`` says of it.

    Numbers of time are seconds, numbers of size are bytes.
    """

    role: str = _setting(
        _choice("all"), "all", "Which services this process runs: all, gateway and world in one."
    )
    name: str = _setting(_text, "Mudserver", "What the world is called.")
    state_dir: Path | None = _setting(
        _path,
        None,
        "Where the embedded database and the admin socket live. "
        "[default: $STATE_DIRECTORY, else ~/.local/state/mudserver]",
    )
    telnet: str = _setting(
        _endpoint, "tcp:4000:interface=127.0.0.1", "Where telnet listens; empty for nowhere."
    )
    http: str = _setting(
        _endpoint, "tcp:4001:interface=127.0.0.1", "Where the web listens; empty for nowhere."
    )
    https: str = _setting(
        _endpoint,
        "tcp:4002:interface=127.0.0.1",
        "Where the web listens with TLS, once there is a certificate.",
    )
    telnets: str = _setting(
        _endpoint,
        "tcp:4003:interface=127.0.0.1",
        "Where telnet listens with TLS, once there is a certificate.",
    )
    operations: str = _setting(
        _endpoint,
        "tcp:4004:interface=127.0.0.1",
        "Where /metrics, /healthz and /readyz are served; empty for nowhere.",
    )
    control: Path | None = _setting(
        _path, None, "The admin socket that mudctl speaks to. [default: STATE_DIR/control.sock]"
    )
    certificate: Path | None = _setting(
        _path, None, "A PEM file with the certificate and its chain; turns TLS on."
    )
    private_key: Path | None = _setting(
        _path, None, "A PEM file with the certificate's key. [default: the same file]"
    )
    database: str = _setting(
        _database,
        "",
        "postgresql://USER:PASSWORD@HOST:PORT/NAME; empty for the embedded PostgreSQL.",
        secret=True,
    )
    database_pool: int = _setting(
        _integer(1, 100), 8, "Connections to the database.", key="database_pool"
    )
    areas: Path | None = _setting(
        _path, None, "A directory of area files for a new world. [default: the starter area]"
    )
    public_url: str = _setting(
        _public_url, "", "The origin that browsers see, such as https://mud.example.org."
    )
    hosts: tuple[str, ...] = _setting(
        _list(_host), (), "Further host names that requests may ask for."
    )
    origins: tuple[str, ...] = _setting(
        _list(_origin), (), "Further origins whose pages may use the API and the WebSocket."
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        _list(_network),
        (ip_network("127.0.0.1"), ip_network("::1")),
        "Networks whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    insecure_passwords: bool = _setting(
        _boolean, False, "Take passwords over unencrypted HTTP from other machines, too."
    )
    insecure_staff: bool = _setting(
        _boolean, False, "Let staff log in by unencrypted telnet from other machines, too."
    )
    log_format: str = _setting(
        _choice("text", "json"), "text", "The form of the log: text, or one JSON object a line."
    )
    log_level: str = _setting(
        _choice("debug", "info", "warn", "error"), "info", "The least level that is logged."
    )
    drain: float = _setting(
        _number(0, 600), 30.0, "Seconds for which players are let go at a planned stop."
    )
    password_time_cost: int = _setting(
        _integer(1, 100), 3, "Passes of argon2id over its memory.", key="password.time_cost"
    )
    password_memory: int = _setting(
        _integer(8, 4_194_304), 65_536, "KiB of memory for argon2id.", key="password.memory"
    )
    password_parallelism: int = _setting(
        _integer(1, 64), 4, "Lanes of argon2id.", key="password.parallelism"
    )
    exempt: tuple[Network, ...] = _setting(
        _list(_network), (), "Networks that no limit by address concerns.", key="limits.exempt"
    )
    per_address: int = _setting(
        _integer(1, 100_000),
        50,
        "Connections of players from one address (IPv6: one /64).",
        key="limits.per_address",
    )
    http_per_address: int = _setting(
        _integer(1, 100_000), 64, "HTTP connections from one address.", key="limits.http"
    )
    commands: float = _setting(
        _number(0.1, 100_000),
        10.0,
        "Commands a second of one session, sustained.",
        key="limits.commands",
    )
    command_burst: int = _setting(
        _integer(1, 100_000), 30, "Commands at once of one session.", key="limits.command_burst"
    )
    message: int = _setting(
        _integer(1_024, 16 * 1024 * 1024),
        10 * 1024,
        "Bytes in one WebSocket message from a client.",
        key="limits.message",
    )
    grace: float = _setting(
        _number(0, 86_400),
        120.0,
        "Seconds for which a character stays after its connection was lost.",
        key="limits.grace",
    )
    token_life: float = _setting(
        _number(60, 30 * 86_400),
        12 * 3600.0,
        "Seconds for which a log-in lasts without use.",
        key="limits.token",
    )


@frozen
class Key:
    """
    One setting, as operators see it.

    Attributes:
        attribute: The field of `Settings`.
        key: In the file, tables separated by dots.
        option: On the command line, without the dashes.
        variable: In the environment.
        doc: What ``--help`` says.
        default: What it is when nobody says otherwise.
    """

    attribute: str
    key: str
    option: str
    variable: str
    doc: str
    default: object
    parse: Parse


def _keys() -> Iterable[Key]:
    for attribute in fields(Settings):
        meta = attribute.metadata
        key = meta["key"] or attribute.name
        name = key.replace(".", "_")
        yield Key(
            attribute.name,
            key,
            name.replace("_", "-"),
            f"MUDSERVER_{name.upper()}",
            meta["doc"],
            attribute.default,
            meta["parse"],
        )


#: Every setting there is.
KEYS: Final = tuple(_keys())

#: The environment variable that names the file, where ``--config`` doesn't.
CONFIG_VARIABLE: Final = "MUDSERVER_CONFIG"


#: What systemd names the state directory of a unit by (systemd.exec(5)).
STATE_DIRECTORY_VARIABLE: Final = "STATE_DIRECTORY"


def state_directory(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Return where our state lies, as an absolute path; it may not exist yet."""
    if settings.state_dir is not None:
        return settings.state_dir.absolute()
    if environment.get(STATE_DIRECTORY_VARIABLE):
        return Path(environment[STATE_DIRECTORY_VARIABLE].split(":")[0])
    base = environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base).absolute() / "mudserver"


def control_socket(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Return the path of the admin socket, as an absolute path."""
    if settings.control is not None:
        return settings.control.absolute()
    return state_directory(settings, environment) / "control.sock"


def load(
    options: Mapping[str, str], environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """
    Read the settings from options, file and environment, in that order of precedence.

    Args:
        options: What the command line gave, by option name without dashes.
        environment: Environment variables.
        file: The TOML file; None for ``MUDSERVER_CONFIG``'s, or none.

    Raises:
        ConfigError: A key is unknown, a value isn't allowed, or the file can't be read.
    """
    if file is None and environment.get(CONFIG_VARIABLE):
        file = Path(environment[CONFIG_VARIABLE])
    from_file = {} if file is None else _read(file)
    _refuse_unknown(environment)
    values: dict[str, object] = {}
    for key in KEYS:
        for given, source, name in (
            (options.get(key.option), "the command line", f"--{key.option}"),
            (from_file.get(key.key), str(file), key.key),
            (environment.get(key.variable), "the environment", key.variable),
        ):
            if given is not None:
                values[key.attribute] = _parse(key, given, source, name)
                break
    return Settings(**values)  # type: ignore[arg-type]


def _parse(key: Key, given: object, source: str, name: str) -> object:
    try:
        return key.parse(given)
    except _Unacceptable as problem:
        shown = "" if key.attribute == "database" else f", found {given!r}"
        raise ConfigError(name, source, f"{problem}{shown}") from None


def _read(file: Path) -> dict[str, object]:
    """Read a TOML file into values by dotted key."""
    try:
        with file.open("rb") as stream:
            tree = tomllib.load(stream)
    except OSError as error:
        raise ConfigError("", str(file), f"can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("", str(file), f"is not TOML: {error}") from None
    flat = dict(_flatten(tree))
    known = {key.key for key in KEYS}
    for name in flat:
        if name not in known:
            raise ConfigError(name, str(file), f"no such setting{_nearest(name, known)}")
    return flat


def _flatten(tree: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {key.variable for key in KEYS} | {CONFIG_VARIABLE}
    for name in environment:
        if name.startswith("MUDSERVER_") and name not in known:
            raise ConfigError(name, "the environment", f"no such setting{_nearest(name, known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, known, n=1)
    return f"; did you mean {matches[0]}?" if matches else ""
