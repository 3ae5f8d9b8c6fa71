"""A server under measurement: a process of its own, or several."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

#: Seconds that a server may take to start, and to stop.
_PATIENCE = 120.0


class Server:
    """
    A process that says when it is ready.

    Args:
        command: What to run.
        ready: A line of its output that matches says that it may be used.
        directory: Where to run it.
        environment: Variables beside our own.
        orders: Whether it reads lines: then `ask` may be called.

    Attributes:
        said: The output up to the line that matched.
    """

    def __init__(
        self,
        command: Sequence[str],
        ready: str,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        *,
        orders: bool = False,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE if orders else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self.said = ""
        try:
            threading.Thread(target=self._read, daemon=True).start()
            self._wait(re.compile(ready))
        except BaseException:
            self.stop()
            raise

    def _wait(self, ready: re.Pattern[str]) -> None:
        until = time.monotonic() + _PATIENCE
        while not ready.search(self.said):
            ended = self._process.poll() is not None
            try:
                self.said += self._lines.get(timeout=0.2)
            except queue.Empty:
                if ended or time.monotonic() > until:
                    raise ChildProcessError(f"not ready: {self.said}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes whose work counts."""
        return (self._process.pid,)

    def ask(self, order: str) -> str:
        """
        Give an order.

        Returns:
            The line that it says when that is done.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        try:
            return self._lines.get(timeout=_PATIENCE)
        except queue.Empty:
            raise ChildProcessError(f"no answer to {order}") from None

    def stop(self) -> None:
        """End it in good order, or by force when that takes too long."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


def python(module: str, *arguments: str, ready: str, orders: bool = False) -> Server:
    """Run a module of ours with this Python."""
    command = [sys.executable, "-u", "-m", module, *arguments]
    return Server(command, ready, Path(__file__).parents[2], orders=orders)


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the time for which those processes ran so far, in all of their threads."""
    return sum(_nanoseconds(task) for pid in pids for task in _tasks(pid)) / 1e9


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _nanoseconds(task: Path) -> int:
    """Read the first field of schedstat: finer than the ticks of stat."""
    return int((task / "schedstat").read_text(encoding="ascii").split()[0])
