"""What is measured on."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path


def describe() -> Iterator[str]:
    """Yield lines that say which machine this is, and how busy."""
    yield f"{_processor()}, {os.cpu_count()} processors, {_memory_gib():.0f} GiB of memory"
    yield f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    yield f"load at the start: {os.getloadavg()[0]:.1f}"


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
