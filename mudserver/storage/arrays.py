"""
Arrays as parameters.

psycopg2 writes a list as ``ARRAY[…]``: each element is adapted by itself, and parsed by the server
as an expression. One literal, ``{…}``, costs both sides a fraction of that.
"""

from collections.abc import Sequence
from typing import Final

_NULL: Final = "NULL"


def array(values: Sequence[object]) -> object:
    """
    Return what to give psycopg2 for an array.

    Args:
        values: Its elements.

    Returns:
        The literal, where all elements are numbers, or all are text, None among them or not; else
        a list, which psycopg2 adapts.
    """
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {int}:
        elements = [_NULL if value is None else str(value) for value in values]
    elif kinds <= {str}:
        elements = [_NULL if value is None else _quoted(str(value)) for value in values]
    else:
        return list(values)
    return "{" + ",".join(elements) + "}"


def _quoted(text: str) -> str:
    """Quote an element (PostgreSQL's manual, 8.15.6)."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
