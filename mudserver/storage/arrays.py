"""
Arrays as parameters.

psycopg2 writes a list as ``ARRAY[…]``: each element is adapted by itself, and parsed by the server
as an expression. One literal, ``{…}``, costs both sides a fraction of that.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

_NULL: Final = "NULL"


def array(values: Sequence[object]) -> object:
    """
    Return what to give psycopg2 for an array.

    Args:
        values: Its elements.

    Returns:
        The literal, where all elements are whole numbers, or all are text, moments or truth values,
        None among them or not; else a list, which psycopg2 adapts. Since the literal has no type,
        the statement says which array it is.
    """
    kinds = set(map(type, values)) - {type(None)}
    if len(kinds) > 1:
        return list(values)
    write = _WRITE.get(kinds.pop()) if kinds else str
    if write is None:
        return list(values)
    elements = [_NULL if value is None else write(value) for value in values]
    return "{" + ",".join(elements) + "}"


def _quoted(text: str) -> str:
    """Quote an element (PostgreSQL's manual, 8.15.6)."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _moment(moment: datetime) -> str:
    """Write a moment so that it needs no escaping (RFC 3339)."""
    return f'"{moment.isoformat()}"'


#: How an element of each type is written.
_WRITE: Final[Mapping[type, Callable[[Any], str]]] = {
    int: str,
    str: _quoted,
    bool: str,
    datetime: _moment,
}
