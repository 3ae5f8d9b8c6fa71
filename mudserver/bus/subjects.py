"""Which patterns match which subjects (see `mudserver.interfaces.bus`)."""

from typing import Final

#: Characters of a subject or pattern, and words in it.
MAX_SUBJECT_CHARACTERS: Final = 128
MAX_WORDS: Final = 8

_ONE: Final = "*"
_REST: Final = ">"


def is_subject(text: str) -> bool:
    """Tell whether something can be published there: words joined by dots, no pattern."""
    words = text.split(".")
    return (
        len(text) <= MAX_SUBJECT_CHARACTERS
        and len(words) <= MAX_WORDS
        and all(word.isprintable() and word and " " not in word for word in words)
        and _ONE not in text
        and _REST not in text
    )


def is_pattern(text: str) -> bool:
    """Tell whether that can be subscribed to: a subject, or ``*`` and a last ``>`` for words."""
    *words, last = text.split(".")
    plain = ["x" if word == _ONE else word for word in words]
    return is_subject(".".join((*plain, "x" if last in (_ONE, _REST) else last)))


def matches(pattern: str, subject: str) -> bool:
    """Tell whether a pattern matches a subject."""
    if pattern == subject:
        return True
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == _REST:
        wanted.pop()
        if len(given) <= len(wanted):
            return False
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(
        one in (_ONE, other) for one, other in zip(wanted, given, strict=True)
    )


def covers(pattern: str, other: str) -> bool:
    """Tell whether a pattern matches all subjects that another pattern matches."""
    wanted, given = pattern.split("."), other.split(".")
    if wanted[-1] == _REST:
        wanted.pop()
        if len(given) <= len(wanted):
            return False
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(
        one == two or (one == _ONE and two != _REST) for one, two in zip(wanted, given, strict=True)
    )
