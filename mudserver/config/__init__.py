"""
Settings: named once, read from three places, checked once, before anything starts.

A setting is given by an option on the command line, by a key in the TOML file, or by an
environment variable; the first of these that names it wins. ``telnet`` is ``--telnet``, the
key ``telnet`` and ``MUDSERVER_TELNET``; a key in a table, ``limits.grace``, is
``--limits-grace`` and ``MUDSERVER_LIMITS_GRACE``.
"""

from mudserver.config.loading import CONFIG_VARIABLE, load
from mudserver.config.places import (
    STATE_DIRECTORY_VARIABLE,
    control_socket,
    embedded_database,
    state_directory,
)
from mudserver.config.settings import KEYS, Key, Settings
from mudserver.config.values import PROXIED

__all__ = [
    "CONFIG_VARIABLE",
    "KEYS",
    "PROXIED",
    "STATE_DIRECTORY_VARIABLE",
    "Key",
    "Settings",
    "control_socket",
    "embedded_database",
    "load",
    "state_directory",
]
