"""Backups: the whole database in one file, by PostgreSQL's own programs, and back."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import psycopg2
from attrs import frozen
from twisted.internet.defer import Deferred

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.storage.binaries import find_program
from mudserver.storage.child import IReactorForChildren, Runner
from mudserver.storage.dsn import Dsn
from mudserver.storage.failures import words_of
from mudserver.storage.privilege import Launch

T = TypeVar("T")

#: Seconds after which a backup or a restoration is given up.
DEADLINE: Final = 24 * 3600.0

#: Seconds to connect.
CONNECT_TIMEOUT: Final = 10

#: A backup holds the hashes of passwords.
FILE_MODE: Final = 0o600

# What ``server_version_num`` counts by, since PostgreSQL 10: 180006 is 18.6.
_VERSIONS_OF_A_MAJOR: Final = 10_000

_CONTENTS: Final = """
    SELECT count(*) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
"""


@frozen
class Backup:
    """
    Saves and restores one database.

    Attributes:
        dsn: Where it is.
        programs: The directory of PostgreSQL's programs; None to look for those that fit the
            server.
        reactor: Starts and times them.
        environ: The environment, for ``PG_BIN`` and ``PATH``, and theirs.
    """

    dsn: Dsn
    programs: Path | None
    reactor: IReactorForChildren
    environ: Mapping[str, str]

    def save(self, file: Path) -> Deferred[None]:
        """
        Save the database as it is at one moment, while it is in use.

        Blocks for a moment where the server has to be asked for its version.

        The file is there when it is whole, and not before; an older one is replaced then.

        Args:
            file: Where to, an absolute path. Only its owner may read it.

        Returns:
            Fires when it is done. Fails with `EmbeddedPostgresError` when ``pg_dump`` failed,
            or there is none, or with `StorageUnavailable` when the server can't be reached.

        Raises:
            OSError: The file can't be written.
        """
        partial = file.with_name(f"{file.name}.partial")
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))

        def settle(result: T) -> T:
            partial.unlink(missing_ok=True)
            return result

        saved = self._run("pg_dump", "--format=custom", "--file", str(partial))
        return saved.addCallback(lambda _: _put_in_place(partial, file)).addBoth(settle)

    async def restore(self, file: Path) -> None:
        """
        Fill the database, which must be empty, from a file: wholly or not at all.

        Blocks while it looks at the database, and where that is large while PostgreSQL counts
        what is in it.

        Args:
            file: What `save` made, or ``pg_dump --format=custom``; an absolute path.

        Raises:
            StorageRefused: The database isn't empty.
            StorageUnavailable: It can't be reached.
            EmbeddedPostgresError: ``pg_restore`` failed, or there is none.
        """
        if self._ask(_CONTENTS) != 0:
            raise StorageRefused(f"the database {self.dsn} is not empty")
        await self._run("pg_restore", "--exit-on-error", "--single-transaction", str(file))
        self._ask("ANALYZE")

    def _run(self, name: str, *arguments: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._run_found(name, arguments))

    async def _run_found(self, name: str, arguments: Sequence[str]) -> None:
        program = self._program(name)
        # Whoever lists the processes sees their arguments.
        shown = {key: value for key, value in self.dsn.parameters.items() if key != "password"}
        secret = {"PGPASSWORD": self.dsn.parameters.get("password", "")}
        environ = {**self.environ, **{key: value for key, value in secret.items() if value}}
        runner = Runner(self.reactor, Launch((), dies_with_us=False), environ)
        await runner.run(
            str(program),
            "--no-owner",
            "--no-privileges",
            "--no-password",
            "--dbname",
            Dsn(shown).conninfo(),
            *arguments,
            deadline=DEADLINE,
            line_received=_heard,
        )

    def _program(self, name: str) -> Path:
        if self.programs is not None:
            return self.programs / name
        version = int(str(self._ask("SHOW server_version_num")))
        return find_program(name, version // _VERSIONS_OF_A_MAJOR, self.environ)

    def _ask(self, statement: str) -> object:
        """Execute a statement; returns the first column of the first row."""
        limit = {"connect_timeout": str(CONNECT_TIMEOUT)}
        try:
            with closing(psycopg2.connect(self.dsn.extended(limit).conninfo())) as connection:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    row = cursor.fetchone() if cursor.description else None
                    return None if row is None else row[0]
        except psycopg2.Error as error:
            raise StorageUnavailable(f"the database {self.dsn}: {words_of(error)}") from error


def _heard(line: str) -> None:
    """Do nothing yet: what a program said last is in the error when it fails."""
    del line


def _put_in_place(partial: Path, file: Path) -> None:
    """Rename a file, to last."""
    _sync(partial)
    partial.rename(file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
