"""Players who talk, take and put down, and note what they see."""

import re
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Final, Protocol

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.town import Part
from tests.integration.web_client import (
    PLAY,
    Login,
    Message,
    WebSocketPlayer,
    enter,
    open_websocket,
    register,
)
from tests.torture.ledger import Absence, Answer, Means, Page, Shown, Spoken

PASSWORD: Final = "correct horse battery"

#: Commands that a player leaves unanswered at most; the rest of those that may wait is room enough.
MAX_UNANSWERED: Final = 20

#: Seconds that a player by telnet, who hears of no loss, waits to be shown a line of its own.
LONGEST_WAIT: Final = 5.0

#: Seconds between two commands of a player, at most.
LONGEST_REST: Final = 0.6

#: Seconds within which a player is to be back; for a welcome, before it tries again; and between.
LONGEST_MOVE: Final = 120.0
PATIENCE: Final = 5.0
_TRY_AGAIN: Final = 0.25

#: How often each is said.
_SHARES: Final = {Means.TELL: 4, Means.CHANNEL: 2, Means.SAY: 2}

#: How often a player by WebSocket takes or puts down its thing, instead of speaking.
_DEEDS: Final = 0.3

_SHOWN: Final = re.compile(
    r'(?P<tell>\w+) tells you, "(?P<told>[\w-]+)"|\[chat\] (?P<chat>\w+): (?P<chatted>[\w-]+)'
    r'|(?P<say>\w+) says, "(?P<said>[\w-]+)"'
)


#: What else terminals show of what players do.
_ORDINARY: Final = re.compile(
    r"^You (tell|say)|^\w+ (tells you|says), |^\[chat\]|picks? up|puts? down|drops? |arrive"
)


class Talker(Protocol):
    """A player, by whatever terminal."""

    page: Page

    async def act(self, random: Random) -> None:
        """Send something, if it isn't too much."""

    def note(self) -> None:
        """Bring the page up to date."""


def _line(page: Page, random: Random, others: tuple[str, ...]) -> Spoken:
    (means,) = random.choices(tuple(_SHARES), tuple(_SHARES.values()))
    to = random.choice(others) if means is Means.TELL else ""
    return Spoken(means, page.player, len(page.spoken) + 1, to, reactor.seconds())


async def play(talker: Talker, random: Random, until: float) -> None:
    """Have a player play until then."""
    while reactor.seconds() < until and not talker.page.lost:
        await talker.act(random)
        await deferLater(reactor, random.uniform(0.0, LONGEST_REST))
        talker.note()


