"""What text PostgreSQL can hold."""

import re
from typing import Final

from mudserver.errors import StorageRefused

#: PostgreSQL's own code for such text: character_not_in_repertoire.
_SQLSTATE: Final = "22021"


def storable(text: str) -> str:
    """
    Return the text, if it can be stored: it has no NUL and no half of a surrogate pair.

    The gateways let no such text in. Here it is refused before it joins others in a query.

    Raises:
        StorageRefused: It can't.
    """
    if "\0" in text:
        raise StorageRefused("text with a NUL can't be stored", _SQLSTATE)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise StorageRefused("text with half a surrogate pair can't be stored", _SQLSTATE) from None
    return text


def legible(text: str) -> str:
    """Return the text with whatever can't be stored replaced."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)
