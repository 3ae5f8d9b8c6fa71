"""The players of one stage: how they come in, what they see there, and how they go."""

import re
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError
from twisted.trial.unittest import TestCase

from tests.crash.faults import pause
from tests.crash.history import (
    CLOSED,
    CONTAINERS,
    DOORS,
    FIXED,
    OPEN,
    History,
    Item,
    Mute,
    Player,
    Stored,
    Unmute,
)
from tests.crash.players import TelnetActor, WebSocketActor
from tests.crash.whim import IDLE, PLAIN, Whim
from tests.integration.daemon import Daemon
from tests.integration.web_client import Login, WebSocketPlayer, enter, register

PASSWORD: Final = "correct horse battery"
WEBSOCKET: Final = ("Ann", "Bob", "Cid", "Dee")
TELNET: Final = "Tom"

#: One who has an account and never comes, and who may be muted all the same.
ABSENT: Final = "Zed"

ALL: Final = (*WEBSOCKET, TELNET, ABSENT)

#: Commands that a player sends at once, and leaves unanswered, at most.
MAX_BURST: Final = 8
MAX_UNANSWERED: Final = 12

#: Seconds between two bursts, at most.
LONGEST_REST: Final = 0.03

#: A thing, as it is called in a list.
_NAME: Final = re.compile(r"a \w+")

#: What a player who comes in while the daemon is killed may run into.
_CUT_OFF: Final = (AssertionError, ConnectError, OSError)


class Ground(Protocol):
    """Where players play."""

    @property
    def daemon(self) -> Daemon:
        """Where they come in."""


