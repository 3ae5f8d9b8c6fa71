"""
What players ask for, as values.

`mudserver.world.grammar.parse` makes them from what is typed, `mudserver.world.rules.decide` turns
them into events. Names in them are as typed.

To add one: write it into a module here and into `Command`, say in `changes_state` whether it
changes anything, give it a row in `mudserver.world.verbs.VERBS` with a function in
`mudserver.world.reading`, and a rule in `decide`; mypy finds what is forgotten but the row.
"""

from typing import assert_never

from mudserver.world.commands.account import ChangePassword
from mudserver.world.commands.bans import Ban, ListBans, Unban
from mudserver.world.commands.channels import ListChannels, SpeakOnChannel, SwitchChannel
from mudserver.world.commands.history import ReadHistory
from mudserver.world.commands.looking import Exits, Help, Inventory, Look, Who
from mudserver.world.commands.moderation import (
    Known,
    ListMutes,
    ListSilences,
    Mute,
    Silence,
    Unmute,
    Unsilence,
)
from mudserver.world.commands.moving import Follow, Go, Quit, Unfollow
from mudserver.world.commands.parties import (
    InviteToParty,
    JoinParty,
    KickFromParty,
    LeaveParty,
    ListParty,
    SpeakToParty,
)
from mudserver.world.commands.speech import Emote, Say, Tell
from mudserver.world.commands.things import Close, Drop, Get, Open, Put

__all__ = [
    "Ban",
    "ChangePassword",
    "Close",
    "Command",
    "Drop",
    "Emote",
    "Exits",
    "Follow",
    "Get",
    "Go",
    "Help",
    "Inventory",
    "InviteToParty",
    "JoinParty",
    "KickFromParty",
    "Known",
    "LeaveParty",
    "ListBans",
    "ListChannels",
    "ListMutes",
    "ListParty",
    "ListSilences",
    "Look",
    "Mute",
    "Open",
    "Put",
    "Quit",
    "ReadHistory",
    "Say",
    "Silence",
    "SpeakOnChannel",
    "SpeakToParty",
    "SwitchChannel",
    "Tell",
    "Unban",
    "Unfollow",
    "Unmute",
    "Unsilence",
    "Who",
    "changes_state",
    "speaks_afar",
]

Command = (
    Look
    | Exits
    | Say
    | Tell
    | Emote
    | Who
    | Inventory
    | Get
    | Drop
    | Put
    | Open
    | Close
    | Go
    | Follow
    | Unfollow
    | ListParty
    | InviteToParty
    | JoinParty
    | LeaveParty
    | KickFromParty
    | SpeakToParty
    | Mute
    | ListMutes
    | Unmute
    | Silence
    | Unsilence
    | ListSilences
    | SpeakOnChannel
    | SwitchChannel
    | ListChannels
    | Ban
    | Unban
    | ListBans
    | ReadHistory
    | ChangePassword
    | Help
    | Quit
)


def changes_state(command: Command) -> bool:
    """
    Tell whether a command may change anything that is saved.

    While nothing can be saved, these are refused, and all others go on.
    """
    match command:
        case Say() | Tell() | Emote() | SpeakOnChannel() | ListChannels() | ReadHistory() | Quit():
            return False
        case Get() | Drop() | Put() | Open() | Close() | Go() | Follow() | Unfollow():
            return True
        case JoinParty() | LeaveParty() | KickFromParty():
            return True
        case Mute() | Unmute() | ChangePassword():
            return True
        case Silence() | Unsilence() | SwitchChannel() | Ban() | Unban():
            return True
        case Look() | Exits() | Who() | Inventory() | ListMutes() | Help():
            return False
        case ListSilences() | ListBans():
            return False
        case ListParty() | InviteToParty() | SpeakToParty():
            return False
        case _:
            assert_never(command)


def speaks_afar(command: Command) -> bool:
    """
    Tell whether a command only says something, to others wherever they are.

    It may be carried out again, for those who were not shown it.
    """
    return isinstance(command, Tell | SpeakOnChannel | SpeakToParty)
