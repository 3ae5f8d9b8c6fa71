"""
Run the checks that are named, and sum them up in one line.

Usage: ``python .ci/check.py [lint] [unit] [integration] [faults] [torture]``, with the Python of an
environment that has mudserver's ``dev`` extra, from the top of the checkout.

Where tests ran, the last line is ``N passed, N failed``, with ``, N skipped`` if any were. The
numbers are trial's own; a lint tool that complains, a suite that ran no test or did not come to
its end, and anything left running each count as one failure more. The exit status is 0 only if
none failed.

Tests run in a temporary folder, which is theirs for all they write and is removed unless a test
failed. Warnings are errors.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

LINT = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports",),
)
SUITE = str(Path(__file__).with_name("suite.py"))
SUITES = {
    "unit": "tests.unit",
    "integration": "tests.integration",
    "faults": "tests.faults",
    "torture": "tests.torture",
}

#: A warning is an error, but for one: Python 3.12 and later warn of every fork beside a thread, and
#: Twisted starts processes by fork, in a reactor that may have looked up a name in a thread.
WARNINGS = ("-W", "error", "-W", "ignore:This process (pid=:DeprecationWarning")

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


def outcome(folder: Path) -> Result | None:
    """
    Read what a suite wrote down when it had ended.

    An unexpected success is a failure; an expected failure counts as skipped, since it shows
    nothing that works.
    """
    try:
        counts = json.loads((folder / "results.json").read_text())
    except FileNotFoundError:
        return None
    return Result(
        passed=counts["successes"],
        failed=counts["errors"] + counts["failures"] + counts["unexpectedSuccesses"],
        skipped=counts["skips"] + counts["expectedFailures"],
    )


def run_suite(name: str, top: Path) -> Result:
    """Run one suite in a process of its own."""
    print(f"== {name} tests", flush=True)
    folder = top / name
    folder.mkdir(mode=0o711)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MUDSERVER_")}
    environment["TMPDIR"] = str(top)
    command = [sys.executable, *WARNINGS, SUITE, SUITES[name], str(folder)]
    status = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode
    result = outcome(folder)
    if result is None:
        return problem(f"the {name} tests did not end, status {status}")
    if result == Result():
        result += problem(f"there are no {name} tests")
    if status and not result.failed:
        result += problem(f"the {name} tests ended with status {status}")
    return result


def running_in(folder: Path) -> dict[int, str]:
    """Find the processes that work in the folder, or were started with its name (Linux only)."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            traces = [bytes((process / "cwd").readlink())]
            traces += [(process / name).read_bytes() for name in ("cmdline", "environ")]
        except OSError:  # gone, or another user's
            continue
        if any(bytes(folder) in trace for trace in traces):
            command = traces[1].replace(b"\0", b" ").decode(errors="replace").strip()
            found[int(process.name)] = command
    return found


def leftovers(folder: Path) -> Result:
    """Tell what the tests left running once it had its time to go, and end it."""
    deadline = time.monotonic() + LEFTOVER_GRACE
    while left := running_in(folder):
        if time.monotonic() > deadline:
            for process in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
            return problem(f"left running: {'; '.join(left.values())}")
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
    if suites:
        print(result, flush=True)
    return 1 if result.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
