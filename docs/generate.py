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
from typing import Final

from mudserver.config import KEYS, Key
from mudserver.storage.migrate import DIRECTORY as MIGRATIONS

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


#: What may be generated, by the name in its marks.
PARTS: Final[Mapping[str, Callable[[], str]]] = {"settings": settings, "upgrades": upgrades}


def main() -> None:
    """Write the pages that are stale."""
    for path in pages():
        before = path.read_text(encoding="utf-8")
        after = renewed(before)
        if after != before:
            path.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
