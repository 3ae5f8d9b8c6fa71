"""Talking on channels, and turning them on and off."""

from mudserver.errors import PlayerError
from mudserver.world import commands, events
from mudserver.world.channels import Channel
from mudserver.world.events import Event
from mudserver.world.listeners import may_hear
from mudserver.world.model import Character
from mudserver.world.world import World


def speak(
    world: World, character: Character, command: commands.SpeakOnChannel
) -> events.ChannelSaid:
    """Speak on a channel that one hears."""
    channel = channel_named(world, character, command.channel)
    if channel.name in character.channels_off:
        raise PlayerError(f"You have turned {channel.name} off; type: channel {channel.name} on")
    return events.ChannelSaid(character.id, character.name, channel.name, command.text)


def switch(world: World, character: Character, command: commands.SwitchChannel) -> Event:
    """Turn a channel on or off for oneself."""
    channel = channel_named(world, character, command.channel)
    off = channel.name in character.channels_off
    if off is not command.on:
        state = "off" if off else "on"
        raise PlayerError(f"The channel {channel.name} is {state} already.")
    return events.ChannelSwitched(character.id, channel.name, command.on)


def list_channels(world: World, character: Character) -> Event:
    """List the channels that are there for a character."""
    known = tuple(
        events.KnownChannel(each.name, each.topic, each.name not in character.channels_off)
        for each in world.channels.values()
        if may_hear(character, each)
    )
    return events.ChannelsListed(character.id, known)


def channel_named(world: World, character: Character, name: str) -> Channel:
    """Find a channel that is there for a character."""
    channel = world.channels.get(name)
    if channel is None or not may_hear(character, channel):
        raise PlayerError(f"There is no channel {name} for you; type: channels", code="not_here")
    return channel