class Company:
    """
    The players of one stage.

    Args:
        case: The test that it belongs to.
        stage: Where they play.
    """

    def __init__(self, case: TestCase, stage: Ground) -> None:
        self._case = case
        self._stage = stage
        self._logins: dict[Player, Login] = {}
        moments: Iterator[int] = count(1)
        self._actors = [WebSocketActor(name, moments) for name in WEBSOCKET]
        self._tom = TelnetActor(TELNET, moments)

    @property
    def histories(self) -> Sequence[History]:
        """What each did since `begin`."""
        return [*(actor.history for actor in self._actors), self._tom.history]

    async def found(self) -> None:
        """Make accounts, and come in for the first time; that is saved when this returns."""
        for name in ALL:
            self._logins[name] = await register(self._stage.daemon.http, name, PASSWORD)
        await self.enter()
        for deed in (Mute(ABSENT), Unmute(ABSENT)):
            self._actors[0].do(deed)
        await self.answered()

    # ------------------------------------------------------------ in and out

    async def enter(self) -> None:
        """Come in, all of them."""
        await _together(self._enter(actor) for actor in self._actors)
        await self._enter_by_telnet()
        for actor in self._actors:
            await actor.link.expect("mark")

    async def leave(self) -> None:
        """Leave on purpose, those who are there."""
        for actor in self._actors:
            if actor.connected:
                actor.link.say({"type": "bye"})
                await actor.link.closed()
        if self._tom.connected:
            self._tom.link.send("quit")
            await self._tom.link.closed()

    async def cut_off(self) -> None:
        """Notice that the daemon is gone."""
        for actor in self._actors:
            if actor.connected:
                await actor.link.closed()
            actor.lost()
        if self._tom.connected:
            await self._tom.link.closed()

    async def _enter(self, actor: WebSocketActor) -> None:
        await actor.enter(self._case, self._logins[actor.name])

    async def _enter_by_telnet(self) -> None:
        await self._tom.enter(self._case, self._stage.daemon.telnet, PASSWORD)

    # ------------------------------------------------------------ play

    def begin(self) -> None:
        """Begin new histories."""
        for actor in self._actors:
            actor.begin()
        self._tom.begin()

    async def play(
        self,
        before: Stored,
        random: Random,
        over: Callable[[], bool],
        *,
        entering: bool,
        by_telnet: bool = True,
    ) -> None:
        """
        Play until it is over, or the connection is.

        Args:
            before: What is stored.
            random: Chance.
            over: Tells whether it is over.
            entering: Whether to come in first, and to be cut off at any moment.
            by_telnet: Whether who is there by telnet plays, too.
        """

        def whim(name: Player, idle: tuple[str, ...] = IDLE) -> Whim:
            others = tuple(other for other in ALL if other != name)
            return Whim(name, Random(random.random()), others, before.rooms[name], idle)

        async def by_websocket(actor: WebSocketActor) -> None:
            if entering:
                await self._enter(actor)
            await _play(actor, whim(actor.name), over)

        async def at_terminal() -> None:
            if entering:
                await self._enter_by_telnet()
            await _play_by_telnet(self._tom, whim(TELNET, PLAIN), over)

        async def until_cut_off(work: Coroutine[Any, Any, None]) -> None:
            with suppress(*_CUT_OFF if entering else ()):
                await work

        work = [by_websocket(actor) for actor in self._actors]
        if by_telnet:
            work.append(at_terminal())
        await _together(until_cut_off(each) for each in work)

    async def answered(self) -> None:
        """Wait until all that was sent is answered."""
        await _together(actor.answered() for actor in self._actors)

    def strange(self, *, cut_off: bool) -> list[str]:
        """Return what should not have happened, and forget it."""
        found = [words for actor in self._actors for words in actor.strange]
        for actor in self._actors:
            actor.strange.clear()
            if not cut_off and not actor.connected:
                found.append(f"{actor.name} was disconnected")
            if not cut_off and actor.unanswered:
                found.append(f"{actor.name} has {actor.unanswered} commands without an answer")
        if not cut_off and not self._tom.connected:
            found.append(f"{TELNET} was disconnected")
        return found

    # ------------------------------------------------------------ what they see

    async def look_around(self, stored: Stored) -> list[str]:
        """
        Come in by WebSocket, all of them, and look around.

        Returns:
            Where what they see differs from what is stored.
        """
        found: list[str] = []
        links = {}
        for name in (*WEBSOCKET, TELNET):
            links[name] = await enter(self._case, self._logins[name])
        for name, link in links.items():
            await link.acknowledged("look", "look")
            states = [message for message in link.messages if message["type"] == "room.state"]
            room = states[-1]["room"]
            place = stored.rooms[name]
            fixed = [f"a {each}" for each in CONTAINERS if FIXED[each] == place]
            lying = sorted(_names(stored, place) + fixed)
            if room["name"] != f"The {place.capitalize()}":
                found.append(f"{name} is stored in {place}, and sees {room['name']}")
            if (seen := sorted(item["name"] for item in room["items"])) != lying:
                found.append(f"{name} sees {seen} in {place}; stored is {lying}")
            carried = _names(stored, name)
            state = next(each for each in link.messages if each["type"] == "char.state")
            if (seen := sorted(item["name"] for item in state["inventory"])) != carried:
                found.append(f"{name} carries {seen}; stored is {carried}")
            link.command("inventory", "inventory")
            text = (await link.expect("text"))["text"]
            if (seen := sorted(line.strip() for line in text.splitlines()[1:])) != carried:
                found.append(f"{name} is told to carry {seen}; stored is {carried}")
            await link.expect("ack", id="inventory")
            for container in CONTAINERS:
                if FIXED[container] == place:
                    found += await _look_into(link, container, _names(stored, container))
            if place in (FIXED[door] for door in DOORS):
                shown = CLOSED if room["exits"]["down"]["closed"] else OPEN
                if ("hatch", shown) not in stored.items:
                    found.append(f"{name} sees the hatch {shown}")
        for name, link in links.items():
            for other in links.keys() - {name}:
                muted = (await link.answer(f"tell {other} psst", other))["type"] == "error"
                if muted != ((other, name) in stored.mutes):
                    found.append(f"{other} is {'not ' * (not muted)}deaf to {name}")
        for link in links.values():
            link.say({"type": "bye"})
            await link.closed()
        return found


async def _look_into(link: WebSocketPlayer, container: Item, held: list[str]) -> list[str]:
    """Return where what is seen in a container differs from what is stored."""
    link.command(f"look in {container}", f"in {container}")
    text = (await link.expect("text"))["text"]
    await link.expect("ack", id=f"in {container}")
    seen = sorted(_NAME.findall(text.partition("It holds ")[2]))
    return [] if seen == held else [f"in {container} is {seen}; stored is {held}"]


def _names(stored: Stored, place: str) -> list[str]:
    return sorted(f"a {item}" for item, where in stored.items if where == place)


async def _together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    await gatherResults([Deferred.fromCoroutine(each) for each in work], consumeErrors=True)


async def _play(actor: WebSocketActor, whim: Whim, over: Callable[[], bool]) -> None:
    while actor.connected and not over():
        for _ in range(min(whim.random.randint(1, MAX_BURST), MAX_UNANSWERED - actor.unanswered)):
            actor.do(whim.next())
        if actor.unanswered < MAX_UNANSWERED and whim.random.randrange(3):
            await pause(whim.random, LONGEST_REST)
        else:
            await actor.answered()


async def _play_by_telnet(actor: TelnetActor, whim: Whim, over: Callable[[], bool]) -> None:
    while actor.connected and not over():
        try:
            await actor.do(whim.next())
        except AssertionError:
            if actor.connected:
                raise
