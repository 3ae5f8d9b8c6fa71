"""
Text that people typed, made safe to show to others.

Control characters can drive a terminal (ECMA-48), bidirectional overrides can make a line
read as another (Unicode TR 9, TR 36), so neither ever reaches another player.
"""

import re

#: C0, DEL and C1 (ECMA-48), the line and paragraph separators; tab is white space to us.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

#: Marks that reorder or hide what stands beside them (Unicode TR 9 §2, TR 36 §2.5).
_INVISIBLE = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)

_WHITE = re.compile(r"\s+")


def has_control_characters(text: str) -> bool:
    """Whether the text holds a character that could drive a terminal; tab doesn't count."""
    return not text.isprintable() and _CONTROL.search(text) is not None


def shown(row: str) -> str:
    """
    Return one row of text as it may be written to a terminal, white space as it is.

    What players type was cleaned before; what areas and imports brought in is cleaned here.
    """
    return row if row.isprintable() else _INVISIBLE.sub("", _CONTROL.sub("", row))


def clean(text: str) -> str:
    """
    Return the text without control and invisible reordering characters.

    White space is folded into single spaces and trimmed at both ends.
    """
    if text.isprintable():  # as nearly all is: then spaces are its only white space
        return " ".join(text.split())
    return _WHITE.sub(" ", _INVISIBLE.sub("", _CONTROL.sub("", text))).strip()
