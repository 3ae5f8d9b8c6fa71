"""
Starts ``twistd`` as a test wants it, and does to it from within what can't be done from without.

Usage: ``python -m tests.faults.launcher SCRIPT ARGUMENT…``. The environment says how:
``FAULTS_DESCRIPTORS`` is how many file descriptors the process may have.

SIGUSR2 has the file ``order`` in the working directory read, which holds one of:

- ``shift SECONDS``: the wall clock is set forward, or back, from now on;
- ``census``: the living objects of the classes that hold a connection's state are counted into
  the file ``census``, by class, and the timers that run.
"""

import datetime as dt
import gc
import json
import os
import resource
import runpy
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

#: Names the environment's variable.
DESCRIPTORS = "FAULTS_DESCRIPTORS"

ORDER = "order"
CENSUS = "census"

#: What must be gone with a connection or its session.
COUNTED = frozenset(
    {
        "Bucket",
        "CommandQueue",
        "Heartbeat",
        "JsonLink",
        "Outbox",
        "Place",
        "Play",
        "Seat",
        "Server",
        "TelnetConnection",
        "TerminalLink",
        "TurnedAway",
        "WebChannel",
        "WebRequest",
        "WebSocketConnection",
    }
)

#: What keeps buckets by their keys.
_KEPT = "KeyedBuckets"

_DATETIME = dt.datetime
_TIME = time.time

_shift = 0.0


class _Meta(type):
    """Lets what C code made count as one of the class below."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _DATETIME)


class _ShiftedDatetime(_DATETIME, metaclass=_Meta):
    """Makes moments of the true class, some by another clock."""

    def __new__(cls, *args: object, **kwargs: object) -> "_ShiftedDatetime":
        return _DATETIME(*args, **kwargs)  # type: ignore[arg-type, return-value]

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> "_ShiftedDatetime":
        return _DATETIME.now(tz) + dt.timedelta(seconds=_shift)  # type: ignore[return-value]


def _shifted_time() -> float:
    return _TIME() + _shift


def _shift_moments() -> None:
    """Have all of our modules take the moment from the shifted clock."""
    for name, module in tuple(sys.modules.items()):
        if name.startswith("mudserver.") and vars(module).get("datetime") is dt.datetime:
            vars(module)["datetime"] = _ShiftedDatetime


def _obey(number: int, frame: FrameType | None) -> None:
    global _shift  # noqa: PLW0603 - the process has one wall clock
    del number, frame
    order, _, rest = Path(ORDER).read_text().partition(" ")
    if order == "shift":
        _shift = float(rest)
        _shift_moments()
    else:
        gc.collect()
        new = Path(f"{CENSUS}.new")
        new.write_text(json.dumps(_census()))
        new.rename(CENSUS)


def _census() -> Counter[str]:
    """
    Count what lives.

    A bucket that is kept by its key outlives connections, as it shall; the journal has one timer
    now and then, whoever is connected.
    """
    reactor = sys.modules["twisted.internet.reactor"]
    timers = [call.func for call in reactor.getDelayedCalls()]
    owners = [type(getattr(timer, "__self__", None)).__name__ for timer in timers]
    living = Counter({"timers": len(owners) - owners.count("Journal")})
    for each in gc.get_objects():
        name = type(each).__name__
        if name in COUNTED:
            living[name] += 1
        elif name == _KEPT:
            living["Bucket"] -= len(each)
    return living


def main(script: str, arguments: list[str]) -> None:
    """Become ``twistd``."""
    if limit := os.environ.get(DESCRIPTORS):
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(limit), int(limit)))
    # Before anything else is imported, which may keep what it finds.
    time.time = _shifted_time
    signal.signal(signal.SIGUSR2, _obey)
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
