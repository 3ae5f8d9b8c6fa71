"""A cluster, which is what PostgreSQL calls a data directory, and its making."""

import os
import shlex
import shutil
import tempfile
from pathlib import Path

from attrs import frozen
from twisted.logger import Logger

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.binaries import Binaries
from mudserver.storage.child import Runner
from mudserver.storage.privilege import User

#: The role that mudserver is to PostgreSQL, no superuser, and the database that it owns.
ROLE = "mudserver"
DATABASE = "mudserver"

#: PostgreSQL's own superuser in the cluster.
SUPERUSER = "postgres"

#: Seconds for each of the two steps of the making; one is usual.
MAKE_DEADLINE = 120.0

# In single-user mode each line is a statement.
_CREATE = f"CREATE ROLE {ROLE} LOGIN\nCREATE DATABASE {DATABASE} OWNER {ROLE}\n"


@frozen
class Cluster:
    """
    A cluster, which exists as a whole or not at all.

    Attributes:
        path: Its directory.
    """

    path: Path
    _log = Logger()

    def exists(self) -> bool:
        """Whether it was made."""
        return self.path.exists()

    def owner(self) -> int | None:
        """Return the id of the user it belongs to; None where there is none yet."""
        try:
            return self.path.stat().st_uid
        except FileNotFoundError:
            return None

    def major(self) -> int | None:
        """
        Return the major version that made it; None where there is none yet.

        Raises:
            EmbeddedPostgresError: There is something else in its place.
        """
        if not self.exists():
            return None
        try:
            return int((self.path / "PG_VERSION").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            raise EmbeddedPostgresError(
                f"{self.path} is not a PostgreSQL data directory: move it away"
            ) from None

    def way_to_upgrade(self) -> str:
        """Say what to do where the version that made it is not to be had."""
        major = self.major()
        path, base = shlex.quote(str(self.path)), shlex.quote(str(self.path.parent))
        serve = f"serve it with `postgres -D {path} -k {path} -h ''`"
        return (
            f"The data is in {path}. Either install PostgreSQL {major} and name the directory of"
            " its programs in PG_BIN, or move the data to the newer one:\n"
            f"  1. With PostgreSQL {major}'s programs, {serve}, save it with"
            f" `pg_dump -h {path} -U {SUPERUSER} -Fc -f mud.dump {DATABASE}`, and end that"
            " server.\n"
            f"  2. Move {base} away, start mudserver, which makes a new one, and stop it.\n"
            f"  3. With the newer programs, {serve}, fill it with `pg_restore -h {path}"
            f" -U {SUPERUSER} --clean --if-exists -d {DATABASE} mud.dump`, and end that server."
        )

    async def make(self, runner: Runner, binaries: Binaries, user: User | None) -> None:
        """
        Make it, with role and database.

        It is made under another name beside its place and then renamed, so that an interruption,
        be it a kill -9, leaves nothing that looks whole.

        Args:
            runner: Runs programs as that user.
            binaries: PostgreSQL's programs.
            user: To whom it shall belong; None for ourselves.

        Raises:
            EmbeddedPostgresError: A program failed; it says of what.
            OSError: The disk is full, or the directory closed.
        """
        base = self.path.parent
        for left_over in base.glob("cluster.new-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=base))
        try:
            if user is not None:
                os.chown(new, user.uid, user.gid, follow_symlinks=False)
            self._log.info("making a new database in {path}", path=self.path)
            await runner.run(
                binaries.initdb,
                f"--pgdata={new}",
                f"--username={SUPERUSER}",
                "--encoding=UTF8",
                # The one locale that every version has on every system, and that never changes
                # its mind about the order of an index.
                "--locale=C",
                "--data-checksums",
                "--auth-local=trust",
                "--auth-host=reject",
                "--no-instructions",
                deadline=MAKE_DEADLINE,
                line_received=self._heard,
            )
            await runner.run(
                binaries.postgres,
                "--single",
                "-D",
                str(new),
                "-c",
                "exit_on_error=true",
                SUPERUSER,
                stdin=_CREATE.encode("ascii"),
                deadline=MAKE_DEADLINE,
                line_received=self._heard,
            )
            _put_in_place(new, self.path)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def _heard(self, line: str) -> None:
        self._log.debug("{line}", line=line)


def _put_in_place(new: Path, path: Path) -> None:
    """Rename a directory, to last."""
    new.rename(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
