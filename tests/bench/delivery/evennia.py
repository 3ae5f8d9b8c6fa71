"""
Evennia as a subject: from the package index, in an environment and a game of its own.

Its throttles are off and its passwords cheap, as ours are. Its web server doesn't run.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import define, field

from tests.bench.delivery.crowd import PATIENCE, Crowd, read_until
from tests.bench.delivery.stage import WORDS, Absent, Pace, Stage, all_at_once

_CHECKOUT = Path(__file__).parents[3]
_PASSWORD = "a-long-sentence-9"

#: What runs it, the best first; with an older one, an older Evennia is installed.
_PYTHONS: Final = ("python3.13", "python3.12")

_SLOW: Final = Pace(most=10_000, least=1_000, alone=50, warm_ups=0)

#: Who stand in each room but the first.
EACH: Final = 4

#: Who come in at once.
_AT_ONCE: Final = 40

#: Seconds that a program of its may take.
_PROGRAM_SECONDS: Final = 600.0

#: How often it is started before it is given up, and seconds for which it is waited for each time.
_STARTS: Final = 3
_START_SECONDS: Final = 20.0

# A rate of 0 would not mean none: nothing would be taken at all.
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

# In one transaction, since each of its own would take ten times as long; and without channels, each
# of which looks through all its members whenever one is added.
_ACCOUNTS = """
import sys
import django
django.setup()
import evennia
evennia._init()
from django.conf import settings
from django.db import transaction
from evennia.utils import class_from_module
from evennia.utils.create import create_object
settings.DEFAULT_CHANNELS = []
account = class_from_module(settings.BASE_ACCOUNT_TYPECLASS)
together, apart = int(sys.argv[1]), int(sys.argv[2])
with transaction.atomic():
    for number in range(together + apart):
        made, errors = account.create(username=f"player{{number}}", password="{password}")
        if errors:
            sys.exit(str(errors))
        beyond = number - together
        if beyond >= 0:
            if beyond % {each} == 0:
                room = create_object(settings.BASE_ROOM_TYPECLASS, key=f"Limbo, room {{beyond}}")
            character = list(made.characters)[0]
            character.home = room
            character.db.prelogout_location = room
            character.location = None
