"""
What the world is made of.

Ids of rooms, items, characters and inhabitants come from one sequence, so none is shared across
kinds. What changes here changes in `World.apply` alone; everyone else only reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from attrs import Factory, define, field, frozen

from mudserver.ids import AccountId, CharacterId, DoorId, ItemId, NpcId, RoomId
from mudserver.world.applied import (
    NextChanged,
    OccupantAdded,
    OccupantRemoved,
    RoomOperation,
    TotalChanged,
)
from mudserver.world.by_id import ById
from mudserver.world.direction import Direction
from mudserver.world.role import Role

#: How many occupants one message names; the others are asked for page by page.
OCCUPANTS_PAGE: Final = 50

#: How large the largest container is: so many containers may be in one another.
MAX_SIZE: Final = 3

#: Things that a container holds at most, so that a list of them is read at a glance.
MAX_CAPACITY: Final = 50


@frozen
class Exit:
    """
    A way out of a room.

    Attributes:
        to: The room it leads to.
        name: What stands in the way, such as ``a green hatch``; empty for an open way.
        closed: Whether it is shut.
        door: What can be opened and closed there; both sides of a door have the same.
    """

    to: RoomId
    name: str = ""
    closed: bool = False
    door: DoorId | None = None


@define(eq=False)
class Item:
    """
    A thing, which lies in a room, is carried or is in a container: one of `room`, `holder` and
    `container` is set.

    What is in a container is smaller than that, so nothing is ever in itself, and nothing is more
    than `MAX_SIZE` containers deep.

    Attributes:
        name: With its article: ``a brass lantern``.
        keywords: The words that players may call it, in lower case.
        fixed: Whether it can't be taken.
        size: 0 for what holds nothing; 1 to `MAX_SIZE` for a container.
        capacity: How many things it holds.
        lid: Whether it can be opened and closed.
        closed: Whether it is closed.
        items: What it holds.
    """

    id: ItemId
    key: str
    name: str
    keywords: Sequence[str]
    description: str
    fixed: bool = False
    room: RoomId | None = None
    holder: CharacterId | None = None
    container: ItemId | None = None
    size: int = 0
    capacity: int = 0
    lid: bool = False
    closed: bool = False
    items: ById["Item"] = Factory(ById)

    @property
    def everything(self) -> "Iterator[Item]":
        """The thing itself, and all that is in it, containers before what they hold."""
        yield self
        for item in self.items:
            yield from item.everything


@frozen
class Mute:
    """
    That one player doesn't want to hear another.

    Attributes:
        name: Of the other.
        until: When it ends (UTC); None for no end.
    """

    name: str
    until: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        """Tell whether it hasn't ended."""
        return self.until is None or now < self.until


@frozen
class Silence:
    """
    That nobody but staff hears the characters of an account.

    Attributes:
        until: When it ends (UTC); None for no end.
        why: The reason, as the silenced are told; may be empty.
        name: What staff calls the silenced.
        orderer: The name of whoever ordered it.
    """

    until: datetime | None
    why: str
    name: str = ""
    orderer: str = ""

    def in_force(self, now: datetime) -> bool:
        """Tell whether it hasn't ended."""
        return self.until is None or now < self.until


@define(eq=False)
class Character:
    """
    A player's character, while it is in the world.

    Attributes:
        room: Where it is; before it has entered, where it was last; None while it walks, and
            for one that has never played.
        items: What it carries.
        channels_off: The channels that its player doesn't want to hear.
        mutes: Those whom its player doesn't want to hear, absent ones too; some may have ended.
        role: What its account may do.
        linkdead: Whether its connection is lost and may come back.
        version: Of what its player knows of it; grows by one with each `CharacterDelta`.
        vitals: The measures of its well-being, by name.
        keywords: The words that players may call it.
    """

    id: CharacterId
    account: AccountId
    name: str
    room: RoomId | None = None
    items: ById[Item] = Factory(ById)
    mutes: dict[CharacterId, Mute] = Factory(dict)
    channels_off: tuple[str, ...] = ()
    role: Role = Role.PLAYER
    linkdead: bool = False
    version: int = 1
    vitals: Mapping[str, int] = Factory(dict)
    keywords: Sequence[str] = field(
        init=False, default=Factory(lambda self: (self.name.lower(),), takes_self=True)
    )


