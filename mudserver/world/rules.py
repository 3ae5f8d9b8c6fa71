"""
What follows from what a player wants.

Everything here reads the world and returns events; nothing changes until these are applied.
What can't be is a `PlayerError` that says why.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, assert_never

from attrs import frozen

from mudserver.errors import PlayerError
from mudserver.ids import CharacterId, RoomId
from mudserver.world import commands, events, handbook
from mudserver.world.commands import Command
from mudserver.world.direction import Direction
from mudserver.world.events import Event
from mudserver.world.matching import find
from mudserver.world.model import Character, Exit, Item, Room
from mudserver.world.names import name_key
from mudserver.world.world import World

#: Players that ``who`` names; it counts the others.
MAX_WHO: Final = 100

#: Things that one can carry, so that an inventory fits into one message.
MAX_CARRIED: Final = 50

#: Things that can lie in a room, so that with 50 occupants and the longest description it
#: fits into one message. Area files put at most 30 there.
MAX_LYING: Final = 100

#: Players that one can mute.
MAX_MUTES: Final = 200

#: Accounts that can be silenced at once.
MAX_SILENCES: Final = 10_000

#: Names that a question back lists.
_MAX_ASKED_BACK: Final = 5

#: Letters of a name that may stand for all of it.
_MIN_NAME_PREFIX: Final = 3

_SELF: Final = frozenset({"me", "myself", "self"})


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
    room = _room_of(world, character)
    match command:
        case commands.Look(target=target):
            return (_look(world, character, room, target),)
        case commands.Exits():
            ways = tuple(_way(world, direction, out) for direction, out in _exits(room))
            return (events.ExitsListed(actor, ways),)
        case commands.Say(text=text):
            said = events.Said(actor, character.name, room.id, text)
            return (_hushed(world, character, said, now) or said,)
        case commands.Tell():
            told = _tell(world, character, command, now)
            return (_hushed(world, character, told, now) or told,)
        case commands.Emote(text=text):
            emoted = events.Emoted(actor, character.name, room.id, text)
            return (_hushed(world, character, emoted, now) or emoted,)
        case commands.Who():
            return (_who(world, actor),)
        case commands.Inventory():
            return (events.InventoryListed(actor, _things(character.items)),)
        case commands.Get(item=item):
            return (_get(character, room, item),)
        case commands.Drop(item=item):
            return (_drop(character, room, item),)
        case commands.Go(direction=direction):
            return _go(character, room, direction)
        case commands.Mute():
            return (_mute(world, character, command, now),)
        case commands.ListMutes():
            return (_mutes(character, now),)
        case commands.Unmute():
            return (_unmute(world, character, command, now),)
        case commands.Silence():
            return (_silence(world, character, command, now),)
        case commands.Unsilence():
            return (_unsilence(world, character, command, now),)
        case commands.ChangePassword():
            return (events.PasswordAsked(actor),)
        case commands.Help(topic=topic):
            return (_help(actor, topic),)
        case commands.Quit():
            return (events.Quitted(actor),)
        case _:
            assert_never(command)


# ---------------------------------------------------------------- entering and leaving the world


def enter(world: World, character: Character) -> tuple[Event, ...]:
    """
    Return what happens when a character enters the world.

    Args:
        world: That `World.add_character` has added it to.
        character: Whose ``room`` says where it was last. If that room is no more, or if it
            has never played, it begins at the start.
    """
    room = character.room if character.room in world.rooms else None
    room = world.start if room is None else room
    return (
        events.Arrived(character.id, character.name, room, None),
        events.Looked(character.id, room),
    )


def leave(world: World, character: CharacterId) -> tuple[Event, ...]:
    """
    Return what happens when a character leaves the world.

    Raises:
        KeyError: It isn't in the world.
    """
    leaver = world.character(character)
    room = _room_of(world, leaver)
    return (events.Departed(character, leaver.name, room.id, None),)


def lose_link(world: World, character: CharacterId) -> tuple[Event, ...]:
    """
    Return what happens when a character's connection is lost; nothing if it is already.

    Raises:
        KeyError: It isn't in the world.
    """
    loser = world.character(character)
    room = _room_of(world, loser)
    return () if loser.linkdead else (events.LostLink(character, loser.name, room.id),)


def regain_link(world: World, character: CharacterId) -> tuple[Event, ...]:
    """
    Return what happens when a lost connection comes back; nothing if it wasn't lost.

    Raises:
        KeyError: It isn't in the world.
    """
    gainer = world.character(character)
    room = _room_of(world, gainer)
    return (events.Returned(character, gainer.name, room.id),) if gainer.linkdead else ()


# ---------------------------------------------------------------- looking


@frozen
class _Sight:
    """Something that can be looked at: what it may be called, what it is, what one sees."""

    keywords: Sequence[str]
    name: str
    text: str


def _look(world: World, character: Character, room: Room, target: str | None) -> Event:
    if target is None:
        return events.Looked(character.id, room.id)
    if target.lower() in _SELF:
        return events.Examined(character.id, character.name, _description(character))
    sight = find(target, _sights(world, character, room, target))
    if sight is not None:
        return events.Examined(character.id, sight.name, sight.text)
    direction = Direction.parse(target)
    if direction is not None:
        return events.Examined(character.id, "", _view_of(world, room, direction))
    raise PlayerError(f"You see no {target} here.", code="not_here")


def _sights(world: World, character: Character, room: Room, target: str) -> Iterator[_Sight]:
    """All that a character can look at and that may be meant: a crowd isn't searched one by one."""
    for other in world.characters_beginning(target):
        if other.room == room.id:
            yield _Sight(other.keywords, other.name, _description(other))
    for npc in room.occupants.npcs:
        yield _Sight(npc.keywords, npc.name, npc.description)
    for item in (*room.items, *character.items):
        yield _Sight(item.keywords, item.name, item.description)
    for keyword, text in room.details.items():
        yield _Sight((keyword,), "", text)
    for direction, out in _exits(room):
        if out.name:
            yield _Sight((out.name.lower(),), "", _view_of(world, room, direction))


