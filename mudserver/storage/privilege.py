"""As whom, and with which rights, PostgreSQL's programs run."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from attrs import frozen

from mudserver.errors import EmbeddedPostgresError

#: Whom root becomes, the first that exists: PostgreSQL refuses to run as root.
UNPRIVILEGED = ("postgres", "nobody")

#: Rights that let a process pass directories that its user may not enter, the lesser first, with
#: their numbers (linux/capability.h).
PASSAGES = (("dac_read_search", 2), ("dac_override", 1))

#: Seconds that a look at what can be reached may take.
PROBE_DEADLINE = 10.0

# A session of its own, so that the terminal's Ctrl-C doesn't reach it. Not setsid(1): macOS has
# none. The directory is changed since the one we are in may be closed to the child's user.
_SETSID = "import os, sys; os.chdir('/'); os.setsid(); os.execv(sys.argv[1], sys.argv[1:])"

# What setpriv does better.
_SETUID = (
    "import os, sys; os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[2]));"
    " os.execv(sys.argv[3], sys.argv[3:])"
)

# Programs must be read and executed, directories entered.
_REACHABLE = (
    'for path; do test -x "$path" && { test -d "$path" || test -r "$path"; } || exit 1; done'
)


@frozen
class User:
    """An account of the operating system."""

    uid: int
    gid: int
    name: str

    @classmethod
    def by_uid(cls, uid: int) -> Self:
        """Look an account up; raises `EmbeddedPostgresError` where there is none."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise EmbeddedPostgresError(
                f"the user id {uid} has no name in the system's list of users, which PostgreSQL"
                " insists on; run mudserver as a user that has one"
            ) from None
        return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)


def server_user(owner: int | None) -> User | None:
    """
    Choose as whom the server runs.

    Args:
        owner: Who owns the cluster; None where there is none yet.

    Returns:
        None for the user that we are.

    Raises:
        EmbeddedPostgresError: It is somebody that we can't become, or root.
    """
    ourselves = os.geteuid()
    if ourselves != 0:
        if owner not in {None, ourselves}:
            raise EmbeddedPostgresError(
                f"the data belongs to the user {User.by_uid(owner or 0).name}: run as that user,"
                " or as root, or choose another directory"
            )
        User.by_uid(ourselves)
        return None
    if owner == 0:
        raise EmbeddedPostgresError(
            "the data belongs to root, but PostgreSQL refuses to run as root: give the directory"
            " `cluster` to an ordinary user with `chown -R`"
        )
    if owner is not None:
        return User.by_uid(owner)
    for name in UNPRIVILEGED:
        try:
            return User.by_uid(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root, and there is neither a user"
        f" {' nor '.join(UNPRIVILEGED)}: run as an ordinary user"
    )


@frozen
class Launch:
    """
    How to start a program of PostgreSQL.

    It gets a session of its own. With util-linux's setpriv it also gets SIGINT, PostgreSQL's
    fast shutdown, when we die, even by kill -9. Without (macOS, BusyBox) a server survives our
    kill -9 and is stopped by the next start.

    As root the program runs as ``user``. Where the installation or the data lie below a
    directory that this user may not enter, such as /root, no directory is opened up; the
    program gets one capability that lets it pass, CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE where
    a container's bounding set lacks that. The server can then read files that its user can't;
    the role that mudserver uses is no superuser of PostgreSQL, so SQL can't make it do so.

    Attributes:
        prefix: What stands before the program in the command line.
        dies_with_us: Whether our death ends it.
    """

    prefix: tuple[str, ...]
    dies_with_us: bool

    def command(self, *program: str) -> tuple[str, ...]:
        """Return the whole command line of a program."""
        return (*self.prefix, *program)


def plan_launch(user: User | None, reach: Sequence[Path], environ: Mapping[str, str]) -> Launch:
    """
    Find out how to start programs as a user who has to reach some paths.

    Blocks for some milliseconds, since it is tried and not guessed.

    Args:
        user: As whom; None for ourselves.
        reach: Programs that it must be able to run, and directories to enter.
        environ: The environment, for ``PATH``.

    Raises:
        EmbeddedPostgresError: Something can't be reached by any means that we have.
    """
    python = (sys.executable, "-I", "-S", "-c")
    session = (*python, _SETSID)
    setpriv = shutil.which("setpriv", path=environ.get("PATH", os.defpath))
    if setpriv is not None and not _succeeds([setpriv, "--pdeathsig", "INT", "--", "true"]):
        setpriv = None
    if setpriv is None:
        become = () if user is None else (*python, _SETUID, str(user.gid), str(user.uid))
        _check_reach(become, user, reach)
        return Launch((*session, *become), dies_with_us=False)
    end_with_us = ("--pdeathsig", "INT", "--")
    if user is None:
        return Launch((*session, setpriv, *end_with_us), dies_with_us=True)
    identity = (f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups")
    ways: list[tuple[str, ...]] = [(setpriv, *identity)]
    ways.extend(
        (
            setpriv,
            *identity,
            f"--inh-caps=-all,+{capability}",
            f"--ambient-caps=-all,+{capability}",
            # Without it access(2), by which PostgreSQL looks for its own files, ignores the
            # capabilities of all users but root.
            "--securebits=+no_setuid_fixup",
        )
        for capability in _available(PASSAGES)
    )
    for way in ways:
        if _reaches([*way, "--"], reach):
            return Launch((*session, *way, *end_with_us), dies_with_us=True)
    _check_reach([*ways[0], "--"], user, reach)
    raise AssertionError("what can't be reached together can be reached one by one")


def _available(capabilities: Iterable[tuple[str, int]]) -> Iterable[str]:
    """Yield the names of those capabilities that we may pass on."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    mask = int(fields.get("CapPrm", "0"), 16) & int(fields.get("CapBnd", "0"), 16)
    for name, number in capabilities:
        if mask & 1 << number:
            yield name


def _check_reach(prefix: Sequence[str], user: User | None, reach: Sequence[Path]) -> None:
    for path in reach:
        if not _reaches(prefix, [path]):
            name = User.by_uid(os.geteuid()).name if user is None else user.name
            raise EmbeddedPostgresError(
                f"the user {name}, as whom PostgreSQL is to run, can't reach {path}: move it to"
                " where that user may enter, or run mudserver as an ordinary user"
            )


def _reaches(prefix: Sequence[str], reach: Sequence[Path]) -> bool:
    return _succeeds([*prefix, "/bin/sh", "-c", _REACHABLE, "sh", *map(str, reach)])


def _succeeds(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - no shell reads any of it
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_DEADLINE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
