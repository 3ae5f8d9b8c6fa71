"""Reading again what was said."""

from datetime import datetime
from typing import Final

from mudserver.errors import PlayerError
from mudserver.world import commands, events
from mudserver.world.events import Event
from mudserver.world.history import MAX_HISTORY_AGE, TELLS, HistoryWanted, PastLine
from mudserver.world.model import Character
from mudserver.world.rules.channels import channel_named
from mudserver.world.world import World

#: Bytes of what was said that are shown at once, so that with names, times and JSON's escapes it
#: fits into one message.
MAX_SHOWN_BYTES: Final = 12 * 1024


def wanted(
    world: World, character: Character, command: commands.ReadHistory, now: datetime
) -> HistoryWanted:
    """
    Return what must be looked up before a `ReadHistory` can be decided.

    Raises:
        PlayerError: There is no such channel, or one has turned it off.
    """
    channels: tuple[str, ...] = ()
    if command.channel is None:
        channels = tuple(name for name in world.channels if character.id in world.listeners(name))
    elif command.channel != TELLS:
        channel = channel_named(world, character, command.channel)
        if channel.name in character.channels_off:
            raise PlayerError(f"You have turned {channel.name} off.")
        channels = (channel.name,)
    return HistoryWanted(
        reader=character.id,
        channels=channels,
        tells=command.channel in (None, TELLS),
        since=now - MAX_HISTORY_AGE,
        limit=command.count,
    )


def show(world: World, character: Character, command: commands.ReadHistory, now: datetime) -> Event:
    """Show what was found; without what was said by those whom the character mutes."""
    heard: list[PastLine] = []
    size = 0
    for line in reversed(command.lines or ()):
        if world.is_deaf_to(character, line.speaker, now):
            continue
        size += len(line.text.encode())
        if size > MAX_SHOWN_BYTES:
            break
        heard.append(line)
    return events.HistoryShown(character.id, tuple(reversed(heard)))
