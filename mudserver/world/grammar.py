"""
Typed lines → commands.

A line is a verb and what follows it. The verb may be typed in full, by an alias, or by a beginning
that no other verb has; a direction is its own verb and goes before all others. A quotation mark
or a colon at the beginning stands for ``say`` and ``emote``.
"""

from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from mudserver.errors import PlayerError
from mudserver.world.commands import Command, Go
from mudserver.world.direction import Direction
from mudserver.world.lexicon import STANDARD, Lexicon
from mudserver.world.reading import UsageError
from mudserver.world.verbs import Verb

#: Characters of an unknown word that are compared with verbs and quoted back.
_MAX_WORD_CHARS: Final = 20

#: Letters of a begun direction: ``no`` is an answer, not a step north.
_MIN_BEGUN_DIRECTION: Final = 3

_SIGNS: Final = MappingProxyType({"'": "say", '"': "say", ":": "emote"})


def parse(text: str, lexicon: Lexicon = STANDARD) -> Command:
    """
    Read a line as a player typed it.

    Args:
        text: The line, made safe by `mudserver.wire.text.clean`.
        lexicon: What can be typed.

    Raises:
        PlayerError: ``unknown_command`` where the verb is none, ``ambiguous`` where it could be
            several, ``bad_command`` where what follows doesn't fit.
    """
    text = text.strip()
    if not text:
        raise PlayerError("Type what you want to do; help lists it all.", code="bad_command")
    if text[0] in _SIGNS:
        return _read(lexicon.words[_SIGNS[text[0]]], text[1:].strip())
    word, *following = text.split(maxsplit=1)
    rest = following[0] if following else ""
    word = word.lower()
    verb = lexicon.words.get(word)
    if verb is not None:
        return _read(verb, rest)
    direction = _direction(word)
    if direction is not None and (not rest or Direction.parse(word)):
        return _walk(direction, rest)
    return _read(_begun(word, lexicon), rest)


def _read(verb: Verb, rest: str) -> Command:
    try:
        return verb.read(rest)
    except UsageError:
        raise PlayerError(f"Usage: {verb.usage}", code="bad_command") from None


def _direction(word: str) -> Direction | None:
    """Read a direction: in full, abbreviated or begun."""
    whole = Direction.parse(word)
    if whole is not None:
        return whole
    if len(word) < _MIN_BEGUN_DIRECTION:
        return None
    return next((each for each in Direction if each.startswith(word)), None)


def _walk(direction: Direction, rest: str) -> Command:
    if rest:
        raise PlayerError(
            f"To walk {direction}, type only that. To speak, begin with say.", code="bad_command"
        )
    return Go(direction)


def _begun(word: str, lexicon: Lexicon) -> Verb:
    """Find the one verb that begins so."""
    found = {
        verb.name: verb
        for typed, verb in lexicon.words.items()
        if verb.abbreviable and typed.startswith(word)
    }
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        *others, last = found
        raise PlayerError(f"Do you mean {', '.join(others)} or {last}?", code="ambiguous")
    raise PlayerError(_unknown(word, lexicon), code="unknown_command")


def _unknown(word: str, lexicon: Lexicon) -> str:
    known = [*lexicon.words, *Direction]
    close = get_close_matches(word[:_MAX_WORD_CHARS], known, n=1)
    quoted = word if len(word) <= _MAX_WORD_CHARS else word[: _MAX_WORD_CHARS - 1] + "…"
    hint = f"Do you mean {close[0]}?" if close else "Type help for what you can do."
    return f"There is no command {quoted}. {hint}"
