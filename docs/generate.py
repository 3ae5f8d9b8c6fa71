"""
Renew what the documentation repeats of the code.

Usage: ``python docs/generate.py``, with the Python of an environment that has mudserver. A test
fails while a page is stale.

Such a part stands on its page between two marks, and everything between them is replaced::

    <!-- generated: settings -->
    <!-- end of settings -->
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from automat import TypeMachine

from mudserver.config import KEYS, Key
from mudserver.session.connection import connection_machine
from mudserver.session.session import session_machine
from mudserver.storage.migrate import DIRECTORY as MIGRATIONS
from mudserver.telemetry.metrics import METRICS, PREFIX, Kind

TOP: Final = Path(__file__).parents[1]

_PART: Final = re.compile(
    r"(?P<begin>^<!-- generated: (?P<name>\w+) -->\n).*?(?P<end>^<!-- end of (?P=name) -->$)",
    re.MULTILINE | re.DOTALL,
)


def pages() -> tuple[Path, ...]:
    """Return the pages that may have generated parts."""
    return (TOP / "README.md", *sorted((TOP / "docs").glob("*.md")))


def renewed(page: str) -> str:
    """
    Return a page with its generated parts as they should be.

    Raises:
        KeyError: A mark names a part that there isn't.
    """

    def part(found: re.Match[str]) -> str:
        return f"{found['begin']}\n{PARTS[found['name']]()}\n{found['end']}"

    return _PART.sub(part, page)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    cells = tuple(head)
    lines = (cells, ("---",) * len(cells), *rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# ------------------------------------------------------------ the settings


def settings() -> str:
    """Return all settings: in the file, on the command line, in the environment."""
    groups: dict[str, list[Key]] = {}
    for key in KEYS:
        groups.setdefault(key.key.rpartition(".")[0], []).append(key)
    return "\n".join(_group(name, keys) for name, keys in groups.items())


def _group(name: str, keys: Iterable[Key]) -> str:
    title = f"### [{name}]" if name else "### Top level"
    rows = (
        (
            f"`{key.key.rpartition('.')[2]}`",
            f"`--{key.option}`",
            f"`{key.variable}`",
            _default(key),
            _meaning(key).replace("|", "\\|"),
        )
        for key in keys
    )
    return f"{title}\n\n{table(('key', 'option', 'variable', 'default', 'meaning'), rows)}"


def _default(key: Key) -> str:
    """Return the default as it would stand in the file; prose where the meaning tells it."""
    stated = re.search(r"\[default: (.*)\]", key.doc)
    if stated is not None:
        return stated[1]
    match key.default:
        case None:
            return "none"
        case bool():
            return f"`{str(key.default).lower()}`"
        case tuple():
            items = (f'"{item}"' for item in key.default)
            return f"`[{', '.join(items)}]`"
        case str():
            return f'`"{key.default}"`'
        case _:
            return f"`{key.default}`"


def _meaning(key: Key) -> str:
    return re.sub(r" *\[default: .*\]", "", key.doc)


# ------------------------------------------------------------ the migrations


def upgrades() -> str:
    """Return what each migration says of a rolling upgrade, the newest first."""
    files = sorted(MIGRATIONS.glob("*.sql"), reverse=True)
    notes = ((file.stem, upgrade_note(file.read_text(encoding="utf-8"))) for file in files)
    return "\n".join(
        f"**{name}**: {note or 'the first; there is nothing to upgrade.'}\n" for name, note in notes
    )


def upgrade_note(sql: str) -> str:
    """Return the note at the head of a migration, without its comment marks; empty for none."""
    found = re.search(r"^-- Rolling upgrade: (.*(?:\n-- .+)*)", sql, re.MULTILINE)
    return "" if found is None else found[1].replace("\n-- ", "\n")


# ------------------------------------------------------------ the metrics


def metrics() -> str:
    """Return all metrics, under the names that Prometheus has for them."""
    return table(
        ("metric", "kind", "labels", "meaning"),
        (
            (
                f"`{PREFIX}{metric.name}{'_total' if metric.kind is Kind.COUNTER else ''}`",
                metric.kind.value,
                ", ".join(f"`{label}`" for label in metric.labels),
                metric.doc,
            )
            for metric in METRICS
        ),
    )


# ------------------------------------------------------------ the machines


def diagram(machine: TypeMachine[Any, Any]) -> str:
    """Return a machine as Mermaid draws it; what leaves a state as it is is not shown."""
    automaton = machine.__automat_automaton__
    arrows: dict[tuple[str, str], set[str]] = {}
    for before, word, after, _ in automaton.allTransitions():
        if before is not after:
            arrows.setdefault((before.name, after.name), set()).add(word)
    first = automaton.initialState.name
    lines = [f'state "{name}" as {_word(name)}' for name in _by_distance(first, arrows)]
    lines.append(f"[*] --> {_word(first)}")
    lines += (
        f"{_word(before)} --> {_word(after)}: {', '.join(sorted(words))}"
        for (before, after), words in sorted(arrows.items())
    )
    body = "".join(f"    {line}\n" for line in lines)
    return f"```mermaid\nstateDiagram-v2\n{body}```\n"


def _by_distance(first: str, arrows: Iterable[tuple[str, str]]) -> list[str]:
    """Return the states' names, those first that are reached first."""
    names = [first]
    for name in names:
        names += sorted(
            {after for before, after in arrows if before == name and after not in names}
        )
    return names


def _word(name: str) -> str:
    return name.replace("-", "_")


#: What may be generated, by the name in its marks.
PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "settings": settings,
    "upgrades": upgrades,
    "metrics": metrics,
    "connection": lambda: diagram(connection_machine),
    "session": lambda: diagram(session_machine),
}


def main() -> None:
    """Write the pages that are stale."""
    for path in pages():
        before = path.read_text(encoding="utf-8")
        after = renewed(before)
        if after != before:
            path.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
