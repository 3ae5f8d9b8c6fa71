"""Words for the player that have no meaning for programs: texts and notices."""

from collections.abc import Iterable
from typing import Final

from attrs import evolve

from mudserver.view.line import Line, Span, Style, View
from mudserver.wire.envelope import encode, with_id
from mudserver.wire.messages import Level, System, Text

_LEVEL_STYLES: Final = {"info": Style.SYSTEM, "warning": Style.SYSTEM, "alert": Style.ALERT}


def text(text: str, style: Style, time: str) -> View:
    """
    Show words of one style.

    Args:
        text: The words; line feeds divide rows.
        style: What they are.
        time: When (RFC 3339, UTC).
    """
    return told(Line((Span(text, style),)), style, time)


def told(line: Line, style: Style, time: str) -> View:
    """
    Show a line as a `Text` of the same words.

    Args:
        line: The words, marked up.
        style: What they are, all in all.
        time: When (RFC 3339, UTC).
    """
    body = Text(text=line.text, style=style.value or None, time=time)
    return View("text", encode(body), line)


def answering(view: View, command: str) -> View:
    """
    Name the command that a view answers, where it is a `Text`; other views have no room for that.

    Args:
        view: What only the one who gave the command is shown.
        command: The client's id of it.
    """
    return evolve(view, body=with_id(view.body, command)) if view.type == "text" else view


def system(text: str, level: Level, time: str) -> View:
    """
    Show a notice of the server itself.

    Args:
        text: The notice.
        level: How much it matters.
        time: When (RFC 3339, UTC).
    """
    line = Line((Span(text, _LEVEL_STYLES[level]),))
    return View("system", encode(System(text=text, level=level, time=time)), line)


def listed(parts: Iterable[tuple[Span, ...]], last: str = ", ") -> list[Span]:
    """
    Join the words of several things with commas.

    Args:
        parts: The words of each; empty ones are left out.
        last: What stands before the last one.
    """
    present = [part for part in parts if part]
    spans: list[Span] = []
    for index, part in enumerate(present):
        if index:
            spans.append(Span(last if index == len(present) - 1 else ", "))
        spans.extend(part)
    return spans
