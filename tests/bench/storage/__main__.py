"""
Measure the storage: ``python -m tests.bench.storage``, from the top of the checkout.

It starts a PostgreSQL of its own, or takes a database that is empty, and fills it.
"""

import argparse
import atexit
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Final, cast

import psycopg2
from attrs import frozen
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest

from mudserver.ids import AccountId
from mudserver.storage.connection import IReactorForConnections
from mudserver.storage.dsn import Dsn
from mudserver.storage.journal import PostgresJournalStore
from mudserver.storage.loader import MAX_BATCH_KEYS
from mudserver.storage.migrate import migrate
from mudserver.storage.pool import Pool
from mudserver.storage.world import PostgresWorldStore
from mudserver.telemetry.metrics import NullMeter
from tests.bench import machine
from tests.bench.figures import Runs, Stopwatch, percentile
from tests.bench.stall import StallGauge
from tests.bench.storage.flow import Flow
from tests.bench.storage.ground import CHARACTERS, Deed, deeds, populate
from tests.bench.storage.raw import read_singly, write_singly, write_values
from tests.bench.table import table
from tests.integration.postgres import lasting_database

#: Changes of one transaction of `execute_values`; the journal's are as large.
BATCH: Final = 500

#: Of what is done singly, how much: it takes long.
SINGLE: Final = 500

RATES: Final = (100, 5_000)


@frozen
class Options:
    """
    How much is measured.

    Attributes:
        repeat: Runs of each, of which the median counts.
        changes: Changes of a run.
        seconds: Seconds of a steady flow.
    """

    repeat: int
    changes: int
    seconds: float


