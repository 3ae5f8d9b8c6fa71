"""What character archives must do, wherever they keep characters."""

from datetime import timedelta

from attrs import evolve

from mudserver.errors import BadDocument, NameTaken, UnknownKeys
from mudserver.ids import AccountId
from mudserver.interfaces.archive import (
    CarriedItem,
    CharacterRecord,
    ICharacterArchive,
    ImportedCharacter,
)
from mudserver.interfaces.rows import CharacterRow
from mudserver.world.applied import ChannelOff, ChannelOn, MuteMade
from mudserver.world.role import Role
from tests.contract.areas import chest_world, harbour_world
from tests.contract.stores import NOBODY, NOW, StoreContract


def things(*keys: str) -> tuple[CarriedItem, ...]:
    """Make plain things."""
    return tuple(CarriedItem(key) for key in keys)


#: One who comes from elsewhere.
MIA = CharacterRecord(
    name="Mia",
    created=NOW,
    room="hall",
    items=things("rope", "lamp", "rope"),
    muted=("Ann", "Nemo"),
    channels_off=("chat", "trade"),
)


class CharacterArchiveContract(StoreContract):
    """The suite of `ICharacterArchive`."""

    archive: ICharacterArchive

    async def import_areas(self) -> None:
        await self.world.import_areas(harbour_world())

    async def character(self, account: AccountId, name: str) -> CharacterRow:
        characters = await self.world.characters(account)
        return next(each for each in characters if each.name == name)

    async def test_export(self) -> None:
        """What is known of a character is told by keys and names; of nobody, nothing."""
        await self.import_areas()
        ann, bob = await self.account("Ann"), await self.account("Bob")
        exported = await self.archive.export("aNN")
        assert exported is not None
        self.assertEqual(exported, CharacterRecord("Ann", exported.created, None, (), ()))
        self.assertEqual(exported.created.utcoffset(), NOW.utcoffset())
        self.assertIsNone(await self.archive.export("Nobody"))
        mia = await self.archive.admit(MIA, bob.id)
        self.assertEqual(mia, ImportedCharacter("Mia", "Bob", strangers=1))
        self.assertEqual(await self.archive.export("mia"), evolve(MIA, muted=("Ann",)))
        self.assertEqual(await self.archive.export("Ann"), exported)
        self.assertEqual([each.name for each in await self.world.characters(ann.id)], ["Ann"])

    async def test_own_account(self) -> None:
        """Who comes without an account gets one of the same name, whose password nobody knows."""
        await self.import_areas()
        await self.archive.admit(MIA, None)
        account = await self.accounts.by_name("mia")
        assert account is not None
        self.assertEqual(account.characters, ("Mia",))
        self.assertIs(account.role, Role.PLAYER)
        self.assertNotIn("$", account.password_hash)
        character = await self.character(account.id, "Mia")
        self.assertEqual(
            [item.key.partition("#")[0] for item in character.items], list(MIA.item_keys)
        )

    async def test_containers(self) -> None:
        """What is in containers travels in them, and is theirs alone."""
        await self.world.import_areas(chest_world())
        bob = await self.account("Bob")
        purse = CarriedItem("purse", closed=True, contents=things("rope"))
        sack = CarriedItem("sack", contents=(CarriedItem("lamp"), purse))
        record = evolve(MIA, items=(*things("lamp"), sack, CarriedItem("sack")), muted=())
        await self.archive.admit(record, bob.id)
        self.assertEqual(await self.archive.export("mia"), record)
        mia = await self.character(bob.id, "Mia")
        self.assertEqual(len({item.id for item in mia.items}), 6)
        self.assertEqual(sum(item.holder == mia.id for item in mia.items), 3)
        too_large = evolve(record, name="Meg", items=(CarriedItem("purse", contents=(sack,)),))
        await self.failing(self.archive.admit(too_large, bob.id), BadDocument)
        no_container = evolve(too_large, items=(CarriedItem("rope", contents=things("lamp")),))
        await self.failing(self.archive.admit(no_container, bob.id), BadDocument)
        self.assertIsNone(await self.archive.export("Meg"))

    async def test_things_are_copies(self) -> None:
        """The newcomer gets things like those that are here, which stay where they are."""
        await self.import_areas()
        before = await self.world.load()
        assert before is not None
        bob = await self.account("Bob")
        await self.archive.admit(MIA, bob.id)
        self.assertEqual(await self.world.load(), before)
        mia = await self.character(bob.id, "Mia")
        rope, lamp, other = mia.items
        here = next(item for item in before.items if item.key == "rope")
        self.assertEqual(evolve(rope, id=here.id, key="rope", room=here.room, holder=None), here)
        self.assertEqual(lamp.name, "a brass lamp")
        self.assertEqual(len({rope.key, other.key, lamp.key, "rope", "lamp"}), 5)
        ids = [item.id for item in (*mia.items, *before.items)]
        self.assertEqual(len(set(ids)), len(ids))

    async def test_name_taken(self) -> None:
        """A name that is a character's, an account's or another's is taken; nothing changes."""
        await self.import_areas()
        ann, bob = await self.account("Ann"), await self.account("Bob")
        for record, account in (
            (evolve(MIA, name="aNN"), None),
            (evolve(MIA, name="aNN"), bob.id),
            (evolve(MIA, name="aNN"), ann.id),
        ):
            await self.failing(self.archive.admit(record, account), NameTaken)
        self.assertEqual(len(await self.accounts.page("", 10)), 2)
        for row in (ann, bob):
            self.assertEqual(len(await self.world.characters(row.id)), 1)

    async def test_unknown_keys(self) -> None:
        """Rooms and items that aren't here are all named; a fixed one can't be had either."""
        await self.import_areas()
        record = evolve(MIA, room="attic", items=things("lamp", "whip", "bollard", "axe"))
        error = await self.failing(self.archive.admit(record, None), UnknownKeys)
        self.assertEqual((error.rooms, error.items), (("attic",), ("axe", "bollard", "whip")))
        self.assertEqual(await self.accounts.page("", 10), ())

    async def test_nowhere_with_nothing(self) -> None:
        """One who never played, carries nothing and hears everyone can come, too."""
        record = evolve(MIA, room=None, items=(), muted=(), channels_off=())
        await self.archive.admit(record, None)
        self.assertEqual(await self.archive.export("Mia"), record)

    async def test_mutes(self) -> None:
        """Mutes are by name, without case; a name that comes twice counts once, and oneself not."""
        await self.import_areas()
        ann = await self.account("Ann")
        record = evolve(MIA, muted=("ANN", "ann", "Mia"))
        imported = await self.archive.admit(record, None)
        self.assertEqual(imported.strangers, 1)
        account = await self.accounts.by_name("Mia")
        assert account is not None
        mia = await self.character(account.id, "Mia")
        (annie,) = await self.world.characters(ann.id)
        self.assertEqual(mia.muted, {annie.id})

    async def test_channels(self) -> None:
        """A channel that is off stays off, whether there is one here or not; once is enough."""
        await self.import_areas()
        bob = await self.account("Bob")
        await self.archive.admit(evolve(MIA, channels_off=("trade", "chat", "trade")), bob.id)
        mia = await self.character(bob.id, "Mia")
        self.assertEqual(mia.channels_off, ("chat", "trade"))
        await self.commit(ChannelOn(mia.id, "trade"), ChannelOff(mia.id, "newbie"))
        exported = await self.archive.export("Mia")
        assert exported is not None
        self.assertEqual(exported.channels_off, ("chat", "newbie"))
        bad = evolve(MIA, name="Meg", channels_off=("Chat",))
        await self.refused(self.archive.admit(bad, bob.id), "23514", "channel_off_channel_check")
        self.assertIsNone(await self.archive.export("Meg"))

    async def test_mutes_with_an_end(self) -> None:
        """A mute that ends by itself stays behind: elsewhere it would have no end."""
        people = [await self.account(name) for name in ("Ann", "Bob", "Cid")]
        ann, bob, cid = [(await self.world.characters(each.id))[0].id for each in people]
        far = NOW + timedelta(days=365_000)
        await self.commit(MuteMade(ann, bob, until=far), MuteMade(ann, cid))
        exported = await self.archive.export("Ann")
        assert exported is not None
        self.assertEqual(exported.muted, ("Cid",))

    async def test_refused(self) -> None:
        """A name that is none, text that can't be stored, an account that isn't there."""
        await self.import_areas()
        await self.refused(
            self.archive.admit(evolve(MIA, name="M1a"), None), "23514", "name_key_check"
        )
        await self.refused(self.archive.admit(evolve(MIA, room="a\0b"), None), "22021")
        await self.refused(self.archive.export("a\0b"), "22021")
        await self.refused(self.archive.admit(MIA, NOBODY), "23503", "name_account_fkey")
        self.assertEqual(await self.accounts.page("", 10), ())
