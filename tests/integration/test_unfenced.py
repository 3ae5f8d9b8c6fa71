"""
What is written beside the flushes, without the lease: it can do a world that took over no harm.

A character that is imported is of new rows alone, which no world has read; an account and what it
may do are nobody's to hold in memory, and their changes are heard by all.
"""

from datetime import UTC, datetime

from mudserver.errors import Fenced
from mudserver.interfaces.archive import CarriedItem, CharacterRecord
from mudserver.interfaces.journal import Flush
from mudserver.storage.archive import PostgresCharacterArchive
from mudserver.world.applied import CharacterPlaced
from tests.contract.areas import harbour_world
from tests.contract.stores import StoreContract
from tests.integration.test_stores import PostgresCase

#: All that a world holds in memory, or that it would write over.
_TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)


class UnfencedTests(PostgresCase, StoreContract):
    """A world that has been superseded, and doesn't know it yet."""

    def rows(self) -> dict[str, set[str]]:
        """All rows of all tables, as text."""
        tables = [str(name) for (name,) in self.sql(_TABLES)]
        return {
            name: {str(row) for (row,) in self.sql(f"SELECT t::text FROM {name} t")}
            for name in tables
        }

    async def test_import(self) -> None:
        """A character that it imports adds rows, and changes none; the world that took over finds
        it as it finds every character.
        """
        await self.world.import_areas(harbour_world())
        ann = await self.account("Ann")
        (character,) = await self.world.characters(ann.id)
        old = await self.journal.take_lease("the old world")
        rows = await self.world.load()
        assert rows is not None
        await self.journal.take_lease("the new world")
        flush = Flush((CharacterPlaced(character.id, rows.start),))
        await self.failing(self.journal.flush(old, 1, flush), Fenced)

        before = self.rows()
        record = CharacterRecord(
            name="Mia",
            created=datetime(2026, 1, 2, tzinfo=UTC),
            room=rows.rooms[0].key,
            items=(CarriedItem("lamp"),),
            muted=("Ann",),
        )
        for account in (None, ann.id):
            await PostgresCharacterArchive(self.pool).admit(record, account)
            record = CharacterRecord("Zoe", record.created, None, (), ("Mia",))
        after = self.rows()
        for table, kept in before.items():
            self.assertLessEqual(kept, after[table], table)
        grown = {table for table, kept in before.items() if after[table] != kept}
        self.assertEqual(grown, {"account", "name", "look", "character", "item", "mute"})
        names = {each.name for each in await self.world.characters(ann.id)}
        self.assertEqual(names, {"Ann", "Zoe"})

    async def test_areas(self) -> None:
        """Areas that it imports where the other one has made a world already are not taken."""
        await self.journal.take_lease("the old world")
        await self.journal.take_lease("the new world")
        self.assertTrue(await self.world.import_areas(harbour_world()))
        before = self.rows()
        self.assertFalse(await self.world.import_areas(harbour_world()))
        self.assertEqual(self.rows(), before)
