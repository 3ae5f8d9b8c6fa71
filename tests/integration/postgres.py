"""
A real PostgreSQL for tests: one server a run, one fresh database a test.

The server is the embedded one, in a process of its own, since a test's reactor must be clean
when the test ends. It ends with the run, however that ends. Whose programs it uses can be said in
the environment: ``MUDSERVER_TEST_POSTGRES=/usr/lib/postgresql/15/bin``; otherwise they are looked
for as mudserver does.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import cast

import psycopg2
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mudserver.storage.child import IReactorForChildren
from mudserver.storage.cluster import ROLE, SUPERUSER
from mudserver.storage.dsn import Dsn
from mudserver.storage.embedded import EmbeddedPostgres

#: Names the directory of the programs to test with.
CHOICE = "MUDSERVER_TEST_POSTGRES"

ROOT = Path(__file__).parents[2]

#: Seconds that the server gets to stop.
STOP_DEADLINE = 60

_numbers = count(1)


def fresh_database(case: SynchronousTestCase) -> Dsn:
    """
    Make an empty database that is dropped, sessions and all, when the test has ended.

    Starts the server if this is the run's first. Skips the test where there are no programs of
    PostgreSQL.
    """
    dsn = lasting_database()
    case.addCleanup(_administer, f"DROP DATABASE {dsn.database} WITH (FORCE)")
    return dsn


def lasting_database() -> Dsn:
    """Make an empty database that lasts as long as the run; see `fresh_database`."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _administer(f"CREATE DATABASE {name} OWNER {ROLE}")
    return server().extended({"dbname": name})


@contextmanager
def connected(dsn: Dsn) -> Iterator[Psycopg2Connection]:
    """Connect without Twisted, each statement committing by itself."""
    with closing(psycopg2.connect(dsn.conninfo())) as connection:
        connection.autocommit = True
        yield connection


def superuser(dsn: Dsn) -> Dsn:
    """Return the same database, entered as the one who may do anything."""
    return dsn.extended({"user": SUPERUSER})


def embedded(directory: Path, environ: Mapping[str, str] | None = None) -> EmbeddedPostgres:
    """Return an embedded PostgreSQL, not started yet, of the programs to test with."""
    choice = os.environ.get(CHOICE)
    return EmbeddedPostgres(
        cast(IReactorForChildren, reactor),
        directory,
        os.environ if environ is None else environ,
        binaries=Path(choice) if choice else None,
    )


@cache
def server() -> Dsn:
    """Start the server, once; returns the database that mudserver would use."""
    directory = Path(tempfile.mkdtemp(prefix="postgres-", dir=Path.cwd()))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.postgres", directory],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is ours.
        start_new_session=True,
        text=True,
    )
    atexit.register(_stop, process, directory)
    assert process.stdout is not None
    word, _, rest = process.stdout.readline().strip().partition(" ")
    if word != "ready":
        problem = rest + process.stdout.read()
        if "was not found" in problem:
            raise SkipTest(problem)
        raise AssertionError(problem)
    return Dsn.parse(rest)


def _administer(statement: str) -> None:
    with connected(superuser(server()).extended({"dbname": "postgres"})) as connection:
        connection.cursor().execute(statement)


def _stop(process: "subprocess.Popen[str]", directory: Path) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait(STOP_DEADLINE)
    process.stdout.close()
    shutil.rmtree(directory)


class _Tether(Protocol):
    """Notices that the run has ended: our standard input does."""

    def __init__(self, over: "Deferred[None]") -> None:
        self._over = over

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._over.callback(None)


async def _serve(directory: Path) -> None:
    over: Deferred[None] = Deferred()
    StandardIO(_Tether(over))
    postgres = embedded(directory)
    dsn = await postgres.start()
    sys.stdout.write(f"ready {dsn.conninfo()}\n")
    sys.stdout.flush()
    await over
    await postgres.stop()


def _main() -> None:
    def failed(failure: Failure) -> None:
        sys.stdout.write(f"failed {failure.getErrorMessage()}\n")
        sys.stdout.flush()

    def begin() -> None:
        serving = Deferred.fromCoroutine(_serve(Path(sys.argv[1])))
        serving.addErrback(failed)
        serving.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    _main()
