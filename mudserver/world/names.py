"""What a player may be called, and by what password a name is kept."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from mudserver.errors import BadName, BadPassword
from mudserver.world.direction import Direction
from mudserver.world.lexicon import STANDARD, Lexicon
from mudserver.world.passwords import COMMON_PASSWORDS

#: Characters in a name, ``'`` and ``-`` included.
MIN_NAME_CHARS: Final = 2
MAX_NAME_CHARS: Final = 20

#: Characters in a password. Longer ones would only cost time to hash.
MIN_PASSWORD_CHARS: Final = 8
MAX_PASSWORD_CHARS: Final = 128

_NAME: Final = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")
_WORD: Final = re.compile(r"[a-z'-]+")
_GUEST: Final = "guest"
_ARTICLES: Final = frozenset({"a", "an", "the", "some"})

#: Titles of those who run a world, and words that stand for a person in our sentences.
_RESERVED: Final = """
admin administrator builder gm god goddess immortal mod moderator operator owner root staff sysop
wizard
all anybody anyone everybody everyone he her here him it me myself nobody none self she
somebody someone system the them they us we who you your yourself
account connect console create exit login logout name network new register server
"""


#: In many fonts a capital I is a small l; no other two letters of ASCII are so alike. (m and rn are
#: near, but Arne and Ame are two names.) A capital L is like neither.
_LOOK: Final = str.maketrans("ABCDEFGHIJKMNOPQRSTUVWXYZ", "abcdefghljkmnopqrstuvwxyz")


def name_look(name: str) -> str:
    """Return what names have in common that read the same, such as ``Iris`` and ``lris``."""
    return name.translate(_LOOK)


def name_key(name: str) -> str:
    """Return what two spellings of the same name have in common."""
    return name.casefold()


def check_name(name: str, reserved: Collection[str]) -> str:
    """
    Check that a player may have that name.

    Args:
        name: As typed.
        reserved: The keys of names that nobody may have, from `reserved_names`.

    Returns:
        The name as it will be shown: it begins with a capital.

    Raises:
        BadName: It may not be had; the message says why.
    """
    if not MIN_NAME_CHARS <= len(name) <= MAX_NAME_CHARS:
        raise BadName(f"A name has {MIN_NAME_CHARS} to {MAX_NAME_CHARS} letters.")
    if not _NAME.fullmatch(name):
        raise BadName("A name has only the letters A to Z, with single ' or - between them.")
    key = name_key(name)
    if key in reserved or name_look(name) in reserved or key.startswith(_GUEST):
        raise BadName("That name is reserved; please choose another.")
    return name[0].upper() + name[1:]


def reserved_names(npc_names: Iterable[str], lexicon: Lexicon = STANDARD) -> frozenset[str]:
    """
    Return the keys of all names that no player may have, besides those that begin with Guest.

    Verbs, channels and directions are among them, so that ``tell`` and a name never look alike.

    Args:
        npc_names: The names of inhabitants; each of their words is reserved.
        lexicon: What can be typed.
    """
    words = set(_RESERVED.split())
    for verb in lexicon.verbs:
        words.update((verb.name, *verb.aliases))
    for direction in Direction:
        words.update((direction.value, direction.abbreviation))
    for name in npc_names:
        words.update(word for word in _WORD.findall(name.lower()) if word not in _ARTICLES)
    return frozenset(words)


def check_password(name: str, password: str) -> None:
    """
    Check that a name may be kept by that password.

    Raises:
        BadPassword: It is too short, too long, the name, or among the commonest.
    """
    if len(password) < MIN_PASSWORD_CHARS:
        raise BadPassword(f"A password has at least {MIN_PASSWORD_CHARS} characters.")
    if len(password) > MAX_PASSWORD_CHARS:
        raise BadPassword(f"A password has at most {MAX_PASSWORD_CHARS} characters.")
    key = password.casefold()
    if key == name_key(name):
        raise BadPassword("The password must not be the name.")
    if key in COMMON_PASSWORDS or len(set(key)) == 1:
        raise BadPassword("That password is among the first that others would try.")
