"""
Install the Autobahn Testsuite, which needs Python 2.7, beside the virtual environment.

Usage: ``python .ci/wstest.py``, from the top of the checkout. The versions are those of
``.ci/wstest.txt``. While they and the Python are unchanged nothing is done, and nothing is asked of
the network. Where there is no Python 2.7 with pip, or the network doesn't give what is wanted, it
says so, and exits with 1; nothing else needs it.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(".venv-wstest")
PINNED = Path(".ci/wstest.txt")
STAMP = "installed.txt"

#: Names on PATH, and where pyenv keeps its own.
NAMES = ("python2.7", "python2")
PYENV = "versions/2.7.*/bin/python2.7"

_PROBE = "import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))"


def find_python() -> str | None:
    """Find a Python 2.7 that has pip; each is run, since a name may be a shim of another one."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [shutil.which(name) for name in NAMES]
    found += [str(path) for path in sorted(pyenv.glob(PYENV), reverse=True)]
    for python in found:
        if python is not None:
            probe = subprocess.run([python, "-c", _PROBE], capture_output=True, check=False)
            if probe.returncode == 0:
                return python
    return None


def install(python: str) -> bool:
    """Install into the folder, unless that is done; return whether it is there now."""
    wanted = f"{python}\n{PINNED.read_text()}"
    stamp = FOLDER / STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    print(f"Installing the Autobahn Testsuite into {FOLDER}; that takes half a minute.", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    command = [python, "-W", "ignore", "-m", "pip", "--disable-pip-version-check", "install"]
    options = ["-q", "--user", "--no-warn-script-location", "--no-deps", "--requirement"]
    environment = {**os.environ, "PYTHONUSERBASE": str(FOLDER.absolute())}
    done = subprocess.run(
        [*command, *options, str(PINNED)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout + done.stderr, end="")
        return False
    stamp.write_text(wanted)
    return True


def main() -> int:
    """Install; return the exit status."""
    python = find_python()
    if python is None:
        print("There is no Python 2.7 with pip, which the Autobahn Testsuite needs.")
        return 1
    FOLDER.parent.mkdir(exist_ok=True)
    with (FOLDER.parent / f"{FOLDER}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if install(python):
            return 0
    print("The Autobahn Testsuite could not be installed.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
