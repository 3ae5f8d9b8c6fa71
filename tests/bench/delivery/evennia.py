"""
Evennia as a subject: from the package index, in an environment and a game of its own.

Its throttles are off and its passwords cheap, as ours are. Its web server doesn't run.
"""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from attrs import define, field

from tests.bench.delivery.crowd import Crowd, read_until
from tests.bench.delivery.stage import WORDS, Absent, Stage, all_at_once

_PASSWORD = "a-long-sentence-9"

_SETTINGS = """
TELNET_PORTS = [{telnet}]
TELNET_INTERFACES = ["127.0.0.1"]
WEBSERVER_ENABLED = False
WEBCLIENT_ENABLED = False
WEBSOCKET_CLIENT_ENABLED = False
WEBSERVER_PORTS = [({web}, {web_server})]
WEBSOCKET_CLIENT_PORT = {websocket}
AMP_PORT = {amp}
AMP_INTERFACE = "127.0.0.1"
MAX_CONNECTION_RATE = 1_000_000
MAX_COMMAND_RATE = 1_000_000
COMMAND_RATE_WARNING = ""
LOGIN_THROTTLE_LIMIT = 1_000_000
CREATION_THROTTLE_LIMIT = 1_000_000
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = []
"""

_ACCOUNTS = """
import sys
import django
django.setup()
import evennia
evennia._init()
from django.conf import settings
from evennia.utils import class_from_module
account = class_from_module(settings.BASE_ACCOUNT_TYPECLASS)
for number in range(int(sys.argv[1])):
    made, errors = account.create(username=f"player{{number}}", password="{password}")
    if errors:
        sys.exit(str(errors))
"""


def environment() -> Path:
    """
    Return a virtual environment that has Evennia; made once, and kept in the user's cache.

    Raises:
        Absent: It can't be installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mudserver-bench" / f"evennia-{sys.version_info[0]}.{sys.version_info[1]}"
    if not (folder / "bin" / "evennia").exists():
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(folder / "bin" / "pip"), "--quiet", "install", "evennia"],
        ):
            if subprocess.run(command, capture_output=True, check=False).returncode:
                raise Absent("Evennia can't be installed here")
    return folder


@define
class Evennia:
    """
    Players in Evennia's first room, by telnet.

    Attributes:
        version: Of the Evennia that was measured; empty before.
    """

    version: str = field(default="", init=False)

    @property
    def name(self) -> str:
        """Implement `Subject.name`."""
        return f"Evennia {self.version}, telnet".replace("  ", " ")

    @contextmanager
    def fill(self, occupants: int) -> Iterator[Stage]:
        """Implement `Subject.fill`."""
        home = environment()
        with tempfile.TemporaryDirectory(prefix="mudserver-bench-evennia-") as folder:
            game = _Game(home, Path(folder))
            self.version = game.make(occupants)
            try:
                game.start()
                connections = [game.enter(number) for number in range(occupants)]
                with Crowd(connections, WORDS.encode()) as crowd:
                    crowd.settle()
                    line = f"say {WORDS}\r\n".encode()
                    yield Stage(crowd, game.pids, all_at_once(crowd, line))
            finally:
                game.run("evennia", "stop")


class _Game:
    def __init__(self, home: Path, folder: Path) -> None:
        self._home = home
        self._folder = folder / "game"
        self._ports = _free_ports(5)
        self._variables = {
            **os.environ,
            # It starts twistd by name.
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "DJANGO_SETTINGS_MODULE": "server.conf.settings",
            "EVENNIA_SUPERUSER_USERNAME": "keeper",
            "EVENNIA_SUPERUSER_PASSWORD": _PASSWORD,
            "EVENNIA_SUPERUSER_EMAIL": "keeper@example.org",
        }

    def run(self, program: str, *arguments: str, directory: Path | None = None) -> str:
        """Run a program of its environment, in the game's folder; return what it says."""
        done = subprocess.run(
            [str(self._home / "bin" / program), *arguments],
            cwd=directory or self._folder,
            env=self._variables,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=600,
            check=False,
        )
        return done.stdout + done.stderr

    def make(self, accounts: int) -> str:
        """Make a new game with so many accounts; return Evennia's version."""
        self.run("evennia", "--init", "game", directory=self._folder.parent)
        settings = self._folder / "server" / "conf" / "settings.py"
        names = ("telnet", "web", "web_server", "websocket", "amp")
        with settings.open("a", encoding="utf-8") as file:
            file.write(_SETTINGS.format(**dict(zip(names, self._ports, strict=True))))
        said = self.run("evennia", "migrate")
        # The first start makes the room in which accounts then get their characters.
        self.start()
        script = self._folder / "accounts.py"
        script.write_text(_ACCOUNTS.format(password=_PASSWORD), encoding="utf-8")
        said += self.run("python", "accounts.py", str(accounts))
        self.run("evennia", "stop")
        if "Traceback" in said:
            raise Absent(f"Evennia failed: {said[-300:]}")
        version = "from importlib.metadata import version; print(version('evennia'))"
        return self.run("python", "-c", version).strip()

    def start(self) -> None:
        """Start portal and server."""
        said = self.run("evennia", "start")
        if not (self._folder / "server" / "server.pid").exists():
            raise Absent(f"Evennia doesn't start: {said[-300:]}")

    @property
    def pids(self) -> tuple[int, ...]:
        """Its two processes."""
        folder = self._folder / "server"
        return tuple(int((folder / f"{name}.pid").read_text()) for name in ("portal", "server"))

    def enter(self, number: int) -> socket.socket:
        """Log an account in."""
        connection = socket.create_connection(("127.0.0.1", self._ports[0]))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_until(connection, b"help")
        connection.sendall(f"connect player{number} {_PASSWORD}\r\n".encode())
        read_until(connection, b"Limbo")
        return connection


def _free_ports(amount: int) -> list[int]:
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(amount)]
    ports = [door.getsockname()[1] for door in doors]
    for door in doors:
        with closing(door):
            pass
    return ports
