"""The state of the world, and what applying events does to it."""

from datetime import timedelta

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import AccountId, CharacterId, ItemId, NpcId, RoomId
from mudserver.world import rules
from mudserver.world.applied import (
    Applied,
    CharacterDelta,
    CharacterPlaced,
    ItemAdded,
    ItemPlaced,
    ItemRemoved,
    MuteLifted,
    MuteMade,
    OccupantAdded,
    OccupantRemoved,
    RoomDelta,
    TotalChanged,
)
from mudserver.world.direction import Direction
from mudserver.world.events import Dropped, LostLink, Returned, Thing, Took
from mudserver.world.model import Character, Exit, Item, Mute, Npc, Room
from tests.unit.world.scene import (
    ANN,
    ANVIL,
    BOB,
    CID,
    HALL,
    HERON,
    LANTERN,
    NOW,
    ROPE,
    YARD,
    decide,
    do,
    enter,
    make_crowd,
    make_world,
)

NOWHERE = RoomId(99)


class BuildingTests(SynchronousTestCase):
    def test_ids_are_unique(self) -> None:
        """Nothing comes into the world twice."""
        world = make_crowd()
        self.assertRaises(ValueError, world.add_room, Room(HALL, "x", "x", "X", "X"))
        self.assertRaises(ValueError, world.add_item, Item(ROPE, "x", "x", (), "", room=HALL))
        self.assertRaises(ValueError, world.add_npc, Npc(HERON, "x", "x", (), "", HALL))
        self.assertRaises(ValueError, world.add_character, Character(ANN, AccountId(1), "Dee"))

    def test_names_are_unique(self) -> None:
        """Two characters of one name, in whatever case, are never in the world together."""
        world = make_crowd()
        other = Character(CharacterId(200), AccountId(200), "ANN")
        self.assertRaises(ValueError, world.add_character, other)

    def test_places_must_exist(self) -> None:
        """What is put nowhere, or into a room that isn't there, is refused."""
        world = make_world()
        self.assertRaises(KeyError, world.add_exit, HALL, Direction.UP, Exit(NOWHERE))
        self.assertRaises(KeyError, world.add_exit, NOWHERE, Direction.UP, Exit(HALL))
        self.assertRaises(
            KeyError, world.add_item, Item(ItemId(50), "x", "x", (), "", room=NOWHERE)
        )
        self.assertRaises(KeyError, world.add_item, Item(ItemId(50), "x", "x", (), "", holder=ANN))
        self.assertRaises(ValueError, world.add_item, Item(ItemId(50), "x", "x", (), ""))
        self.assertRaises(KeyError, world.add_npc, Npc(NpcId(50), "x", "x", (), "", NOWHERE))
        self.assertNotIn(ItemId(50), world.items)
        self.assertNotIn(NpcId(50), world.npcs)

    def test_carried(self) -> None:
        """A character's items are added to what it carries."""
        world = make_crowd()
        item = Item(ItemId(50), "coin", "a coin", ("coin",), "", holder=ANN)
        world.add_item(item)
        self.assertEqual(list(world.character(ANN).items), [item])


class QueryTests(SynchronousTestCase):
    def test_by_name(self) -> None:
        """A character is found by its whole name in any case, while it is in the world."""
        world = make_crowd()
        self.assertIs(world.character_named("aNN"), world.character(ANN))
        self.assertIsNone(world.character_named("an"))
        for event in rules.leave(world, ANN):
            world.apply(event)
        self.assertIsNone(world.character_named("Ann"))
        self.assertEqual([each.name for each in world.characters_beginning("")], ["Bob", "Cid"])

    def test_by_beginning(self) -> None:
        """Characters are found by how their names begin, in order of names."""
        world = make_crowd()
        enter(world, CharacterId(200), "Annabel")
        enter(world, CharacterId(201), "Abel")
        found = [each.name for each in world.characters_beginning("AN")]
        self.assertEqual(found, ["Ann", "Annabel"])
        everyone = [each.name for each in world.characters_beginning("")]
        self.assertEqual(everyone, ["Abel", "Ann", "Annabel", "Bob", "Cid"])

    def test_occupants(self) -> None:
        """A room knows who is in it."""
        world = make_crowd()
        self.assertEqual(world.occupants(HALL).characters, {ANN, BOB})
        self.assertEqual(world.occupants(YARD).characters, {CID})


