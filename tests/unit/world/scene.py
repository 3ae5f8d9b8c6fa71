"""A small world to test in: a hall, a yard to its north, a cellar under a closed trapdoor."""

from datetime import UTC, datetime

from mudserver.ids import AccountId, CharacterId, ItemId, NpcId, RoomId
from mudserver.world import rules
from mudserver.world.applied import Applied
from mudserver.world.direction import Direction
from mudserver.world.events import Event
from mudserver.world.grammar import parse
from mudserver.world.model import Character, Exit, Item, Npc, Room
from mudserver.world.role import Role
from mudserver.world.world import World

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
HALL = RoomId(1)
YARD = RoomId(2)
CELLAR = RoomId(3)
LANTERN = ItemId(11)
ROPE = ItemId(12)
ANVIL = ItemId(13)
CHEST = ItemId(14)
CRATE = ItemId(15)
SACK = ItemId(16)
PURSE = ItemId(17)
COIN = ItemId(18)
PIN = ItemId(19)
HERON = NpcId(21)
PELLOW = NpcId(22)
ANN = CharacterId(101)
BOB = CharacterId(102)
CID = CharacterId(103)


#: Of containers: their sizes, and how many things they hold.
_SIZES = {CHEST: (3, 10), CRATE: (3, 10), SACK: (2, 3), PURSE: (1, 1)}


def make_world() -> World:
    """Return the world without any player."""
    world = World(HALL)
    world.add_room(
        Room(
            HALL,
            "hall",
            "house",
            "The Hall",
            "A wide hall.",
            {"dust": "Grey, and everywhere.", "lantern hook": "A hook for a lantern."},
        )
    )
    world.add_room(Room(YARD, "yard", "house", "The Yard", "Cobbles, and a wall."))
    world.add_room(Room(CELLAR, "cellar", "house", "The Cellar", "Dark."))
    world.add_exit(HALL, Direction.DOWN, Exit(CELLAR, "a trapdoor", closed=True))
    world.add_exit(HALL, Direction.NORTH, Exit(YARD))
    world.add_exit(YARD, Direction.SOUTH, Exit(HALL))
    world.add_item(
        Item(LANTERN, "lantern", "a brass lantern", ("brass lantern", "lamp"), "Bright.", room=HALL)
    )
    world.add_item(Item(ROPE, "rope", "a coil of rope", ("coil of rope",), "Long.", room=HALL))
    world.add_item(Item(ANVIL, "anvil", "an anvil", ("anvil",), "Black.", True, room=HALL))
    world.add_npc(
        Npc(
            HERON,
            "heron",
            "the grey heron",
            ("grey heron", "bird"),
            "It stands on one leg.",
            YARD,
            greeting=":looks up.",
            topics={"fish": "Fish? Where?", "dried fish": ":turns away."},
            idle=("blinks.", "shifts its weight."),
        )
    )
    world.add_npc(
        Npc(
            PELLOW,
            "pellow",
            "Mrs Pellow",
            ("mrs pellow",),
            "She has flour on her hands.",
            YARD,
            greeting="Mind the cobbles.",
            topics={"cobbles": "Laid by my uncle."},
        )
    )
    return world


def enter(
    world: World,
    id: CharacterId,
    name: str,
    room: RoomId | None = None,
    role: Role = Role.PLAYER,
) -> Character:
    """Have a character enter; its account has the same number."""
    character = Character(id, AccountId(id), name, room, role=role)
    world.add_character(character)
    for event in rules.enter(world, character):
        world.apply(event)
    return character


def make_crowd() -> World:
    """Return the world with Ann and Bob in the hall and Cid in the yard."""
    world = make_world()
    enter(world, ANN, "Ann")
    enter(world, BOB, "Bob")
    enter(world, CID, "Cid", YARD)
    return world


def furnish(world: World) -> None:
    """
    Put containers into the hall.

    A closed chest, a crate with a pin in it, and a sack for three things, which holds a purse for
    one, with a coin in it.
    """
    for item in (
        Item(CHEST, "chest", "a sea chest", ("sea chest",), "Oak.", True, room=HALL),
        Item(CRATE, "crate", "a crate", ("crate",), "Slats.", room=HALL),
        Item(SACK, "sack", "a sack", ("sack",), "Jute.", room=HALL),
        Item(PURSE, "purse", "a purse", ("purse",), "Small.", container=SACK),
        Item(COIN, "coin", "a coin", ("coin",), "Round.", container=PURSE),
        Item(PIN, "pin", "a pin", ("pin",), "Sharp.", container=CRATE),
    ):
        item.size, item.capacity = _SIZES.get(item.id, (0, 0))
        item.lid = item.id in (CHEST, CRATE)
        item.closed = item.id == CHEST
        world.add_item(item)


def decide(world: World, actor: CharacterId, text: str, now: datetime = NOW) -> tuple[Event, ...]:
    """Return what happens when a player types that."""
    return rules.decide(world, actor, parse(text), now)


def do(world: World, actor: CharacterId, text: str, now: datetime = NOW) -> list[Applied]:
    """Make what a player types come true."""
    return [world.apply(event) for event in decide(world, actor, text, now)]
