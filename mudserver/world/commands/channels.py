"""Channels."""

from attrs import frozen


@frozen
class SpeakOnChannel:
    """Speak on a channel."""

    channel: str
    text: str


@frozen
class SwitchChannel:
    """Turn a channel on or off for oneself."""

    channel: str
    on: bool


@frozen
class ListChannels:
    """Which channels are there?"""
