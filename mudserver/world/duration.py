"""How long something lasts, as players type and read it."""

import re
from datetime import datetime, timedelta
from typing import Final

#: The longest that can be typed; what should last longer has no end.
MAX_DURATION: Final = timedelta(days=3650)

#: Stands for a duration without an end.
_FOREVER: Final = frozenset({"forever", "ever", "always"})

_TYPED: Final = re.compile(r"([1-9][0-9]{0,6})([mhdw]?)", re.IGNORECASE)

_UNITS: Final = {
    "": timedelta(minutes=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}

_NAMES: Final = (
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)


class NoDuration(ValueError):
    """A word says no duration, or one that is too long."""


def read_duration(word: str) -> timedelta | None:
    """
    Read a duration: minutes, or a number and one of m, h, d and w; None stands for no end.

    Raises:
        NoDuration: It is none, or longer than `MAX_DURATION`.
    """
    if word.lower() in _FOREVER:
        return None
    typed = _TYPED.fullmatch(word)
    if typed is None:
        raise NoDuration(word)
    duration = int(typed[1]) * _UNITS[typed[2].lower()]
    if duration > MAX_DURATION:
        raise NoDuration(word)
    return duration


def spell_term(until: datetime | None, why: str) -> str:
    """Say until when something lasts (UTC), and why: the end of a sentence about it."""
    term = "" if until is None else f" until {until:%Y-%m-%d %H:%M} UTC"
    return f"{term}: {why}" if why else f"{term}."


def spell_duration(duration: timedelta) -> str:
    """Say a duration in its two greatest units, rounded up to minutes: ``1 hour 5 minutes``."""
    minute = timedelta(minutes=1)
    left = max(-(-duration // minute), 1) * minute
    words: list[str] = []
    for name, unit in _NAMES:
        number, left = divmod(left, unit)
        if number:
            words.append(f"{number} {name}{'s' if number > 1 else ''}")
    return " ".join(words[:2])
