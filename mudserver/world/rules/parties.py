"""Parties: inviting, joining, leaving, and talking there."""

from datetime import datetime

from mudserver.errors import PlayerError
from mudserver.world import commands, events
from mudserver.world.applied import MembershipMade
from mudserver.world.events import Event
from mudserver.world.model import Character
from mudserver.world.names import name_key
from mudserver.world.parties import INVITATION_LASTS, MAX_MEMBERS
from mudserver.world.rules.speech import present
from mudserver.world.world import World


def list_party(world: World, character: Character) -> Event:
    """List who is in a character's party."""
    members = []
    for each in world.parties.members(character.id):
        here = world.characters.get(each.character)
        linkdead = here is not None and here.linkdead
        members.append(events.PartyMember(each.name, here is not None, linkdead))
    return events.PartyListed(character.id, tuple(members))


def invite(
    world: World, character: Character, command: commands.InviteToParty, now: datetime
) -> Event:
    """Invite somebody, wherever they are: the leader does, or who is in no party yet."""
    target = present(world, command.name)
    if target is character:
        raise PlayerError("You need no invitation of your own.")
    party = world.parties.members(character.id)
    if party and party[0].character != character.id:
        raise PlayerError(f"Only {party[0].name} can invite others: they lead the party.")
    if target.id in world.parties.others(character.id):
        raise PlayerError(f"{target.name} is in your party already.")
    if world.parties.members(target.id):
        raise PlayerError(f"{target.name} is in another party.")
    if world.is_deaf_to(target, character.id, now):
        raise PlayerError(f"{target.name} isn't listening to you.")
    if len(party) >= MAX_MEMBERS:
        raise PlayerError(f"A party has at most {MAX_MEMBERS} members.", code="too_much")
    until = now + INVITATION_LASTS
    return events.InvitedToParty(character.id, character.name, target.id, target.name, until)


def join(world: World, character: Character, command: commands.JoinParty, now: datetime) -> Event:
    """Join the party of somebody who has invited one, and could still do so."""
    if world.parties.members(character.id):
        raise PlayerError("You are in a party already; type: party leave")
    key = name_key(command.name)
    for invitation in world.parties.invitations(character.id, now):
        if name_key(invitation.name) != key:
            continue
        party = world.parties.members(invitation.host)
        if party:
            stands = party[0].character == invitation.host
        else:
            stands = invitation.host in world.characters
        if not stands:
            break
        if len(party) >= MAX_MEMBERS:
            raise PlayerError(f"A party has at most {MAX_MEMBERS} members.", code="too_much")
        others = frozenset(member.character for member in party) | {invitation.host}
        return events.JoinedParty(
            character.id, character.name, invitation.host, invitation.name, others
        )
    raise PlayerError(f"There is no invitation of {command.name} to you that stands.")


def leave(world: World, character: Character) -> Event:
    """Leave one's party."""
    leader, *others = _own(world, character)
    successor = others[0].name if others and leader.character == character.id else ""
    ended = len(others) <= 1
    return events.LeftParty(
        character.id,
        character.name,
        world.parties.others(character.id),
        "" if ended else successor,
        ended,
    )


def kick(world: World, character: Character, command: commands.KickFromParty) -> Event:
    """Send somebody out of the party that one leads, present or not."""
    leader, *others = _own(world, character)
    if leader.character != character.id:
        raise PlayerError(f"Only {leader.name} can do that: they lead the party.")
    key = name_key(command.name)
    if key == name_key(character.name):
        raise PlayerError("To go yourself, type: party leave")
    exact = [each for each in others if name_key(each.name) == key]
    begun = [each for each in others if name_key(each.name).startswith(key)]
    found = exact or begun
    if not found:
        raise PlayerError(f"There is no {command.name} in your party.", code="not_here")
    if len(found) > 1:
        *several, last = (each.name for each in found)
        raise PlayerError(f"Do you mean {', '.join(several)} or {last}?", code="ambiguous")
    (target,) = found
    return events.KickedFromParty(
        character.id,
        character.name,
        target.character,
        target.name,
        world.parties.others(target.character),
        len(others) == 1,
    )


def speak(world: World, character: Character, command: commands.SpeakToParty) -> events.PartySaid:
    """Speak to one's party."""
    _own(world, character)
    others = world.parties.others(character.id)
    return events.PartySaid(character.id, character.name, command.text, others)


def _own(world: World, character: Character) -> tuple[MembershipMade, ...]:
    party = world.parties.members(character.id)
    if not party:
        raise PlayerError("You are in no party; to make one, type: party invite NAME")
    return party
