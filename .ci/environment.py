"""
Make a virtual environment that has mudserver installed in editable form.

Usage: ``python .ci/environment.py FOLDER [EXTRA ...]``, from the top of the checkout.

The versions are those of ``.ci/constraints.txt``. A stamp in the folder records what was installed
from what; while that is unchanged nothing is done, and nothing is asked of the network. An
environment whose Python is gone or another one, or whose checkout was moved, is made anew. It is
run by any Python and needs nothing but the standard library.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

CONSTRAINTS = Path(".ci/constraints.txt")
SOURCES = (Path("setup.cfg"), Path("pyproject.toml"), CONSTRAINTS)
STAMP = "mudserver-installed.json"


def describe(extras: Iterable[str]) -> dict[str, object]:
    """Describe an installation; two that are equal are the same."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in SOURCES))
    return {
        "checkout": str(Path.cwd()),
        "extras": sorted(extras),
        "python": list(sys.version_info[:2]),
        "sources": digest.hexdigest(),
    }


def interpreter(folder: Path) -> str:
    """Name the environment's own Python."""
    return str(folder / "bin" / "python")


def recorded(folder: Path) -> dict[str, object]:
    """Read what was installed; empty where nothing was, or was not finished."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def usable(folder: Path, stamp: dict[str, object]) -> bool:
    """Tell whether what is in the folder can be built upon."""
    if stamp and stamp.get("checkout") != str(Path.cwd()):
        return False
    probe = "import sys, pip; print(list(sys.version_info[:2]))"
    try:
        answer = subprocess.run(
            [interpreter(folder), "-c", probe], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.strip() == str(list(sys.version_info[:2]))


def create(folder: Path) -> None:
    """Make an empty environment, in place of whatever was there."""
    # The Python below, since the one that runs this may be the one to be replaced.
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", "--clear", str(folder)], check=True)


def install(folder: Path, extras: Iterable[str]) -> None:
    """Install mudserver and what it needs, at the pinned versions."""
    pip = [interpreter(folder), "-m", "pip", "--disable-pip-version-check", "install"]
    options = ["-qq", "--no-input", "--constraint", str(CONSTRAINTS)]
    # The build tools come first and are pinned too: with isolation, pip would take the newest.
    subprocess.run([*pip, *options, "setuptools", "wheel"], check=True)
    project = f".[{','.join(sorted(extras))}]"
    subprocess.run([*pip, *options, "--no-build-isolation", "--editable", project], check=True)


def update(folder: Path, extras: set[str]) -> None:
    """Install into the folder what is not there yet."""
    stamp = recorded(folder)
    before = stamp.get("extras")
    both = extras.union(before if isinstance(before, list) else ())
    if stamp == describe(both) and os.access(interpreter(folder), os.X_OK):
        return
    print(f"Installing mudserver into {folder}; the first time takes a minute.", flush=True)
    began = time.monotonic()
    if usable(folder, stamp):
        (folder / STAMP).unlink(missing_ok=True)
    else:
        create(folder)
        both = extras
    install(folder, both)
    (folder / STAMP).write_text(json.dumps(describe(both)))
    print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)


def main(arguments: list[str]) -> str | None:
    """Bring the folder up to date; return what went wrong, if anything."""
    folder = Path(arguments[0])
    with SOURCES[0].open() as lock:
        # Two makes at once: the second waits, and finds the work done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            update(folder, set(arguments[1:]))
        except PermissionError as error:
            return f"No permission for {error.filename}: was {folder} made by another user?"
        except subprocess.CalledProcessError as error:
            return f"Installing failed with status {error.returncode}; its output is above."
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
