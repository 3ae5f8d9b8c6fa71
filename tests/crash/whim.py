"""What players do: at random, but so that most of it can be done."""

from random import Random
from typing import Final

from attrs import define, field

from tests.crash.ground import ITEMS, WAYS
from tests.crash.history import (
    CONTAINERS,
    DOORS,
    FIXED,
    Deed,
    Drop,
    Get,
    Go,
    Idle,
    Item,
    Mute,
    Player,
    Put,
    Room,
    Shut,
    TakeOut,
    Unmute,
)

_ALL_ITEMS: Final = tuple(item for lying in ITEMS.values() for item in lying)
_DIRECTIONS: Final = ("north", "east", "south", "west")

#: What telnet shows a plain sign of.
PLAIN: Final = ("say hello", "look")

#: All kinds of what changes nothing, refused or not.
IDLE: Final = (
    *PLAIN,
    "emote waits.",
    "inventory",
    "who",
    "frobnicate",
    "get moon",
    "mute Nobody",
    "drop",
)

#: How often each kind of deed is done.
_SHARES: Final = {Get: 25, Drop: 15, Put: 15, TakeOut: 15, Shut: 5, Go: 20, Mute: 15, Idle: 10}


@define
class Whim:
    """
    One player's.

    Attributes:
        player: Whose.
        random: Chance.
        others: Who may be muted.
        room: Where the player believes to be.
        idle: What to do that changes nothing.
        hands: What it believes to carry.
    """

    player: Player
    random: Random
    others: tuple[Player, ...]
    room: Room
    idle: tuple[str, ...] = IDLE
    hands: set[Item] = field(factory=set)

    def next(self) -> Deed:
        """Choose what to do next, and believe that it succeeds."""
        deed = self._choose()
        match deed:
            case Go(direction=direction):
                self.room = WAYS[self.room].get(direction, self.room)
            case Get(item=str(item)) | TakeOut(item=str(item)):
                self.hands.add(item)
            case Drop(item=item) | Put(item=item):
                self.hands = set() if item is None else self.hands - {item}
            case _:
                pass
        return deed

    def _choose(self) -> Deed:
        (kind,) = self.random.choices(tuple(_SHARES), tuple(_SHARES.values()))
        pick = self.random.choice
        if kind is Get:
            return Get(None if self._once_in(10) else pick(_ALL_ITEMS))
        if kind is Drop:
            if self._once_in(10):
                return Drop(None)
            return Drop(pick(sorted(self.hands) or _ALL_ITEMS))
        if kind is Put:
            item = None if self._once_in(10) else pick(sorted(self.hands) or _ALL_ITEMS)
            return Put(item, self._container())
        if kind is TakeOut:
            return TakeOut(None if self._once_in(5) else pick(_ALL_ITEMS), self._container())
        if kind is Shut:
            return Shut(pick(DOORS), self._once_in(2))
        if kind is Go:
            return Go(pick(_DIRECTIONS if self._once_in(5) else sorted(WAYS[self.room])))
        if kind is Idle:
            return Idle(pick(self.idle))
        return pick((Mute, Unmute))(pick(self.others))

    def _container(self) -> Item:
        """Choose a container: one that is here, if there is one."""
        here = [each for each in CONTAINERS if FIXED[each] == self.room]
        return self.random.choice(here or CONTAINERS)

    def _once_in(self, times: int) -> bool:
        return self.random.randrange(times) == 0
