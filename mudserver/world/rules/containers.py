"""Things in things: putting them in, taking them out, opening and closing."""

from mudserver.errors import PlayerError
from mudserver.world import events
from mudserver.world.events import Event
from mudserver.world.model import Character, Item, Room
from mudserver.world.rules.sentences import capital
from mudserver.world.rules.things import called, in_hands, things, within_load


def put_in(character: Character, room: Room, words: str | None, container: str) -> Event:
    """Put one thing that one carries into a container, or all that fits."""
    target = _open_container(character, room, container)
    if words is None:
        put = [item for item in character.items if item.size < target.size]
        if not put:
            raise PlayerError(f"You carry nothing that fits into {target.name}.", code="not_here")
    else:
        put = [called(words, character.items, f"You carry no {words}.")]
        if put[0].size >= target.size:
            raise PlayerError(f"{capital(put[0].name)} doesn't fit into {target.name}.")
    space = target.capacity - len(target.items)
    if space <= 0:
        raise PlayerError(f"{capital(target.name)} is full.", code="too_much")
    return events.PutIn(character.id, character.name, room.id, _thing(target), things(put[:space]))


def take_out(character: Character, room: Room, words: str | None, container: str) -> Event:
    """Take one thing out of a container, or all."""
    source = _open_container(character, room, container)
    if words is None:
        taken = list(source.items)
        if not taken:
            raise PlayerError(f"{capital(source.name)} is empty.", code="not_here")
    else:
        taken = [called(words, source.items, f"There is no {words} in {source.name}.")]
    able = within_load(character, taken) if source.holder is None else in_hands(character, taken)
    return events.TookOut(character.id, character.name, room.id, _thing(source), things(able))


def shut(character: Character, room: Room, words: str, *, closed: bool) -> Event:
    """Close a container, or open it."""
    container = _at_hand(character, room, words)
    if not container.lid:
        deed = "closed" if closed else "opened"
        raise PlayerError(f"{capital(container.name)} can't be {deed}.")
    if container.closed == closed:
        state = "closed" if closed else "open"
        raise PlayerError(f"{capital(container.name)} is {state} already.")
    return events.ContainerShut(character.id, character.name, room.id, _thing(container), closed)


def _open_container(character: Character, room: Room, words: str) -> Item:
    container = _at_hand(character, room, words)
    if not container.capacity:
        raise PlayerError(f"{capital(container.name)} doesn't hold anything.")
    if container.closed:
        raise PlayerError(f"{capital(container.name)} is closed.", code="closed")
    return container


def _at_hand(character: Character, room: Room, words: str) -> Item:
    """Find a thing that lies here or is carried; what is in another one has to be taken out."""
    return called(words, (*room.items, *character.items), f"There is no {words} here.")


def _thing(item: Item) -> events.Thing:
    return events.Thing(item.id, item.name)
