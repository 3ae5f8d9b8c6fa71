"""What was said on a real PostgreSQL: by day, by index, and through a daemon's death."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import psycopg2
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.errors import StorageUnavailable
from mudserver.interfaces.history import IHistoryStore, LogWanted, Upkeep
from mudserver.storage.history import PostgresHistoryStore, UpkeepLimits, partition
from mudserver.world.history import MAX_HISTORY_AGE, HistoryWanted
from tests.contract.history import A_DAY, ALL, ANN, BOB, TODAY, HistoryContract, said, told
from tests.integration.daemon import Daemon, mudctl
from tests.integration.postgres import connected, fresh_database
from tests.integration.test_stores import PostgresCase
from tests.integration.web_client import WebSocketPlayer, enter, log_in, register

PASSWORD = "correct horse battery"

ROWS = 100_000

#: Lines of 23 days, every third on chat, and as many tells; each speaker has 100.
_FILL = """
    INSERT INTO chat_line (at, session, number, index, channel, speaker, name, text)
        SELECT %(today)s - n * interval '20 seconds', 's', n, 0,
            (ARRAY['chat', 'say', 'emote'])[n %% 3 + 1], 10000 + n %% 1000, 'N' || n %% 1000, 'hi'
        FROM generate_series(1, %(rows)s) n;
    INSERT INTO tell_line (at, session, number, index, speaker, name, target, target_name, text)
        SELECT %(today)s - n * interval '20 seconds', 't', n, 0, 10000 + n %% 1000, 'N', 10000, 'N',
            'psst'
        FROM generate_series(1, %(rows)s) n;
