"""
What a viewer's copy of the world holds: rooms and characters.

Each comes whole, or as a step from one version to the next.
"""

from collections.abc import Iterable
from typing import Final, assert_never

from mudserver.ids import CharacterId, RoomId
from mudserver.view.line import Line, Span, Style, View
from mudserver.view.words import listed
from mudserver.wire import messages
from mudserver.wire.envelope import encode
from mudserver.wire.messages import ExitView, OccupantsOfRoom, PatchOperation, RoomView, Thing
from mudserver.world.applied import (
    CharacterDelta,
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
from mudserver.world.direction import Direction
from mudserver.world.model import Character, Item, Occupant, Page, Room
from mudserver.world.world import World

_STANDING: Final = "standing"
_NONE: Final = (Span("none"),)

# ---------------------------------------------------------------- rooms


def room_state(world: World, room: RoomId, time: str) -> View:
    """
    Show a whole room: the same to all who are in it.

    Raises:
        KeyError: There is no such room.
    """
    place = world.room(room)
    page = place.occupants.page()
    body = messages.RoomState(
        version=place.version,
        room=RoomView(
            id=place.id,
            name=place.name,
            description=place.description,
            exits={
                direction.value: ExitView(
                    place.exits[direction].name or world.room(place.exits[direction].to).name,
                    place.exits[direction].closed,
                )
                for direction in Direction
                if direction in place.exits
            },
            items=_things(place.items),
            occupants=OccupantsOfRoom(
                total=len(place.occupants), page=_occupants(page), next=page.next
            ),
        ),
        time=time,
    )
    return View("room.state", encode(body), _room_line(place, page))


def room_delta(delta: RoomDelta, time: str) -> View:
    """Show what changed in a room, as a JSON Patch on the last state's ``room``; no line."""
    patch = tuple(_room_operation(operation) for operation in delta.operations)
    body = messages.RoomDelta(from_=delta.from_version, to=delta.to_version, patch=patch, time=time)
    return View("room.delta", encode(body))


def occupants_page(world: World, room: RoomId, after: int) -> View:
    """
    Show more of who is in a room: a message of control, without a line.

    Args:
        world: As it is now.
        room: Which.
        after: The id behind which the page begins.

    Raises:
        KeyError: There is no such room.
    """
    page = world.occupants(room).page(after)
    body = messages.OccupantsPage(page=_occupants(page), next=page.next)
    return View("occupants", encode(body), play=False)


def _room_line(room: Room, page: Page) -> Line:
    """The room as a terminal shows it."""
    spans = [Span(room.name, Style.ROOM_NAME), Span(f"\n{room.description}", Style.PROSE)]
    spans.append(Span("\nExits: "))
    spans.extend(listed([_exit_words(room, direction) for direction in Direction]) or _NONE)
    if room.items:
        spans.append(Span("\nYou see "))
        spans.extend(listed([(Span(item.name, Style.ITEM),) for item in room.items], " and "))
        spans.append(Span("."))
    spans.append(Span("\nHere: "))
    players = [_who(each) for each in page.occupants if isinstance(each, Character)]
    npcs = [_who(each) for each in page.occupants if not isinstance(each, Character)]
    spans.extend(listed(players + npcs) or _NONE)
    others = len(room.occupants) - len(page.occupants)
    if others:
        spans.append(Span(f" and {others:,} others"))
    spans.append(Span("."))
    return Line(tuple(spans))


def _exit_words(room: Room, direction: Direction) -> tuple[Span, ...]:
    """An exit in a list of them; nothing where there is none."""
    out = room.exits.get(direction)
    if out is None:
        return ()
    word = Span(direction.value, Style.EXIT)
    remarks = ([out.name] if out.name else []) + (["closed"] if out.closed else [])
    return (word, Span(f" ({', '.join(remarks)})")) if remarks else (word,)


def _who(occupant: Occupant) -> tuple[Span, ...]:
    style = Style.PLAYER if isinstance(occupant, Character) else Style.NPC
    return (Span(occupant.name, style),)


def _room_operation(operation: RoomOperation) -> PatchOperation:
    match operation:
        case OccupantAdded(index=index, id=id, name=name, player=player):
            who = messages.Occupant(id, name, "player" if player else "npc")
            return PatchOperation("add", f"/occupants/page/{index}", who)
        case OccupantRemoved(index=index):
            return PatchOperation("remove", f"/occupants/page/{index}")
        case TotalChanged(total=total):
            return PatchOperation("replace", "/occupants/total", total)
        case NextChanged(before=None, after=after):
            return PatchOperation("add", "/occupants/next", after)
        case NextChanged(after=None):
            return PatchOperation("remove", "/occupants/next")
        case NextChanged(after=after):
            return PatchOperation("replace", "/occupants/next", after)
        case ExitShut(direction=direction, closed=closed):
            return PatchOperation("replace", f"/exits/{direction.value}/closed", closed)
        case ItemAdded() | ItemRemoved():
            return _item_operation(operation, "/items")
        case _:
            assert_never(operation)


def _occupants(page: Page) -> tuple[messages.Occupant, ...]:
    return tuple(
        messages.Occupant(each.id, each.name, "player" if isinstance(each, Character) else "npc")
        for each in page.occupants
    )


# ---------------------------------------------------------------- characters


def char_state(world: World, character: CharacterId, time: str) -> View:
    """
    Show a whole character to its own player; no line.

    Raises:
        KeyError: It isn't in the world.
    """
    own = world.character(character)
    body = messages.CharState(
        version=own.version,
        name=own.name,
        vitals=dict(own.vitals),
        position=_STANDING,
        inventory=_things(own.items),
        time=time,
    )
    return View("char.state", encode(body))


def char_delta(delta: CharacterDelta, time: str) -> View:
    """Show what changed of a character, as a JSON Patch on the last `char_state`; no line."""
    patch = tuple(_item_operation(operation, "/inventory") for operation in delta.operations)
    body = messages.CharDelta(from_=delta.from_version, to=delta.to_version, patch=patch, time=time)
    return View("char.delta", encode(body))


# ---------------------------------------------------------------- both


def _things(items: Iterable[Item]) -> tuple[Thing, ...]:
    return tuple(Thing(item.id, item.name) for item in items)


def _item_operation(operation: ItemAdded | ItemRemoved, list_path: str) -> PatchOperation:
    path = f"{list_path}/{operation.index}"
    if isinstance(operation, ItemAdded):
        return PatchOperation("add", path, Thing(operation.id, operation.name))
    return PatchOperation("remove", path)
