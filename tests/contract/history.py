"""What history stores must do, wherever they keep things."""

from datetime import UTC, datetime, timedelta

from attrs import evolve

from mudserver.errors import Fenced
from mudserver.ids import CharacterId, Epoch, InputNumber, RoomId, SessionId
from mudserver.interfaces.history import (
    ChatLine,
    IHistoryStore,
    LogWanted,
    Retention,
    TellLine,
    Upkeep,
)
from mudserver.interfaces.journal import Flush, InputRow, JournalRow
from mudserver.world.history import HistoryWanted, PastLine
from tests.contract.areas import harbour_world
from tests.contract.stores import StoreContract

TODAY = datetime(2026, 5, 10, 12, 30, 15, 123456, tzinfo=UTC)
A_DAY = timedelta(days=1)
ALL = Retention(30, 7)
S, T = SessionId("s"), SessionId("t")
ANN, BOB, CID = CharacterId(101), CharacterId(102), CharacterId(103)


def said(
    number: int,
    text: str = "hi",
    *,
    channel: str = "chat",
    at: datetime | None = None,
    session: SessionId = S,
) -> ChatLine:
    """Make a line of Ann's; lines of higher numbers come a second later each."""
    moment = TODAY + timedelta(seconds=number) if at is None else at
    return ChatLine(session, InputNumber(number), 0, moment, channel, None, ANN, "Ann", text)


def told(
    number: int, speaker: CharacterId, target: CharacterId, at: datetime | None = None
) -> TellLine:
    """Make a tell."""
    names = {ANN: "Ann", BOB: "Bob", CID: "Cid"}
    moment = TODAY + timedelta(seconds=number) if at is None else at
    return TellLine(
        T, InputNumber(number), 0, moment, speaker, names[speaker], target, names[target], "psst"
    )


