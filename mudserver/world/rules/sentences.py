"""How names stand in sentences."""

from collections.abc import Sequence


def capital(text: str) -> str:
    """Begin a text as a sentence does."""
    return text[:1].upper() + text[1:]


def listed(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    *first, last = names or ("",)
    return f"{', '.join(first)} and {last}" if first else last
