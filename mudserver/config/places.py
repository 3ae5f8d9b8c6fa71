"""Where the daemon's own files lie."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mudserver.bus.spool import SUFFIX
from mudserver.config.settings import Settings

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


def control_socket(settings: Settings, environment: Mapping[str, str], peer: str = "") -> Path:
    """
    Return the path of the admin socket, as an absolute path.

    Args:
        settings: What the operator wants.
        environment: Environment variables.
        peer: What this process is called on the bus; empty for a process by itself.
    """
    if settings.control is not None:
        return settings.control.absolute()
    name = f"{_named(settings, peer)}.sock" if peer else "control.sock"
    return state_directory(settings, environment) / name


def bus_spool(settings: Settings, environment: Mapping[str, str]) -> Path:
    """
    Return where our peer keeps what the bus could not deliver, as an absolute path.

    Those to whom no name was given share one by role: a name that is made up is another one after
    each start, and nobody would find what was left under it.
    """
    if settings.bus_spool is not None:
        return settings.bus_spool.absolute()
    name = _named(settings, settings.peer) if settings.peer else settings.role
    return state_directory(settings, environment) / f"{name}{SUFFIX}"


def _named(settings: Settings, peer: str) -> str:
    """Return a name for what belongs to a peer, with its role in it."""
    return peer if peer.startswith(f"{settings.role}-") else f"{settings.role}-{peer}"


def embedded_database(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Return where the embedded PostgreSQL has its data, as an absolute path."""
    return state_directory(settings, environment) / "postgres"