def _description(character: Character) -> str:
    carried = _listed([item.name for item in character.items]) or "nothing"
    lost = " The link is lost: nobody is behind those eyes." if character.linkdead else ""
    return f"A traveller, who carries {carried}.{lost}"


def _view_of(world: World, room: Room, direction: Direction) -> str:
    out = room.exits.get(direction)
    if out is None:
        raise _no_exit(direction)
    way = _way(world, direction, out)
    return f"{_capital(direction)}: {way.name}{', closed' if way.closed else ''}."


def _exits(room: Room) -> Iterator[tuple[Direction, Exit]]:
    """The exits of a room in the order of directions."""
    return (
        (direction, room.exits[direction]) for direction in Direction if direction in room.exits
    )


def _way(world: World, direction: Direction, out: Exit) -> events.Way:
    return events.Way(direction, out.name or world.room(out.to).name, out.closed)


# ---------------------------------------------------------------- talking


def _hushed(
    world: World,
    character: Character,
    spoken: events.Said | events.Told | events.Emoted,
    now: datetime,
) -> events.Hushed | None:
    """Return what becomes of words where their speaker is silenced; None where not."""
    silence = world.silence_of(character.account, now)
    if silence is None:
        return None
    room: RoomId | None = None
    target: CharacterId | None = None
    match spoken:
        case events.Said(room=room):
            channel = events.Channel.SAY
        case events.Emoted(room=room):
            channel = events.Channel.EMOTE
        case events.Told(target=addressee):
            channel = events.Channel.TELL
            target = addressee if world.character(addressee).role.moderates else None
        case _:
            assert_never(spoken)
    return events.Hushed(
        speaker=character.id,
        name=character.name,
        channel=channel,
        text=spoken.text,
        room=room,
        target=target,
        until=silence.until,
        why=silence.why,
    )


def _tell(world: World, character: Character, command: commands.Tell, now: datetime) -> events.Told:
    target = _present(world, command.name)
    if target is character:
        raise PlayerError("You mutter to yourself, and nobody hears it.")
    if world.is_deaf_to(target, character.id, now):
        raise PlayerError(f"{target.name} isn't listening to you.")
    return events.Told(character.id, character.name, target.id, target.name, command.text)


def _present(world: World, name: str) -> Character:
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


def _who(world: World, actor: CharacterId) -> Event:
    present = [
        events.Present(each.name, each.linkdead)
        for each in islice(world.characters_beginning(""), MAX_WHO)
    ]
    return events.WhoListed(actor, tuple(present), len(world.characters))


def _mute(world: World, character: Character, command: commands.Mute, now: datetime) -> Event:
    target, name = _meant(world, command)
    if target == character.id:
        raise PlayerError("You can't mute yourself.")
    present = world.characters.get(target)
    role = command.role if present is None else present.role
    if role.moderates and not character.role.moderates:
        raise PlayerError(f"{name} keeps order here, and can't be muted.")
    until = None if command.lasting is None else now + command.lasting
    mute = character.mutes.get(target)
    muted = mute is not None and mute.in_force(now)
    if mute is not None and muted and mute.until == until:
        raise PlayerError(f"You mute {name} already.")
    if not muted and sum(each.in_force(now) for each in character.mutes.values()) >= MAX_MUTES:
        raise PlayerError(f"You can mute at most {MAX_MUTES} players.", code="too_much")
    return events.Muted(character.id, target, name, now, until, command.why)


def _unmute(world: World, character: Character, command: commands.Unmute, now: datetime) -> Event:
    target, name = _meant(world, command)
    mute = character.mutes.get(target)
    if mute is None or not mute.in_force(now):
        raise PlayerError(f"You don't mute {name}.")
    return events.Unmuted(character.id, target, name)


