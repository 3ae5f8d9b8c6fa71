"""The archive on a real PostgreSQL: the suite of its port."""

from zope.interface.verify import verifyObject

from mudserver.interfaces.archive import ICharacterArchive
from mudserver.storage.archive import PostgresCharacterArchive
from tests.contract.archive import CharacterArchiveContract
from tests.integration.test_stores import PostgresCase


class PostgresCharacterArchiveTests(PostgresCase, CharacterArchiveContract):
    """`PostgresCharacterArchive` is an `ICharacterArchive`."""

    async def prepare(self) -> None:
        await super().prepare()
        self.archive = PostgresCharacterArchive(self.pool)

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(ICharacterArchive, self.archive)
