"""
Renew the pinned versions: the newest that install together on every given Python.

Usage: ``python .ci/constraints.py PYTHON3.11 PYTHON3.12 ...``, from the top of the checkout.

Each Python resolves in turn, the oldest first and each bound to what the ones before it chose, so
that one list serves all. Nothing is installed but pip, in a temporary environment.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

CONSTRAINTS = Path(".ci/constraints.txt")
HEADER = """\
# The versions that make installs, the same on every supported Python.
# Written by `make constraints`; the bounds and their reasons are in setup.cfg.
"""


def resolve(python: str, pins: dict[str, str], folder: Path) -> dict[str, str]:
    """Find the versions one Python needs: the pinned ones, and the newest of all others."""
    environment, pinned, report = folder / "venv", folder / "pins.txt", folder / "report.json"
    subprocess.run([python, "-m", "venv", "--clear", environment], check=True)
    pinned.write_text(listing(pins))
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-qq", "--upgrade", "pip"], check=True)
    options = ["-qq", "--dry-run", "--ignore-installed", "--report", str(report)]
    options += ["--constraint", str(pinned)]
    requirements = [".[embedded,dev]", "setuptools", "wheel"]
    subprocess.run([*pip, "install", *options, *requirements], check=True)
    found = (item["metadata"] for item in json.loads(report.read_text())["install"])
    return {item["name"]: item["version"] for item in found if item["name"] != "mudserver"}


def listing(pins: dict[str, str]) -> str:
    """Write pins as pip reads them, in the order of their names."""
    return "".join(f"{name}=={pins[name]}\n" for name in sorted(pins, key=str.lower))


def main(pythons: list[str]) -> None:
    """Resolve on every Python and write the list."""
    pins: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for python in pythons:
            print(f"Resolving on {python}", flush=True)
            pins |= resolve(python, pins, Path(folder))
    CONSTRAINTS.write_text(HEADER + listing(pins))
    print(f"{len(pins)} versions pinned in {CONSTRAINTS}")


if __name__ == "__main__":
    main(sys.argv[1:])
