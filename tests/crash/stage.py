"""A daemon, its database, and the ways to end either without warning."""

import os
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import cast

import psycopg2
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812
from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.binaries import find_binaries
from mudserver.storage.child import IReactorForChildren
from mudserver.storage.dsn import Dsn
from mudserver.storage.embedded import EmbeddedPostgres
from tests.crash.ground import read, write_area
from tests.crash.history import Stored
from tests.integration.daemon import Daemon
from tests.integration.postgres import connected, superuser
from tests.integration.program import until

_DATABASE = re.compile(r"database is (\S+);")

_SYSTEM_BINARIES = Path("/usr/lib/postgresql")

_BACKENDS = """
    SELECT pid, coalesce(wait_event_type, ''), state, query FROM pg_stat_activity
    WHERE application_name LIKE 'mudserver%' AND datname = current_database()
"""

#: What a transaction waits for at its commit, and what holds it up.
_AT_COMMIT = """
    CREATE OR REPLACE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END'
"""
_WAIT_AT_COMMIT = """
    CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON {table}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()
"""
_NOT_AT_COMMIT = "DROP TRIGGER IF EXISTS at_commit ON {table}"
_TABLES = ("item", "character")
_HOLD_COMMITS = "SELECT pg_advisory_lock(1)"
_HOLD_WRITES = "BEGIN; LOCK TABLE item IN EXCLUSIVE MODE"

#: Commands aren't paced, and all players come from one address.
OPTIONS = (
    "--limits-commands=10000",
    "--limits-command-burst=10000",
    "--limits-tell=10000",
    "--limits-tell-burst=10000",
    "--limits-who=10000",
    "--limits-who-burst=10000",
    "--limits-exempt=127.0.0.0/8",
)


class Stage:
    """
    One world, on which players are struck again and again.

    Args:
        case: The test that it belongs to.
        database: Where the database is; None for the daemon's embedded one.
        server: The server of that database, where we have one of our own for it.
        reach: How the daemon gets to the database, where that isn't the straight way.
        options: Further options of the daemon.

    Attributes:
        server: That server.
        daemon: The daemon.
    """

    def __init__(
        self,
        case: TestCase,
        database: Dsn | None = None,
        *options: str,
        server: EmbeddedPostgres | None = None,
        reach: Dsn | None = None,
    ) -> None:
        self.server = server
        self.daemon = Daemon(case, reach or database, *OPTIONS, "--areas=ground", *options)
        self._case = case
        self._dsn = database
        self._killed = False
        write_area(self.daemon.directory / "ground")

    @property
    def external(self) -> bool:
        """Whether the database is outside the daemon."""
        return self._dsn is not None

    async def start_daemon(self) -> None:
        """Start the daemon again, if it was killed."""
        if self._killed:
            self._killed = False
            if self.external:
                await until(self.accepts, lambda: "PostgreSQL doesn't accept connections")
            await self.daemon.start()

    async def kill_daemon(self) -> None:
        """End the daemon as a crash does."""
        self._killed = True
        await self.daemon.kill()

    # ------------------------------------------------------------ the database

    @property
    def dsn(self) -> Dsn:
        """Where the database is, as the one who may do anything."""
        if self._dsn is not None:
            return superuser(self._dsn)
        addresses = _DATABASE.findall(self.daemon.log.text)
        return superuser(Dsn.parse(addresses[-1]))

    def read(self) -> Stored:
        """Return what is stored."""
        return read(self.dsn)

    @property
    def _cluster(self) -> Path:
        if self.server is not None:
            return self.server.directory / "cluster"
        return self.daemon.state / "postgres" / "cluster"

    def kill_postgres(self) -> None:
        """End the server as a crash does; its own processes notice, and end."""
        pid = (self._cluster / "postmaster.pid").read_text().split("\n")[0]
        os.kill(int(pid), signal.SIGKILL)

    async def revive_postgres(self) -> None:
        """Start the server again, where that is for us to do."""
        if self.server is not None:
            await self.server.stop()
            await self.server.start()

    def kill_backend(self) -> None:
        """End one of the daemon's connections as a crash does; the server ends all others."""
        backends = self._backends()
        if backends:
            os.kill(backends[0][0], signal.SIGKILL)

    # ------------------------------------------------------------ transactions held up

    def hold_writes(self) -> Psycopg2Connection:
        """
        Have every change of an item wait, as for somebody else's, until the connection is closed.

        All changes after it wait, too, since they come in order.
        """
        return self._holding(_HOLD_WRITES)

    def hold_commits(self) -> Psycopg2Connection:
        """Have every change wait at its commit until the connection is closed."""
        self._execute(_AT_COMMIT, *(_WAIT_AT_COMMIT.format(table=table) for table in _TABLES))
        return self._holding(_HOLD_COMMITS)

    def clean_up(self) -> None:
        """Remove what was put into the database for that."""
        self._execute(*(_NOT_AT_COMMIT.format(table=table) for table in _TABLES))

    def _execute(self, *statements: str) -> None:
        """Execute statements, each by itself, so that none waits with a lock for another."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _holding(self, statement: str) -> Psycopg2Connection:
        connection = psycopg2.connect(self.dsn.conninfo())
        self._case.addCleanup(connection.close)
        connection.autocommit = True
        connection.cursor().execute(statement)
        return connection

    def committing(self) -> bool:
        """Whether a change of the daemon's is at its commit."""
        return any(
            query == "COMMIT" and state == "active" for _, _, state, query in self._backends()
        )

    def waiting(self) -> bool:
        """Whether a change of the daemon's waits for a lock."""
        return any(event == "Lock" for _, event, _, _ in self._backends())

    def accepts(self) -> bool:
        """Whether the server takes connections."""
        try:
            with connected(self.dsn):
                return True
        except psycopg2.OperationalError:
            return False

    def connections(self) -> frozenset[int]:
        """Return the ids of the server's processes that work for the daemon."""
        return frozenset(pid for pid, *_ in self._backends())

    async def ended(self, connections: frozenset[int]) -> None:
        """Wait until the server has ended those processes, with whatever they were at."""
        await until(
            lambda: not connections & self.connections(),
            lambda: f"still connected: {self._backends()}",
        )

    def _backends(self) -> list[tuple[int, str, str, str]]:
        """Return the daemon's connections; none where the server is away."""
        with (
            suppress(psycopg2.OperationalError),
            connected(self.dsn) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_BACKENDS)
            return list(cursor.fetchall())
        return []


async def own_server(case: TestCase, directory: Path | None = None) -> tuple[EmbeddedPostgres, Dsn]:
    """
    Start a server, of the system's PostgreSQL if there is one; it ends with the test.

    Args:
        case: The test.
        directory: Where it keeps its data; None for a new place.
    """
    server = EmbeddedPostgres(
        cast(IReactorForChildren, reactor),
        directory or _absolute(case.mktemp()),
        os.environ,
        binaries=_system_binaries(),
    )
    case.addCleanup(server.stop)
    return server, await server.start()


def skip_without_postgres() -> None:
    """
    Skip a test where there are no programs of PostgreSQL.

    Raises:
        SkipTest: There are none.
    """
    try:
        find_binaries(os.environ)
    except EmbeddedPostgresError as error:
        raise SkipTest(str(error)) from None


def _absolute(path: str) -> Path:
    return Path(path).absolute()


def _system_binaries() -> Path | None:
    found = sorted(_SYSTEM_BINARIES.glob("*/bin"))
    return found[-1] if found else None
