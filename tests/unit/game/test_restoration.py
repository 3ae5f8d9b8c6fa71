"""What the database refuses goes back, in the world, to what is stored, and is shown so."""

from typing import cast

from attrs import evolve

from mudserver.game import journal
from mudserver.ids import CharacterId, ItemId, RoomId
from mudserver.interfaces.journal import JournalRow
from mudserver.world.applied import (
    ChannelOff,
    ChannelOn,
    CharacterPlaced,
    DoorMoved,
    FollowLifted,
    FollowMade,
    ItemPlaced,
    LidMoved,
    MembershipEnded,
    MembershipMade,
    MuteLifted,
    MuteMade,
    NpcPlaced,
)
from mudserver.world.area import Area
from mudserver.world.direction import Direction
from mudserver.world.model import Item
from tests.contract.areas import chest_world
from tests.unit.game.theatre import GameTestCase


class RestorationTest(GameTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ann, self.bob = self.enter("Ann"), self.enter("Bob")
        self.ids = {each.name: each.id for each in self.database.characters.values()}
        self.items = {each.key: each.id for each in self.database.items.values()}
        self.rooms = {each.key: each.id for each in self.game.world.rooms.values()}
        self.advance(journal.RIDE_SECONDS)
        self.gateway.forget()

    def refuse(self, *kinds: type[JournalRow]) -> None:
        self.database.refuses = lambda row: isinstance(row, kinds)

    def item(self, key: str) -> tuple[RoomId | None, CharacterId | None]:
        item = self.game.world.items[self.items[key]]
        return item.room, item.holder

    def shown_items(self, session: str) -> list[str]:
        """What lies in the room, as a session was shown last."""
        (*_, last) = self.gateway.bodies(session, "room.state")  # type: ignore[arg-type]
        room = cast("dict[str, list[dict[str, str]]]", last["room"])
        return [item["name"] for item in room["items"]]

    def shown_occupants(self, session: str) -> list[str]:
        (*_, last) = self.gateway.bodies(session, "room.state")  # type: ignore[arg-type]
        room = cast("dict[str, dict[str, list[dict[str, str]]]]", last["room"])
        return [each["name"] for each in room["occupants"]["page"]]

    def inventory(self, session: str) -> list[str]:
        (*_, last) = self.gateway.bodies(session, "char.state")  # type: ignore[arg-type]
        return [item["name"] for item in cast("list[dict[str, str]]", last["inventory"])]

    def test_item_taken(self) -> None:
        """What was taken lies there again; all in the room see it, and who took it has lost it."""
        self.refuse(ItemPlaced)
        self.type(self.ann, "get lamp", "a")
        self.assertEqual(self.item("lamp"), (self.rooms["steps"], None))
        for session in (self.ann, self.bob):
            self.assertIn("a brass lamp", self.shown_items(session))
        self.assertEqual(self.inventory(self.ann), [])
        self.assertEqual(self.gateway.types(self.bob)[-1], "room.state")
        (settled,) = self.gateway.settled(self.ann)
        assert settled.refusal is not None
        self.assertEqual(settled.refusal.code, "internal_error")
        self.database.refuses = lambda row: False
        self.type(self.bob, "get lamp")
        self.assertEqual(self.item("lamp"), (None, self.ids["Bob"]))

    def test_deltas_go_on(self) -> None:
        """The deltas after it follow the state that was shown."""
        self.refuse(ItemPlaced)
        self.type(self.ann, "get lamp")
        state = self.gateway.bodies(self.bob, "room.state")[-1]
        own = self.gateway.bodies(self.ann, "char.state")[-1]
        self.database.refuses = lambda row: False
        self.gateway.forget()
        self.type(self.ann, "get lamp")
        (delta,) = self.gateway.bodies(self.bob, "room.delta")
        self.assertEqual(delta["from"], state["version"])
        (delta,) = self.gateway.bodies(self.ann, "char.delta")
        self.assertEqual(delta["from"], own["version"])

    def test_item_dropped(self) -> None:
        """What was put down is carried again."""
        self.type(self.ann, "get lamp")
        self.type(self.ann, "east")
        self.refuse(ItemPlaced)
        self.type(self.ann, "drop lamp")
        self.assertEqual(self.item("lamp"), (None, self.ids["Ann"]))
        self.assertEqual(self.inventory(self.ann), ["a brass lamp"])
        self.assertNotIn("a brass lamp", self.shown_items(self.ann))

    def test_walk(self) -> None:
        """Who walked is back; both rooms see it, and so does who walked."""
        self.refuse(CharacterPlaced)
        self.type(self.ann, "east")
        self.assertEqual(self.game.world.character(self.ids["Ann"]).room, self.rooms["steps"])
        for session in (self.ann, self.bob):
            self.assertEqual(self.shown_occupants(session), ["Ann", "Bob"])
        self.assertEqual(len(self.game.world.occupants(self.rooms["mole"])), 0)
        # It is a later version than that in which she was away.
        away = self.gateway.bodies(self.bob, "room.delta")[-1]["to"]
        back = self.gateway.bodies(self.bob, "room.state")[-1]["version"]
        self.assertGreater(cast("int", back), cast("int", away))
        self.database.refuses = lambda row: False
        self.type(self.ann, "say here again")
        self.assertIn('Ann says, "here again"', self.gateway.lines(self.bob))
        self.type(self.ann, "east")
        self.assertEqual(self.game.world.character(self.ids["Ann"]).room, self.rooms["mole"])

    def test_mutes(self) -> None:
        """A mute that isn't saved is none, and one whose end isn't saved goes on."""
        self.refuse(MuteMade, MuteLifted)
        self.type(self.ann, "mute bob")
        self.type(self.bob, "say one")
        self.assertIn('Bob says, "one"', self.gateway.lines(self.ann))
        self.database.refuses = lambda row: False
        self.type(self.ann, "mute bob")
        self.refuse(MuteMade, MuteLifted)
        self.type(self.ann, "unmute bob")
        self.type(self.bob, "say two")
        self.assertNotIn('Bob says, "two"', self.gateway.lines(self.ann))
        self.assertIn((self.ids["Ann"], self.ids["Bob"]), self.database.mutes)

    def test_channels(self) -> None:
        """A channel whose turning off isn't saved is heard, and one turned on stays off."""
        self.refuse(ChannelOff, ChannelOn)
        self.type(self.ann, "channel chat off")
        self.type(self.bob, "chat one")
        self.assertIn("[chat] Bob: one", self.gateway.lines(self.ann))
        self.database.refuses = lambda row: False
        self.type(self.ann, "channel chat off")
        self.refuse(ChannelOff, ChannelOn)
        self.type(self.ann, "channel chat on")
        self.type(self.bob, "chat two")
        self.assertNotIn("[chat] Bob: two", self.gateway.lines(self.ann))
        self.assertIn((self.ids["Ann"], "chat"), self.database.channels_off)

    def test_only_the_refused(self) -> None:
        """What else was in the cut stays, and is acknowledged."""
        lamp = self.items["lamp"]
        self.database.refuses = lambda row: isinstance(row, ItemPlaced) and row.item == lamp
        self.database.hold()
        self.gateway.type(self.ann, "get lamp", "a")
        self.gateway.type(self.bob, "east", "b")
        self.gateway.type(self.bob, "get rope", "c")
        self.advance()
        self.database.release()
        self.advance()
        self.assertEqual(self.item("rope"), (None, self.ids["Bob"]))
        self.assertEqual([each.refusal for each in self.gateway.settled(self.bob)], [None, None])
        self.assertEqual(self.item("lamp"), (self.rooms["steps"], None))

    def test_changed_again(self) -> None:
        """What has changed again meanwhile stays: that change is for the database to judge."""
        self.database.refuses = lambda row: isinstance(row, ItemPlaced) and row.holder is not None
        self.database.hold()
        self.type(self.ann, "get lamp", "a")
        self.type(self.ann, "east", "b")
        self.type(self.ann, "drop lamp", "c")
        self.database.release()
        self.advance()
        self.assertEqual(self.item("lamp"), (self.rooms["mole"], None))
        self.assertEqual(self.database.items[self.items["lamp"]].room, self.rooms["mole"])
        settled = self.gateway.settled(self.ann)
        codes = [each.refusal.code if each.refusal else None for each in settled]
        self.assertEqual(codes, ["internal_error", None, None])

    def test_carried_out_of_the_world(self) -> None:
        """What left the world with its bearer, and isn't saved so, lies where it lay."""
        self.refuse(ItemPlaced)
        self.database.hold()
        self.gateway.type(self.ann, "get lamp", "a")
        self.advance()
        self.gateway.detach(self.ann, by_choice=True)
        self.advance()
        self.assertNotIn(self.items["lamp"], self.game.world.items)
        self.gateway.forget()
        self.database.release()
        self.advance()
        self.assertEqual(self.item("lamp"), (self.rooms["steps"], None))
        self.assertIn("a brass lamp", self.shown_items(self.bob))

    def test_held_by_an_absent_one(self) -> None:
        """What is stored as carried by someone absent leaves the world."""
        lamp = self.items["lamp"]
        self.type(self.ann, "quit")
        self.database.items[lamp] = evolve(
            self.database.items[lamp], room=None, holder=self.ids["Ann"]
        )
        self.refuse(ItemPlaced)
        self.gateway.forget()
        self.type(self.bob, "get lamp")
        self.assertNotIn(lamp, self.game.world.items)
        self.assertEqual(self.inventory(self.bob), [])
        self.database.refuses = lambda row: False
        self.enter("Ann")
        self.assertEqual(self.item("lamp"), (None, self.ids["Ann"]))

    def test_unknown_to_the_database(self) -> None:
        """What isn't stored at all isn't in the world any more."""
        lamp = ItemId(self.items["lamp"])
        del self.database.items[lamp]
        self.type(self.ann, "get lamp")
        self.assertNotIn(lamp, self.game.world.items)
        self.assertEqual(self.inventory(self.ann), [])

    def test_never_placed(self) -> None:
        """Who was never saved anywhere is where new ones begin."""
        ann = self.ids["Ann"]
        self.database.characters[ann] = evolve(self.database.characters[ann], room=None)
        self.refuse(CharacterPlaced)
        self.type(self.ann, "east")
        self.assertEqual(self.game.world.character(ann).room, self.game.world.start)


class ContainerTest(GameTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ann, self.bob = self.enter("Ann"), self.enter("Bob")
        self.ids = {each.name: each.id for each in self.database.characters.values()}
        self.items = {each.key: each.id for each in self.database.items.values()}
        for session in (self.ann, self.bob):
            self.type(session, "east")
        self.type(self.ann, "open chest")
        self.type(self.ann, "get sack from chest")
        self.type(self.ann, "get rope")
        self.advance(journal.RIDE_SECONDS)

    def make_areas(self) -> tuple[Area, ...]:
        return chest_world()

    def refuse(self, *kinds: type[JournalRow]) -> None:
        self.database.refuses = lambda row: isinstance(row, kinds)

    def place(self, key: str) -> str:
        """Tell what an item is in, or "" if it is in none."""
        item = self.game.world.items[self.items[key]]
        return "" if item.container is None else self.game.world.items[item.container].key

    def consistent(self) -> None:
        """Expect the world in memory to be as stored."""
        for id, item in self.game.world.items.items():
            row = self.database.items[id]
            self.assertEqual(
                (item.room, item.holder, item.container, item.closed),
                (row.room, row.holder, row.container, row.closed),
                item.key,
            )

    def test_put_in(self) -> None:
        """What was put in and not saved is carried again."""
        self.refuse(ItemPlaced)
        self.type(self.ann, "put rope in sack")
        self.assertEqual(self.place("rope"), "")
        self.consistent()
        self.database.refuses = lambda row: False
        self.type(self.ann, "put rope in sack")
        self.assertEqual(self.place("rope"), "sack")
        self.consistent()

    def test_dropped_with_contents(self) -> None:
        """A sack that was not saved goes back with what is in it."""
        self.type(self.ann, "put rope in sack")
        self.refuse(ItemPlaced)
        self.type(self.ann, "drop sack")
        self.assertEqual([self.place(key) for key in ("rope", "purse")], ["sack", "sack"])
        self.assertEqual(self.game.world.items[self.items["sack"]].holder, self.ids["Ann"])
        self.consistent()

    def test_left_the_world(self) -> None:
        """A sack that left the world unsaved is back with what is in it."""
        self.type(self.ann, "put rope in sack")
        self.type(self.ann, "drop sack")
        self.refuse(ItemPlaced)
        self.database.hold()
        self.gateway.type(self.ann, "get sack", "a")
        self.advance()
        self.gateway.detach(self.ann, by_choice=True)
        self.advance()
        self.assertNotIn(self.items["rope"], self.game.world.items)
        self.database.release()
        self.advance()
        self.assertEqual([self.place(key) for key in ("rope", "purse")], ["sack", "sack"])
        self.consistent()

    def test_filled_in_the_same_cut(self) -> None:
        """A sack that left the world unsaved is back with what was put into it just before that,
        and its lid is as it is saved.
        """
        self.type(self.ann, "drop sack")
        sack = self.items["sack"]
        self.database.refuses = lambda row: isinstance(row, ItemPlaced) and row.item == sack
        self.database.hold()
        self.gateway.type(self.ann, "say hold it", "a")
        self.gateway.type(self.ann, "mute bob", "b")
        self.advance()
        self.gateway.type(self.ann, "put rope in sack", "c")
        self.gateway.type(self.ann, "get sack", "d")
        self.advance()
        self.gateway.detach(self.ann, by_choice=True)
        self.advance()
        self.assertNotIn(sack, self.game.world.items)
        self.database.release()
        self.advance()
        self.assertEqual([self.place(key) for key in ("rope", "purse")], ["sack", "sack"])
        self.consistent()

    def test_saved_elsewhere_meanwhile(self) -> None:
        """What was taken out of it in the same cut, and is saved so, isn't put in again."""
        self.type(self.ann, "put rope in sack")
        self.type(self.ann, "drop sack")
        sack = self.items["sack"]
        self.database.refuses = lambda row: isinstance(row, ItemPlaced) and row.item == sack
        self.database.hold()
        self.gateway.type(self.ann, "get sack", "a")
        self.gateway.type(self.ann, "get rope from sack", "b")
        self.advance(journal.GATHER_SECONDS)
        self.gateway.detach(self.ann, by_choice=True)
        self.advance()
        self.database.release()
        self.advance()
        self.assertEqual(self.database.items[self.items["rope"]].holder, self.ids["Ann"])
        self.assertNotIn(self.items["rope"], self.game.world.items)
        self.assertEqual(self.place("purse"), "sack")
        self.consistent()

    def test_lid(self) -> None:
        """A lid that was not saved is as it was."""
        self.refuse(LidMoved)
        self.type(self.bob, "close chest")
        self.assertFalse(self.game.world.items[self.items["chest"]].closed)
        self.consistent()

    def test_door(self) -> None:
        """A door that was not saved is as it was, and those on both sides see it."""
        self.type(self.ann, "west")
        self.refuse(DoorMoved)
        self.gateway.forget()
        self.type(self.ann, "open north")
        steps = self.game.world.room(self.game.world.start)
        self.assertTrue(steps.exits[Direction.NORTH].closed)
        self.assertEqual(self.gateway.types(self.ann)[-1], "room.state")

    def test_inhabitant(self) -> None:
        """An inhabitant whose walk was not saved is back."""
        heron = next(npc for npc in self.game.world.npcs.values() if npc.route)
        hall, _ = heron.route
        self.type(self.ann, "west")
        self.type(self.ann, "open north")
        self.refuse(NpcPlaced)
        self.gateway.forget()
        self.game.stage.walk(heron.id, 0.0)
        self.advance()
        self.assertIn("The grey heron arrives from the north.", self.gateway.lines(self.ann))
        self.assertEqual(self.gateway.types(self.ann)[-1], "room.state")
        self.assertEqual((heron.room, self.database.npcs[heron.id]), (hall, hall))
        self.assertIn(heron.id, self.game.world.occupants(hall))

    def test_follow(self) -> None:
        """A follow that isn't saved is none, and one whose end isn't saved goes on."""
        ann, bob = self.ids["Ann"], self.ids["Bob"]
        self.refuse(FollowMade, FollowLifted)
        self.type(self.ann, "follow bob")
        self.assertEqual(self.game.world.follows.followers(bob), [])
        self.database.refuses = lambda row: False
        self.type(self.ann, "follow bob")
        self.refuse(FollowMade, FollowLifted)
        self.type(self.ann, "unfollow")
        self.assertEqual(self.game.world.follows.followers(bob), [ann])

    def test_party(self) -> None:
        """A membership that isn't saved is none, and one whose end isn't saved goes on."""
        ann, bob = self.ids["Ann"], self.ids["Bob"]
        parties = self.game.world.parties
        self.type(self.ann, "party invite bob")
        self.refuse(MembershipMade, MembershipEnded)
        self.type(self.bob, "party join ann")
        self.assertEqual((parties.members(ann), parties.members(bob)), ((), ()))
        self.database.refuses = lambda row: False
        self.type(self.ann, "party invite bob")
        self.type(self.bob, "party join ann")
        before = parties.members(ann)
        self.assertEqual([member.character for member in before], [ann, bob])
        self.refuse(MembershipMade, MembershipEnded)
        self.type(self.ann, "party leave")
        self.assertEqual(parties.members(bob), before)

    def test_after_a_restart(self) -> None:
        """Lids, doors, follows, parties and what is in bags are as they were."""
        self.type(self.bob, "party invite ann")
        self.type(self.ann, "party join bob")
        self.type(self.ann, "put rope in sack")
        self.type(self.ann, "follow bob")
        self.type(self.bob, "west")
        self.type(self.bob, "open north")
        self.type(self.ann, "drop sack")
        before = {id: (item.room, item.container, item.closed) for id, item in self.all_items()}
        self.advance(1.0)
        self.successResultOf(self.service.stopService())
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        after = {id: (item.room, item.container, item.closed) for id, item in self.all_items()}
        self.assertEqual(after, before)
        world = self.game.world
        self.assertFalse(world.room(world.start).exits[Direction.NORTH].closed)
        self.assertEqual(world.follows.followers(self.ids["Bob"]), [self.ids["Ann"]])
        party = [member.name for member in world.parties.members(self.ids["Ann"])]
        self.assertEqual(party, ["Bob", "Ann"])

    def all_items(self) -> list[tuple[ItemId, Item]]:
        return sorted(self.game.world.items.items())
