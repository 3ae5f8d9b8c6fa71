"""
Settings: named once, read from three places, checked once, before anything starts.

A setting is given by an option on the command line, by a key in the TOML file, or by an
environment variable; the first of these that names it wins. ``telnet`` is ``--telnet``, the
key ``telnet`` and ``MUDSERVER_TELNET``; a key in a table, ``limits.grace``, is
``--limits-grace`` and ``MUDSERVER_LIMITS_GRACE``.
"""

from mudserver.config.bus_address import BusAddress
from mudserver.config.bus_user import BusUser
from mudserver.config.keys import KEYS, Key
from mudserver.config.loading import CONFIG_VARIABLE, SUMMONS_VARIABLE, load
from mudserver.config.places import (
    STATE_DIRECTORY_VARIABLE,
    bus_spool,
    control_socket,
    embedded_database,
    state_directory,
)
from mudserver.config.roles import check_role, uses_tls
from mudserver.config.settings import Settings
from mudserver.config.values import PROXIED

__all__ = [
    "CONFIG_VARIABLE",
    "KEYS",
    "PROXIED",
    "STATE_DIRECTORY_VARIABLE",
    "SUMMONS_VARIABLE",
    "BusAddress",
    "BusUser",
    "Key",
    "Settings",
    "bus_spool",
    "check_role",
    "control_socket",
    "embedded_database",
    "load",
    "state_directory",
    "uses_tls",
]
