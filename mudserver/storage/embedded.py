"""
A PostgreSQL of our own: made on first use, started and ended with us.

One directory holds all of it::

    DIRECTORY/
        cluster/       PostgreSQL's data directory, whole or absent
        cluster.new-*  one that is being made, or whose making was interrupted
        socket/        where it listens, mode 0700; no TCP
        lock           locked while a mudserver uses the directory
"""

import fcntl
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.binaries import Binaries, find_binaries
from mudserver.storage.child import IReactorForChildren, Runner
from mudserver.storage.cluster import DATABASE, ROLE, Cluster
from mudserver.storage.dsn import Dsn
from mudserver.storage.postmaster_pid import outlive_left_over
from mudserver.storage.privilege import User, plan_launch, server_user
from mudserver.storage.server import Server
from mudserver.storage.socket_directory import SocketDirectory, make_socket_directory

#: Seconds before a server that ended by itself is started again, doubled with each time in a row
#: up to the second number. One that ran for the third has broken the row.
RESTART_DELAY = 1.0
MAX_RESTART_DELAY = 30.0
RESTART_FORGOTTEN = 300.0

#: Seconds, and how many times, to wait for the last processes of a server that was killed.
DYING_POLL = 0.5
DYING_TRIES = 20

#: What a starting server says while processes of its predecessor are still there.
_DYING = "pre-existing shared memory block"


