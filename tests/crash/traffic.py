"""The ways of one item: in which order it may have been moved, and what may be stored of it."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TypeAlias

from attrs import define, field, frozen

from tests.crash.history import (
    CLOSED,
    OPEN,
    Deed,
    Drop,
    Get,
    Item,
    Outcome,
    Place,
    Player,
    Put,
    Shut,
    TakeOut,
    at_hand,
)
from tests.crash.track import Own, Track

#: How many of each player's doings with the item are part of something.
Progress: TypeAlias = tuple[int, ...]

#: How many of a player's commands are stored: from the first number to the second.
Range: TypeAlias = tuple[int, int]


class Need(Enum):
    """What is known of an item's move."""

    MUST = "must"  #: the item was there, and moved
    MUST_NOT = "must not"  #: it was not there
    MAY = "may"  #: it moved if it was there


@frozen
class Move:
    """
    One command that may have moved the item.

    Attributes:
        number: Of the command among the player's, from 1.
        need: What is known of it.
        source: Where the item must be to be moved.
        target: Where it is moved to.
        sent: When the command was sent.
        answered: When the answer was known; None while it isn't.
    """

    number: int
    need: Need
    source: Place
    target: Place
    sent: int
    answered: int | None

    def moved(self, place: Place) -> Place | None:
        """Return where the item is afterwards; None where it can't have gone so."""
        here = place == self.source
        match self.need:
            case Need.MUST:
                return self.target if here else None
            case Need.MUST_NOT:
                return None if here else place
            case Need.MAY:
                return self.target if here else place


def moves(item: Item, track: Track) -> tuple[Move, ...]:
    """Return what a player did that may have moved an item."""
    player = track.history.player
    found: list[Move] = []
    for number, (command, own) in enumerate(
        zip(track.history.commands, track.states, strict=False), 1
    ):
        deed = command.deed
        places = _places(deed, player, own)
        if places is None or command.passed_over:
            continue
        if not isinstance(deed, _MOVING) or deed.item not in (item, None):
            continue
        need = Need.MAY
        if command.outcome is Outcome.REFUSED:
            need = Need.MUST_NOT
        elif command.outcome is not Outcome.UNKNOWN and deed.item is not None:
            need = Need.MUST
        found.append(Move(number, need, *places, command.sent, command.answered))
    return tuple(found)


_MOVING = Get | Drop | Put | TakeOut | Shut


def _places(deed: Deed, player: Player, own: Own) -> tuple[Place, Place] | None:
    """Return from where to where that moves an item; None where it can move none."""
    match deed:
        case Get():
            return own.room, player
        case Drop():
            return player, own.room
        case Put() | TakeOut() | Shut() if at_hand(deed) != own.room:
            return None
        case Put(container=container):
            return player, container
        case TakeOut(container=container):
            return container, player
        case Shut(closed=closed):
            return (OPEN, CLOSED) if closed else (CLOSED, OPEN)
        case _:
            return None


@define
class Traffic:
    """
    All that may have moved one item, by player.

    An order of all of it is possible if each player's own order is kept, if what was answered
    before something else was sent comes before that, and if each finds the item as it did. What is
    stored is the item's place at one moment in such an order: all that is acknowledged comes before
    it.
    """

    lanes: Sequence[tuple[Move, ...]]
    _ends: dict[tuple[Progress, Place], bool] = field(factory=dict, init=False)

    def cuts(self, start: Place, end: Place, floor: Progress) -> set[Progress]:
        """
        Find the moments at which an item may have been stored.

        Args:
            start: Where it was first.
            end: Where it is stored.
            floor: How much of each lane is stored at least.
        """
        found: set[Progress] = set()
        first = ((0,) * len(self.lanes), start)
        seen, waiting = {first}, [first]
        while waiting:
            progress, place = waiting.pop()
            reached = all(done >= least for done, least in zip(progress, floor, strict=True))
            if reached and place == end and self._can_end(progress, place):
                found.add(progress)
            for step in self._steps(progress, place):
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
        return found

    def ranges(self, cut: Progress, totals: Sequence[int]) -> tuple[Range, ...]:
        """Return how many commands of each player are stored if the item was at that cut."""
        found: list[Range] = []
        for lane, done, total in zip(self.lanes, cut, totals, strict=True):
            least = lane[done - 1].number if done else 0
            most = lane[done].number - 1 if done < len(lane) else total
            found.append((least, most))
        return tuple(found)

    def floor(self, numbers: Sequence[int]) -> Progress:
        """Return how much of each lane is among so many commands."""
        return tuple(
            sum(1 for move in lane if move.number <= number)
            for lane, number in zip(self.lanes, numbers, strict=True)
        )

    def _steps(self, progress: Progress, place: Place) -> Iterable[tuple[Progress, Place]]:
        """Return what may have come next."""
        heads = [
            lane[done] if done < len(lane) else None
            for lane, done in zip(self.lanes, progress, strict=True)
        ]
        answered = [head.answered for head in heads if head and head.answered is not None]
        earliest = min(answered, default=None)
        for index, head in enumerate(heads):
            if head is None or (earliest is not None and earliest < head.sent):
                continue
            moved = head.moved(place)
            if moved is not None:
                after = (*progress[:index], progress[index] + 1, *progress[index + 1 :])
                yield after, moved

    def _can_end(self, progress: Progress, place: Place) -> bool:
        """Whether everything that was answered can still come, in some order."""
        node = (progress, place)
        known = self._ends.get(node)
        if known is None:
            known = self._all_answered(progress) or any(
                self._can_end(*step) for step in self._steps(*node)
            )
            self._ends[node] = known
        return known

    def _all_answered(self, progress: Progress) -> bool:
        return all(
            move.answered is None
            for lane, done in zip(self.lanes, progress, strict=True)
            for move in lane[done:]
        )


def agree(
    candidates: Mapping[Player, frozenset[int]], choices: Sequence[Sequence[Mapping[Player, Range]]]
) -> bool:
    """
    Tell whether one number of stored commands for each player fits everything.

    Args:
        candidates: The numbers that fit what is the player's own.
        choices: For each item, the cuts that fit it: how many commands of each player.
    """
    if not all(candidates.values()):
        return False
    if not choices:
        return True
    first, *others = sorted(choices, key=len)
    for choice in first:
        narrowed = {
            player: frozenset(n for n in numbers if choice[player][0] <= n <= choice[player][1])
            for player, numbers in candidates.items()
        }
        if agree(narrowed, others):
            return True
    return False