class WebTalker:
    """
    A player by WebSocket.

    Args:
        name: The player's.
        thing: What it takes, and puts down.
        others: Whom it talks to.

    Attributes:
        thing: That thing.
        gateway: Where it plays.
        away: Whether it has no session just now.
    """

    def __init__(self, name: str, thing: str, others: tuple[str, ...]) -> None:
        self.page = Page(name)
        self.thing = thing
        self.gateway: Part
        self.away = False
        self._others = others
        self._token = ""
        self._link: WebSocketPlayer
        self._welcome: Message
        self._read = 0
        self._count = 0
        self._texts: dict[str, str] = {}

    async def enter(self, case: TestCase, gateway: Part) -> None:
        """Come in by that gateway."""
        login = await register(gateway.http, self.page.player, PASSWORD)
        self._token = login.token
        self.gateway = gateway
        self._link = await enter(case, login)
        self.note()

    async def move(self, case: TestCase, gateway: Part) -> None:
        """Lose the connection, and go on at that gateway."""
        self.away = True
        self.gateway = gateway
        hello = await self._hello()
        await self._link.hang_up()
        since = reactor.seconds()
        self.note()
        resume = {
            "session": self._welcome["session"],
            "secret": self._welcome["resume"],
            "seq": self._count,
        }
        await self._return(case, since, hello, {"resume": resume})

    async def quit(self, case: TestCase, gateway: Part) -> None:
        """Quit, whatever is unanswered, and log in anew by that gateway."""
        self.away = True
        self.gateway = gateway
        hello = await self._hello()
        since = reactor.seconds()
        self._link.say({"type": "bye"})
        await self._link.closed()
        self.note()
        await self._return(case, since, hello, {})

    async def _return(
        self, case: TestCase, since: float, hello: Message | None, resume: Message
    ) -> None:
        """Come in again, with that ticket or with others, as soon as may be."""
        link = None
        while link is None and not self.page.lost:
            if hello is not None:
                link = await self._come(case, {**hello, **resume})
            if link is None:
                await deferLater(reactor, _TRY_AGAIN)
                hello = await self._hello()
            if link is None and reactor.seconds() > since + LONGEST_MOVE:
                self.page.lost = f"didn't come back for {LONGEST_MOVE} s"
        if link is not None:
            self._go_on(link, since)

    async def _hello(self) -> Message | None:
        """Fetch a ticket; None where there is none just now: the world is away."""
        try:
            return await Login(self.gateway.http, self._token).hello()
        except AssertionError:
            return None

    async def _come(self, case: TestCase, hello: Message) -> WebSocketPlayer | None:
        """Open a connection with a welcome; None where that doesn't come now, or soon."""
        link = await open_websocket(case, self.gateway.http)
        link.say(hello)
        patience = reactor.callLater(PATIENCE, link.hang_up)
        try:
            await link.expect("welcome")
        except AssertionError:
            await link.hang_up()
            if not _reconnects(link.code):
                self.page.lost = f"was not let in again: {link.code}"
            return None
        finally:
            if patience.active():
                patience.cancel()
        return link

    def _go_on(self, link: WebSocketPlayer, since: float) -> None:
        welcome = link.messages[0]
        recovered, same = welcome["recovered"], welcome["session"] == self._welcome["session"]
        self._link, self._read = link, 0
        self.page.back(Absence(since, reactor.seconds(), recovered, same and not recovered))
        for id in self.page.unanswered:  # though its answer may be here: that is not read yet
            link.command(self._texts[id], id)
        self.away = False
        self.note()

    async def act(self, random: Random) -> None:
        """Implement `Talker.act`."""
        page = self.page
        if self.away or len(page.unanswered) >= MAX_UNANSWERED:
            return
        id = f"{page.player}-c{len(page.spoken) + len(page.deeds)}"
        if random.random() < _DEEDS:
            taken = len(page.deeds) % 2 == 0
            page.deeds[id] = taken
            self._command(f"{'get' if taken else 'drop'} {self.thing}", id)
            return
        line = _line(page, random, self._others)
        page.spoken.append((id, line))
        self._command(line.typed, id)

    def _command(self, text: str, id: str) -> None:
        self._texts[id] = text
        self._link.command(text, id)

    def note(self) -> None:
        """Implement `Talker.note`."""
        new = self._link.messages[self._read :]
        self._read += len(new)
        for message in new:
            self._note(message)
        if self._link.code is not None and not self.away:
            self.page.lost = f"code {self._link.code}"

    def _note(self, message: Message) -> None:
        page = self.page
        self._count += message["type"] in PLAY
        if message["type"] == "welcome":
            self._welcome, self._count = message, message["seq"]
        elif message["type"] in ("mark", "gap") and message["seq"] != self._count:
            page.miscounted.append(f"{self._count} messages, by {message}")
        elif message["type"] in ("ack", "error"):
            code, words = message.get("code", ""), message.get("message", "")
            answer = Answer(reactor.seconds(), code, words)
            page.answers.setdefault(message.get("id", ""), []).append(answer)
        elif message["type"] == "chat":
            means = Means(message["channel"])
            ours = message["from"] == page.player
            if means is Means.CHANNEL or not ours:
                shown = Shown(means, message["from"], message["text"], reactor.seconds())
                page.shown.append(shown)


class TelnetTalker:
    """
    A player by telnet, who only talks.

    Args:
        name: The player's.
        others: Whom it talks to.
    """

    def __init__(self, name: str, others: tuple[str, ...]) -> None:
        self.page = Page(name)
        self._others = others
        self._link: TelnetClient

    async def enter(self, case: TestCase, gateway: Part) -> None:
        """Come in by that gateway."""
        self._link = await connect(case, gateway.telnet, self.page.player)
        await self._link.register(self.page.player, PASSWORD)

    async def act(self, random: Random) -> None:
        """Implement `Talker.act`."""
        spoken = self.page.spoken
        waits = len(spoken) - self._seen >= MAX_UNANSWERED
        if waits and reactor.seconds() < spoken[-1][1].at + LONGEST_WAIT:
            return
        line = _line(self.page, random, self._others)
        spoken.append(("", line))
        self._link.send(line.typed)

    @property
    def _seen(self) -> int:
        """The number of the last line of its own that it was shown."""
        texts = re.findall(rf"\b{self.page.player}-(\d+)", self._link.said.text)
        return max(map(int, texts), default=0)

    def note(self) -> None:
        """Implement `Talker.note`."""
        page = self.page
        page.shown = [
            Shown(Means(_means(found)), _speaker(found), _text(found))
            for found in _SHOWN.finditer(self._link.said.text)
        ]
        if self._link.lost:
            page.lost = "the connection ended"

    def told(self) -> Mapping[str, int]:
        """Return what it was told of its own commands and of the server, with how often."""
        lines = (line.strip("> \r") for line in self._link.said.text.split("\n"))
        return Counter(line for line in lines if line and not _ORDINARY.search(line))


def _reconnects(code: int | None) -> bool:
    """Tell whether that close code says to come again; none, and what isn't one of ours, does."""
    return code is None or code < 3_500


def _means(found: re.Match[str]) -> str:
    return next(each.value for each in Means if found[each.value])


def _speaker(found: re.Match[str]) -> str:
    return found[_means(found)]


def _text(found: re.Match[str]) -> str:
    return next(found[name] for name in ("told", "chatted", "said") if found[name])
