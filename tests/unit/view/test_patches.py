"""Deltas make of the old copy exactly the new one."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import PlayerError
from mudserver.ids import AccountId, CharacterId, ItemId, NpcId, RoomId
from mudserver.view.state import char_delta, char_state, room_delta, room_state
from mudserver.world import rules
from mudserver.world.applied import RoomDelta
from mudserver.world.audience import watching
from mudserver.world.direction import Direction
from mudserver.world.events import Event
from mudserver.world.grammar import parse
from mudserver.world.model import OCCUPANTS_PAGE, Character, Exit, Item, Npc, Room
from mudserver.world.world import World
from tests.unit.view.json_patch import apply_patch

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ROOMS = (RoomId(1), RoomId(2))

#: Characters have ids 100, 102, 104 …; inhabitants sit between them, so that all mix on a page.
PLAYERS = tuple(CharacterId(100 + 2 * number) for number in range(OCCUPANTS_PAGE + 10))


def name_of(character: CharacterId) -> str:
    tens, ones = divmod(character - 100, 26)
    return f"P{'abcdefghij'[tens]}{'abcdefghijklmnopqrstuvwxyz'[ones]}"


def make_world() -> World:
    world = World(ROOMS[0])
    for id in ROOMS:
        world.add_room(Room(id, f"r{id}", "a", f"Room {id}", "A room."))
    world.add_exit(ROOMS[0], Direction.NORTH, Exit(ROOMS[1]))
    world.add_exit(ROOMS[1], Direction.SOUTH, Exit(ROOMS[0]))
    for number in range(10, 16):
        name = f"coin {number}"
        world.add_item(Item(ItemId(number), f"i{number}", name, (name,), "", room=ROOMS[0]))
    for number in (101, 151, 199, 219):
        world.add_npc(Npc(NpcId(number), f"n{number}", f"N{number}", (), "", ROOMS[0]))
    return world


class Copies:
    """
    A world, and the copies of its rooms and characters that clients hold.

    All who are in a room with the same version hold the same copy, so one stands for all.
    """

    def __init__(self) -> None:
        self.world = make_world()
        self.rooms = {room: self._room(room) for room in ROOMS}
        self.characters: dict[CharacterId, dict[str, Any]] = {}

    def toggle(self, id: CharacterId) -> None:
        """Have a character enter the world, or leave it if it is there."""
        if id in self.world.characters:
            self.apply(rules.leave(self.world, id))
            del self.characters[id]
            return
        room = ROOMS[id % 3 == 0]
        character = Character(id, AccountId(id), name_of(id), room)
        self.world.add_character(character)
        self.characters[id] = self._character(id)
        self.apply(rules.enter(self.world, character))

    def do(self, id: CharacterId, text: str) -> None:
        """Have a character act, if it can."""
        if id in self.world.characters:
            try:
                events = rules.decide(self.world, id, parse(text), NOW)
            except PlayerError:
                return
            self.apply(events)

    def apply(self, events: tuple[Event, ...]) -> None:
        """Apply events, and bring the copies up to date by deltas alone."""
        for event in events:
            for delta in self.world.apply(event).deltas:
                if isinstance(delta, RoomDelta):
                    self._patch_room(delta)
                else:
                    self._patch(self.characters[delta.character], char_delta(delta, "T").body, None)
                    assert watching(self.world, delta) == (delta.character,)

    def _patch_room(self, delta: RoomDelta) -> None:
        self._patch(self.rooms[delta.room], room_delta(delta, "T").body, "room")
        there = self.world.occupants(delta.room).characters
        assert set(watching(self.world, delta)) == there - {delta.newcomer}

    @staticmethod
    def _patch(copy: dict[str, Any], body: bytes, key: str | None) -> None:
        message = json.loads(body)
        assert message["from"] == copy["version"], "a version was left out"
        assert message["to"] == message["from"] + 1
        assert len(message["patch"]) <= 12, "more than the change needs"
        if key is None:
            copy.update(apply_patch(copy, message["patch"]))
        else:
            copy[key] = apply_patch(copy[key], message["patch"])
        copy["version"] = message["to"]

    def _room(self, room: RoomId) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(room_state(self.world, room, "T").body)
        return state

    def _character(self, id: CharacterId) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(char_state(self.world, id, "T").body)
        return state

    def check(self, case: SynchronousTestCase) -> None:
        """Compare each copy with the whole state as it is now."""
        for room, copy in self.rooms.items():
            case.assertEqual(copy, self._room(room))
            case.assertLessEqual(len(copy["room"]["occupants"]["page"]), OCCUPANTS_PAGE)
        for id, copy in self.characters.items():
            case.assertEqual(copy, self._character(id))


ACTIONS = st.one_of(
    st.tuples(st.sampled_from(PLAYERS), st.just("")),
    st.tuples(
        st.sampled_from(PLAYERS),
        st.sampled_from(
            ("n", "s", "get coin", "get 2.coin", "get all", "drop coin", "drop all", "say hi", "l")
        ),
    ),
)


class PatchTests(SynchronousTestCase):
    @settings(max_examples=60, deadline=None)
    @given(st.sets(st.sampled_from(PLAYERS)), st.lists(ACTIONS, max_size=40))
    def test_few(self, present: set[CharacterId], actions: list[tuple[CharacterId, str]]) -> None:
        """Whatever happens among any of them, patched copies equal the whole state."""
        self.play(present, actions)

    @settings(max_examples=60, deadline=None)
    @given(
        st.sets(st.sampled_from(PLAYERS), max_size=8),
        st.lists(st.tuples(st.sampled_from(PLAYERS), st.sampled_from(("", "n", "s"))), max_size=40),
    )
    def test_around_the_end_of_a_page(
        self, absent: set[CharacterId], actions: list[tuple[CharacterId, str]]
    ) -> None:
        """So it is where a page is just filled, or just not, and all come and go."""
        self.play(set(PLAYERS) - absent, actions)

    def play(self, present: set[CharacterId], actions: list[tuple[CharacterId, str]]) -> None:
        copies = Copies()
        for id in sorted(present, key=lambda id: id * 7919 % 1009):
            copies.toggle(id)
            copies.do(id, "s")
        copies.check(self)
        for id, text in actions:
            if text:
                copies.do(id, text)
            else:
                copies.toggle(id)
            copies.check(self)
