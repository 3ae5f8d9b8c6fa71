"""Rooms and characters as a viewer holds them."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import AccountId, CharacterId, ItemId, NpcId, RoomId
from mudserver.view.line import Style, View
from mudserver.view.state import char_delta, char_state, occupants_page, room_delta, room_state
from mudserver.world import area, rules
from mudserver.world.applied import (
    CharacterDelta,
    ItemAdded,
    ItemRemoved,
    NextChanged,
    OccupantAdded,
    OccupantRemoved,
    RoomDelta,
    TotalChanged,
)
from mudserver.world.direction import Direction
from mudserver.world.model import OCCUPANTS_PAGE, Character, Exit, Item, Npc, Room
from mudserver.world.world import World
from tests.unit.world.scene import (
    ANN,
    BOB,
    CELLAR,
    CID,
    HALL,
    LANTERN,
    ROPE,
    YARD,
    do,
    enter,
    make_crowd,
    make_world,
)

TIME = "2026-01-02T03:04:05Z"
MAX_MESSAGE_BYTES = 32 * 1024


def body(view: View) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(view.body)
    assert message["type"] == view.type
    return message


class RoomStateTests(SynchronousTestCase):
    def test_body(self) -> None:
        """The whole room, as the protocol says."""
        view = room_state(make_crowd(), HALL, TIME)
        self.assertTrue(view.play)
        self.assertEqual(
            body(view),
            {
                "type": "room.state",
                "version": 3,
                "room": {
                    "id": 1,
                    "name": "The Hall",
                    "description": "A wide hall.",
                    "exits": {
                        "north": {"name": "The Yard", "closed": False},
                        "down": {"name": "a trapdoor", "closed": True},
                    },
                    "items": [
                        {"id": 11, "name": "a brass lantern"},
                        {"id": 12, "name": "a coil of rope"},
                        {"id": 13, "name": "an anvil"},
                    ],
                    "occupants": {
                        "total": 2,
                        "page": [
                            {"id": 101, "name": "Ann", "kind": "player"},
                            {"id": 102, "name": "Bob", "kind": "player"},
                        ],
                    },
                },
                "time": TIME,
            },
        )

    def test_exit_order(self) -> None:
        """Exits stand in the order of directions, not in that of the file."""
        exits = body(room_state(make_crowd(), HALL, TIME))["room"]["exits"]
        self.assertEqual(list(exits), ["north", "down"])

    def test_line(self) -> None:
        """The room as a terminal shows it."""
        line = room_state(make_crowd(), HALL, TIME).line
        assert line is not None
        self.assertEqual(
            line.text,
            "The Hall\n"
            "A wide hall.\n"
            "Exits: north, down (a trapdoor, closed)\n"
            "You see a brass lantern, a coil of rope and an anvil.\n"
            "Here: Ann, Bob.",
        )

    def test_line_of_inhabitants(self) -> None:
        """Players stand before those who live there; a room without items names none."""
        line = room_state(make_crowd(), YARD, TIME).line
        assert line is not None
        self.assertEqual(
            line.text.split("\n")[1:],
            ["Cobbles, and a wall.", "Exits: south", "Here: Cid, the grey heron, Mrs Pellow."],
        )

    def test_line_of_nothing(self) -> None:
        """A room without exits says so, and one that nobody is in."""
        line = room_state(make_crowd(), CELLAR, TIME).line
        assert line is not None
        self.assertEqual(line.text, "The Cellar\nDark.\nExits: none\nHere: none.")

    def test_styles(self) -> None:
        """Each word of the line says what it is."""
        line = room_state(make_crowd(), YARD, TIME).line
        assert line is not None
        styles = {span.text.strip(): span.style for span in line.spans}
        self.assertEqual(styles["The Yard"], Style.ROOM_NAME)
        self.assertEqual(styles["Cobbles, and a wall."], Style.PROSE)
        self.assertEqual(styles["south"], Style.EXIT)
        self.assertEqual(styles["Cid"], Style.PLAYER)
        self.assertEqual(styles["the grey heron"], Style.NPC)

    def test_crowd(self) -> None:
        """Of a crowd, a page is named, all are counted, and the next page is told."""
        world = make_world()
        for number in range(1500):
            letters = f"{number:04}".translate(str.maketrans("0123456789", "abcdefghij"))
            enter(world, CharacterId(1000 + number), f"X{letters}")
        view = room_state(world, HALL, TIME)
        occupants = body(view)["room"]["occupants"]
        self.assertEqual(occupants["total"], 1500)
        self.assertEqual(len(occupants["page"]), OCCUPANTS_PAGE)
        self.assertEqual(occupants["next"], 1049)
        assert view.line is not None
        self.assertTrue(view.line.text.endswith("Xaaeh, Xaaei, Xaaej and 1,450 others."))

    def test_fits(self) -> None:
        """The fullest room that can be, of the longest words, fits into one message."""
        world = World(RoomId(1))
        name = "W" * area.MAX_NAME_CHARS
        world.add_room(Room(RoomId(1), "r", "a", name, "\U0001f30a" * area.MAX_DESCRIPTION_CHARS))
        for direction in Direction:
            world.add_exit(RoomId(1), direction, Exit(RoomId(1), name, closed=True))
        big = 10**12
        for number in range(rules.things.MAX_LYING):
            world.add_item(Item(ItemId(big + number), "k", name, (), "", room=RoomId(1)))
        for number in range(area.MAX_INHABITANTS):
            world.add_npc(Npc(NpcId(2 * big + number), str(number), name, (), "", RoomId(1)))
        for number in range(OCCUPANTS_PAGE):
            letters = f"{number:04}".translate(str.maketrans("0123456789", "abcdefghij"))
            enter(world, CharacterId(3 * big + number), letters * 5)
        self.assertLessEqual(len(room_state(world, RoomId(1), TIME).body), MAX_MESSAGE_BYTES)


class RoomDeltaTests(SynchronousTestCase):
    def test_body(self) -> None:
        """Each operation is one of a JSON Patch on the room."""
        delta = RoomDelta(
            HALL,
            7,
            8,
            (
                OccupantRemoved(49),
                OccupantAdded(0, 5, "Ann", player=True),
                OccupantAdded(1, 6, "the cat", player=False),
                TotalChanged(0),
                NextChanged(None, 5),
                NextChanged(5, 6),
                NextChanged(6, None),
                ItemAdded(2, LANTERN, "a brass lantern"),
                ItemRemoved(3),
            ),
        )
        view = room_delta(delta, TIME)
        self.assertIsNone(view.line)
        self.assertTrue(view.play)
        self.assertEqual(
            body(view),
            {
                "type": "room.delta",
                "from": 7,
                "to": 8,
                "patch": [
                    {"op": "remove", "path": "/occupants/page/49"},
                    {
                        "op": "add",
                        "path": "/occupants/page/0",
                        "value": {"id": 5, "name": "Ann", "kind": "player"},
                    },
                    {
                        "op": "add",
                        "path": "/occupants/page/1",
                        "value": {"id": 6, "name": "the cat", "kind": "npc"},
                    },
                    {"op": "replace", "path": "/occupants/total", "value": 0},
                    {"op": "add", "path": "/occupants/next", "value": 5},
                    {"op": "replace", "path": "/occupants/next", "value": 6},
                    {"op": "remove", "path": "/occupants/next"},
                    {
                        "op": "add",
                        "path": "/items/2",
                        "value": {"id": 11, "name": "a brass lantern"},
                    },
                    {"op": "remove", "path": "/items/3"},
                ],
                "time": TIME,
            },
        )


class OccupantsPageTests(SynchronousTestCase):
    def test_page(self) -> None:
        """A page names who follows, is a message of control, and has no time."""
        view = occupants_page(make_crowd(), HALL, ANN)
        self.assertFalse(view.play)
        self.assertIsNone(view.line)
        self.assertEqual(
            body(view),
            {"type": "occupants", "page": [{"id": BOB, "name": "Bob", "kind": "player"}]},
        )

    def test_next(self) -> None:
        """A page that others follow tells by what to ask for them."""
        world = make_world()
        for number in range(OCCUPANTS_PAGE + 1):
            letters = f"{number:02}".translate(str.maketrans("0123456789", "abcdefghij"))
            enter(world, CharacterId(1000 + number), f"X{letters}")
        self.assertEqual(body(occupants_page(world, HALL, 0))["next"], 1049)


class CharacterTests(SynchronousTestCase):
    def test_state(self) -> None:
        """The whole character, as the protocol says; a terminal shows nothing of it."""
        world = make_crowd()
        do(world, ANN, "get rope")
        view = char_state(world, ANN, TIME)
        self.assertIsNone(view.line)
        self.assertTrue(view.play)
        self.assertEqual(
            body(view),
            {
                "type": "char.state",
                "version": 2,
                "name": "Ann",
                "vitals": {},
                "position": "standing",
                "inventory": [{"id": ROPE, "name": "a coil of rope"}],
                "time": TIME,
            },
        )

    def test_delta(self) -> None:
        """Each operation is one of a JSON Patch on the character."""
        delta = CharacterDelta(CID, 3, 4, (ItemRemoved(1), ItemAdded(0, ROPE, "a coil of rope")))
        view = char_delta(delta, TIME)
        self.assertIsNone(view.line)
        self.assertEqual(
            body(view),
            {
                "type": "char.delta",
                "from": 3,
                "to": 4,
                "patch": [
                    {"op": "remove", "path": "/inventory/1"},
                    {
                        "op": "add",
                        "path": "/inventory/0",
                        "value": {"id": ROPE, "name": "a coil of rope"},
                    },
                ],
                "time": TIME,
            },
        )

    def test_fits(self) -> None:
        """All that one can carry fits into one message."""
        world = make_world()
        world.add_character(Character(ANN, AccountId(1), "A" * 20))
        for number in range(rules.things.MAX_CARRIED):
            name = "W" * area.MAX_NAME_CHARS
            world.add_item(Item(ItemId(10**12 + number), "k", name, (), "", holder=ANN))
        self.assertLessEqual(len(char_state(world, ANN, TIME).body), MAX_MESSAGE_BYTES)
