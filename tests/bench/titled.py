"""Tables that say what they are about."""

from collections.abc import Iterable, Sequence

from tests.bench.table import table


def titled(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table below its title."""
    return f"\n{title}\n\n{table(heads, rows)}"
