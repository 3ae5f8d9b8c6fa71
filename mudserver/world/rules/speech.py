"""Talking."""

from datetime import datetime
from itertools import islice
from typing import Final, assert_never

from mudserver.errors import PlayerError
from mudserver.ids import CharacterId, RoomId
from mudserver.world import commands, events
from mudserver.world.model import Character
from mudserver.world.world import World

#: Names that a question back lists.
_MAX_ASKED_BACK: Final = 5


#: Letters of a name that may stand for all of it.
_MIN_NAME_PREFIX: Final = 3


def hushed(
    world: World,
    character: Character,
    spoken: events.Said | events.Told | events.Emoted | events.ChannelSaid | events.PartySaid,
    now: datetime,
) -> events.Hushed | None:
    """Return what becomes of words where their speaker is silenced; None where not."""
    channel = spoken.channel if isinstance(spoken, events.ChannelSaid) else None
    silence = world.silence_of(character.account, now, channel)
    if silence is None:
        return None
    room: RoomId | None = None
    target: CharacterId | None = None
    party: frozenset[CharacterId] = frozenset()
    match spoken:
        case events.Said(room=room):
            means = events.Means.SAY
        case events.Emoted(room=room):
            means = events.Means.EMOTE
        case events.ChannelSaid():
            means = events.Means.CHANNEL
        case events.PartySaid(others=party):
            means = events.Means.PARTY
        case events.Told(target=addressee):
            means = events.Means.TELL
            target = addressee if world.character(addressee).role.moderates else None
        case _:
            assert_never(spoken)
    return events.Hushed(
        speaker=character.id,
        name=character.name,
        means=means,
        text=spoken.text,
        room=room,
        target=target,
        until=silence.until,
        why=silence.why,
        channel=channel,
        party=party,
    )


def tell(world: World, character: Character, command: commands.Tell, now: datetime) -> events.Told:
    """Speak to one player, wherever they are."""
    target = present(world, command.name)
    if target is character:
        raise PlayerError("You mutter to yourself, and nobody hears it.")
    if world.is_deaf_to(target, character.id, now):
        raise PlayerError(f"{target.name} isn't listening to you.")
    return events.Told(character.id, character.name, target.id, target.name, command.text)


def present(world: World, name: str) -> Character:
    """Find a player who is in the world, by the whole name or an unambiguous beginning."""
    exact = world.character_named(name)
    if exact is not None:
        return exact
    if len(name) >= _MIN_NAME_PREFIX:
        begun = list(islice(world.characters_beginning(name), _MAX_ASKED_BACK))
        if len(begun) == 1:
            return begun[0]
        if begun:
            *others, last = (each.name for each in begun)
            raise PlayerError(f"Do you mean {', '.join(others)} or {last}?", code="ambiguous")
    raise PlayerError(f"There is no {name} in the world now.", code="not_here")