class HistoryContract(StoreContract):
    """The suite of `IHistoryStore`; `setUp` provides an empty database."""

    history: IHistoryStore

    async def begin(self, retention: Retention = ALL) -> None:
        """Import the small world, take the lease, prepare the days."""
        await self.world.import_areas(harbour_world())
        self.epoch = await self.journal.take_lease("we")
        self.number = 0
        await self.history.maintain(self.epoch, TODAY, retention)

    async def flush(self, *rows: JournalRow) -> None:
        """Flush rows under the next number."""
        await self.journal.flush(self.epoch, self.number + 1, Flush(rows))
        self.number += 1

    async def recent(
        self,
        *channels: str,
        reader: CharacterId = ANN,
        tells: bool = False,
        since: datetime = TODAY - 7 * A_DAY,
        limit: int = 50,
    ) -> list[str]:
        """Read history as (channel, words) and who was told."""
        wanted = HistoryWanted(reader, channels, tells, since, limit)
        return [
            f"{line.channel}: {line.text}"
            if line.target is None
            else f"{line.name} → {line.target_name}"
            for line in await self.history.recent(wanted)
        ]

    async def test_channels(self) -> None:
        """The newest lines of some channels, in their order, without what only staff heard."""
        await self.begin()
        await self.flush(
            said(3, "three", channel="newbie"),
            said(1, "one"),
            said(2, "two"),
            evolve(said(4, "four"), hushed=True),
            said(5, "five", channel="staff"),
        )
        self.assertEqual(await self.recent("chat"), ["chat: one", "chat: two"])
        self.assertEqual(
            await self.recent("chat", "newbie"), ["chat: one", "chat: two", "newbie: three"]
        )
        self.assertEqual(
            await self.recent("chat", "newbie", limit=2), ["chat: two", "newbie: three"]
        )
        self.assertEqual(await self.recent("nowhere"), [])
        self.assertEqual(await self.recent(), [])

    async def test_tells(self) -> None:
        """One's own tells, those that one was told and those that one told, and nobody else's."""
        await self.begin()
        await self.flush(told(1, ANN, BOB), told(2, BOB, CID), told(3, CID, ANN), said(2))
        self.assertEqual(await self.recent(tells=True), ["Ann → Bob", "Cid → Ann"])
        self.assertEqual(await self.recent(reader=BOB, tells=True), ["Ann → Bob", "Bob → Cid"])
        self.assertEqual(
            await self.recent("chat", tells=True), ["Ann → Bob", "chat: hi", "Cid → Ann"]
        )
        self.assertEqual(await self.recent("tell"), [])

    async def test_whole(self) -> None:
        """A line comes back as it was written."""
        await self.begin()
        text = "x" * 2_000 + ' "\\ñ\N{GRINNING FACE}'
        await self.flush(evolve(said(1, text), speaker=BOB, name="O'Bob"))
        (line,) = await self.history.recent(HistoryWanted(ANN, ("chat",), False, TODAY - A_DAY, 1))
        moment = TODAY + timedelta(seconds=1)
        self.assertEqual(line, PastLine(moment, "chat", BOB, "O'Bob", text))

    async def test_since(self) -> None:
        """Nothing older than asked for is found."""
        await self.begin()
        await self.flush(said(1, "old", at=TODAY - A_DAY), said(2, "new", at=TODAY))
        self.assertEqual(await self.recent("chat", since=TODAY), ["chat: new"])

    async def test_once(self) -> None:
        """A line is stored once: neither the same row, nor an input that is committed, comes again.

        The moment of an input that is carried out once more is another.
        """
        await self.begin()
        await self.flush(
            said(1, "one"), said(2, "two"), InputRow(S, *await self.somebody(), InputNumber(2))
        )
        await self.flush(said(1, "one"), said(2, "two", at=TODAY + A_DAY), said(3, "three"))
        await self.flush(said(3, "three"))
        expected = ["chat: one", "chat: two", "chat: three"]
        self.assertEqual(await self.recent("chat"), expected)
        self.assertEqual(await self.recent("chat", since=TODAY), expected)

    async def somebody(self) -> tuple[CharacterId]:
        """Register somebody."""
        account = await self.account("Zoe")
        (row,) = await self.world.characters(account.id)
        return (row.id,)

    async def test_day_turns(self) -> None:
        """What is said on a day that nobody prepared is kept, and still there when somebody did."""
        await self.begin()
        later = TODAY + 20 * A_DAY
        await self.flush(said(1, "one", at=later), said(2, "two", at=TODAY - 20 * A_DAY))
        self.assertEqual(await self.recent("chat"), ["chat: one"])
        self.assertEqual(
            await self.history.maintain(self.epoch, later, ALL), Upkeep(made=8, dropped=4)
        )
        await self.flush(said(3, "three", at=later + timedelta(seconds=1)))
        self.assertEqual(await self.recent("chat"), ["chat: one", "chat: three"])
        self.assertEqual(await self.history.maintain(self.epoch, later, ALL), Upkeep())

    async def test_forgotten(self) -> None:
        """What is older than is kept is forgotten by whole days; tells before the rest."""
        await self.begin()
        for day in range(-3, 4):
            moment = TODAY + day * A_DAY
            await self.flush(
                said(100 + day, f"{day}", at=moment), told(200 + day, ANN, BOB, moment)
            )
        oldest = TODAY - 99 * A_DAY
        after = TODAY + 3 * A_DAY
        done = await self.history.maintain(self.epoch, after, Retention(5, 1))
        self.assertEqual(done, Upkeep(made=6, dropped=2))
        self.assertEqual(
            await self.recent("chat", since=oldest),
            ["chat: -2", "chat: -1", "chat: 0", "chat: 1", "chat: 2", "chat: 3"],
        )
        self.assertEqual(await self.recent(tells=True, since=oldest), ["Ann → Bob"] * 2)

    async def test_days_ahead(self) -> None:
        """Today and three days ahead are prepared, for both kinds; the next day one more each."""
        await self.world.import_areas(harbour_world())
        epoch = await self.journal.take_lease("we")
        self.assertEqual(await self.history.maintain(epoch, TODAY, ALL), Upkeep(made=8))
        self.assertEqual(await self.history.maintain(epoch, TODAY, ALL), Upkeep())
        self.assertEqual(await self.history.maintain(epoch, TODAY + A_DAY, ALL), Upkeep(made=2))

    async def test_fenced(self) -> None:
        """Only who has the lease keeps the days."""
        await self.begin()
        await self.failing(self.history.maintain(Epoch(self.epoch + 1), TODAY, ALL), Fenced)
        await self.journal.take_lease("they")
        await self.failing(self.history.maintain(self.epoch, TODAY, ALL), Fenced)

    async def test_search(self) -> None:
        """Staff finds what was said, by time, channel and name; what was hushed is marked."""
        await self.begin()
        rows = await self.world.load()
        assert rows is not None
        room = rows.rooms[0]
        await self.flush(
            evolve(said(1, "one", channel="say"), room=room.id),
            said(2, "two"),
            evolve(said(3, "three"), speaker=BOB, name="Bob", hushed=True),
            evolve(said(4, "four", channel="emote"), room=RoomId(9_000_000)),
            told(5, BOB, CID),
            told(6, ANN, CID),
        )
        everything = LogWanted(TODAY, TODAY + A_DAY)

        async def found(wanted: LogWanted) -> list[tuple[str, bool, str]]:
            lines = await self.history.search(wanted)
            return [(each.line.text, each.hushed, each.room) for each in lines]

        one, two = ("one", False, room.key), ("two", False, "")
        three, four = ("three", True, ""), ("four", False, "")
        self.assertEqual(await found(everything), [one, two, three, four])
        self.assertEqual(await found(evolve(everything, limit=2)), [three, four])
        self.assertEqual(await found(evolve(everything, channel="chat")), [two, three])
        self.assertEqual(await found(evolve(everything, name="BOB")), [three])
        self.assertEqual(
            await found(LogWanted(TODAY + timedelta(seconds=2), TODAY + timedelta(seconds=4))),
            [two, three],
        )
        tells = evolve(everything, channel="tell")
        self.assertEqual(len(await found(tells)), 2)
        (line,) = await self.history.search(evolve(tells, name="ann"))
        self.assertEqual((line.line.name, line.line.target_name), ("Ann", "Cid"))
        self.assertEqual(len(await found(evolve(tells, name="cid"))), 2)
