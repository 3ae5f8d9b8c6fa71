"""Two who play while something happens that they must not notice."""

from itertools import count

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.trial.unittest import TestCase

from mudserver.wire.telnet import Code, command
from tests.integration.daemon import Daemon
from tests.integration.program import until
from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.web_client import Login, Message, WebSocketPlayer, enter, register

PASSWORD = "correct horse battery"

#: Seconds between two rounds of questions.
_ROUND_SECONDS = 0.2

_HERE = "[Yes, here.]"


class Bystander:
    """
    Ann by telnet and Bob by WebSocket, in one room.

    Each asks again and again whether the daemon is there, and each tells the other something.

    Attributes:
        ann: Ann's connection.
        bob: Bob's.
        login: Bob's log-in.
    """

    def __init__(self, ann: TelnetClient, bob: WebSocketPlayer, login: Login) -> None:
        self.ann = ann
        self.bob = bob
        self.login = login
        self._numbers = count(1)
        self._asked = 0
        self._answered: set[str] = set()
        self._asking = LoopingCall(self._ask)
        self._over: Deferred[LoopingCall] | None = None
        bob.heard = self._heard

    @classmethod
    async def come(cls, case: TestCase, daemon: Daemon) -> "Bystander":
        """Let both come in."""
        ann = await connect(case, daemon.telnet, "Ann")
        await ann.register("Ann", PASSWORD)
        login = await register(daemon.http, "Bob", PASSWORD)
        bystander = cls(ann, await enter(case, login), login)
        case.addCleanup(lambda: Deferred.fromCoroutine(bystander.rest()))
        return bystander

    def begin(self) -> None:
        """Begin to ask."""
        self._over = self._asking.start(_ROUND_SECONDS)

    async def rest(self) -> None:
        """Ask no more."""
        if self._asking.running:
            self._asking.stop()
        if self._over is not None:
            await self._over

    async def was_undisturbed(self) -> None:
        """
        Ask no more, and see that every question was answered, and that they still hear each other.

        Raises:
            AssertionError: Not every one was.
        """
        await self.rest()
        assert self._asked, "nothing was asked"
        await until(
            lambda: len(self._answered) == self._asked and self._heard_here() == self._asked,
            lambda: (
                f"of {self._asked} pings, {len(self._answered)} were answered by WebSocket and "
                f"{self._heard_here()} by telnet"
            ),
        )
        await self.ann.ask("say Fine weather.", 'You say, "Fine weather."')
        await self.bob.expect("chat", text="Fine weather.", **{"from": "Ann"})
        self.bob.command("say So it is.")
        await self.ann.expect('Bob says, "So it is."')

    def answered_in_order(self) -> None:
        """
        See that every question was answered up to the last that was.

        Raises:
            AssertionError: One was left out.
        """
        answered = {f"ping-{number}" for number in range(1, len(self._answered) + 1)}
        assert self._answered == answered, f"not answered: {sorted(answered - self._answered)}"

    def _ask(self) -> None:
        if self.bob.state != self.bob.STATE_OPEN or self.ann.lost:
            return  # whoever shouldn't be gone is missed at the end
        self._asked += 1
        self.bob.say({"type": "ping", "id": f"ping-{next(self._numbers)}"})
        self.ann.write(command(Code.AYT))

    def _heard(self, message: Message) -> None:
        if message["type"] == "pong":
            self._answered.add(message["id"])

    def _heard_here(self) -> int:
        return self.ann.said.text.count(_HERE)
