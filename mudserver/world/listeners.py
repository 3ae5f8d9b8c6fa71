"""Who hears which channel."""

from collections.abc import Mapping, Set

from mudserver.ids import CharacterId
from mudserver.world import events
from mudserver.world.applied import Applied, ChannelOff, ChannelOn
from mudserver.world.channels import Channel
from mudserver.world.model import Character

_NOBODY: frozenset[CharacterId] = frozenset()


class Listeners:
    """
    Those in the world who hear each channel, as sets: a line costs no search.

    Args:
        channels: By their names.
        characters: Who is in the world.
    """

    def __init__(
        self, channels: Mapping[str, Channel], characters: Mapping[CharacterId, Character]
    ) -> None:
        self._channels = channels
        self._characters = characters
        self._on: dict[str, set[CharacterId]] = {name: set() for name in channels}

    def on(self, channel: str) -> Set[CharacterId]:
        """Return who hears a channel; nobody hears one that there isn't."""
        return self._on.get(channel, _NOBODY)

    # ------------------------------------------------------------ who comes and goes

    def entered(self, character: Character) -> None:
        """Have a character that has come hear what it hasn't turned off."""
        for name in self._channels:
            self._tune(character, name)

    def left(self, character: Character) -> None:
        """Forget a character that goes."""
        for listeners in self._on.values():
            listeners.discard(character.id)

    # ------------------------------------------------------------ events

    def appointed(self, event: events.Appointed) -> None:
        """Have a character hear the channels of its new role."""
        self.entered(self._characters[event.character])

    def switched(self, event: events.ChannelSwitched) -> Applied:
        """Apply that someone turned a channel on or off."""
        self.put(event.character, event.channel, off=not event.on)
        made = ChannelOn if event.on else ChannelOff
        return Applied(changes=(made(event.character, event.channel),))

    def put(self, character: CharacterId, channel: str, *, off: bool) -> None:
        """Have a character hear a channel, or not; nothing where it isn't in the world."""
        who = self._characters.get(character)
        if who is None:
            return
        others = tuple(name for name in who.channels_off if name != channel)
        who.channels_off = (*others, channel) if off else others
        self._tune(who, channel)

    def _tune(self, character: Character, name: str) -> None:
        channel = self._channels.get(name)
        if channel is None:
            return
        if name not in character.channels_off and may_hear(character, channel):
            self._on[name].add(character.id)
        else:
            self._on[name].discard(character.id)


def may_hear(character: Character, channel: Channel) -> bool:
    """Tell whether a channel is for that character."""
    return character.role.moderates or not channel.staff
