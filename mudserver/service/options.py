"""The command line of ``twistd mudserver``, made from the settings."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.logger import ILogObserver
from twisted.python import usage

from mudserver.config import CONFIG_VARIABLE, KEYS, Settings, check_role, load
from mudserver.errors import ConfigError
from mudserver.telemetry.logs import observer, open_log


def _shown(default: object) -> str:
    """Return how ``--help`` shows a default."""
    if default in (None, "", ()):
        return ""
    if isinstance(default, tuple):
        return f" [default: {','.join(str(item) for item in default)}]"
    return f" [default: {default}]"


_ABOUT = f"""

A MUD server: players come by WebSocket (the browser) and by telnet.

Without any option it listens on loopback and keeps its world in a PostgreSQL of its own.
Open http://localhost:4001/ or run: telnet localhost 4000.

Each option is a key in the TOML file of --config, too, and a variable of the environment:
--telnet is telnet and MUDSERVER_TELNET, --limits-grace is grace in [limits] and
MUDSERVER_LIMITS_GRACE. The command line wins over the file, the file over the environment.
${CONFIG_VARIABLE} may stand for --config.
"""


class Options(usage.Options):
    """
    The options, and the settings that they, a file and the environment amount to.

    Attributes:
        environment: Environment variables: those of the process.
        settings: Set once the options are parsed.
    """

    environment: Mapping[str, str] = os.environ

    synopsis = "[options]"

    longdesc = ""  # Twisted would make one paragraph of it

    optParameters = [  # noqa: RUF012 (usage.Options wants a list)
        ["config", "c", None, "A TOML file with settings."],
        *(
            [
                key.option,
                None,
                None,
                key.doc + ("" if "[default" in key.doc else _shown(key.default)),
            ]
            for key in KEYS
        ),
    ]

    settings: Settings

    def getUsage(self, width: int | None = None) -> str:
        """Return what ``--help`` shows."""
        return super().getUsage(width) + _ABOUT

    def postOptions(self) -> None:
        """
        Check everything, before anything starts.

        Raises:
            UsageError: A setting isn't allowed; says which, where, and what is.
        """
        given: dict[str, Any] = {name: value for name, value in self.items() if value is not None}
        file = given.pop("config", None)
        try:
            self.settings = load(given, self.environment, None if file is None else Path(file))
            check_role(self.settings)
        except ConfigError as error:
            raise usage.UsageError(str(error)) from None

    def log_observer(self) -> ILogObserver | None:
        """
        Return what writes the log as the settings say.

        None where twistd has its own orders: ``--logger``, ``--syslog``, or an application file.
        """
        twistd = self.parent
        if twistd is None or twistd.get("logger") or twistd.get("syslog"):
            return None
        stream = open_log(twistd.get("logfile") or "", not twistd.get("nodaemon"))
        return observer(stream, self.settings.log_format, self.settings.log_level)
