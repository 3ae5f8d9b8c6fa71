"""Players that write down what they send and what they are answered."""

import re
from collections.abc import Iterator
from typing import Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.crash.history import Command, Deed, History, Outcome, Player, typed
from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.transcript import DEADLINE
from tests.integration.web_client import Login, Message, WebSocketPlayer, open_websocket

#: What telnet shows the one who did something, and what one who could not.
_DONE: Final = re.compile(
    r"You (pick up|put|take|open|close|no longer hear|hear \w+ again|say, )|Exits: "
)
_NOT_DONE: Final = re.compile(
    r"There (is|are) |You (carry (no|nothing)|can't|mute \w+ already|don't mute)"
    r"|A (box|crate|hatch) is |That can't be (done|saved) just now"
)
_EITHER: Final = re.compile(f"{_DONE.pattern}|{_NOT_DONE.pattern}")


class WebSocketActor:
    """
    A player by ``mud.v1.json``, who may send a command before earlier ones are answered.

    Args:
        name: The player's.
        moments: Numbers what happens, in one order for all players.

    Attributes:
        history: What was sent and answered since `begin`.
        strange: What came that should not have.
    """

    def __init__(self, name: Player, moments: Iterator[int]) -> None:
        self.name = name
        self.history = History(name)
        self.strange: list[str] = []
        self._moments = moments
        self._numbers = iter(range(1, 1_000_000))
        self._link: WebSocketPlayer | None = None
        self._open: dict[str, Command] = {}
        self._watcher: Deferred[None] | None = None

    @property
    def unanswered(self) -> int:
        """How many commands have no answer."""
        return len(self._open)

    @property
    def link(self) -> WebSocketPlayer:
        """The connection."""
        assert self._link is not None
        return self._link

    @property
    def connected(self) -> bool:
        """Whether there is a connection still."""
        return self._link is not None and self._link.code is None

    def begin(self) -> None:
        """Begin a new history."""
        self.history = History(self.name)
        self._open.clear()

    async def enter(self, case: TestCase, login: Login) -> None:
        """Say hello; what is sent from now on comes after it."""
        hello = await login.hello()
        self._link = await open_websocket(case, login.port)
        self._link.heard = self._heard
        self._link.say(hello)

    def do(self, deed: Deed) -> None:
        """Send a command."""
        command = Command(deed, next(self._moments))
        id = f"{self.name}-{next(self._numbers)}"
        self.history.commands.append(command)
        self._open[id] = command
        self.link.command(typed(deed), id)

    async def answered(self) -> None:
        """Wait until every command has its answer, or the connection is gone."""
        while self._open and self.connected:
            self._watcher = Deferred()
            self._watcher.addTimeout(DEADLINE, reactor)
            await self._watcher

    def lost(self) -> None:
        """Stop waiting: the daemon was killed."""
        self._tell()

    def _tell(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.callback(None)

    def _heard(self, message: Message) -> None:
        if message["type"] not in ("ack", "error"):
            return
        command = self._open.pop(message.get("id", ""), None)
        if command is None:
            self.strange.append(f"{self.name} was sent {message}, unasked or twice")
            return
        command.answered = next(self._moments)
        if message["type"] == "ack":
            command.outcome = Outcome.ACKNOWLEDGED
        else:
            command.outcome, command.code = Outcome.REFUSED, message["code"]
            if command.code == "internal_error":
                self.strange.append(f"{self.name} was sent {message}")
        if not self._open:
            self._tell()


class TelnetActor:
    """
    A player by telnet, who waits for each command to be shown done before the next.

    Nothing tells that a command is committed, so what is shown is all that is known.

    Args:
        name: The player's.
        moments: Numbers what happens, in one order for all players.

    Attributes:
        history: What was sent and shown since `begin`.
    """

    def __init__(self, name: Player, moments: Iterator[int]) -> None:
        self.name = name
        self.history = History(name)
        self._moments = moments
        self._link: TelnetClient | None = None

    @property
    def link(self) -> TelnetClient:
        """The connection."""
        assert self._link is not None
        return self._link

    @property
    def connected(self) -> bool:
        """Whether there is a connection still."""
        return self._link is not None and not self._link.lost

    def begin(self) -> None:
        """Begin a new history."""
        self.history = History(self.name)

    async def enter(self, case: TestCase, port: int, password: str) -> None:
        """Log in; the player is in the world when this returns."""
        self._link = await connect(case, port)
        await self._link.log_in(self.name, password)

    async def do(self, deed: Deed) -> None:
        """Send a command, and wait until one sees what came of it."""
        command = Command(deed, next(self._moments))
        self.history.commands.append(command)
        shown = (await self.link.ask(typed(deed), _EITHER))[0]
        command.answered = next(self._moments)
        command.outcome = Outcome.SHOWN
        if _NOT_DONE.match(shown):
            command.outcome = Outcome.REFUSED
            command.code = "unavailable" if shown.endswith("just now") else "not_here"
