"""What is said on channels, and who turns them on and off."""

from attrs import frozen

from mudserver.ids import CharacterId
from mudserver.world.events.audience import Audience


@frozen
class ChannelSaid:
    """Someone spoke on a channel."""

    speaker: CharacterId
    name: str
    channel: str
    text: str

    @property
    def audience(self) -> Audience:
        """The speaker, and all who hear the channel."""
        return Audience(actor=self.speaker, channel=self.channel, mutable=True)


@frozen
class ChannelSwitched:
    """Someone turned a channel on or off for themselves."""

    character: CharacterId
    channel: str
    on: bool

    @property
    def audience(self) -> Audience:
        """The one who did."""
        return Audience(actor=self.character)


@frozen
class KnownChannel:
    """
    A channel that is there for somebody.

    Attributes:
        on: Whether they hear it.
    """

    name: str
    topic: str
    on: bool


@frozen
class ChannelsListed:
    """Someone asked which channels there are."""

    character: CharacterId
    channels: tuple[KnownChannel, ...]

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)
