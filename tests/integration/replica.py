"""Two PostgreSQL servers, one of which repeats what the other does before that is committed."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mudserver.storage.binaries import find_binaries
from mudserver.storage.cluster import DATABASE, ROLE, SUPERUSER
from mudserver.storage.dsn import Dsn
from mudserver.storage.privilege import plan_launch, server_user
from tests.integration.postgres import CHOICE, connected, embedded, superuser
from tests.integration.program import Program, until

_STANDING_BY = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


class ReplicatedServers:
    """
    A primary, and a standby of it that may be promoted.

    A commit on the primary is answered once the standby has it, too.

    Args:
        case: The test that they belong to; they end with it.
        synchronous: Whether that is so.

    Attributes:
        dsn: The database, on whichever of the two can be written to.
    """

    def __init__(self, case: TestCase, *, synchronous: bool = True) -> None:
        self._case = case
        self._synchronous = synchronous
        self._directory = Path(case.mktemp()).absolute()
        # The path of a socket must be short.
        self._sockets = Path(tempfile.mkdtemp())
        case.addCleanup(shutil.rmtree, self._sockets)
        self._sockets.chmod(0o711)
        hosts = ",".join(str(self._sockets / name) for name in ("primary", "standby"))
        self.dsn = Dsn(
            {
                "host": hosts,
                "user": ROLE,
                "dbname": DATABASE,
                "target_session_attrs": "read-write",
            }
        )
        self._primary: Program
        self._standby: Program

    async def start(self) -> None:
        """Make both, and wait until the standby follows."""
        made = embedded(self._directory)
        await made.start()
        await made.stop()
        await deferToThread(self._copy)
        names = "*" if self._synchronous else ""
        self._primary = self._run("primary", f"--synchronous_standby_names={names}")
        await self._primary.said.expect("ready to accept connections")
        self._standby = self._run("standby")
        await self._standby.said.expect("ready to accept read-only connections")
        if self._synchronous:
            await until(self._follows, lambda: self._standby.said.text)

    def _copy(self) -> None:
        """Make the standby of the primary, which must be at rest."""
        primary, standby = self._cluster("primary"), self._cluster("standby")
        shutil.copytree(primary, standby)
        own = primary.stat()
        for path in (standby, *standby.rglob("*")):
            os.chown(path, own.st_uid, own.st_gid)
        for name in ("primary", "standby"):
            (self._sockets / name).mkdir(0o700)
            os.chown(self._sockets / name, own.st_uid, own.st_gid)
        (standby / "standby.signal").touch()
        with (standby / "postgresql.auto.conf").open("a") as settings:
            settings.write(
                f"primary_conninfo = 'host={self._sockets / 'primary'} user={SUPERUSER}'\n"
            )

    async def fail(self) -> None:
        """End the primary as a crash does, for good."""
        self._primary.signal(signal.SIGKILL)
        await self._primary.ended()

    def promote(self) -> None:
        """Make the standby the primary."""
        standby = self.dsn.extended(
            {"host": str(self._sockets / "standby"), "target_session_attrs": "any"}
        )
        with connected(superuser(standby)) as connection:
            connection.cursor().execute("SELECT pg_promote()")

    def _follows(self) -> bool:
        with connected(superuser(self.dsn)) as connection, connection.cursor() as cursor:
            cursor.execute(_STANDING_BY)
            return cursor.fetchall() == [(1,)]

    def _cluster(self, name: str) -> Path:
        return self._directory / ("cluster" if name == "primary" else name)

    def _run(self, name: str, *options: str) -> Program:
        choice = os.environ.get(CHOICE)
        binaries = find_binaries(os.environ, directory=Path(choice) if choice else None)
        cluster, sockets = self._cluster(name), self._sockets / name
        reach = (Path(binaries.postgres), cluster, sockets)
        launch = plan_launch(server_user(cluster.stat().st_uid), reach, os.environ)
        command = [binaries.postgres, "-D", str(cluster), *options]
        command += ["--listen_addresses=", f"--unix_socket_directories={sockets}"]
        return Program(
            self._case,
            name,
            launch.command(*command),
            environment={"LC_ALL": "C"},
            directory=self._directory,
        )
