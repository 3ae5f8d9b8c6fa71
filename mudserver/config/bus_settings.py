"""What an operator can set of a process as one of several."""

from pathlib import Path

from attrs import frozen

from mudserver.config import values
from mudserver.config.bus_address import BusAddress
from mudserver.config.bus_user import BusUser
from mudserver.config.setting import setting


@frozen(slots=False)
class BusSettings:
    """What a process is, and how it meets the others."""

    role: str = setting(
        values.choice("all", "gateway", "world", "bus"),
        "all",
        "What this process is: all in one; or of several, a gateway, a world or the bus.",
    )
    peer: str = setting(
        values.peer,
        "",
        "What this process is called on the bus; no two are the same. [default: made up]",
    )
    bus: BusAddress | None = setting(
        values.bus_address,
        None,
        "Where the hub is that a gateway or a world joins: unix:PATH or tcp:HOST:PORT. "
        "[default: its own, for a world with bus_listen]",
    )
    bus_listen: BusAddress | None = setting(
        values.bus_address,
        None,
        "Where a hub listens, in the same form; the host is the interface.",
    )
    bus_socket_mode: int = setting(
        values.socket_mode,
        0o600,
        "Who may connect to the Unix socket at bus_listen, as file modes are written. "
        "[default: 0600]",
    )
    bus_users: tuple[BusUser, ...] = setting(
        values.several(values.bus_user),
        (),
        "Users whose processes may join by that socket, each as USER or USER:ROLE, by name or "
        "number; the hub's own may, too. [default: all who can connect]",
    )
    bus_spool: Path | None = setting(
        values.path,
        None,
        "Where this process keeps what the bus could not deliver while the database is away. "
        "[default: STATE_DIR/ROLE-PEER.spool, without a peer STATE_DIR/ROLE.spool]",
    )
    bus_ca: Path | None = setting(
        values.path, None, "A PEM file: who vouches for the peers of the bus; turns TLS on there."
    )
    bus_certificate: Path | None = setting(
        values.path, None, "A PEM file with our certificate on the bus, and its chain."
    )
    bus_key: Path | None = setting(
        values.path, None, "A PEM file with the key of bus_certificate. [default: the same file]"
    )
