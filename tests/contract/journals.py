"""A journal in a small world, for suites of what journal stores must do."""

from collections.abc import Iterable
from datetime import UTC, datetime

from mudserver.ids import CharacterId, CommandId, InputNumber, ItemId, RoomId, SessionId
from mudserver.interfaces.audit import AuditRow, IAuditStore, Via
from mudserver.interfaces.journal import AnswerRow, DeadLetter, Flush, JournalRow
from mudserver.interfaces.letters import ILetterBox
from mudserver.interfaces.rows import CharacterRow, WorldRows
from mudserver.world.bans import Ban, BanKind
from tests.contract.areas import chest_world, harbour_world
from tests.contract.stores import StoreContract

S = SessionId("s")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NOWHERE, NOTHING, NO_ONE = RoomId(9_000_001), ItemId(9_000_002), CharacterId(9_000_003)


def answer(ordinal: int, *, session: SessionId = S, code: str | None = None) -> AnswerRow:
    """Make the answer to a session's command of that ordinal."""
    message = None if code is None else "No."
    return AnswerRow(
        session, CommandId(f"c{ordinal}"), ordinal, InputNumber(2 * ordinal), code, message
    )


class JournalContract(StoreContract):
    """The ground of the suites of `IJournalStore`; `setUp` provides an empty database."""

    box: ILetterBox
    audit_log: IAuditStore

    async def forget_before(self, hours: float) -> None:
        """Make everything that is stored of sessions, and dead letters, older by so many hours."""
        raise NotImplementedError

    async def letters(self) -> list[tuple[str, str, str, str, int]]:
        """Read dead letters as (kind, error, sqlstate, constraint, attempts)."""
        raise NotImplementedError

    async def begin(self) -> None:
        """Import the small world, register Ann and Bob, take the lease."""
        await self.world.import_areas(harbour_world())
        self.rows = await self.loaded()
        self.items = {item.key: item for item in self.rows.items}
        self.places = {room.key: room.id for room in self.rows.rooms}
        self.ann, self.bob = await self.character("Ann"), await self.character("Bob")
        self.epoch = await self.journal.take_lease("we")
        self.number = 0

    async def begin_with_a_chest(self) -> None:
        """The same with a chest on the mole."""
        self.assertTrue(await self.world.import_areas(chest_world()))
        await self.begin()

    async def loaded(self) -> WorldRows:
        """Read the world that is there."""
        rows = await self.world.load()
        assert rows is not None
        return rows

    async def character(self, name: str) -> CharacterRow:
        """Register an account and return its character."""
        account = await self.account(name)
        (row,) = await self.world.characters(account.id)
        return row

    async def now(self, character: CharacterRow) -> CharacterRow:
        """Read a character again."""
        (row,) = await self.world.characters(character.account)
        return row

    async def flush(self, *rows: JournalRow, letters: Iterable[DeadLetter] = ()) -> None:
        """Flush rows under the next number."""
        await self.journal.flush(self.epoch, self.number + 1, Flush(rows, tuple(letters)))
        self.number += 1

    def ban(self, kind: BanKind, key: str, until: datetime | None = None, why: str = "") -> Ban:
        """Make a ban that Ann orders."""
        return Ban(kind, key, "Bob", self.ann.account, "Ann", LONG_AGO, until, why)

    def deed(self, key: str) -> AuditRow:
        """Make a row of the audit log."""
        return AuditRow(
            key, LONG_AGO, Via.GAME, "Boss", self.ann.account, "::1", "ban", "Zoe", '{"why":"Spam"}'
        )
