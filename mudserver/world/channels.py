"""Channels: talk that is heard wherever one is."""

import re
from collections.abc import Iterable
from typing import Final

from attrs import frozen

#: Letters of a channel's name. It is a verb, and stands in brackets before each line.
MIN_CHANNEL_CHARS: Final = 2
MAX_CHANNEL_CHARS: Final = 12

#: Characters of what a channel is for.
MAX_TOPIC_CHARS: Final = 60

#: Channels of one world, so that the list of them, and whoever leaves them all, stays small.
MAX_CHANNELS: Final = 20

_NAME: Final = re.compile(f"[a-z]{{{MIN_CHANNEL_CHARS},{MAX_CHANNEL_CHARS}}}")


@frozen
class Channel:
    """
    Talk that is heard wherever one is, unless one turns it off.

    Attributes:
        name: What one types to speak there; lower-case letters.
        topic: What it is for.
        staff: Whether only those who keep order hear and use it.
    """

    name: str
    topic: str
    staff: bool = False

    def __str__(self) -> str:
        """Write it as the config has it."""
        return f"{self.name}: {self.topic}"


#: What a world has whose operator says nothing else.
DEFAULT_CHANNELS: Final = (
    Channel("chat", "anything at all"),
    Channel("newbie", "questions and answers for those who are new"),
    Channel("staff", "among those who keep order", staff=True),
)


def check_channels(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """
    Check that channels can stand beside each other.

    Raises:
        ValueError: A name is none, or given twice; a topic is too long; there are too many.
    """
    checked = tuple(channels)
    if len(checked) > MAX_CHANNELS:
        raise ValueError(f"there are at most {MAX_CHANNELS} channels")
    names: set[str] = set()
    for channel in checked:
        if _NAME.fullmatch(channel.name) is None:
            raise ValueError(
                f"{channel.name!r} is no name of a channel: it has {MIN_CHANNEL_CHARS} to"
                f" {MAX_CHANNEL_CHARS} letters a to z"
            )
        if channel.name in names:
            raise ValueError(f"there are two channels {channel.name}")
        if len(channel.topic) > MAX_TOPIC_CHARS or not channel.topic.isprintable():
            raise ValueError(
                f"the topic of {channel.name} is too long, or can't be shown: it has at most"
                f" {MAX_TOPIC_CHARS} characters"
            )
        names.add(channel.name)
    return checked