class ApplyTests(SynchronousTestCase):
    def test_first_entering(self) -> None:
        """A character's first place is stored; the newcomer is exempt from the room's delta."""
        world = make_world()
        character = Character(ANN, AccountId(1), "Ann")
        world.add_character(character)
        arrived, looked = rules.enter(world, character)
        self.assertEqual(
            world.apply(arrived),
            Applied(
                (CharacterPlaced(ANN, HALL),),
                (
                    RoomDelta(
                        HALL, 1, 2, (OccupantAdded(0, ANN, "Ann", True), TotalChanged(1)), ANN
                    ),
                ),
            ),
        )
        self.assertEqual(world.apply(looked), Applied())
        self.assertEqual(character.room, HALL)

    def test_entering_where_one_was(self) -> None:
        """Where a character was stored needn't be stored again."""
        world = make_world()
        character = Character(ANN, AccountId(1), "Ann", YARD)
        world.add_character(character)
        self.assertEqual(world.apply(rules.enter(world, character)[0]).changes, ())
        self.assertIn(ANN, world.occupants(YARD))

    def test_walking(self) -> None:
        """A walk takes one out of a room and into the next, and is stored once."""
        world = make_crowd()
        departed, arrived, looked = do(world, ANN, "north")
        self.assertEqual(departed.changes, ())
        self.assertEqual(
            departed.deltas, (RoomDelta(HALL, 3, 4, (OccupantRemoved(0), TotalChanged(1))),)
        )
        self.assertEqual(arrived.changes, (CharacterPlaced(ANN, YARD),))
        self.assertEqual([delta.newcomer for delta in arrived.deltas], [ANN])  # type: ignore[union-attr]
        self.assertEqual(looked, Applied())
        self.assertEqual(world.character(ANN).room, YARD)
        self.assertEqual(world.occupants(HALL).characters, {BOB})
        self.assertEqual(world.occupants(YARD).characters, {ANN, CID})

    def test_between_rooms(self) -> None:
        """One who has departed and not yet arrived is nowhere."""
        world = make_crowd()
        departed, arrived, _ = decide(world, ANN, "north")
        world.apply(departed)
        self.assertIsNone(world.character(ANN).room)
        world.apply(arrived)
        self.assertEqual(world.character(ANN).room, YARD)

    def test_leaving(self) -> None:
        """One who leaves takes along what they carry, and whom they mute."""
        world = make_crowd()
        do(world, ANN, "get rope")
        do(world, ANN, "mute bob")
        (departed,) = rules.leave(world, ANN)
        applied = world.apply(departed)
        self.assertEqual(applied.changes, ())
        self.assertEqual(len(applied.deltas), 1)
        self.assertNotIn(ANN, world.characters)
        self.assertNotIn(ANN, world.occupants(HALL))
        self.assertNotIn(ROPE, world.items)
        self.assertEqual(world.muters(BOB, NOW), set())

    def test_coming_back(self) -> None:
        """One who left may enter again, with the items and mutes of then."""
        world = make_crowd()
        for event in rules.leave(world, ANN):
            world.apply(event)
        character = Character(ANN, AccountId(ANN), "Ann", YARD, mutes={BOB: Mute("Bob")})
        world.add_character(character)
        world.add_item(Item(ItemId(50), "coin", "a coin", ("coin",), "", holder=ANN))
        for event in rules.enter(world, character):
            world.apply(event)
        self.assertIn(ANN, world.occupants(YARD))
        self.assertEqual(world.muters(BOB, NOW), {ANN})

    def test_taking(self) -> None:
        """What is taken leaves the room for the hands, in both copies, and is stored."""
        world = make_crowd()
        (applied,) = do(world, ANN, "get rope")
        self.assertEqual(applied.changes, (ItemPlaced(ROPE, None, ANN),))
        self.assertEqual(
            applied.deltas,
            (
                RoomDelta(HALL, 3, 4, (ItemRemoved(1),)),
                CharacterDelta(ANN, 1, 2, (ItemAdded(0, ROPE, "a coil of rope"),)),
            ),
        )
        rope = world.items[ROPE]
        self.assertEqual((rope.room, rope.holder), (None, ANN))
        self.assertNotIn(ROPE, world.room(HALL).items)

    def test_dropping(self) -> None:
        """What is dropped lies where one is, in the order of ids."""
        world = make_crowd()
        do(world, ANN, "get all")
        (applied,) = do(world, ANN, "drop rope")
        self.assertEqual(applied.changes, (ItemPlaced(ROPE, HALL, None),))
        self.assertEqual(
            applied.deltas,
            (
                RoomDelta(HALL, 4, 5, (ItemAdded(0, ROPE, "a coil of rope"),)),
                CharacterDelta(ANN, 2, 3, (ItemRemoved(1),)),
            ),
        )
        rope = world.items[ROPE]
        self.assertEqual((rope.room, rope.holder), (HALL, None))

    def test_several_at_once(self) -> None:
        """Several things are one step of each copy."""
        world = make_crowd()
        (applied,) = do(world, ANN, "get all")
        self.assertEqual(
            applied.changes, (ItemPlaced(LANTERN, None, ANN), ItemPlaced(ROPE, None, ANN))
        )
        room, character = applied.deltas
        self.assertEqual(room.operations, (ItemRemoved(0), ItemRemoved(0)))
        self.assertEqual((room.from_version, room.to_version), (3, 4))
        self.assertEqual((character.from_version, character.to_version), (1, 2))

    def test_impossible(self) -> None:
        """An event about what isn't there changes nothing."""
        world = make_crowd()
        lantern, anvil = Thing(LANTERN, "a brass lantern"), Thing(ANVIL, "an anvil")
        self.assertRaises(KeyError, world.apply, Took(CID, "Cid", YARD, (lantern,)))
        self.assertRaises(KeyError, world.apply, Dropped(ANN, "Ann", HALL, (lantern, anvil)))
        self.assertRaises(
            KeyError, world.apply, Took(ANN, "Ann", HALL, (lantern, Thing(ItemId(50), "x")))
        )
        self.assertIn(LANTERN, world.room(HALL).items)
        self.assertEqual(world.room(HALL).version, 3)
        self.assertEqual(world.character(ANN).version, 1)

    def test_muting(self) -> None:
        """Mutes are stored, and known from both ends."""
        world = make_crowd()
        (made,) = do(world, ANN, "mute bob")
        self.assertEqual(made, Applied((MuteMade(ANN, BOB, NOW, name="Bob"),)))
        self.assertEqual(world.muters(BOB, NOW), {ANN})
        self.assertEqual(world.character(ANN).mutes, {BOB: Mute("Bob")})
        (lifted,) = do(world, ANN, "unmute bob")
        self.assertEqual(lifted, Applied((MuteLifted(ANN, BOB),)))
        self.assertEqual(world.muters(BOB, NOW), set())
        self.assertEqual(world.character(ANN).mutes, {})

    def test_ended_mutes(self) -> None:
        """Whoever mutes again forgets those mutes that have ended."""
        world = make_crowd()
        do(world, ANN, "mute bob 30")
        do(world, ANN, "mute cid 1h", NOW + timedelta(minutes=30))
        end = NOW + timedelta(minutes=90)
        self.assertEqual(world.character(ANN).mutes, {CID: Mute("Cid", end)})
        self.assertEqual(world.muters(BOB, NOW), set())

    def test_link(self) -> None:
        """A lost link is remembered until it comes back; nothing of it is stored."""
        world = make_crowd()
        self.assertEqual(world.apply(LostLink(ANN, "Ann", HALL)), Applied())
        self.assertTrue(world.character(ANN).linkdead)
        self.assertEqual(world.apply(Returned(ANN, "Ann", HALL)), Applied())
        self.assertFalse(world.character(ANN).linkdead)

    def test_talk(self) -> None:
        """Talking and looking change nothing."""
        world = make_crowd()
        for text in (
            "look",
            "look rope",
            "say hi",
            "tell bob hi",
            "emote waves",
            "who",
            "inventory",
            "exits",
            "help",
            "password",
            "quit",
        ):
            self.assertEqual(do(world, ANN, text), [Applied()], text)
        self.assertEqual(world.room(HALL).version, 3)
