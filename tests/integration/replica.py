"""Two PostgreSQL servers, one of which repeats what the other does before that is committed."""

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mudserver.storage.binaries import find_binaries
from mudserver.storage.cluster import DATABASE, ROLE, SUPERUSER
from mudserver.storage.dsn import Dsn
from mudserver.storage.privilege import plan_launch, server_user
from tests.integration.postgres import CHOICE, connected, embedded, superuser
from tests.integration.program import Program, until

_STANDING_BY = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"

_CAUGHT_UP = "SELECT bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication"

_CONNECTED = (
    "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'mudserver%'"
)


class ReplicatedServers:
    """
    A primary, and a standby of it that may be promoted.

    A commit on the primary is answered once the standby has it, too, if that is synchronous.

    Args:
        case: The test that they belong to; they end with it.
        synchronous: Whether that is so.

    Attributes:
        reach: The database as an operator writes it: on one of the two.
        dsn: The same, on whichever of the two can be written to.
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
        self.reach = Dsn({"host": hosts, "user": ROLE, "dbname": DATABASE})
        self.dsn = self.reach.extended({"target_session_attrs": "read-write"})
        self._held: int | None = None
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
        there = self._follows if self._synchronous else self.caught_up
        await until(there, lambda: self._standby.said.text)

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
        if self._held is not None:
            os.kill(self._held, signal.SIGKILL)
        await self._primary.ended()

    def promote(self) -> None:
        """Make the standby the primary."""
        self._execute("standby", "SELECT pg_promote()")

    def demote(self) -> None:
        """Let nothing be written on the primary any more, though it lives on."""
        self._execute("primary", "ALTER SYSTEM SET default_transaction_read_only = on")
        self._execute("primary", "SELECT pg_reload_conf()")

    def hold_back(self) -> None:
        """Let nothing more get to the standby."""
        ((self._held,),) = self._execute("primary", "SELECT pid FROM pg_stat_replication")
        os.kill(self._held, signal.SIGSTOP)

    def caught_up(self) -> bool:
        """Whether the standby has all that was committed."""
        return self._execute("primary", _CAUGHT_UP) == [(True,)]

    def connected_to(self, name: str) -> list[str]:
        """Return what mudserver's connections to one of the two call themselves."""
        return [application for (application,) in self._execute(name, _CONNECTED)]

    def _follows(self) -> bool:
        return self._execute("primary", _STANDING_BY) == [(1,)]

    def _execute(self, name: str, statement: str) -> list[Any]:
        one = self.dsn.extended({"host": str(self._sockets / name), "target_session_attrs": "any"})
        with connected(superuser(one)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

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
