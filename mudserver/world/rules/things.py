"""Taking things and putting them down."""

from collections.abc import Iterable
from typing import Final

from mudserver.errors import PlayerError
from mudserver.world import events
from mudserver.world.events import Event
from mudserver.world.matching import find
from mudserver.world.model import Character, Item, Room
from mudserver.world.rules.sentences import capital

#: Things that one can carry, so that an inventory fits into one message.
MAX_CARRIED: Final = 50


#: Things that can lie in a room, so that with 50 occupants and the longest description it
#: fits into one message. Area files put at most 30 there.
MAX_LYING: Final = 100


def get(character: Character, room: Room, words: str | None) -> Event:
    """Pick up one thing that lies here, or all."""
    space = MAX_CARRIED - len(character.items)
    if words is None:
        taken = [item for item in room.items if not item.fixed]
        if not taken:
            raise PlayerError("There is nothing here that you could take.", code="not_here")
    else:
        taken = [_item(words, room.items, f"There is no {words} here.")]
        if taken[0].fixed:
            raise PlayerError(f"{capital(taken[0].name)} can't be taken.")
    if space <= 0:
        raise PlayerError("You can't carry any more.", code="too_much")
    return events.Took(character.id, character.name, room.id, things(taken[:space]))


def drop(character: Character, room: Room, words: str | None) -> Event:
    """Put down one thing, or all."""
    space = MAX_LYING - len(room.items)
    if words is None:
        dropped = list(character.items)
        if not dropped:
            raise PlayerError("You carry nothing.", code="not_here")
    else:
        dropped = [_item(words, character.items, f"You carry no {words}.")]
    if space <= 0:
        raise PlayerError("There is no space left here to put it down.", code="too_much")
    return events.Dropped(character.id, character.name, room.id, things(dropped[:space]))


def _item(words: str, among: Iterable[Item], missing: str) -> Item:
    item = find(words, among)
    if item is None:
        raise PlayerError(missing, code="not_here")
    return item


def things(items: Iterable[Item]) -> tuple[events.Thing, ...]:
    """Name items as they are named now."""
    return tuple(events.Thing(item.id, item.name) for item in items)
