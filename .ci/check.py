"""
Run the checks that are named, and sum them up in one line.

Usage: ``python .ci/check.py [lint] [unit] [integration]``, with the Python of an environment that
has mudserver's ``dev`` extra, from the top of the checkout.

The last line is ``N passed, N failed``, and ``, N skipped`` where tests were skipped. The numbers
are trial's own; a lint tool that complains, a suite that ran no test or did not come to its end,
and anything left running each count as one failure more. The exit status is 0 only if none failed.

Tests run in a temporary folder, which is theirs for all they write and is removed unless a test
failed. Warnings are errors.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

LINT = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports",),
)
SUITES = {"unit": "tests.unit", "integration": "tests.integration"}

#: How long a process that a test started may take to be gone, in seconds.
LEFTOVER_GRACE = 5.0


@dataclass(frozen=True)
class Result:
    """What came of one or more checks."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: "Result") -> "Result":
        return Result(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.problems + other.problems,
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def problem(text: str) -> Result:
    """Make one failure of something that is not a test."""
    return Result(failed=1, problems=(text,))


def lint() -> Result:
    """Run every lint tool, whatever the ones before it said."""
    result = Result()
    commands = Path(sys.executable).parent
    for name, *arguments in LINT:
        print(f"== {' '.join([name, *arguments])}", flush=True)
        if subprocess.run([str(commands / name), *arguments], check=False).returncode:
            result += problem(f"{' '.join([name, *arguments])} complains")
    return result


def summary(last: str) -> Result | None:
    """
    Read the line that trial ends with, such as ``FAILED (failures=1, skips=2, successes=30)``.

    An unexpected success is a failure; an expected failure counts as skipped, since it shows
    nothing that works.
    """
    line = re.fullmatch(r"(PASSED|FAILED)(?: \((.*)\))?", last)
    if line is None:
        return None
    counts = {name: int(n) for name, n in re.findall(r"(\w+)=(\d+)", line[2] or "")}
    failed = sum(counts.get(name, 0) for name in ("errors", "failures", "unexpectedSuccesses"))
    skipped = counts.get("skips", 0) + counts.get("expectedFailures", 0)
    return Result(counts.get("successes", 0), failed, skipped)


def run_suite(name: str, folder: Path) -> Result:
    """Run one suite in a process of its own and pass its output on."""
    print(f"== {name} tests", flush=True)
    trial = ["-W", "error", "-m", "twisted.trial", f"--temp-directory={folder / name}"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MUDSERVER_")}
    environment["TMPDIR"] = str(folder)
    last = ""
    with subprocess.Popen(
        [sys.executable, *trial, SUITES[name]],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line.strip() or last
    result = summary(last)
    if result is None:
        return problem(f"the {name} tests did not end, status {process.returncode}")
    if process.returncode and not result.failed:
        result += problem(f"the {name} tests ended with status {process.returncode}")
    if result == Result():
        result += problem(f"there are no {name} tests")
    return result


def running_in(folder: Path) -> list[str]:
    """Find the processes that work in the folder, or were started with its name (Linux only)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            traces = [bytes((process / "cwd").readlink())]
            traces += [(process / name).read_bytes() for name in ("cmdline", "environ")]
        except OSError:  # gone, or another user's
            continue
        if any(bytes(folder) in trace for trace in traces):
            command = traces[1].replace(b"\0", b" ").decode(errors="replace").strip()
            found.append(f"{process.name} ({command})")
    return found


def leftovers(folder: Path) -> Result:
    """Tell what the tests left running, once it had its time to go."""
    deadline = time.monotonic() + LEFTOVER_GRACE
    while left := running_in(folder):
        if time.monotonic() > deadline:
            return problem(f"left running: {'; '.join(left)}")
        time.sleep(0.1)
    return Result()


def test(suites: list[str]) -> Result:
    """Run the suites in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="mudserver-test-")).resolve()
    # PostgreSQL refuses to run as root: its own user must be able to pass through.
    folder.chmod(0o711)
    result = Result()
    for name in suites:
        result += run_suite(name, folder)
    result += leftovers(folder)
    if result.failed:
        print(f"\nThe tests' files and logs are in {folder}")
    else:
        rmtree(folder)
    return result


def main(names: list[str]) -> int:
    """Run what is named; return the exit status."""
    result = Result()
    if "lint" in names:
        result += lint()
    suites = [name for name in SUITES if name in names]
    if suites:
        result += test(suites)
        if not result.passed:
            result += problem("no test passed")
    print()
    for text in result.problems:
        print(f"failed: {text}")
    print(result, flush=True)
    return 1 if result.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
