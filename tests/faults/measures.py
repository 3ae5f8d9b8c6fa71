"""What a daemon measures, holds and keeps open, at one moment."""

import json
import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import define, frozen

from tests.faults import launcher
from tests.integration.daemon import Daemon
from tests.integration.program import until
from tests.integration.web_client import request

#: Seconds that a tick of the reactor may take.
LONGEST_TICK = 0.25

#: Gauges of what is given back when a connection, a session or a task ends. Timers are counted by
#: the launcher, which knows whose they are.
_GIVEN_BACK = re.compile(
    r"mud_(sessions|hash_queue|loop_work|journal_(dirty|waiting)|database_waiters"
    r"|background_tasks)(\{.*)?$|mud_held\{what=\"(?!timers)"
)

_SAMPLE = re.compile(r"^(?P<name>[a-z_]+(?:\{.*\})?) (?P<value>\S+)$", re.MULTILINE)


@frozen
class Measures:
    """
    What ``/metrics`` says.

    Attributes:
        samples: By name and labels, as they stand there.
    """

    samples: Mapping[str, float]

    def of(self, metric: str, **labels: str) -> float:
        """Return one sample; what was never counted is 0."""
        words = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
        return self.samples.get(f"mud_{metric}" + (f"{{{words}}}" if words else ""), 0.0)

    @property
    def held(self) -> dict[str, float]:
        """What is to be given back."""
        return {name: value for name, value in self.samples.items() if _GIVEN_BACK.match(name)}

    @property
    def long_ticks(self) -> float:
        """How many ticks took too long."""
        within = self.of("reactor_tick_seconds_bucket", le=str(LONGEST_TICK))
        return self.of("reactor_tick_seconds_count") - within


@define
class Probe:
    """
    Looks into a daemon from outside.

    Attributes:
        daemon: That.
    """

    daemon: Daemon

    async def measures(self) -> Measures:
        """Read its metrics."""
        page = await request(self.daemon.operations, "GET", "/metrics")
        return Measures(
            {found["name"]: float(found["value"]) for found in _SAMPLE.finditer(page.text)}
        )

    def descriptors(self) -> Counter[str]:
        """Count its open files by kind, but for those to the database."""
        local = _inodes("unix")
        kinds: Counter[str] = Counter()
        for each in self._links():
            kind, _, inode = each.partition(":")
            if kind == "socket" and inode.strip("[]") in local:
                continue
            kinds[kind if kind in ("socket", "pipe", "anon_inode") else "file"] += 1
        return kinds

    def waited(self) -> float:
        """Return for how many seconds in all its reactor wanted to run, and others did."""
        try:
            return (
                int(Path(f"/proc/{self.daemon.program.pid}/schedstat").read_text().split()[1]) / 1e9
            )
        except FileNotFoundError:  # this kernel doesn't tell
            return 0.0

    async def census(self) -> Counter[str]:
        """Count the living objects that hold a connection's state."""
        found = self.daemon.directory / launcher.CENSUS
        found.unlink(missing_ok=True)
        self.order("census")
        await until(found.exists, lambda: "the daemon made no census")
        return Counter(json.loads(found.read_text()))

    def order(self, order: str) -> None:
        """Have the launcher do something."""
        (self.daemon.directory / launcher.ORDER).write_text(order)
        self.daemon.program.signal(signal.SIGUSR2)

    def _links(self) -> Iterator[str]:
        for each in Path(f"/proc/{self.daemon.program.pid}/fd").iterdir():
            try:
                yield str(each.readlink())
            except FileNotFoundError:  # closed meanwhile
                continue


def _inodes(family: str) -> frozenset[str]:
    """Return the inodes of all sockets of a family (see proc(5))."""
    lines = Path(f"/proc/net/{family}").read_text().splitlines()[1:]
    return frozenset(line.split()[6] for line in lines)