"""


def environment() -> Path:
    """
    Return a virtual environment that has Evennia; made once, and kept in the user's cache.

    Raises:
        Absent: It can't be installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mudserver-bench"
    python, name = _python()
    folder = cache / f"evennia-{name}"
    ready = folder / "ready"
    if not ready.exists():
        for command in (
            [python, "-m", "venv", "--clear", str(folder)],
            [str(folder / "bin" / "pip"), "--quiet", "install", "evennia"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Absent(f"skipped: it can't be installed here: {_last_line(done.stderr)}")
        ready.touch()
    return folder


def _python() -> tuple[str, str]:
    """Find what runs it: the program, and a name for it."""
    for name in _PYTHONS:
        found = subprocess.run(
            [str(_CHECKOUT / ".ci" / "python"), name], capture_output=True, text=True, check=False
        )
        if found.returncode == 0:
            return found.stdout.strip(), name
    return sys.executable, f"python{sys.version_info[0]}.{sys.version_info[1]}"


@define
class Evennia:
    """
    A game of Evennia: players in its first room, and others in small rooms, by telnet.

    Attributes:
        together: How many accounts stand in the first room.
        apart: How many stand elsewhere, four to a room.
    """

    together: int
    apart: int
    transport: str = "telnet"
    pace: Pace = _SLOW
    _made: "tuple[_Game, tempfile.TemporaryDirectory[str], str] | None" = field(
        default=None, init=False
    )
    _absent: Absent | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """Implement `Subject.name`."""
        return "Evennia" if self._made is None else f"Evennia {self._made[2]}"

    @property
    def most(self) -> int:
        """Implement `Subject.most`."""
        return self.together

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """Implement `Subject.open`."""
        with self._running(0, WORDS.encode()) as stage:
            yield stage

    @contextmanager
    def spread(self, amount: int, marker: bytes) -> Iterator[Stage]:
        """Start it with so many in small rooms, where something is counted."""
        with self._running(self.together, marker) as stage:
            stage.grow(amount)
            yield stage

    @contextmanager
    def _running(self, first: int, marker: bytes) -> Iterator[Stage]:
        game = self._game()
        try:
            game.start()
            with Crowd((), marker) as crowd:

                def enter(amount: int) -> Iterator[socket.socket]:
                    begin = first + len(crowd)
                    for number in range(begin, begin + amount, _AT_ONCE):
                        yield from game.enter(number, min(number + _AT_ONCE, begin + amount))

                line = f"say {WORDS}\r\n".encode()
                yield Stage(crowd, game.pids, all_at_once(crowd, line), enter)
        finally:
            game.stop()

    def _game(self) -> "_Game":
        if self._absent is not None:
            raise self._absent
        if self._made is None:
            folder = tempfile.TemporaryDirectory(prefix="mudserver-bench-evennia-")
            try:
                game = _Game(environment(), Path(folder.name))
                self._made = game, folder, game.make(self.together, self.apart)
            except Absent as absent:
                self._absent = absent
                raise
        return self._made[0]


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
            timeout=_PROGRAM_SECONDS,
            check=False,
        )
        return done.stdout + done.stderr

    def make(self, together: int, apart: int) -> str:
        """Make a new game with so many accounts; return Evennia's version, and its Python's."""
        said = self.run("evennia", "--init", "game", directory=self._folder.parent)
        settings = self._folder / "server" / "conf" / "settings.py"
        if not settings.exists():
            raise Absent(f"skipped: it makes no game: {_last_line(said)}")
        names = ("telnet", "web", "web_server", "websocket", "amp")
        with settings.open("a", encoding="utf-8") as file:
            file.write(_SETTINGS.format(**dict(zip(names, self._ports, strict=True))))
        said = self.run("evennia", "migrate")
        # The first start makes the room in which accounts then get their characters.
        try:
            self.start()
        finally:
            self.stop()
        script = self._folder / "accounts.py"
        script.write_text(_ACCOUNTS.format(password=_PASSWORD, each=EACH), encoding="utf-8")
        said += self.run("python", "accounts.py", str(together), str(apart))
        if "Traceback" in said:
            raise Absent(f"skipped: it makes no accounts: {_last_line(said)}")
        version = (
            "from importlib.metadata import version; from platform import python_version;"
            " print(version('evennia'), 'on Python', python_version())"
        )
        return self.run("python", "-c", version).strip()

    def start(self) -> None:
        """Start portal and server; on a busy machine, its launcher may give up half-way."""
        said = ""
        for _ in range(_STARTS):
            said = self.run("evennia", "start")
            until = time.monotonic() + _START_SECONDS
            while time.monotonic() < until:
                try:
                    with closing(self._connect(timeout=5.0)) as connection:
                        read_until(connection, b"help")
                except OSError:
                    time.sleep(0.2)
                else:
                    return
        raise Absent(f"skipped: it doesn't start: {_last_line(said)}")

    def stop(self) -> None:
        """Stop both; one that its launcher has lost sight of is ended by force."""
        self.run("evennia", "stop")
        for pid in {*self.pids, *self._working()}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _working(self) -> Iterator[int]:
        """Yield all that works in the game's folder, such as one that has not noted its pid yet."""
        here = self._folder.resolve()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(here):
                    yield int(process.name)

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes: two, while it runs."""
        files = (self._folder / "server" / f"{name}.pid" for name in ("portal", "server"))
        return tuple(int(file.read_text()) for file in files if file.exists())

    def enter(self, first: int, end: int) -> list[socket.socket]:
        """Log accounts in, all at once."""
        connections = [self._connect() for _ in range(first, end)]
        for connection in connections:
            read_until(connection, b"help")
        for number, connection in enumerate(connections, first):
            connection.sendall(f"connect player{number} {_PASSWORD}\r\n".encode())
        for connection in connections:
            read_until(connection, b"Limbo")
        return connections

    def _connect(self, timeout: float = PATIENCE) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._ports[0]), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["it says nothing"])[-1]


def _free_ports(amount: int) -> list[int]:
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(amount)]
    ports = [door.getsockname()[1] for door in doors]
    for door in doors:
        with closing(door):
            pass
    return ports
