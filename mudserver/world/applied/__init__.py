"""
What an applied event leaves behind: changes to store, and deltas for those who watch.

Both are made where the world changes, from the change itself; nothing is ever compared.
"""

from attrs import frozen

from mudserver.world.applied.changes import (
    Change,
    ChannelOff,
    ChannelOn,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    CharacterPlaced,
    DoorMoved,
    Entity,
    FollowLifted,
    FollowMade,
    ItemPlaced,
    LidMoved,
    MembershipEnded,
    MembershipMade,
    MuteLifted,
    MuteMade,
    NpcPlaced,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.applied.deltas import (
    CharacterDelta,
    CharacterOperation,
    Delta,
    ExitShut,
    ItemAdded,
    ItemRemoved,
    NextChanged,
    OccupantAdded,
    OccupantRemoved,
    RoomDelta,
    RoomOperation,
    TotalChanged,
)

__all__ = [
    "Applied",
    "Change",
    "ChannelOff",
    "ChannelOn",
    "ChannelSilenceLifted",
    "ChannelSilenceMade",
    "CharacterDelta",
    "CharacterOperation",
    "CharacterPlaced",
    "Delta",
    "DoorMoved",
    "Entity",
    "ExitShut",
    "FollowLifted",
    "FollowMade",
    "ItemAdded",
    "ItemPlaced",
    "ItemRemoved",
    "LidMoved",
    "MembershipEnded",
    "MembershipMade",
    "MuteLifted",
    "MuteMade",
    "NextChanged",
    "NpcPlaced",
    "OccupantAdded",
    "OccupantRemoved",
    "RoomDelta",
    "RoomOperation",
    "SilenceLifted",
    "SilenceMade",
    "TotalChanged",
]


@frozen
class Applied:
    """
    What applying one event changed.

    Attributes:
        changes: What must be stored.
        deltas: What viewers' copies must learn; at most one for a room or character.
    """

    changes: tuple[Change, ...] = ()
    deltas: tuple[Delta, ...] = ()
