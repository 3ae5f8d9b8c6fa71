"""Parties."""

from attrs import frozen


@frozen
class ListParty:
    """Who is in one's party?"""


@frozen
class InviteToParty:
    """Invite a player into one's party, or to make one."""

    name: str


@frozen
class JoinParty:
    """Join the party of a player by whom one was invited."""

    name: str


@frozen
class LeaveParty:
    """Leave one's party."""


@frozen
class KickFromParty:
    """Send a member out of the party that one leads."""

    name: str


@frozen
class SpeakToParty:
    """Speak to one's party."""

    text: str
