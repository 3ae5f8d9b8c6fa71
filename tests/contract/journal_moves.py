"""How journal stores keep where things and characters are."""

from attrs import evolve

from mudserver.ids import DoorId, NpcId, PartyId
from mudserver.interfaces.journal import JournalRow
from mudserver.world.applied import (
    DoorMoved,
    FollowLifted,
    FollowMade,
    ItemPlaced,
    LidMoved,
    MembershipEnded,
    MembershipMade,
    NpcPlaced,
)
from tests.contract.journals import NO_ONE, NOTHING, NOWHERE, JournalContract


class MovesContract(JournalContract):
    """Of `IJournalStore`: who and what is where."""

    async def test_items_move(self) -> None:
        """An item goes from room to hand and back to another room."""
        await self.begin()
        lamp = self.items["lamp"]
        await self.flush(ItemPlaced(lamp.id, None, self.ann.id))
        self.assertNotIn(lamp.id, [item.id for item in (await self.loaded()).items])
        held = evolve(lamp, room=None, holder=self.ann.id)
        self.assertEqual((await self.now(self.ann)).items, (held,))
        await self.flush(ItemPlaced(lamp.id, self.places["mole"], None))
        self.assertIn(evolve(lamp, room=self.places["mole"]), (await self.loaded()).items)
        self.assertEqual((await self.now(self.ann)).items, ())

    async def test_doors(self) -> None:
        """Both sides of a door are one: what is written of it is read on both."""
        await self.begin()
        doors = [way.door for way in self.rows.exits if way.door is not None]
        (door,) = set(doors)
        self.assertEqual(len(doors), 2)
        for closed in (False, True):
            await self.flush(DoorMoved(door, closed))
            rows = await self.loaded()
            self.assertEqual([way.closed for way in rows.exits if way.door], [closed, closed])
        (refused,) = await self.journal.sift((DoorMoved(DoorId(NOTHING), True),))
        self.assertEqual((refused.letter.sqlstate, refused.stored), ("", None))

    async def test_follows(self) -> None:
        """Who follows whom is read with the world; each follows one other, who exists."""
        await self.begin()
        made = FollowMade(self.ann.id, self.bob.id, "Bob")
        await self.flush(made, FollowMade(self.bob.id, self.ann.id))
        self.assertEqual(
            (await self.loaded()).follows, (made, FollowMade(self.bob.id, self.ann.id, "Ann"))
        )
        await self.flush(FollowLifted(self.bob.id))
        self.assertEqual((await self.loaded()).follows, (made,))
        wrong = {
            FollowMade(self.ann.id, self.ann.id): "follow_another",
            FollowMade(self.ann.id, NO_ONE): "follow_leader_fkey",
            FollowMade(NO_ONE, self.ann.id): "follow_follower_fkey",
        }
        for row, constraint in wrong.items():
            (refused,) = await self.journal.sift((row,))
            self.assertEqual(refused.letter.constraint, constraint)
            self.assertEqual(
                refused.stored, FollowLifted(NO_ONE) if row.follower == NO_ONE else made
            )

    async def test_parties(self) -> None:
        """Who is in which party is read with the world: each in one at most, in an order."""
        await self.begin()
        first = MembershipMade(self.ann.id, PartyId(1), 1, "Ann")
        second = MembershipMade(self.bob.id, PartyId(1), 2, "Bob")
        await self.flush(first, evolve(second, name=""))
        self.assertEqual((await self.loaded()).memberships, (first, second))
        other = MembershipMade(self.bob.id, PartyId(3), 4, "Bob")
        await self.flush(other)
        self.assertEqual((await self.loaded()).memberships, (first, other))
        await self.flush(MembershipEnded(self.bob.id), MembershipEnded(self.ann.id))
        self.assertEqual((await self.loaded()).memberships, ())
        await self.flush(second)
        wrong = {
            MembershipMade(self.ann.id, PartyId(1), 2): "party_member_in_order",
            MembershipMade(self.ann.id, PartyId(1), 0): "party_member_number_check",
            MembershipMade(NO_ONE, PartyId(1), 3): "party_member_character_fkey",
        }
        for row, constraint in wrong.items():
            (refused,) = await self.journal.sift((row,))
            self.assertEqual(refused.letter.constraint, constraint)
            self.assertEqual(refused.stored, MembershipEnded(row.character))
        (refused,) = await self.journal.sift((evolve(second, number=0),))
        self.assertEqual(refused.stored, second)

    async def test_inhabitants_walk(self) -> None:
        """Where an inhabitant is, is kept; it is somewhere."""
        await self.begin()
        heron = next(npc for npc in self.rows.npcs if npc.key == "heron")
        self.assertEqual(heron.route, (self.places["hall"], self.places["steps"]))
        await self.flush(NpcPlaced(heron.id, self.places["steps"]))
        self.assertIn(evolve(heron, room=self.places["steps"]), (await self.loaded()).npcs)
        wrong = (NpcPlaced(heron.id, NOWHERE), NpcPlaced(NpcId(NOTHING), self.places["steps"]))
        refused = [(await self.journal.sift((row,)))[0] for row in wrong]
        self.assertEqual(
            [(each.letter.constraint, each.stored) for each in refused],
            [("npc_room_fkey", NpcPlaced(heron.id, self.places["steps"])), ("", None)],
        )

    async def test_containers(self) -> None:
        """What is in a container is read after it, with the world or with who carries it."""
        await self.begin_with_a_chest()
        chest, sack, purse = (self.items[key] for key in ("chest", "sack", "purse"))
        self.assertEqual((chest.capacity, chest.size, chest.lid, chest.closed), (5, 3, True, True))
        self.assertEqual((sack.container, purse.container), (chest.id, sack.id))
        self.assertEqual((purse.size, purse.capacity, purse.lid, purse.closed), (1, 1, True, False))
        order = [item.key for item in self.rows.items]
        self.assertLess(order.index("chest"), order.index("sack"))
        self.assertLess(order.index("sack"), order.index("purse"))
        await self.flush(
            ItemPlaced(sack.id, None, self.ann.id),
            ItemPlaced(self.items["lamp"].id, None, None, purse.id),
            LidMoved(chest.id, False),
            LidMoved(purse.id, True),
        )
        ann = await self.now(self.ann)
        self.assertEqual([item.key for item in ann.items], ["sack", "purse", "lamp"])
        self.assertEqual(
            [(item.holder, item.container, item.closed) for item in ann.items],
            [(self.ann.id, None, False), (None, sack.id, True), (None, purse.id, False)],
        )
        rows = await self.loaded()
        self.assertEqual({item.key for item in rows.items}, {"bollard", "rope", "chest"})
        self.assertIn(evolve(chest, closed=False), rows.items)
        await self.flush(ItemPlaced(sack.id, None, None, chest.id))
        self.assertEqual((await self.now(self.ann)).items, ())
        self.assertEqual(
            [item.key for item in (await self.loaded()).items if item.container],
            ["sack", "purse", "lamp"],
        )

    async def test_containers_refuse(self) -> None:
        """Nothing is in itself, in what is smaller, in what holds nothing, or in nothing."""
        await self.begin_with_a_chest()
        chest, sack, purse, lamp, rope = (
            self.items[key].id for key in ("chest", "sack", "purse", "lamp", "rope")
        )
        wrong: dict[JournalRow, str] = {
            ItemPlaced(sack, None, None, sack): "item_fits",
            ItemPlaced(chest, None, None, sack): "item_fits",
            ItemPlaced(purse, None, None, lamp): "item_fits",
            ItemPlaced(lamp, None, None, NOTHING): "item_container_whole",
            ItemPlaced(rope, self.rows.start, None, purse): "item_in_one_place",
            LidMoved(sack, True): "item_closed_by_lid",
        }
        for row, constraint in wrong.items():
            (refused,) = await self.journal.sift((row,))
            self.assertEqual(refused.letter.constraint, constraint, row)
        (refused,) = await self.journal.sift((LidMoved(NOTHING, True),))
        self.assertEqual((refused.letter.sqlstate, refused.stored), ("", None))

    async def test_containers_are_read_back(self) -> None:
        """A container that is refused is read back with all that is stored in it."""
        await self.begin_with_a_chest()
        chest, sack, purse = (self.items[key] for key in ("chest", "sack", "purse"))
        moves = [ItemPlaced(item.id, None, NO_ONE) for item in (chest, sack, purse)]
        refused = await self.journal.sift(moves)
        self.assertEqual({each.stored for each in refused}, {chest, sack, purse})
        whole = next(each for each in refused if each.stored == chest)
        self.assertEqual(whole.contents, (sack, purse))
        (refused_lid,) = await self.journal.sift((LidMoved(sack.id, True),))
        self.assertEqual(refused_lid.stored, LidMoved(sack.id, False))
        self.assertEqual(refused_lid.contents, ())

    async def test_containers_are_read_back_as_they_will_be(self) -> None:
        """What comes into it in the same flush is there; what goes out is not."""
        await self.begin_with_a_chest()
        chest, sack, purse = (self.items[key] for key in ("chest", "sack", "purse"))
        rope = self.items["rope"]
        (refused,) = await self.journal.sift(
            (
                ItemPlaced(chest.id, None, NO_ONE),
                ItemPlaced(rope.id, None, None, sack.id),
                ItemPlaced(purse.id, None, self.ann.id),
                LidMoved(chest.id, not chest.closed),
            )
        )
        self.assertEqual(refused.stored, evolve(chest, closed=not chest.closed))
        self.assertEqual([each.id for each in refused.contents], [sack.id, rope.id])
        self.assertEqual(self.items, {item.key: item for item in (await self.loaded()).items})
