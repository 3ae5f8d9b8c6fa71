"""What stores of the world must do, wherever they keep things."""

from collections.abc import Mapping

from attrs import evolve
from twisted.internet.defer import gatherResults

from mudserver.errors import CorruptArea
from mudserver.ids import AccountId
from mudserver.interfaces.rows import (
    CharacterRow,
    ExitRow,
    IdentifiedRow,
    ItemRow,
    MutedRow,
    NpcRow,
    RoomRow,
    WorldRows,
)
from mudserver.world.applied import CharacterPlaced, ItemPlaced, MuteMade
from mudserver.world.direction import Direction
from mudserver.world.role import Role
from tests.contract.areas import harbour_world, open_world
from tests.contract.stores import NOBODY, StoreContract


class WorldStoreContract(StoreContract):
    """The suite of `IWorldStore`."""

    async def found(self) -> WorldRows:
        """Import the small world and read it."""
        self.assertTrue(await self.world.import_areas(harbour_world()))
        return await self.loaded()

    async def loaded(self) -> WorldRows:
        """Read the world that is there."""
        rows = await self.world.load()
        assert rows is not None
        return rows

    async def character(self, name: str) -> CharacterRow:
        """Register an account and return its character."""
        account = await self.account(name)
        return await self.characters_of(account.id)

    async def characters_of(self, account: AccountId) -> CharacterRow:
        """Read the only character of an account."""
        (row,) = await self.world.characters(account)
        return row

    # ------------------------------------------------------------ the world

    async def test_no_world(self) -> None:
        """Before the import there is no world."""
        self.assertIsNone(await self.world.load())

    async def test_import_and_load(self) -> None:
        """A world comes back as its areas describe it."""
        rows = await self.found()
        rooms = {room.key: room for room in rows.rooms}
        items = {item.key: item for item in rows.items}
        npcs = {npc.key: npc for npc in rows.npcs}
        steps, mole, hall = (rooms[key].id for key in ("steps", "mole", "hall"))
        self.assertEqual(rows.start, steps)
        self.assertEqual(
            rooms,
            {
                "steps": RoomRow(
                    steps,
                    "steps",
                    "harbour",
                    "The Steps",
                    "Nine steps go down.\n\nGulls own them.",
                    {"gulls": "They look back.", "grey gull": "They look back."},
                ),
                "mole": RoomRow(mole, "mole", "harbour", "The Mole", "Stones in the sea.", {}),
                "hall": RoomRow(hall, "hall", "town", "The Hall", "High and dim.", {}),
            },
        )
        self.assertEqual(
            {evolve(row, door=None) for row in rows.exits},
            {
                ExitRow(steps, Direction.NORTH, hall, "a green door", closed=True),
                ExitRow(hall, Direction.SOUTH, steps, "a green door", closed=True),
                ExitRow(steps, Direction.EAST, mole, "", closed=False),
                ExitRow(mole, Direction.WEST, steps, "", closed=False),
            },
        )
        lamp, bollard, rope = (items[key].id for key in ("lamp", "bollard", "rope"))
        self.assertEqual(
            items,
            {
                "lamp": ItemRow(
                    lamp,
                    "lamp",
                    "a brass lamp",
                    ("brass lamp", "lantern", "light"),
                    "It smells of oil.",
                    fixed=False,
                    room=steps,
                    holder=None,
                ),
                "bollard": ItemRow(
                    bollard,
                    "bollard",
                    "an iron bollard",
                    ("iron bollard",),
                    "Iron.",
                    fixed=True,
                    room=steps,
                    holder=None,
                ),
                "rope": ItemRow(
                    rope,
                    "rope",
                    "a rope",
                    ("rope",),
                    "Tarred.",
                    fixed=False,
                    room=mole,
                    holder=None,
                ),
            },
        )
        keeper, heron = npcs["keeper"].id, npcs["heron"].id
        self.assertEqual(
            npcs,
            {
                "keeper": NpcRow(
                    keeper,
                    "keeper",
                    "Mrs Pellow",
                    ("mrs pellow", "pellow", "keeper"),
                    "She winds the clocks.",
                    "Good morning.",
                    {"clock": "It is late.", "time": "It is late.", "gulls": ":shakes her head."},
                    ("winds a clock.", "counts the strokes."),
                    hall,
                ),
                "heron": NpcRow(
                    heron,
                    "heron",
                    "the grey heron",
                    ("grey heron",),
                    "Out of place.",
                    "",
                    {},
                    (),
                    hall,
                    (hall, steps),
                ),
            },
        )

    async def test_load_is_in_order(self) -> None:
        """Rows come in the order of their ids, exits in that of room and direction."""
        rows = await self.found()
        for kind in (rows.rooms, rows.items, rows.npcs):
            ids = [row.id for row in kind]
            self.assertEqual(ids, sorted(ids))
        exits = [(row.room, row.direction) for row in rows.exits]
        self.assertEqual(exits, sorted(exits))

    async def test_ids_are_shared_by_nobody(self) -> None:
        """No room, item, inhabitant or character has the id of another."""
        before = await self.character("Ann")
        rows = await self.found()
        after = await self.character("Bob")
        ids: list[int] = [row.id for kind in (rows.rooms, rows.items, rows.npcs) for row in kind]
        ids += [before.id, after.id]
        self.assertEqual(len(set(ids)), 3 + 3 + 2 + 2)
        self.assertTrue(all(id > 0 for id in ids))

    async def test_second_import_changes_nothing(self) -> None:
        """A world that is there already stays as it is, and the import says so."""
        rows = await self.found()
        self.assertFalse(await self.world.import_areas(harbour_world()))
        self.assertEqual(await self.loaded(), rows)

    async def test_imports_at_once(self) -> None:
        """Of two that import at the same time one does, and both find the one world."""
        imported = await gatherResults([self.world.import_areas(harbour_world()) for _ in range(3)])
        self.assertEqual(sorted(imported), [False, False, True])
        self.assertEqual(len((await self.loaded()).rooms), 3)

    async def test_import_of_a_world_that_does_not_close(self) -> None:
        """Areas that don't fit together are refused, and leave nothing behind."""
        error = await self.failing(self.world.import_areas(open_world()), CorruptArea)
        self.assertEqual(error.file, "harbour.yaml")
        self.assertIsNone(await self.world.load())
        await self.failing(self.world.import_areas(()), CorruptArea)
        await self.found()

    # ------------------------------------------------------------ characters

    async def test_characters_of_nobody(self) -> None:
        """An unknown account has no characters."""
        self.assertEqual(await self.world.characters(NOBODY), ())

    async def test_characters_have_their_own_things(self) -> None:
        """A character comes with its place, its items in order, and those whom it mutes."""
        rows = await self.found()
        ann, bob = await self.character("Ann"), await self.character("Bob")
        items = {item.key: item for item in rows.items}
        lamp, rope = items["lamp"], items["rope"]
        await self.commit(
            CharacterPlaced(bob.id, rows.start),
            CharacterPlaced(ann.id, rows.start),
            ItemPlaced(rope.id, None, ann.id),
            ItemPlaced(lamp.id, None, ann.id),
            MuteMade(ann.id, bob.id),
        )
        held = sorted(
            (evolve(item, room=None, holder=ann.id) for item in (lamp, rope)),
            key=lambda item: item.id,
        )
        self.assertEqual(
            await self.characters_of(ann.account),
            evolve(ann, room=rows.start, items=tuple(held), mutes=(MutedRow(bob.id, "Bob"),)),
        )
        self.assertEqual(await self.characters_of(bob.account), evolve(bob, room=rows.start))
        self.assertEqual([item.key for item in (await self.loaded()).items], ["bollard"])

    async def test_identify(self) -> None:
        """Characters are found by name without case; the answer spells them as they are."""
        ann, bob = await self.character("Ann"), await self.character("McBob")
        await self.accounts.set_role(bob.account, Role.ADMIN)
        await self._identified(
            ("ANN", "ann", "mcBOB", "cid", ""),
            {
                "ann": IdentifiedRow(ann.id, "Ann", ann.account, Role.PLAYER),
                "mcbob": IdentifiedRow(bob.id, "McBob", bob.account, Role.ADMIN),
            },
        )
        self.assertEqual((await self.characters_of(bob.account)).role, Role.ADMIN)
        await self._identified((), {})

    async def _identified(
        self, names: tuple[str, ...], expected: Mapping[str, IdentifiedRow]
    ) -> None:
        self.assertEqual(dict(await self.world.identify(names)), dict(expected))
