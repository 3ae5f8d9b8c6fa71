"""All that an operator can set."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mudserver.config import values
from mudserver.config.bus_address import BusAddress
from mudserver.config.bus_user import BusUser
from mudserver.config.values import Network, Parse
from mudserver.world.channels import DEFAULT_CHANNELS, Channel


def _setting(
    parse: Parse,
    default: object,
    doc: str,
    *,
    key: str | None = None,
    secret: bool = False,
) -> Any:
    return field(
        default=default,
        metadata={"parse": parse, "doc": doc, "key": key},
        repr=not secret,
    )


@frozen
class Settings:
    """
    All that an operator can set. Each field's metadata holds what ``--help`` says of it.

    Numbers of time are seconds, numbers of size are bytes.
    """

    role: str = _setting(
        values.choice("all", "gateway", "world", "bus"),
        "all",
        "What this process is: all in one; or of several, a gateway, a world or the bus.",
    )
    peer: str = _setting(
        values.peer,
        "",
        "What this process is called on the bus; no two are the same. [default: made up]",
    )
    bus: BusAddress | None = _setting(
        values.bus_address,
        None,
        "Where the hub is that a gateway or a world joins: unix:PATH or tcp:HOST:PORT. "
        "[default: its own, for a world with bus_listen]",
    )
    bus_listen: BusAddress | None = _setting(
        values.bus_address,
        None,
        "Where a hub listens, in the same form; the host is the interface.",
    )
    bus_socket_mode: int = _setting(
        values.socket_mode,
        0o600,
        "Who may connect to the Unix socket at bus_listen, as file modes are written. "
        "[default: 0600]",
    )
    bus_users: tuple[BusUser, ...] = _setting(
        values.several(values.bus_user),
        (),
        "Users whose processes may join by that socket, each as USER or USER:ROLE, by name or "
        "number; the hub's own may, too. [default: all who can connect]",
    )
    bus_spool: Path | None = _setting(
        values.path,
        None,
        "Where this process keeps what the bus could not deliver while the database is away. "
        "[default: STATE_DIR/ROLE-PEER.spool, without a peer STATE_DIR/ROLE.spool]",
    )
    bus_ca: Path | None = _setting(
        values.path, None, "A PEM file: who vouches for the peers of the bus; turns TLS on there."
    )
    bus_certificate: Path | None = _setting(
        values.path, None, "A PEM file with our certificate on the bus, and its chain."
    )
    bus_key: Path | None = _setting(
        values.path, None, "A PEM file with the key of bus_certificate. [default: the same file]"
    )
    name: str = _setting(values.name, "Mudserver", "What the world is called.")
    state_dir: Path | None = _setting(
        values.path,
        None,
        "Where the embedded database and the admin socket live. "
        "[default: $STATE_DIRECTORY, else ~/.local/state/mudserver]",
    )
    telnet: str = _setting(
        values.door, "tcp:4000:interface=127.0.0.1", "Where telnet listens; empty for nowhere."
    )
    http: str = _setting(
        values.door, "tcp:4001:interface=127.0.0.1", "Where the web listens; empty for nowhere."
    )
    https: str = _setting(
        values.door,
        "tcp:4002:interface=127.0.0.1",
        "Where the web listens with TLS, once there is a certificate.",
    )
    telnets: str = _setting(
        values.door,
        "tcp:4003:interface=127.0.0.1",
        "Where telnet listens with TLS, once there is a certificate.",
    )
    share_ports: bool = _setting(
        values.boolean,
        False,
        "Let other gateways of this machine listen on the same ports: the kernel gives each"
        " connection to one of them.",
    )
    operations: str = _setting(
        values.endpoint,
        "tcp:4004:interface=127.0.0.1",
        "Where /metrics, /healthz and /readyz are served; empty for nowhere.",
    )
    control: Path | None = _setting(
        values.path,
        None,
        "The admin socket that mudctl speaks to. [default: STATE_DIR/control.sock]",
    )
    certificate: Path | None = _setting(
        values.path, None, "A PEM file with the certificate and its chain; turns TLS on."
    )
    private_key: Path | None = _setting(
        values.path, None, "A PEM file with the certificate's key. [default: the same file]"
    )
    database: str = _setting(
        values.database,
        "",
        "postgresql://USER:PASSWORD@HOST:PORT/NAME; empty for the embedded PostgreSQL.",
        secret=True,
    )
    database_pool: int = _setting(
        values.integer(1, 100), 8, "Connections to the database, beside the one that listens."
    )
    database_wait: float = _setting(
        values.number(0, 3_600),
        30.0,
        "Seconds for which a start waits for a database that doesn't answer yet.",
    )
    areas: Path | None = _setting(
        values.path, None, "A directory of area files for a new world. [default: the starter area]"
    )
    public_url: str = _setting(
        values.public_url, "", "The origin that browsers see, such as https://mud.example.org."
    )
    hosts: tuple[str, ...] = _setting(
        values.several(values.host), (), "Further host names that requests may ask for."
    )
    origins: tuple[str, ...] = _setting(
        values.several(values.origin),
        (),
        "Further origins whose pages may use the API and the WebSocket.",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        values.several(values.network),
        (ip_network("127.0.0.1"), ip_network("::1")),
        "Networks whose X-Forwarded-For, X-Forwarded-Proto and PROXY protocol are believed.",
    )
    insecure_passwords: bool = _setting(
        values.boolean, False, "Take passwords over unencrypted HTTP from other machines, too."
    )
    insecure_staff: bool = _setting(
        values.boolean, False, "Let staff log in by unencrypted telnet from other machines, too."
    )
    log_format: str = _setting(
        values.choice("text", "json"),
        "text",
        "The form of the log: text, or one JSON object a line.",
    )
    log_level: str = _setting(
        values.choice("debug", "info", "warn", "error"), "info", "The least level that is logged."
    )
    channels: tuple[Channel, ...] = _setting(
        values.several(values.channel),
        tuple(each for each in DEFAULT_CHANNELS if not each.staff),
        "Channels that all may talk on, each as NAME or NAME: TOPIC; the name becomes a command.",
    )
    staff_channels: tuple[Channel, ...] = _setting(
        values.several(values.staff_channel),
        tuple(each for each in DEFAULT_CHANNELS if each.staff),
        "Channels for admins and owners alone, in the same form.",
    )
    login_days: int = _setting(
        values.integer(1, 3_650),
        90,
        "Days for which is kept who logged in, when and from where.",
        key="history.login_days",
    )
    history_days: int = _setting(
        values.integer(0, 3_650),
        30,
        "Days for which is kept what players say, emote, and say on channels and to parties;"
        " 0 keeps nothing.",
        key="history.days",
    )
    tell_days: int = _setting(
        values.integer(0, 3_650),
        7,
        "Days for which is kept what players tell one another; 0 keeps nothing.",
        key="history.tell_days",
    )
    password_time_cost: int = _setting(
        values.integer(1, 100),
        3,
        "Passes of argon2id over its memory; fewer make stolen hashes easy to break.",
        key="password.time_cost",
    )
    password_memory: int = _setting(
        values.integer(8, 4_194_304), 65_536, "KiB of memory for argon2id.", key="password.memory"
    )
    password_parallelism: int = _setting(
        values.integer(1, 64), 4, "Lanes of argon2id.", key="password.parallelism"
    )
    exempt: tuple[Network, ...] = _setting(
        values.several(values.network),
        (),
        "Networks that no limit by address concerns, such as one that tests the load.",
        key="limits.exempt",
    )
    per_address: int = _setting(
        values.integer(1, 100_000),
        50,
        "Connections of players from one address (IPv6: one /64).",
        key="limits.per_address",
    )
    http_per_address: int = _setting(
        values.integer(1, 100_000), 64, "HTTP connections from one address.", key="limits.http"
    )
    unauthenticated: int = _setting(
        values.integer(1, 100_000),
        30,
        "Connections from one address that have not logged in yet.",
        key="limits.unauthenticated",
    )
    total: int = _setting(
        values.integer(1, 1_000_000), 20_000, "Connections of players.", key="limits.total"
    )
    pending: int = _setting(
        values.integer(1, 1_000_000),
        4_000,
        "Connections that have not logged in yet; all of HTTP are such.",
        key="limits.pending",
    )
    arrivals: float = _setting(
        values.number(0.1, 100_000),
        10.0,
        "New connections a second from one address (IPv6: one /64), sustained.",
        key="limits.arrivals",
    )
    arrival_burst: int = _setting(
        values.integer(1, 100_000),
        60,
        "The same at once; as many more wait their turn, and the rest is refused.",
        key="limits.arrival_burst",
    )
    descriptors: int = _setting(
        values.integer(1, 100_000),
        64,
        "File descriptors kept free for the database and operators; a quarter at most.",
        key="limits.descriptors",
    )
    commands: float = _setting(
        values.number(0.1, 100_000),
        10.0,
        "Commands a second of one character, sustained.",
        key="limits.commands",
    )
    command_burst: int = _setting(
        values.integer(1, 100_000),
        30,
        "Commands at once of one character.",
        key="limits.command_burst",
    )
    tell: float = _setting(
        values.number(0.01, 100_000),
        2.0,
        "Tells a second of one character, sustained.",
        key="limits.tell",
    )
    tell_burst: int = _setting(
        values.integer(1, 100_000), 20, "Tells at once.", key="limits.tell_burst"
    )
    channel: float = _setting(
        values.number(0.01, 100_000),
        2.0,
        "Lines on channels a second of one character, sustained.",
        key="limits.channel",
    )
    channel_burst: int = _setting(
        values.integer(1, 100_000), 20, "Lines on channels at once.", key="limits.channel_burst"
    )
    who: float = _setting(
        values.number(0.01, 100_000),
        1.0,
        "Looks at who is here a second of one character, sustained.",
        key="limits.who",
    )
    who_burst: int = _setting(
        values.integer(1, 100_000), 10, "Looks at who is here at once.", key="limits.who_burst"
    )
    history: float = _setting(
        values.number(0.01, 100_000),
        0.5,
        "Looks at what was said a second of one character, sustained.",
        key="limits.history",
    )
    history_burst: int = _setting(
        values.integer(1, 100_000),
        10,
        "Looks at what was said at once.",
        key="limits.history_burst",
    )
    frames: float = _setting(
        values.number(1, 1_000_000),
        100.0,
        "WebSocket frames (telnet: reads) a second of one character, sustained; "
        "no less than twice limits.commands.",
        key="limits.frames",
    )
    frame_burst: int = _setting(
        values.integer(10, 10_000_000),
        1_000,
        "The same at once; no less than ten times limits.command_burst.",
        key="limits.frame_burst",
    )
    raw_bytes: float = _setting(
        values.number(1_024, 1_000_000_000),
        64.0 * 1024,
        "Bytes a second that one character may send, sustained.",
        key="limits.bytes",
    )
    byte_burst: int = _setting(
        values.integer(64 * 1024, 1_000_000_000),
        4 * 1024 * 1024,
        "Bytes at once; no less than four times limits.message.",
        key="limits.byte_burst",
    )
    message: int = _setting(
        values.integer(1_024, 16 * 1024 * 1024),
        10 * 1024,
        "Bytes in one WebSocket message from a client.",
        key="limits.message",
    )
    handshake: float = _setting(
        values.number(0.1, 3_600),
        5.0,
        "Seconds to the complete head of an HTTP request, that of a WebSocket included.",
        key="limits.handshake",
    )
    hello: float = _setting(
        values.number(0.1, 3_600),
        10.0,
        "Seconds for a WebSocket client to say who it is.",
        key="limits.hello",
    )
    answer: float = _setting(
        values.number(0.1, 3_600),
        60.0,
        "Seconds for each answer of a telnet log-in.",
        key="limits.answer",
    )
    login: float = _setting(
        values.number(0.1, 3_600),
        300.0,
        "Seconds for a whole telnet log-in.",
        key="limits.login",
    )
    heartbeat: float = _setting(
        values.number(0.1, 3_600),
        25.0,
        "Seconds of silence after which a WebSocket client is pinged.",
        key="limits.heartbeat",
    )
    pong: float = _setting(
        values.number(0.1, 3_600), 10.0, "Seconds for its answer.", key="limits.pong"
    )
    telnet_heartbeat: float = _setting(
        values.number(0.1, 3_600),
        60.0,
        "Seconds of silence after which a telnet client is sent a timing mark.",
        key="limits.telnet_heartbeat",
    )
    telnet_pong: float = _setting(
        values.number(0.1, 3_600),
        60.0,
        "Seconds for its answer, if it has answered one before.",
        key="limits.telnet_pong",
    )
    stall: float = _setting(
        values.number(0.1, 3_600),
        10.0,
        "Seconds that a WebSocket client may leave its output unread.",
        key="limits.stall",
    )
    telnet_stall: float = _setting(
        values.number(0.1, 3_600),
        120.0,
        "Seconds that a telnet client may leave its output unread.",
        key="limits.telnet_stall",
    )
    closing: float = _setting(
        values.number(0.1, 3_600),
        2.0,
        "Seconds from our goodbye to dropping the connection.",
        key="limits.closing",
    )
    grace: float = _setting(
        values.number(0, 86_400),
        120.0,
        "Seconds for which a character stays after its connection was lost.",
        key="limits.grace",
    )
    drain: float = _setting(
        values.number(0, 3_600),
        30.0,
        "Seconds within which a stop is over; the first half is for goodbyes.",
        key="limits.drain",
    )
    token_life: float = _setting(
        values.number(60, 30 * 86_400),
        12 * 3600.0,
        "Seconds for which a log-in lasts without use.",
        key="limits.token",
    )
    alarm_after: float = _setting(
        values.number(0.1, 3_600),
        2.0,
        "Seconds that a change may wait for its commit before everyone is told.",
        key="pressure.alarm_after",
    )
    alarm_at: int = _setting(
        values.integer(1, 1_000_000),
        10_000,
        "Uncommitted changes, and inputs that wait for them, at which everyone is told.",
        key="pressure.alarm_at",
    )
    no_log_ins_after: float = _setting(
        values.number(0.1, 3_600),
        5.0,
        "Seconds after which nobody new is let in.",
        key="pressure.no_log_ins_after",
    )
    no_log_ins_at: int = _setting(
        values.integer(1, 1_000_000),
        20_000,
        "Uncommitted changes at which nobody new is let in.",
        key="pressure.no_log_ins_at",
    )
    no_changes_after: float = _setting(
        values.number(0.1, 3_600),
        15.0,
        "Seconds after which what changes anything is refused.",
        key="pressure.no_changes_after",
    )
    no_changes_at: int = _setting(
        values.integer(1, 1_000_000),
        40_000,
        "Uncommitted changes at which what changes anything is refused.",
        key="pressure.no_changes_at",
    )
