"""All words that may begin a line: the verbs, and the channels of this world."""

from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from attrs import frozen

from mudserver.world import reading
from mudserver.world.channels import DEFAULT_CHANNELS, Channel, check_channels
from mudserver.world.direction import Direction
from mudserver.world.verbs import VERBS, Group, Verb


@frozen
class Lexicon:
    """
    What can be typed in a world.

    Attributes:
        channels: By their names, in the order of the config.
        verbs: All verbs, the channels' among them; in the order of ``help``.
        words: Each word that stands for a verb, aliases too.
    """

    channels: Mapping[str, Channel]
    verbs: tuple[Verb, ...]
    words: Mapping[str, Verb]

    @classmethod
    def of(cls, channels: Iterable[Channel]) -> "Lexicon":
        """
        Make the lexicon of a world that has these channels.

        Raises:
            ValueError: They can't stand beside each other, or beside the verbs.
        """
        checked = check_channels(channels)
        verbs = (*VERBS, *(_verb(channel) for channel in checked))
        by_name = {channel.name: channel for channel in checked}
        return cls(MappingProxyType(by_name), verbs, _by_word(verbs))


def _verb(channel: Channel) -> Verb:
    """Make the verb by which one speaks on a channel; only its whole name will do."""
    whose = "For admins and owners: speaks" if channel.staff else "Speaks"
    return Verb(
        channel.name,
        (),
        f"{channel.name} TEXT",
        f"speak on the channel {channel.name}",
        f"{whose} on the channel {channel.name}, which is for {channel.topic}. It is heard wherever"
        f" one is, by all who haven't turned it off: channel {channel.name} off does that, channel"
        f" {channel.name} on ends it. history {channel.name} shows what was said there.",
        Group.TALKING,
        partial(reading.speak_on, channel.name),
        abbreviable=False,
    )


def _by_word(verbs: Iterable[Verb]) -> Mapping[str, Verb]:
    """Index verbs by all their words; no word may stand for two."""
    words: dict[str, Verb] = {}
    for verb in verbs:
        for word in (verb.name, *verb.aliases):
            if word in words or Direction.parse(word) is not None:
                raise ValueError(f"{word} stands for two commands")
            words[word] = verb
    return MappingProxyType(words)


#: What can be typed where the operator says nothing of channels.
STANDARD: Final = Lexicon.of(DEFAULT_CHANNELS)