class _State(Enum):
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class EmbeddedPostgres:
    """
    A PostgreSQL server as our child process.

    It listens on a Unix socket in a directory that only its own user, and root, may enter; inside,
    everybody is trusted. It ends when we stop it, and when we die. When it ends by itself it is
    started again.

    Attributes:
        directory: Where everything lies.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorForChildren,
        directory: Path,
        environ: Mapping[str, str],
        *,
        binaries: Path | None = None,
    ) -> None:
        """
        Prepare; nothing is touched before `start`.

        Args:
            reactor: Starts and times processes.
            directory: Where everything lies or will lie.
            environ: The environment, for ``PG_BIN``, ``PATH`` and ``XDG_RUNTIME_DIR``.
            binaries: The directory of PostgreSQL's programs; None to look for them.
        """
        # Resolved, since a server left over is known by the path that it was given.
        self.directory = directory.resolve()
        self._reactor = reactor
        self._environ = environ
        self._wanted_binaries = binaries
        self._cluster = Cluster(self.directory / "cluster")
        self._state = _State.STOPPED
        self._starting: Deferred[Dsn] | None = None
        self._settled: Deferred[None] | None = None
        self._supervision: Deferred[None] | None = None
        self._lock: int | None = None
        self._socket: SocketDirectory | None = None
        self._server: Server | None = None
        self._binaries: Binaries | None = None

    @property
    def programs(self) -> Path:
        """
        The directory of PostgreSQL's programs that serve it.

        Raises:
            RuntimeError: It was not started yet.
        """
        if self._binaries is None:
            raise RuntimeError("the embedded PostgreSQL was not started")
        return self._binaries.directory

    def start(self) -> Deferred[Dsn]:
        """
        Start the server; make the cluster first where there is none.

        Returns:
            Fires, when it accepts connections, with where. Fails with `EmbeddedPostgresError`,
            whose message says what to do, or with ``CancelledError`` when stopped meanwhile; no
            process is left then, and it may be started again.
        """
        assert self._state is _State.STOPPED, self._state
        self._state = _State.STARTING
        self._settled = Deferred()
        starting = self._starting = Deferred.fromCoroutine(self._start())
        return starting

    def stop(self) -> Deferred[None]:
        """
        End the server: a fast shutdown, which keeps what is committed and breaks off the rest.

        Returns:
            Fires when its process is gone, at once where none runs; never fails.
        """
        return Deferred.fromCoroutine(self._stop())

    # ------------------------------------------------------------ start

    async def _start(self) -> Dsn:
        assert self._settled is not None
        try:
            dsn = await self._start_or_leave_half()
        except (Exception, CancelledError) as error:
            await self._wind_down()
            if isinstance(error, OSError):
                raise EmbeddedPostgresError(
                    f"the embedded PostgreSQL in {self.directory} can't be started: {error}"
                ) from error
            raise
        finally:
            self._settled.callback(None)
        return dsn

    async def _start_or_leave_half(self) -> Dsn:
        self._lock = _lock(self.directory)
        user = server_user(self._cluster.owner())
        binaries = self._binaries = self._find_binaries()
        self._log.info(
            "PostgreSQL {major}, from {source} ({path}), serves {directory}",
            major=binaries.major,
            source=binaries.source,
            path=binaries.directory,
            directory=self.directory,
        )
        if user is not None:
            _let_in(self.directory, self._lock, user)
        await outlive_left_over(self._reactor, self._cluster.path)
        self._socket = make_socket_directory(self.directory, user, self._environ)
        reach = [Path(binaries.postgres), self.directory, self._socket.path]
        launch = plan_launch(user, reach, self._environ)
        if not launch.dies_with_us:
            self._log.warn(
                "there is no setpriv (util-linux): if mudserver is killed, PostgreSQL goes on until"
                " mudserver is started again"
            )
        path = self._environ.get("PATH", os.defpath)
        runner = Runner(self._reactor, launch, {"PATH": path, "LC_ALL": "C", "TZ": "UTC"})
        if not self._cluster.exists():
            await self._cluster.make(runner, binaries, user)
        await self._serve(runner, binaries)
        self._state = _State.RUNNING
        self._supervision = Deferred.fromCoroutine(self._supervise(runner, binaries))
        self._supervision.addErrback(self._unsupervised)
        return Dsn({"host": self._socket.host, "user": ROLE, "dbname": DATABASE})

    def _find_binaries(self) -> Binaries:
        major = self._cluster.major()
        try:
            return find_binaries(self._environ, directory=self._wanted_binaries, major=major)
        except EmbeddedPostgresError as error:
            if major is None:
                raise
            raise EmbeddedPostgresError(f"{error}. {self._cluster.way_to_upgrade()}") from None

    async def _serve(self, runner: Runner, binaries: Binaries) -> None:
        """Start the server and wait until it accepts connections."""
        for attempt in range(DYING_TRIES):
            self._server = Server(runner, binaries, self._cluster.path)
            try:
                await self._server.accepting()
            except EmbeddedPostgresError as error:
                await self._server.end()
                if _DYING not in str(error) or attempt == DYING_TRIES - 1:
                    raise
                await deferLater(self._reactor, DYING_POLL)
            else:
                return

    # ------------------------------------------------------------ between start and stop

    async def _supervise(self, runner: Runner, binaries: Binaries) -> None:
        """Start the server again whenever it ends by itself, as when it was killed."""
        delay = RESTART_DELAY
        began = self._reactor.seconds()
        while True:
            assert self._server is not None
            await self._server.ended()
            if self._reactor.seconds() - began > RESTART_FORGOTTEN:
                delay = RESTART_DELAY
            self._log.critical(
                "PostgreSQL ended by itself, and is started again in {delay} s: {explanation}",
                delay=delay,
                explanation=self._server.explanation(),
            )
            await deferLater(self._reactor, delay)
            delay = min(2 * delay, MAX_RESTART_DELAY)
            began = self._reactor.seconds()
            try:
                await self._serve(runner, binaries)
            except (EmbeddedPostgresError, OSError) as error:
                self._log.critical("PostgreSQL can't be started again: {error}", error=error)
            else:
                self._log.info("PostgreSQL accepts connections again")

    def _unsupervised(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("PostgreSQL is no longer watched", failure)

    # ------------------------------------------------------------ stop

    async def _stop(self) -> None:
        if self._state is _State.STARTING and self._starting is not None:
            self._starting.cancel()
        if self._settled is not None:
            await self._settled
        await self._wind_down()

    async def _wind_down(self) -> None:
        """End the server and let go of everything; where there is nothing, do nothing."""
        if self._state is not _State.STOPPED:
            self._state = _State.STOPPING
        if self._supervision is not None:
            self._supervision.cancel()
            self._supervision = None
        if self._server is not None:
            await self._server.end()
            self._server = None
        if self._socket is not None:
            self._socket.release()
            self._socket = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._state = _State.STOPPED


# Root may work in the directory of another user, who must not lead it astray by a symbolic link.
_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def _lock(directory: Path) -> int:
    """
    Make the directory if need be, and lock it; the lock ends with the descriptor, or with us.

    Raises:
        EmbeddedPostgresError: Another process has it.
        OSError: The directory can't be made or entered.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", _LOCK_FLAGS, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise EmbeddedPostgresError(
            f"another mudserver, process {pid or '(unknown)'}, has its database in {directory}: end"
            " it, or choose another directory"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor


def _let_in(directory: Path, lock: int, user: User) -> None:
    """Let the server's user enter, without letting it change the directory if that is root's."""
    if directory.stat().st_uid == 0:
        directory.chmod(0o711)
    else:
        os.fchown(lock, user.uid, user.gid)
