"""The Autobahn Testsuite: what it is told, and what it found out."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from tests.integration.program import ROOT

#: Where ``.ci/wstest.py`` installs it.
FOLDER: Final = ROOT / ".venv-wstest"

#: All its sections, and those that take seconds, not minutes.
SECTIONS: Final = ("1", "2", "3", "4", "5", "6", "7", "9", "10", "12", "13")
QUICK: Final = ("1", "2", "3", "4", "5", "6", "7", "9", "10")

#: What conforms. What is informational is about matters that RFC 6455 leaves open.
CONFORMING: Final = frozenset({"OK", "NON-STRICT", "INFORMATIONAL"})

#: What the suite says where an extension that it asked for was not agreed on.
DECLINED: Final = "UNIMPLEMENTED"

#: Where it asks for nothing but a smaller window of ours. That is declined on purpose: a frame is
#: compressed once, for all who hear it.
SMALL_WINDOWS: Final = ("13.3.", "13.5.")

_AGENT: Final = "mudserver"


@frozen
class Case:
    """
    One case, and how the server behaved.

    Attributes:
        id: Its number, such as ``9.1.2``.
        behaviour: In the case itself.
        at_close: At its end.
    """

    id: str
    behaviour: str
    at_close: str

    @property
    def conforms(self) -> bool:
        """Whether all of it is as RFC 6455 wants it."""
        return {self.behaviour, self.at_close} <= CONFORMING

    @property
    def declined(self) -> bool:
        """Whether it does not apply, since we declined what it asks for, as we mean to."""
        return (
            self.behaviour == DECLINED
            and self.at_close in CONFORMING
            and self.id.startswith(SMALL_WINDOWS)
        )

    @property
    def section(self) -> str:
        """The number before its first point."""
        return self.id.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.id}: {self.behaviour}, at the close {self.at_close}"


@frozen
class Report:
    """What became of all cases, in their order."""

    cases: tuple[Case, ...]

    @property
    def failures(self) -> Sequence[Case]:
        """Those that apply and don't conform."""
        return [case for case in self.cases if not case.conforms and not case.declined]

    @property
    def declined(self) -> Sequence[Case]:
        """Those that don't apply."""
        return [case for case in self.cases if case.declined]

    @property
    def lenient(self) -> Sequence[Case]:
        """Those that conform, where a stricter behaviour would be better."""
        return [case for case in self.cases if case.conforms and case.behaviour == "NON-STRICT"]

    @property
    def counts(self) -> Mapping[str, Counter[str]]:
        """How many behaved how, section by section."""
        counts: dict[str, Counter[str]] = {}
        for case in self.cases:
            whole = case.conforms or case.declined
            behaviour = case.behaviour if whole else f"{case.behaviour}/{case.at_close}"
            counts.setdefault(case.section, Counter())[behaviour] += 1
        return counts


def program() -> Path | None:
    """Return the program, where it is installed."""
    found = FOLDER / "bin" / "wstest"
    return found if (FOLDER / "installed.txt").exists() and found.exists() else None


def write_order(folder: Path, port: int, sections: Sequence[str]) -> Path:
    """Write down what to test, and where to report; returns the file."""
    order = {
        "outdir": str(folder / "report"),
        "servers": [{"agent": _AGENT, "url": f"ws://127.0.0.1:{port}/ws"}],
        "cases": [f"{section}.*" if section in SECTIONS else section for section in sections],
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    path = folder / "order.json"
    path.write_text(json.dumps(order))
    return path


def read_report(folder: Path) -> Report:
    """Read what was found out."""
    found = json.loads((folder / "report" / "index.json").read_text())[_AGENT]
    cases = (
        Case(id, verdict["behavior"], verdict["behaviorClose"]) for id, verdict in found.items()
    )
    return Report(tuple(sorted(cases, key=lambda case: [int(part) for part in case.id.split(".")])))
