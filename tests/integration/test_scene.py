"""
Players in one world, by browser, telnet and WebSocket; the daemon is killed in mid-scene.

What was acknowledged before the kill is there after the next start, whoever did it.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import count

from attrs import define, field, frozen
from twisted.trial.unittest import TestCase

from tests.integration.browser import Browser, open_browser
from tests.integration.daemon import Daemon
from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.web_client import Message, WebSocketPlayer, enter, register

PASSWORD = "correct horse battery"

#: From the first room to the west end of the quays.
WEST = ("west", "west", "west", "west")
EAST = ("east", "east", "east", "east")

_CARRIED = re.compile(r"^  (.+)$", re.MULTILINE)


@frozen
class Snapshot:
    """
    Where a player is, with what, and what lies where of the things that are watched.

    Attributes:
        room: The name of the room.
        carried: The names of the things in hand.
        lying: The names of things by the name of the room.
    """

    room: str
    carried: frozenset[str]
    lying: Mapping[str, frozenset[str]]


@define
class Ledger:
    """
    What a player did, one command after the other, and what each should lead to.

    Attributes:
        before: How things stood at first.
        commands: What was typed, and how things stand after it.
    """

    before: Snapshot
    commands: list[tuple[str, Snapshot]] = field(factory=list)

    def walk(self, direction: str, room: str) -> None:
        """Note a step."""
        now = self.now
        self._note(direction, Snapshot(room, now.carried, now.lying))

    def drop(self, thing: str) -> None:
        """Note that something was put down."""
        now = self.now
        here = now.lying.get(now.room, frozenset()) | {thing}
        self._note(
            f"drop {thing.split(' ', 1)[1]}",
            Snapshot(now.room, now.carried - {thing}, {**now.lying, now.room: here}),
        )

    def _note(self, text: str, after: Snapshot) -> None:
        self.commands.append((text, after))

    @property
    def now(self) -> Snapshot:
        """How things stand if all was done."""
        return self.commands[-1][1] if self.commands else self.before

    def possible(self, acknowledged: int) -> list[Snapshot]:
        """Return how things may stand when so many were acknowledged: none of these is lost."""
        return [self.before, *(after for _, after in self.commands)][acknowledged:]


class Walker:
    """
    A player at a WebSocket who takes things along the quays.

    Args:
        player: The connection.
    """

    def __init__(self, player: WebSocketPlayer) -> None:
        self._player = player
        self._numbers = count(1)

    async def do(self, text: str) -> None:
        """Send a command, and wait until what it changed is committed."""
        await self._player.acknowledged(text, f"walk-{next(self._numbers)}")

    async def take_all(self) -> None:
        """Take what there is, if anything."""
        await self._player.answer("get all", f"walk-{next(self._numbers)}")

    async def walk(self, path: Sequence[str]) -> list[str]:
        """Take all there is along a path; returns the names of the rooms."""
        rooms = [self.room]
        for direction in path:
            await self.take_all()
            await self.do(direction)
            rooms.append(self.room)
        await self.take_all()
        return rooms

    async def carried(self) -> frozenset[str]:
        """Return the names of what is in hand."""
        await self.do("inventory")
        texts = [each["text"] for each in self._player.messages if each["type"] == "text"]
        return frozenset(_CARRIED.findall(texts[-1]))

    @property
    def room(self) -> str:
        """The name of the room where we are."""
        return str(self._last_room["name"])

    @property
    def _last_room(self) -> Message:
        rooms = [each["room"] for each in self._player.messages if each["type"] == "room.state"]
        return dict(rooms[-1])

    async def survey(self, rooms: Sequence[str], things: frozenset[str]) -> Snapshot:
        """Look at where on the way from the west end we are, with what, and what lies there."""
        place = self.room
        carried = await self.carried()
        for direction in WEST[rooms.index(place) :]:
            await self.do(direction)
        lying = {}
        for direction in ("look", *EAST):
            await self.do(direction)
            here = frozenset(item["name"] for item in self._last_room["items"]) & things
            if here:
                lying[self.room] = here
        return Snapshot(place, carried, lying)

    def hurry_back(self, rooms: Sequence[str], things: frozenset[str]) -> Ledger:
        """Go east, put something down before each step, and wait for nothing."""
        ledger = Ledger(Snapshot(self.room, things, {}))
        for thing, direction, room in zip(sorted(things), EAST, rooms[-2::-1], strict=False):
            ledger.drop(thing)
            ledger.walk(direction, room)
        for number, (text, _) in enumerate(ledger.commands, 1):
            self._player.command(text, f"hurry-{number}")
        return ledger

    async def acknowledged(self, number: int) -> None:
        """Wait until so many commands of the way back are acknowledged."""
        await self._player.expect("ack", id=f"hurry-{number}")

    async def lost(self) -> int:
        """Wait until the connection is lost; returns how many were acknowledged in the end."""
        await self._player.closed()
        answers = [each for each in self._player.messages if each["type"] == "ack"]
        return sum(each["id"].startswith("hurry-") for each in answers)


class SceneTests(TestCase):
    """On the embedded database, as on a fresh machine."""

    timeout = 300

    async def test_scene(self) -> None:
        """They meet, talk, walk, drop and pick things up; after a kill -9 all is as it was, and the
        browser comes back by itself.
        """
        daemon = Daemon(self)
        await daemon.start()
        ann = await open_browser(self, daemon.http)
        await ann.submit("#register", "Ann", PASSWORD)
        await ann.connected()
        await ann.shows("#room-name", "The Waiting Steps")
        bob = await connect(self, daemon.telnet, "Bob")
        await bob.register("Bob", PASSWORD)
        self.assertIn("Ann", bob.said.text)
        login = await register(daemon.http, "Cid", PASSWORD)
        cid = await enter(self, login)
        await ann.shows("#occupants", "Bob")
        await ann.shows("#occupants", "Cid")
        await bob.expect("Cid enters the world.")

        await self.they_talk(ann, bob, cid)
        await self.they_take_things_and_walk(ann, bob)

        # Cid carries things to the west end, and is on the way back when the daemon is killed.
        walker = Walker(cid)
        rooms = await walker.walk(WEST)
        things = await walker.carried()
        ledger = walker.hurry_back(rooms, things)
        # Ann's and Bob's last deeds were done before these commands came.
        await walker.acknowledged(3)
        await daemon.kill()
        acknowledged = await walker.lost()
        await bob.closed()
        await daemon.alone()

        await daemon.start()
        # The browser is there again by itself, where it was, with what it had.
        await ann.shows("#scrollback", "connection was lost")
        await ann.connected()
        await ann.shows("#room-name", "The Fish Hall")
        self.assertEqual(
            sorted(await ann.texts("#inventory li")), ["a cork float", "a grey pebble"]
        )
        self.assertEqual(await ann.texts("#items li"), ["the wooden cod"])
        bob = await connect(self, daemon.telnet, "Bob")
        await bob.log_in("Bob", PASSWORD)
        self.assertIn("Capstan Square", bob.said.text)
        await bob.ask("inventory", "You carry:\r\n  a return ticket\r\n> ")
        walker = Walker(await enter(self, login))
        self.assertIn(await walker.survey(rooms, things), ledger.possible(acknowledged))

        # And the scene goes on.
        await bob.ask("south", "The Fish Hall")
        await ann.shows("#occupants", "Bob")
        await ann.type("say Where were we?")
        await bob.expect('Ann says, "Where were we?"')
        self.assertEqual(ann.complaints, [])
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)

    async def they_talk(self, ann: Browser, bob: TelnetClient, cid: WebSocketPlayer) -> None:
        """Each is heard by all."""
        await ann.type("say Good evening.")
        await ann.shows("#scrollback", 'You say, "Good evening."')
        await bob.expect('Ann says, "Good evening."')
        await cid.expect("chat", channel="say", text="Good evening.", **{"from": "Ann"})
        await bob.ask("'Evening, both.", 'You say, "Evening, both."')
        await ann.shows("#scrollback", 'Bob says, "Evening, both."')
        await cid.expect("chat", channel="say", text="Evening, both.", **{"from": "Bob"})
        cid.command("say I have been waiting.")
        await cid.expect("chat", line='You say, "I have been waiting."')
        await ann.shows("#scrollback", 'Cid says, "I have been waiting."')
        await bob.expect('Cid says, "I have been waiting."')
        await bob.ask("tell ann Mind the step.", "Mind the step.")
        await ann.shows("#scrollback", "Mind the step.")

    async def they_take_things_and_walk(self, ann: Browser, bob: TelnetClient) -> None:
        """Each sees what the other does; in the end all that Ann did is acknowledged."""
        await ann.type("get ticket")
        await ann.shows("#inventory", "a return ticket")
        await bob.expect("Ann picks up a return ticket.")
        await bob.ask("get pebble", "You pick up a grey pebble.")
        await ann.hides("#items", "a grey pebble")
        await bob.ask("north", "The Fish Hall")
        await ann.hides("#occupants", "Bob")
        await ann.do(lambda page: page.click("#exits button[data-direction=north]"))
        await ann.shows("#room-name", "The Fish Hall")
        await ann.shows("#occupants", "Bob")
        await bob.expect("Ann arrives from the south.")
        await bob.ask("drop pebble", "You put down a grey pebble.")
        await ann.shows("#items", "a grey pebble")
        await ann.type("get float")
        await ann.shows("#inventory", "a cork float")
        await bob.expect("Ann picks up a cork float.")
        await ann.type("drop ticket")
        await bob.expect("Ann puts down a return ticket.")
        await bob.ask("get ticket", "You pick up a return ticket.")
        await bob.ask("north", "Capstan Square")
        await ann.type("get pebble")
        await ann.shows("#inventory", "a grey pebble")
        await ann.all_answered()
        self.assertEqual({each.id for each in ann.sent}, ann.acknowledged)


class KilledTests(TestCase):
    """Killed again and again, at other moments."""

    timeout = 300

    async def test_acknowledged_is_committed(self) -> None:
        """Whenever the daemon is killed, a player is found where the last acknowledged step led, or
        further on; and the same for what was put down on the way.
        """
        daemon = Daemon(self)
        await daemon.start()
        login = await register(daemon.http, "Cid", PASSWORD)
        for kill_after in (1, 4, 6):
            walker = Walker(await enter(self, login))
            rooms = await walker.walk(WEST)
            things = await walker.carried()
            ledger = walker.hurry_back(rooms, things)
            await walker.acknowledged(kill_after)
            await daemon.kill()
            acknowledged = await walker.lost()
            await daemon.start()
            walker = Walker(await enter(self, login))
            self.assertIn(await walker.survey(rooms, things), ledger.possible(acknowledged))
