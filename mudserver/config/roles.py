"""What each role needs of the settings."""

from typing import Final

from mudserver.config.bus_address import BusAddress
from mudserver.config.settings import Settings
from mudserver.errors import ConfigError

_SOURCE: Final = "the settings"


def check_role(settings: Settings) -> None:
    """
    Check the settings as a whole: whether the process can be what it is to be.

    Settings that other roles need are let be, so that all processes of a machine may share a file.

    Raises:
        ConfigError: Something is missing, or must not be.
    """
    role = settings.role
    joins, hosts = settings.bus, settings.bus_listen
    match role:
        case "all":
            if joins is not None or hosts is not None:
                raise ConfigError(
                    "role",
                    _SOURCE,
                    "expected gateway, world or bus beside bus or bus_listen: all is a process by"
                    " itself",
                )
            return
        case "gateway":
            _require(joins is not None, "bus", "a gateway needs to know where the hub is")
            hosts = None
        case "world":
            _require(
                bool(settings.database),
                "database",
                "role world needs the address of a PostgreSQL server: the embedded one ends with"
                " its process, and no other world could go on",
            )
            _require(
                joins is not None or hosts is not None,
                "bus",
                "a world needs to know where the hub is, or bus_listen to host it",
            )
            hosts = None if joins is not None else hosts
        case _:
            _require(hosts is not None, "bus_listen", "role bus needs to know where to listen")
            joins = None
    _require(
        hosts is None or hosts.path is not None or not settings.bus_users,
        "bus_users",
        f"who connects to {hosts} is told by nobody: users are known at Unix sockets alone",
    )
    _check_tls(settings, joins, hosts)


def uses_tls(settings: Settings, address: BusAddress) -> bool:
    """Whether that hub is reached by TLS."""
    return address.path is None and settings.bus_ca is not None


def _check_tls(settings: Settings, joins: BusAddress | None, hosts: BusAddress | None) -> None:
    if (settings.bus_ca is None) != (settings.bus_certificate is None):
        missing = "bus_ca" if settings.bus_ca is None else "bus_certificate"
        raise ConfigError(missing, _SOURCE, "bus_ca and bus_certificate go together")
    for key, address in (("bus", joins), ("bus_listen", hosts)):
        if address is not None and not address.private and not uses_tls(settings, address):
            raise ConfigError(
                key,
                _SOURCE,
                f"{address} is off this machine: plain TCP is for loopback alone; give bus_ca and"
                " bus_certificate",
            )


def _require(met: bool, key: str, problem: str) -> None:
    if not met:
        raise ConfigError(key, _SOURCE, problem)
