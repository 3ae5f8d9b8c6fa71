"""The schema's migrations, applied in order by yoyo under a lock of PostgreSQL's."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812 - it is a class
from twisted.logger import Logger
from yoyo.backends.core.postgresql import PostgresqlBackend
from yoyo.connections import DatabaseURI
from yoyo.exceptions import BadMigration, MigrationConflict
from yoyo.migrations import (
    Migration,
    MigrationList,
    default_migration_table,
    get_migration_hash,
    read_migrations,
)

from mudserver.errors import SchemaTooNew, StartupError, StorageUnavailable
from mudserver.storage.connection import PRIMARY
from mudserver.storage.dsn import Dsn
from mudserver.storage.failures import is_dead, words_of

#: Where this version's migrations are: ``NNNN-name.sql``, each but the first with a line
#: ``-- depends: NNNN-name``.
DIRECTORY = Path(__file__).with_name("migrations")

#: The advisory lock that whoever migrates a database holds; the number means nothing.
LOCK = 7_305_440_110_021

#: Seconds to wait for another process that migrates, or for a table in use.
LOCK_TIMEOUT = 60

#: Seconds to connect.
CONNECT_TIMEOUT = 10

_LOCK_NOT_AVAILABLE = "55P03"


def migrate(dsn: Dsn, directory: Path = DIRECTORY) -> int:
    """
    Bring a database's schema up to this version.

    Each migration and the note that it was applied are one transaction, so that a kill -9 at
    any moment leaves nothing half done, and no lock: PostgreSQL's advisory lock ends with the
    connection. Only one with the line ``-- transactional: false`` isn't; it must bear to be applied
    again.

    Blocks, for minutes perhaps; to be called in a thread.

    Args:
        dsn: The database.
        directory: Where the migrations are.

    Returns:
        How many were applied.

    Raises:
        SchemaTooNew: The database has migrations that this version doesn't know; nothing was
            changed.
        StartupError: A migration is faulty, or PostgreSQL refused it; those before it stay.
        StorageUnavailable: The connection failed, or another process migrates for too long.
    """
    log = Logger()
    migrations = _read(directory)
    with _failures_of("the schema can't be migrated"), closing(_connect(dsn)) as connection:
        _lock(connection)
        backend = _Backend(connection)
        _check_known(connection, migrations)
        applied = 0
        for migration in backend.to_apply(migrations):
            with _failures_of(f"the migration {migration.id} failed"):
                backend.apply_with_note(migration)
            log.info("applied the migration {id}", id=migration.id)
            applied += 1
        return applied


class _Backend(PostgresqlBackend):  # type: ignore[misc]
    """yoyo's backend, over a connection of ours that holds the lock."""

    def __init__(self, connection: Psycopg2Connection) -> None:
        self._given = connection
        uri = DatabaseURI("postgresql", None, None, None, None, connection.info.dbname, {})
        super().__init__(uri, default_migration_table)

    def connect(self, dburi: DatabaseURI) -> Psycopg2Connection:  # noqa: ARG002
        """Take the connection that there is."""
        return self._given

    @contextmanager
    def lock(self, timeout: float = 0) -> Iterator[None]:  # noqa: ARG002
        """Do without yoyo's own lock, a row that a kill -9 leaves behind for ever."""
        yield

    def get_log_data(
        self, migration: Migration | None = None, operation: str = "apply"
    ) -> dict[str, object]:
        """Do without the names of user and host, which may be none, and take a look-up."""
        with self.cursor() as cursor:
            cursor.execute("SELECT gen_random_uuid()::text, timezone('UTC', now())")
            identifier, now = cursor.fetchone()
        return {
            "id": identifier,
            "migration_id": migration and migration.id,
            "migration_hash": migration and migration.hash,
            "username": "",
            "hostname": "",
            "created_at_utc": now,
            "operation": operation,
        }

    def apply_with_note(self, migration: Migration) -> None:
        """Apply a migration and note it: where yoyo takes two transactions, in one."""
        if migration.use_transactions:
            with self.transaction():
                migration.process_steps(self, "apply")
                self.mark_one(migration)
        else:
            migration.process_steps(self, "apply")
            with self.transaction():
                self.mark_one(migration)


def _read(directory: Path) -> MigrationList:
    with _failures_of(f"the migrations in {directory} can't be read"):
        migrations = read_migrations(str(directory))
        for migration in migrations:
            migration.load()
    if not migrations:
        raise StartupError(f"there are no migrations in {directory}")
    return migrations


def _connect(dsn: Dsn) -> Psycopg2Connection:
    connection = psycopg2.connect(
        Dsn({**PRIMARY, **dsn.parameters})
        .extended(
            {
                "connect_timeout": str(CONNECT_TIMEOUT),
                "application_name": "mudserver migrate",
                "client_encoding": "UTF8",
            }
        )
        .conninfo()
    )
    connection.autocommit = True
    return connection


def _lock(connection: Psycopg2Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', '0',"
            # Notice within seconds that this process has died, even in a long statement.
            " false), set_config('client_connection_check_interval', '5s', false)",
            (f"{LOCK_TIMEOUT}s",),
        )
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        except psycopg2.OperationalError as error:
            if error.pgcode != _LOCK_NOT_AVAILABLE:
                raise
            raise StorageUnavailable(
                f"another process has been migrating the database for {LOCK_TIMEOUT} s"
            ) from error


def _check_known(connection: Psycopg2Connection, migrations: MigrationList) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", (default_migration_table,))
        if cursor.fetchone() == (None,):
            return
        cursor.execute(f"SELECT migration_id, migration_hash FROM {default_migration_table}")  # noqa: S608 - yoyo's constant
        known = {get_migration_hash(migration.id) for migration in migrations}
        unknown = sorted(name for name, digest in cursor.fetchall() if digest not in known)
    if unknown:
        raise SchemaTooNew(
            f"the database was migrated by a newer mudserver, whose {', '.join(unknown)} this one"
            " doesn't know: install the newer one, or restore a backup from before"
        )


@contextmanager
def _failures_of(doing: str) -> Iterator[None]:
    try:
        yield
    except (BadMigration, MigrationConflict, OSError, ValueError) as error:
        raise StartupError(f"{doing}: {words_of(error)}") from error
    except psycopg2.Error as error:
        words = f"{doing}: {words_of(error)}"
        if is_dead(error) or error.pgcode == _LOCK_NOT_AVAILABLE:
            raise StorageUnavailable(words) from error
        raise StartupError(words) from error
