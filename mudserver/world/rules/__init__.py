"""
What follows from what a player wants.

Everything here reads the world and returns events; nothing changes until these are applied.
What can't be is a `PlayerError` that says why.
"""

from datetime import datetime
from typing import assert_never

from mudserver.ids import CharacterId
from mudserver.world import commands, events
from mudserver.world.commands import Command
from mudserver.world.events import Event
from mudserver.world.rules import (
    bans,
    channels,
    containers,
    doors,
    following,
    history,
    looking,
    moderation,
    moving,
    parties,
    speech,
    things,
)
from mudserver.world.rules.history import wanted
from mudserver.world.rules.moving import enter, leave, lose_link, regain_link, room_of
from mudserver.world.world import World

__all__ = ["decide", "enter", "leave", "lose_link", "regain_link", "wanted"]


def decide(world: World, actor: CharacterId, command: Command, now: datetime) -> tuple[Event, ...]:
    """
    Return what happens when a character does that.

    Args:
        world: As it is now.
        actor: Who; in the world, in a room.
        command: What. A `ChangePassword` that holds both passwords is for the caller, who can
            check them; here, it only leads to their being asked for.
        now: The moment (UTC).

    Raises:
        PlayerError: It can't be: ``not_here``, ``no_exit``, ``closed``, ``ambiguous``, ``too_much``
            or ``not_allowed``.
        KeyError: The actor isn't in the world.
    """
    character = world.character(actor)
    room = room_of(world, character)
    match command:
        case commands.Look(target=target):
            return (looking.look(world, character, room, target),)
        case commands.Exits():
            return (looking.list_exits(world, character, room),)
        case commands.Say(text=text):
            said = events.Said(actor, character.name, room.id, text)
            return (speech.hushed(world, character, said, now) or said,)
        case commands.Tell():
            told = speech.tell(world, character, command, now)
            return (speech.hushed(world, character, told, now) or told,)
        case commands.Emote(text=text):
            emoted = events.Emoted(actor, character.name, room.id, text)
            return (speech.hushed(world, character, emoted, now) or emoted,)
        case commands.Who():
            return (looking.who(world, actor),)
        case commands.Inventory():
            return (events.InventoryListed(actor, things.things(character.items)),)
        case commands.Get(item=item, container=container):
            if container is None:
                return (things.get(character, room, item),)
            return (containers.take_out(character, room, item, container),)
        case commands.Put(item=item, container=container):
            return (containers.put_in(character, room, item, container),)
        case commands.Open(target=target):
            return doors.shut(world, character, room, target, closed=False)
        case commands.Close(target=target):
            return doors.shut(world, character, room, target, closed=True)
        case commands.Drop(item=item):
            return (things.drop(character, room, item),)
        case commands.Go(direction=direction):
            walked = moving.go(character, room, direction)
            return (*walked, *following.train(world, character, room, direction))
        case commands.Follow(name=name):
            return (following.follow(world, character, room, name),)
        case commands.Unfollow():
            return (following.unfollow(world, character),)
        case commands.ListParty():
            return (parties.list_party(world, character),)
        case commands.InviteToParty():
            return (parties.invite(world, character, command, now),)
        case commands.JoinParty():
            return (parties.join(world, character, command, now),)
        case commands.LeaveParty():
            return (parties.leave(world, character),)
        case commands.KickFromParty():
            return (parties.kick(world, character, command),)
        case commands.SpeakToParty():
            to_party = parties.speak(world, character, command)
            return (speech.hushed(world, character, to_party, now) or to_party,)
        case commands.Mute():
            return (moderation.mute(world, character, command, now),)
        case commands.ListMutes():
            return (moderation.list_mutes(character, now),)
        case commands.Unmute():
            return (moderation.unmute(world, character, command, now),)
        case commands.Silence():
            return (moderation.silence(world, character, command, now),)
        case commands.Unsilence():
            return (moderation.unsilence(world, character, command, now),)
        case commands.SpeakOnChannel():
            spoken = channels.speak(world, character, command)
            return (speech.hushed(world, character, spoken, now) or spoken,)
        case commands.SwitchChannel():
            return (channels.switch(world, character, command),)
        case commands.ListChannels():
            return (channels.list_channels(world, character),)
        case commands.Ban():
            return (bans.ban(world, character, command, now),)
        case commands.Unban():
            return bans.unban(world, character, command, now)
        case commands.ListSilences():
            return (moderation.list_silences(world, character, now),)
        case commands.ListBans():
            return (bans.list_bans(world, character, now),)
        case commands.ReadHistory():
            return (history.show(world, character, command, now),)
        case commands.ChangePassword():
            return (events.PasswordAsked(actor),)
        case commands.Help(topic=topic):
            return (looking.help_on(world, actor, topic),)
        case commands.Quit():
            return (events.Quitted(actor),)
        case _:
            assert_never(command)