@define(eq=False)
class Npc:
    """
    An inhabitant: someone who lives here and isn't a player.

    An utterance that begins with a colon is done, not said: ``:shakes her head.``

    Attributes:
        name: As it stands in a sentence: ``Mrs Pellow``, ``the grey heron``.
        keywords: The words that players may call it, in lower case.
        greeting: An utterance for those who enter; empty for none.
        topics: The utterance that each word, in lower case, brings forth.
        idle: What it does now and then, as that follows the name.
        route: The rooms among which it walks to and fro, each next to the one before; empty for one
            that stays.
    """

    id: NpcId
    key: str
    name: str
    keywords: Sequence[str]
    description: str
    room: RoomId
    greeting: str = ""
    topics: Mapping[str, str] = Factory(dict)
    idle: Sequence[str] = ()
    route: Sequence[RoomId] = ()


Occupant = Character | Npc


@frozen
class Page:
    """
    Some of a room's occupants.

    Attributes:
        occupants: In ascending order of their ids.
        next: The id behind which the next page begins; None where this is the last.
    """

    occupants: tuple[Occupant, ...]
    next: int | None


class Occupants:
    """
    Who is in a room.

    Every copy of a room holds its first page: the `OCCUPANTS_PAGE` smallest ids. So whoever
    comes or goes behind it changes no more than the total.
    """

    __slots__ = ("_all", "characters", "npcs")

    def __init__(self) -> None:
        self._all: ById[Occupant] = ById()
        #: The players' characters among them.
        self.characters: set[CharacterId] = set()
        #: The inhabitants among them.
        self.npcs: ById[Npc] = ById()

    def __contains__(self, id: object) -> bool:
        return id in self._all

    def __len__(self) -> int:
        return len(self._all)

    def page(self, after: int = 0) -> Page:
        """Return the first page of those whose ids are greater than ``after``."""
        found = self._all.after(after, OCCUPANTS_PAGE + 1)
        if len(found) > OCCUPANTS_PAGE:
            return Page(found[:OCCUPANTS_PAGE], found[OCCUPANTS_PAGE - 1].id)
        return Page(found, None)

    def join(self, who: Occupant) -> tuple[RoomOperation, ...]:
        """
        Let someone in.

        Returns:
            What that does to the first page and the total.

        Raises:
            ValueError: They are here already.
        """
        next_before = self._next()
        index = self._all.insert(who)
        if isinstance(who, Npc):
            self.npcs.insert(who)
        else:
            self.characters.add(who.id)
        operations: list[RoomOperation] = []
        if index < OCCUPANTS_PAGE:
            if len(self._all) > OCCUPANTS_PAGE:
                operations.append(OccupantRemoved(OCCUPANTS_PAGE - 1))
            operations.append(_added(index, who))
        return (*operations, *self._counted(next_before))

    def leave(self, who: Occupant) -> tuple[RoomOperation, ...]:
        """
        Let someone out.

        Returns:
            What that does to the first page and the total.

        Raises:
            KeyError: They aren't here.
        """
        next_before = self._next()
        index = self._all.remove(who.id)
        if isinstance(who, Npc):
            self.npcs.remove(who.id)
        else:
            self.characters.remove(who.id)
        operations: list[RoomOperation] = []
        if index < OCCUPANTS_PAGE:
            operations.append(OccupantRemoved(index))
            if len(self._all) >= OCCUPANTS_PAGE:
                last = OCCUPANTS_PAGE - 1
                operations.append(_added(last, self._all.at(last)))
        return (*operations, *self._counted(next_before))

    def _counted(self, next_before: int | None) -> tuple[RoomOperation, ...]:
        total = TotalChanged(len(self._all))
        next_after = self._next()
        if next_after == next_before:
            return (total,)
        return (total, NextChanged(next_before, next_after))

    def _next(self) -> int | None:
        """The id behind which the second page begins."""
        if len(self._all) <= OCCUPANTS_PAGE:
            return None
        return self._all.at(OCCUPANTS_PAGE - 1).id


def _added(index: int, who: Occupant) -> OccupantAdded:
    return OccupantAdded(index, who.id, who.name, isinstance(who, Character))


@define(eq=False)
class Room:
    """
    A place.

    Attributes:
        details: What a look at each of these words shows; there is no more to these things.
        exits: At most one in a direction.
        occupants: Characters and inhabitants.
        items: What lies here.
        version: Of what all who are here know of it; grows by one with each `RoomDelta`.
    """

    id: RoomId
    key: str
    area: str
    name: str
    description: str
    details: Mapping[str, str] = Factory(dict)
    exits: dict[Direction, Exit] = Factory(dict)
    occupants: Occupants = Factory(Occupants)
    items: ById[Item] = Factory(ById)
    version: int = 1