def _mutes(character: Character, now: datetime) -> Event:
    muted = sorted(
        (mute for mute in character.mutes.values() if mute.in_force(now)),
        key=lambda mute: name_key(mute.name),
    )
    players = (
        events.MutedPlayer(mute.name, None if mute.until is None else mute.until - now)
        for mute in muted
    )
    return events.MutesListed(character.id, tuple(players))


def _silence(world: World, character: Character, command: commands.Silence, now: datetime) -> Event:
    player = _in_charge_of(world, character, command)
    in_force = sum(each.in_force(now) for each in world.silences.values())
    if in_force >= MAX_SILENCES and world.silence_of(player.account, now) is None:
        raise PlayerError(f"There can be at most {MAX_SILENCES} silences.", code="too_much")
    return events.Silenced(
        character=character.id,
        by=character.account,
        target=player.character,
        target_name=player.name,
        account=player.account,
        since=now,
        until=None if command.lasting is None else now + command.lasting,
        why=command.why,
    )


def _unsilence(
    world: World, character: Character, command: commands.Unsilence, now: datetime
) -> Event:
    player = _in_charge_of(world, character, command)
    if world.silence_of(player.account, now) is None:
        raise PlayerError(f"{player.name} isn't silenced.")
    return events.Unsilenced(character.id, player.character, player.name, player.account)


def _in_charge_of(
    world: World, character: Character, command: commands.Silence | commands.Unsilence
) -> commands.Known:
    """Return the player that staff has to do with."""
    if not character.role.moderates:
        raise PlayerError("Only admins and owners can do that.")
    player = command.player
    present = world.character_named(command.name) if player is None else None
    if present is not None:
        player = commands.Known(present.id, present.account, present.name, present.role)
    if player is None:
        raise PlayerError(f"There is no player called {command.name}.", code="not_here")
    if not character.role.outranks(player.role):
        raise PlayerError(f"{player.name} doesn't stand below you.")
    return player


def _meant(world: World, command: commands.Mute | commands.Unmute) -> tuple[CharacterId, str]:
    if command.character is not None:
        return command.character, command.name
    present = world.character_named(command.name)
    if present is None:
        raise PlayerError(f"There is no player called {command.name}.", code="not_here")
    return present.id, present.name


# ---------------------------------------------------------------- things


def _get(character: Character, room: Room, words: str | None) -> Event:
    space = MAX_CARRIED - len(character.items)
    if words is None:
        taken = [item for item in room.items if not item.fixed]
        if not taken:
            raise PlayerError("There is nothing here that you could take.", code="not_here")
    else:
        taken = [_item(words, room.items, f"There is no {words} here.")]
        if taken[0].fixed:
            raise PlayerError(f"{_capital(taken[0].name)} can't be taken.")
    if space <= 0:
        raise PlayerError("You can't carry any more.", code="too_much")
    return events.Took(character.id, character.name, room.id, _things(taken[:space]))


def _drop(character: Character, room: Room, words: str | None) -> Event:
    space = MAX_LYING - len(room.items)
    if words is None:
        dropped = list(character.items)
        if not dropped:
            raise PlayerError("You carry nothing.", code="not_here")
    else:
        dropped = [_item(words, character.items, f"You carry no {words}.")]
    if space <= 0:
        raise PlayerError("There is no space left here to put it down.", code="too_much")
    return events.Dropped(character.id, character.name, room.id, _things(dropped[:space]))


def _item(words: str, among: Iterable[Item], missing: str) -> Item:
    item = find(words, among)
    if item is None:
        raise PlayerError(missing, code="not_here")
    return item


def _things(items: Iterable[Item]) -> tuple[events.Thing, ...]:
    return tuple(events.Thing(item.id, item.name) for item in items)


# ---------------------------------------------------------------- walking, help


def _go(character: Character, room: Room, direction: Direction) -> tuple[Event, ...]:
    out = room.exits.get(direction)
    if out is None:
        raise _no_exit(direction)
    if out.closed:
        raise PlayerError(f"{_capital(out.name or 'the way')} is closed.", code="closed")
    return (
        events.Departed(character.id, character.name, room.id, direction),
        events.Arrived(character.id, character.name, out.to, direction.opposite()),
        events.Looked(character.id, out.to),
    )


def _no_exit(direction: Direction) -> PlayerError:
    return PlayerError(f"There is no way {direction} from here.", code="no_exit")


def _help(actor: CharacterId, topic: str | None) -> Event:
    page = handbook.overview() if topic is None else handbook.page(topic)
    if page is None:
        raise PlayerError(f"There is no help on {topic}. Type help alone.", code="not_here")
    return events.HelpShown(actor, page)


def _room_of(world: World, character: Character) -> Room:
    if character.room is None:
        raise KeyError(character.id)
    return world.room(character.room)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    *first, last = names or ("",)
    return f"{', '.join(first)} and {last}" if first else last
