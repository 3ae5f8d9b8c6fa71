"""What a cluster's ``postmaster.pid`` says, whether that is still true, and how to end it."""

import os
import signal
import subprocess
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger, LogLevel

from mudserver.errors import EmbeddedPostgresError

#: Seconds after which a server left over by a mudserver that died is told to end (its master's
#: death did so already, where setpriv exists), to end at once, and is given up on.
LEFT_OVER_INT = 2.0
LEFT_OVER_QUIT = 15.0
LEFT_OVER_DEADLINE = 25.0

#: Seconds between looks at it; it is no child of ours, so nobody tells us.
LEFT_OVER_POLL = 0.05

#: Seconds that ps(1) may take, where there is no /proc.
PS_DEADLINE = 10.0


def recorded_pid(cluster: Path) -> int | None:
    """
    Return the process that says it serves the cluster; None where no file names one.

    Raises:
        ValueError: The file exists but names none, as after a crash in the midst of writing.
    """
    try:
        text = (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    # A negative number stands for a server in single-user mode.
    return abs(int(text.partition("\n")[0]))


def exists(pid: int) -> bool:
    """Whether a process of that id exists, be it of another user or a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def serves(pid: int, cluster: Path) -> bool:
    """
    Whether that process is a PostgreSQL server of the cluster.

    The id may have been given to any other program since: after a reboot, or, very often, after
    the restart of a container.
    """
    words = _command_line(pid)
    return any("postgres" in Path(word).name for word in words[:1]) and str(cluster) in words


def _command_line(pid: int) -> list[str]:
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return []
    except OSError:
        return []
    try:
        done = subprocess.run(  # noqa: S603 - a number is all that is put in
            ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PS_DEADLINE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    # ps doesn't show where a word ends, so that paths with spaces are looked for as they stand.
    program, _, rest = os.fsdecode(done.stdout).strip().partition(" -D ")
    return [program, rest.partition(" -c ")[0]]


async def outlive_left_over(clock: IReactorTime, cluster: Path) -> None:
    """
    Wait for the end of a server that a mudserver left behind when it died, and help it along.

    Only for one who holds the lock of the directory: nobody else is the server's master then.

    Raises:
        EmbeddedPostgresError: It doesn't end.
        OSError: It is another user's.
    """
    log = Logger()
    began = clock.seconds()
    signals = [(LEFT_OVER_INT, signal.SIGINT), (LEFT_OVER_QUIT, signal.SIGQUIT)]
    while True:
        waited = clock.seconds() - began
        try:
            pid = recorded_pid(cluster)
        except ValueError:
            # It is being written right now, or there was a crash before it was.
            if waited > LEFT_OVER_INT:
                (cluster / "postmaster.pid").unlink(missing_ok=True)
                return
        else:
            if pid is None or not serves(pid, cluster):
                return
            if waited > LEFT_OVER_DEADLINE:
                raise EmbeddedPostgresError(
                    f"another PostgreSQL server, process {pid}, still serves {cluster} and doesn't"
                    " end: end it by hand"
                )
            if signals and waited > signals[0][0]:
                _, number = signals.pop(0)
                log.emit(
                    LogLevel.warn, "ending PostgreSQL process {pid}, which was left over", pid=pid
                )
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
        await deferLater(clock, LEFT_OVER_POLL)
