"""The journal on a real PostgreSQL: the suite of its port, and what only a database does."""

from datetime import timedelta

from zope.interface.verify import verifyObject

from mudserver.interfaces import IJournalStore
from mudserver.storage.journal import PostgresJournalStore
from tests.contract.journal import JournalStoreContract
from tests.integration.test_stores import PostgresCase


class JournalCase(PostgresCase):
    """The journal's store on an empty database, beside the others."""

    async def prepare(self) -> None:
        await super().prepare()
        self.journal: IJournalStore = PostgresJournalStore(self.pool)

    async def forget_before(self, hours: float) -> None:
        for table in ("command_answer", "session_input"):
            self.sql(f"UPDATE {table} SET at = at - %s", timedelta(hours=hours))

    async def letters(self) -> list[tuple[str, str, str, str, int]]:
        rows = self.sql(
            "SELECT what, error, sqlstate, constraint_name, attempts FROM journal_dead_letter"
        )
        return [(what, error, state, name, number) for what, error, state, name, number in rows]


class PostgresJournalStoreTests(JournalCase, JournalStoreContract):
    """`PostgresJournalStore` is an `IJournalStore`."""

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(IJournalStore, self.journal)