class Bench:
    """
    All measurements on one database.

    Args:
        dsn: Where it is; migrated and filled.
        pool: Leads there.
        options: How much is measured.
    """

    def __init__(self, dsn: Dsn, pool: Pool, options: Options) -> None:
        self._dsn = dsn
        self._pool = pool
        self._options = options
        self._clock = IReactorTime(reactor)
        self._store = PostgresJournalStore(pool, self._clock, NullMeter())
        self._deeds = deeds()
        self._stalls = StallGauge(self._clock)

    async def run(self) -> None:
        """Measure, and print."""
        with closing(psycopg2.connect(self._dsn.conninfo())) as connection:
            for answers in (False, True):
                await self._throughput(connection, answers)
            await self._latencies()
            await self._loads(connection)

    async def _flow(self, *, answers: bool) -> Flow:
        epoch = await self._store.take_lease("a benchmark")
        return Flow(self._store, epoch, self._clock, self._deeds, answers=answers)

    # ------------------------------------------------------------ changes

    async def _throughput(self, connection: Psycopg2Connection, answers: bool) -> None:
        amount = self._options.changes
        raw, ours, single = Runs(amount), Runs(amount), Runs(SINGLE)
        flow = await self._flow(answers=answers)
        await flow.write(self._take(amount))  # what comes first pays for plans and caches
        stalls: list[float] = []
        for _ in range(self._options.repeat):
            batches = [self._take(BATCH) for _ in range(amount // BATCH)]
            with Stopwatch() as watch:
                for batch in batches:
                    write_values(connection, batch, answers)
            raw.watches.append(watch)
            deeds = self._take(amount)
            self._stalls.start()
            with Stopwatch() as watch:
                await flow.write(deeds)
            ours.watches.append(watch)
            self._stalls.stop()
            stalls += self._stalls.stalls
            some = self._take(SINGLE)
            with Stopwatch() as watch:
                write_singly(connection, some, answers)
            single.watches.append(watch)
        await flow.stop()
        self._stalls.stalls = stalls
        rows = [
            _row("execute_values, 500 a transaction", raw, raw),
            [*_row("the journal", ours, raw)[:-1], str(self._stalls)],
            _row("single-row statements", single, raw),
        ]
        what = "changes, with inputs and answers" if answers else "changes alone"
        heads = (what, "changes/s", "ratio", "own CPU, µs each", "reactor stall")
        print(f"\n{table(heads, rows)}", flush=True)

    def _take(self, amount: int) -> Sequence[Deed]:
        return list(islice(self._deeds, amount))

    # ------------------------------------------------------------ latency

    async def _latencies(self) -> None:
        rows = []
        for rate in RATES:
            flow = await self._flow(answers=True)
            self._stalls.start()
            with Stopwatch() as watch:
                taken = await flow.stream(rate, self._options.seconds)
            self._stalls.stop()
            await flow.stop()
            rows.append(
                (
                    f"{rate:,} changes/s",
                    f"{percentile(taken, 50) * 1e3:.1f} ms",
                    f"{percentile(taken, 99) * 1e3:.1f} ms",
                    f"{watch.cpu / watch.wall:.0%}",
                    str(self._stalls),
                )
            )
        heads = ("acknowledgements", "p50", "p99", "own CPU", "reactor stall")
        print(f"\n{table(heads, rows)}", flush=True)

    # ------------------------------------------------------------ loads

    async def _loads(self, connection: Psycopg2Connection) -> None:
        store = PostgresWorldStore(self._pool, self._clock, NullMeter())
        amount = self._options.changes
        keys = [AccountId(1 + number * 7 % CHARACTERS) for number in range(amount)]
        batched, single, raw = Runs(amount), Runs(SINGLE), Runs(SINGLE)
        stalls: list[float] = []
        for _ in range(self._options.repeat):
            with Stopwatch() as watch:
                read_singly(connection, keys[:SINGLE])
            raw.watches.append(watch)
            self._stalls.start()
            with Stopwatch() as watch:
                for start in range(0, amount, MAX_BATCH_KEYS):
                    turn = keys[start : start + MAX_BATCH_KEYS]
                    await gatherResults([store.characters(key) for key in turn])
            batched.watches.append(watch)
            self._stalls.stop()
            stalls += self._stalls.stalls
            with Stopwatch() as watch:
                for key in keys[:SINGLE]:
                    await store.characters(key)
            single.watches.append(watch)
        self._stalls.stalls = stalls
        rows = [
            _row("one by one", single, single),
            [*_row(f"batched, {MAX_BATCH_KEYS} a turn", batched, single)[:-1], str(self._stalls)],
            _row("psycopg2, one by one, without items and mutes", raw, single),
        ]
        heads = ("loads of characters", "loads/s", "ratio", "own CPU, µs each", "reactor stall")
        print(f"\n{table(heads, rows)}", flush=True)


def _row(what: str, runs: Runs, beside: Runs) -> list[str]:
    return [
        what,
        f"{runs.per_second:,.0f}",
        f"{runs.per_second / beside.per_second:.2f}",
        f"{runs.cpu_microseconds:.0f}",
        "",
    ]


async def _measure(database: str, options: Options) -> None:
    dsn = Dsn.parse(database) if database else lasting_database()
    migrate(dsn)
    populate(dsn)
    pool = Pool(cast(IReactorForConnections, reactor), dsn, NullMeter())
    await pool.start()
    for line in machine.describe():
        print(line)
    version = (await pool.run_query("SHOW server_version"))[0][0]
    print(f"PostgreSQL {version}, {'given' if database else 'its own, on a Unix socket'}")
    print(f"median of {options.repeat} runs of {options.changes:,}", flush=True)
    try:
        await Bench(dsn, pool, options).run()
    finally:
        await pool.close()


def main() -> int:
    """Measure; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.bench.storage", description=__doc__)
    parser.add_argument("--database", default="", help="an empty one: postgresql://… (its own)")
    parser.add_argument("--repeat", type=int, default=5, help="runs, whose median counts (5)")
    parser.add_argument("--changes", type=int, default=20_000, help="changes of a run (20,000)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a steady flow (10)")
    given = parser.parse_args()
    options = Options(given.repeat, max(BATCH, given.changes // BATCH * BATCH), given.seconds)
    failures: list[Failure] = []

    def begin() -> None:
        measuring = Deferred.fromCoroutine(_measure(given.database, options))
        measuring.addErrback(failures.append)
        measuring.addBoth(lambda _: reactor.stop())

    folder = tempfile.mkdtemp(prefix="mudserver-bench-")
    # The server, which works in there, is stopped after it, and so goes first.
    atexit.register(rmtree, folder)
    # PostgreSQL refuses to run as root: its own user must be able to pass through.
    Path(folder).chmod(0o711)
    os.chdir(folder)
    reactor.callWhenRunning(begin)
    reactor.run()
    for failure in failures:
        if failure.check(SkipTest):
            print(failure.getErrorMessage())
        else:
            failure.printTraceback(file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
