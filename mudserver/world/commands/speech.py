"""Speaking and acting."""

from attrs import frozen


@frozen
class Say:
    """Speak to everyone here."""

    text: str


@frozen
class Tell:
    """Speak to one player, wherever they are."""

    name: str
    text: str


@frozen
class Emote:
    """Act in free words; they follow one's name."""

    text: str
