"""Taking things and putting them down."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from mudserver.errors import PlayerError
from mudserver.world import events
from mudserver.world.events import Event
from mudserver.world.matching import find
from mudserver.world.model import Character, Item, Room
from mudserver.world.rules.sentences import capital

#: Things that one can carry, so that an inventory fits into one message.
MAX_CARRIED: Final = 50


#: Things that one can carry, those counted in that are in other things: what a log-in loads.
MAX_LOAD: Final = 200


#: Things that can lie in a room, so that with 50 occupants and the longest description it
#: fits into one message. Area files put at most 30 there.
MAX_LYING: Final = 100


def get(character: Character, room: Room, words: str | None) -> Event:
    """Pick up one thing that lies here, or all."""
    if words is None:
        taken = [item for item in room.items if not item.fixed]
        if not taken:
            raise PlayerError("There is nothing here that you could take.", code="not_here")
    else:
        taken = [called(words, room.items, f"There is no {words} here.")]
        if taken[0].fixed:
            raise PlayerError(f"{capital(taken[0].name)} can't be taken.")
    able = within_load(character, taken)
    return events.Took(character.id, character.name, room.id, things(able))


def in_hands(character: Character, items: Sequence[Item]) -> Sequence[Item]:
    """Return the first of some things: as many as there is room for in the hands; at least one."""
    space = MAX_CARRIED - len(character.items)
    if space <= 0:
        raise PlayerError("You can't carry any more.", code="too_much")
    return items[:space]


def within_load(character: Character, items: Sequence[Item]) -> Sequence[Item]:
    """Return the first of some things that aren't carried yet, as many as can be; at least one."""
    load = _load(character.items)
    loads = accumulate((_load((item,)) for item in items), initial=load)
    fitting = sum(1 for each in loads if each <= MAX_LOAD) - 1
    if fitting <= 0:
        raise PlayerError("You can't carry any more.", code="too_much")
    return in_hands(character, items)[:fitting]


def _load(items: Iterable[Item]) -> int:
    return sum(1 for item in items for _ in item.everything)


def drop(character: Character, room: Room, words: str | None) -> Event:
    """Put down one thing, or all."""
    space = MAX_LYING - len(room.items)
    if words is None:
        dropped = list(character.items)
        if not dropped:
            raise PlayerError("You carry nothing.", code="not_here")
    else:
        dropped = [called(words, character.items, f"You carry no {words}.")]
    if space <= 0:
        raise PlayerError("There is no space left here to put it down.", code="too_much")
    return events.Dropped(character.id, character.name, room.id, things(dropped[:space]))


def called(words: str, among: Iterable[Item], missing: str) -> Item:
    """Find the item that is called so; ``missing`` is told where there is none."""
    item = find(words, among)
    if item is None:
        raise PlayerError(missing, code="not_here")
    return item


def things(items: Iterable[Item]) -> tuple[events.Thing, ...]:
    """Name items as they are named now."""
    return tuple(events.Thing(item.id, item.name) for item in items)