"""


class PostgresHistoryStoreTests(PostgresCase, HistoryContract):
    """`PostgresHistoryStore` is an `IHistoryStore`."""

    timeout = 120

    async def prepare(self) -> None:
        await super().prepare()
        self.history = PostgresHistoryStore(self.pool)

    def test_provides(self) -> None:
        """It has the methods of the port."""
        verifyObject(IHistoryStore, self.history)

    def places(self) -> list[str]:
        """In which partition each line lies."""
        return [
            name
            for (name,) in self.sql("SELECT tableoid::regclass::text FROM chat_line ORDER BY at")
        ]

    async def test_partitions(self) -> None:
        """A line lies with its day; what lay in the rest is moved when its day is prepared."""
        await self.begin()
        later = TODAY + 10 * A_DAY
        await self.flush(said(1), said(2, at=later))
        self.assertEqual(self.places(), [partition("chat_line", TODAY.date()), "chat_line_rest"])
        await self.history.maintain(self.epoch, later, ALL)
        self.assertEqual(
            self.places(),
            [partition("chat_line", TODAY.date()), partition("chat_line", later.date())],
        )

    async def test_in_use(self) -> None:
        """Where a day is in use it is dropped later, and flushes don't wait for that for long."""
        await self.begin()
        later = TODAY + 60 * A_DAY
        await self.history.maintain(self.epoch, later - A_DAY, ALL)
        await self.history.maintain(self.epoch, TODAY, ALL)
        with closing(psycopg2.connect(self.dsn.conninfo())) as reader, reader.cursor() as cursor:
            cursor.execute(f"SELECT FROM {partition('chat_line', TODAY.date())}")
            await self.failing(self.history.maintain(self.epoch, later, ALL), StorageUnavailable)
            await self.flush(said(1, at=later), told(1, ANN, BOB, at=later))
        self.assertEqual(
            self.sql("SELECT tableoid::regclass::text FROM tell_line"),
            [(partition("tell_line", later.date()),)],
        )
        done = await self.history.maintain(self.epoch, later, ALL)
        self.assertGreater(done.dropped, 0)
        self.assertEqual(self.places(), [partition("chat_line", later.date())])

    async def test_full_rest(self) -> None:
        """A day that has too many lines in the rest stays there, and can be read; what is over is
        forgotten in portions, each in a transaction of its own.
        """
        await self.begin()
        self.history = PostgresHistoryStore(self.pool, UpkeepLimits(moved=2, swept=2, portions=2))
        later = TODAY + 6 * A_DAY
        await self.flush(*(said(number, at=later) for number in range(1, 4)))
        await self.flush(*(said(number, at=later + A_DAY) for number in range(4, 6)))
        done = await self.history.maintain(self.epoch, later, ALL)
        self.assertEqual(done, Upkeep(made=7))
        moved = partition("chat_line", (later + A_DAY).date())
        self.assertEqual(self.places(), ["chat_line_rest"] * 3 + [moved] * 2)
        self.assertEqual(len(await self.recent("chat")), 5)
        over = TODAY - 50 * A_DAY
        await self.flush(*(said(number, at=over) for number in range(6, 11)))
        for left in (4, 3, 3):
            await self.history.maintain(self.epoch, later, ALL)
            self.assertEqual(self.places().count("chat_line_rest"), left)

    async def test_plans(self) -> None:
        """Of a hundred thousand lines nothing is read but by an index, and no day too old at all;
        what players read, by the index of the channel or of the one who tells or is told.
        """
        await self.begin()
        for day in range(25):
            await self.history.maintain(self.epoch, TODAY - day * A_DAY, ALL)
        self.fill()
        self.pool.forget()
        since = TODAY - MAX_HISTORY_AGE
        for limit in (1, 50):
            for tells in (False, True):
                await self.history.recent(
                    HistoryWanted(ANN, ("chat", "newbie"), tells, since, limit)
                )
        await self.history.search(LogWanted(since, TODAY))
        await self.history.search(LogWanted(since, TODAY, channel="chat"))
        await self.history.search(LogWanted(since, TODAY, name="N7"))
        await self.flush(said(1), said(2, channel="say"))
        asked = list(self.pool.statements)
        old = partition("chat_line", (TODAY - 9 * A_DAY).date())
        counts = "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > 1000"
        full = {name for (name,) in await self.pool.run_query(counts)}
        for statement, parameters in asked:
            explain = f"EXPLAIN (FORMAT JSON) {statement}"
            (((plan,),),) = await self.pool.run_query(explain, parameters)
            for node in _nodes(plan["Plan"]):
                name = str(node.get("Relation Name", ""))
                if name in full:
                    self.assertNotEqual(node["Node Type"], "Seq Scan", statement)
                    self.assertGreater(name.replace("tell", "chat"), old, statement)
                    if "UNION" in statement:
                        self.assertRegex(node["Index Cond"], r"\((channel|speaker|target) >= ")
        self.assertGreater(len(full), 40)
        self.assertGreater(len(asked), 7)

    def fill(self) -> None:
        """Write down a hundred thousand lines, and as many tells."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(_FILL, {"today": TODAY, "rows": ROWS})
            cursor.execute("ANALYZE")


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


class DaemonTests(TestCase):
    """History through a real daemon, and through its death."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.daemon = Daemon(self, fresh_database(self))
        await self.daemon.start()
        for name in ("Ann", "Bob"):
            await register(self.daemon.http, name, PASSWORD)

    async def player(self, name: str) -> WebSocketPlayer:
        return await enter(self, await log_in(self.daemon.http, name, PASSWORD))

    async def shown(self, player: WebSocketPlayer, text: str) -> list[str]:
        """Read history, without the times."""
        player.command(text)
        message = await player.expect("text", style="system")
        return [row[12:] for row in str(message["text"]).splitlines()[1:]]

    async def test_outlives(self) -> None:
        """What was read once can be read again after a kill -9, by whom it concerns;
        staff reads it by mudctl.
        """
        ann, bob = await self.player("Ann"), await self.player("Bob")
        await ann.acknowledged("chat one", "1")
        await ann.acknowledged("tell bob psst", "2")
        await bob.acknowledged("say three", "1")
        mine = ["[chat] Ann: one", 'You told Bob, "psst"']
        self.assertEqual(await self.shown(ann, "history"), mine)
        await self.daemon.kill()
        await self.daemon.start()
        ann, bob = await self.player("Ann"), await self.player("Bob")
        self.assertEqual(await self.shown(ann, "history"), mine)
        self.assertEqual(await self.shown(bob, "history tell"), ['Ann told you, "psst"'])
        self.assertEqual(await self.shown(bob, "history chat 5"), ["[chat] Ann: one"])
        ended = await mudctl(self, self.daemon, "chatlog")
        self.assertEqual(ended.status, 0, ended.output)
        self.assertIn("[chat] Ann: one", ended.output)
        self.assertIn("[say] Bob (waiting-steps): three", ended.output)
        self.assertNotIn("psst", ended.output)
        ended = await mudctl(self, self.daemon, "chatlog", "--channel", "tell", "--name", "bob")
        self.assertIn("[tell] Ann to Bob: psst", ended.output)
