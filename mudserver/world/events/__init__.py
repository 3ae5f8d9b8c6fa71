"""
What happens in the world.

An event is a fact in the past tense, with all that is needed to tell it: names stand in it as
they were. Each names its audience. `World.apply` makes it true, `mudserver.view.render` tells it,
and both handle every event there is: mypy finds the place that doesn't.

To add one: write it into a module here and into `Event`, then follow mypy.
"""

from typing import Final

from mudserver.world.events.audience import Audience
from mudserver.world.events.bans import Banned, BansListed, Unbanned
from mudserver.world.events.channels import (
    ChannelSaid,
    ChannelsListed,
    ChannelSwitched,
    KnownChannel,
)
from mudserver.world.events.coming import (
    Arrived,
    Departed,
    LostLink,
    NpcArrived,
    NpcDeparted,
    Quitted,
    Returned,
)
from mudserver.world.events.doors import DoorShut, DoorSwung
from mudserver.world.events.following import Followed, LedOn, Unfollowed
from mudserver.world.events.history import HistoryShown
from mudserver.world.events.looking import (
    Examined,
    ExitsListed,
    HelpShown,
    Looked,
    Present,
    Way,
    WhoListed,
)
from mudserver.world.events.moderation import (
    Appointed,
    Muted,
    MutedPlayer,
    MutesListed,
    PasswordAsked,
    Silenced,
    SilencedPlayer,
    SilencesListed,
    Unmuted,
    Unsilenced,
)
from mudserver.world.events.parties import (
    InvitedToParty,
    JoinedParty,
    KickedFromParty,
    LeftParty,
    PartyListed,
    PartyMember,
    PartySaid,
)
from mudserver.world.events.speech import Emoted, Hushed, Means, NpcEmoted, NpcSaid, Said, Told
from mudserver.world.events.things import (
    ContainerShut,
    Dropped,
    InventoryListed,
    PutIn,
    Thing,
    Took,
    TookOut,
)

__all__ = [
    "MUST_ARRIVE",
    "TOLD_WHEN_SAVED",
    "Appointed",
    "Arrived",
    "Audience",
    "Banned",
    "BansListed",
    "ChannelSaid",
    "ChannelSwitched",
    "ChannelsListed",
    "ContainerShut",
    "Departed",
    "DoorShut",
    "DoorSwung",
    "Dropped",
    "Emoted",
    "Event",
    "Examined",
    "ExitsListed",
    "Followed",
    "HelpShown",
    "HistoryShown",
    "Hushed",
    "InventoryListed",
    "InvitedToParty",
    "JoinedParty",
    "KickedFromParty",
    "KnownChannel",
    "LedOn",
    "LeftParty",
    "Looked",
    "LostLink",
    "Means",
    "Muted",
    "MutedPlayer",
    "MutesListed",
    "NpcArrived",
    "NpcDeparted",
    "NpcEmoted",
    "NpcSaid",
    "PartyListed",
    "PartyMember",
    "PartySaid",
    "PasswordAsked",
    "Present",
    "PutIn",
    "Quitted",
    "Returned",
    "Said",
    "Silenced",
    "SilencedPlayer",
    "SilencesListed",
    "Thing",
    "Told",
    "Took",
    "TookOut",
    "Unbanned",
    "Unfollowed",
    "Unmuted",
    "Unsilenced",
    "Way",
    "WhoListed",
]

Event = (
    Said
    | Told
    | Emoted
    | ChannelSaid
    | ChannelSwitched
    | ChannelsListed
    | HistoryShown
    | NpcSaid
    | NpcEmoted
    | Departed
    | Arrived
    | LostLink
    | Returned
    | Quitted
    | Took
    | Dropped
    | PutIn
    | TookOut
    | ContainerShut
    | DoorShut
    | DoorSwung
    | Followed
    | Unfollowed
    | LedOn
    | InvitedToParty
    | JoinedParty
    | LeftParty
    | KickedFromParty
    | PartyListed
    | PartySaid
    | NpcDeparted
    | NpcArrived
    | Looked
    | Examined
    | ExitsListed
    | InventoryListed
    | WhoListed
    | HelpShown
    | Muted
    | Unmuted
    | MutesListed
    | Appointed
    | Hushed
    | Silenced
    | Unsilenced
    | Banned
    | Unbanned
    | BansListed
    | SilencesListed
    | PasswordAsked
)

#: Events that must get to whoever is shown them, wherever they are: somebody said it to them, or
#: has silenced them.
MUST_ARRIVE: Final = (Told, ChannelSaid, PartySaid, Silenced, Unsilenced)

#: Events that are shown when what they change is committed, and not before.
TOLD_WHEN_SAVED: Final = (Silenced, Unsilenced, Banned, Unbanned)
