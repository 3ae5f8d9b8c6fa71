"""What an operator can set of the server as a whole."""

from ipaddress import ip_network
from pathlib import Path

from attrs import frozen

from mudserver.config import values
from mudserver.config.setting import setting
from mudserver.config.values import Network
from mudserver.world.channels import DEFAULT_CHANNELS, Channel


@frozen(slots=False)
class ServerSettings:
    """Where it listens, what it keeps and for how long, and whom it trusts."""

    name: str = setting(values.name, "Mudserver", "What the world is called.")
    state_dir: Path | None = setting(
        values.path,
        None,
        "Where the embedded database and the admin socket live. "
        "[default: $STATE_DIRECTORY, else ~/.local/state/mudserver]",
    )
    telnet: str = setting(
        values.door, "tcp:4000:interface=127.0.0.1", "Where telnet listens; empty for nowhere."
    )
    http: str = setting(
        values.door, "tcp:4001:interface=127.0.0.1", "Where the web listens; empty for nowhere."
    )
    https: str = setting(
        values.door,
        "tcp:4002:interface=127.0.0.1",
        "Where the web listens with TLS, once there is a certificate.",
    )
    telnets: str = setting(
        values.door,
        "tcp:4003:interface=127.0.0.1",
        "Where telnet listens with TLS, once there is a certificate.",
    )
    share_ports: bool = setting(
        values.boolean,
        False,
        "Let other gateways of this machine listen on the same ports: the kernel gives each"
        " connection to one of them.",
    )
    operations: str = setting(
        values.endpoint,
        "tcp:4004:interface=127.0.0.1",
        "Where /metrics, /healthz and /readyz are served; empty for nowhere.",
    )
    control: Path | None = setting(
        values.path,
        None,
        "The admin socket that mudctl speaks to. [default: STATE_DIR/control.sock]",
    )
    certificate: Path | None = setting(
        values.path, None, "A PEM file with the certificate and its chain; turns TLS on."
    )
    private_key: Path | None = setting(
        values.path, None, "A PEM file with the certificate's key. [default: the same file]"
    )
    database: str = setting(
        values.database,
        "",
        "postgresql://USER:PASSWORD@HOST:PORT/NAME; empty for the embedded PostgreSQL.",
        secret=True,
    )
    database_pool: int = setting(
        values.integer(1, 100), 8, "Connections to the database, beside the one that listens."
    )
    database_wait: float = setting(
        values.number(0, 3_600),
        30.0,
        "Seconds for which a start waits for a database that doesn't answer yet.",
    )
    areas: Path | None = setting(
        values.path, None, "A directory of area files for a new world. [default: the starter area]"
    )
    public_url: str = setting(
        values.public_url, "", "The origin that browsers see, such as https://mud.example.org."
    )
    hosts: tuple[str, ...] = setting(
        values.several(values.host), (), "Further host names that requests may ask for."
    )
    origins: tuple[str, ...] = setting(
        values.several(values.origin),
        (),
        "Further origins whose pages may use the API and the WebSocket.",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        values.several(values.network),
        (ip_network("127.0.0.1"), ip_network("::1")),
        "Networks whose X-Forwarded-For, X-Forwarded-Proto and PROXY protocol are believed.",
    )
    insecure_passwords: bool = setting(
        values.boolean, False, "Take passwords over unencrypted HTTP from other machines, too."
    )
    insecure_staff: bool = setting(
        values.boolean, False, "Let staff log in by unencrypted telnet from other machines, too."
    )
    log_format: str = setting(
        values.choice("text", "json"),
        "text",
        "The form of the log: text, or one JSON object a line.",
    )
    log_level: str = setting(
        values.choice("debug", "info", "warn", "error"), "info", "The least level that is logged."
    )
    channels: tuple[Channel, ...] = setting(
        values.several(values.channel),
        tuple(each for each in DEFAULT_CHANNELS if not each.staff),
        "Channels that all may talk on, each as NAME or NAME: TOPIC; the name becomes a command.",
    )
    staff_channels: tuple[Channel, ...] = setting(
        values.several(values.staff_channel),
        tuple(each for each in DEFAULT_CHANNELS if each.staff),
        "Channels for admins and owners alone, in the same form.",
    )
    login_days: int = setting(
        values.integer(1, 3_650),
        90,
        "Days for which is kept who logged in, when and from where.",
        key="history.login_days",
    )
    history_days: int = setting(
        values.integer(0, 3_650),
        30,
        "Days for which is kept what players say, emote, and say on channels and to parties;"
        " 0 keeps nothing.",
        key="history.days",
    )
    tell_days: int = setting(
        values.integer(0, 3_650),
        7,
        "Days for which is kept what players tell one another; 0 keeps nothing.",
        key="history.tell_days",
    )
    password_time_cost: int = setting(
        values.integer(1, 100),
        3,
        "Passes of argon2id over its memory; fewer make stolen hashes easy to break.",
        key="password.time_cost",
    )
    password_memory: int = setting(
        values.integer(8, 4_194_304), 65_536, "KiB of memory for argon2id.", key="password.memory"
    )
    password_parallelism: int = setting(
        values.integer(1, 64), 4, "Lanes of argon2id.", key="password.parallelism"
    )
