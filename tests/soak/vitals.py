"""What a process takes up, as Linux tells it."""

import time
from pathlib import Path
from typing import Self

from attrs import frozen


@frozen
class Vitals:
    """
    One look at a process.

    Attributes:
        moment: When, in seconds of the monotonic clock.
        rss: Bytes of memory that it has resident.
        descriptors: Open files and sockets.
    """

    moment: float
    rss: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Look at a process."""
        process = Path(f"/proc/{pid}")
        status = (process / "status").read_text().splitlines()
        (rss,) = (line for line in status if line.startswith("VmRSS:"))
        descriptors = sum(1 for _ in (process / "fd").iterdir())
        return cls(time.monotonic(), int(rss.split()[1]) * 1024, descriptors)


def mebibytes(size: float) -> str:
    """Write a size for people."""
    return f"{size / 2**20:.1f} MiB"
