"""A world in a few lines, that keeps its promises: what the oracle must find nothing wrong with."""

from collections import deque
from itertools import count
from typing import Final

from attrs import define, evolve, field

from tests.crash.history import (
    CLOSED,
    OPEN,
    Command,
    Deed,
    Drop,
    Get,
    Go,
    History,
    Idle,
    Mute,
    Outcome,
    Player,
    Put,
    Shut,
    Stored,
    TakeOut,
    Unmute,
    at_hand,
)

WAYS: Final = {
    "hall": {"north": "yard", "east": "barn"},
    "yard": {"south": "hall"},
    "barn": {"west": "hall"},
}
BEGINNING: Final = Stored(
    rooms={"Ann": "hall", "Bob": "hall", "Tom": "yard", "Zed": "barn"},
    items=(("lamp", "hall"), ("rope", "hall"), ("book", "yard"), ("hatch", CLOSED)),
    mutes=frozenset({("Ann", "Bob")}),
)


def done(world: Stored, player: Player, deed: Deed) -> Stored | None:
    """Return the world after that; None where it can't be done."""
    room = world.rooms[player]
    match deed:
        case Go(direction=direction):
            target = WAYS[room].get(direction)
            return None if target is None else evolve(world, rooms={**world.rooms, player: target})
        case Get(item=item):
            return _moved(world, item, room, player)
        case Drop(item=item):
            return _moved(world, item, player, room)
        case Put() | TakeOut() | Shut() if at_hand(deed) != room:
            return None
        case Put(item=item, container=container):
            return _moved(world, item, player, container)
        case TakeOut(item=item, container=container):
            return _moved(world, item, container, player)
        case Shut(item=item, closed=closed):
            return _moved(world, item, *((OPEN, CLOSED) if closed else (CLOSED, OPEN)))
        case Mute(player=muted):
            pair = (player, muted)
            return None if pair in world.mutes else evolve(world, mutes=world.mutes | {pair})
        case Unmute(player=muted):
            pair = (player, muted)
            return evolve(world, mutes=world.mutes - {pair}) if pair in world.mutes else None
        case Idle():
            return world


def _moved(world: Stored, item: str | None, source: str, target: str) -> Stored | None:
    moving = {each for each, place in world.items if place == source and item in (None, each)}
    if not moving:
        return None
    items = tuple((each, target if each in moving else place) for each, place in world.items)
    return evolve(world, items=items)


@define
class Play:
    """
    Players who send, a world that carries out, commits and answers; each step when it is told.

    Attributes:
        live: The world in memory.
        stored: The world as it was last committed.
    """

    live: Stored = BEGINNING
    stored: Stored = BEGINNING
    _histories: dict[Player, History] = field(factory=dict)
    _inputs: dict[Player, deque[Command]] = field(factory=dict)
    _answers: dict[Player, deque[tuple[Command, bool]]] = field(factory=dict)
    _uncommitted: list[Command] = field(factory=list)
    _moments: "count[int]" = field(factory=lambda: count(1))

    @property
    def histories(self) -> list[History]:
        return list(self._histories.values())

    def send(self, player: Player, deed: Deed) -> Command:
        command = Command(deed, next(self._moments))
        self._histories.setdefault(player, History(player)).commands.append(command)
        self._inputs.setdefault(player, deque()).append(command)
        return command

    def carry_out(self, player: Player) -> None:
        """Carry out a player's next command."""
        inputs = self._inputs.get(player)
        if not inputs:
            return
        command = inputs.popleft()
        world = done(self.live, player, command.deed)
        if world is not None and world != self.live:
            self._uncommitted.append(command)
        self.live = world or self.live
        self._answers.setdefault(player, deque()).append((command, world is not None))

    def commit(self) -> None:
        self.stored = self.live
        self._uncommitted.clear()

    def answer(self, player: Player) -> None:
        """Answer a player's next command, if it may be; Tom only sees what is done."""
        answers = self._answers.get(player)
        if not answers:
            return
        command, carried_out = answers[0]
        if player != "Tom" and any(each is command for each in self._uncommitted):
            return
        answers.popleft()
        command.answered = next(self._moments)
        command.outcome = Outcome.SHOWN if player == "Tom" else Outcome.ACKNOWLEDGED
        if not carried_out:
            command.outcome, command.code = Outcome.REFUSED, "not_here"

    def pass_over(self, player: Player) -> None:
        """Refuse a player's next command without a look at the world."""
        command = self._inputs[player].popleft()
        command.answered = next(self._moments)
        command.outcome, command.code = Outcome.REFUSED, "unavailable"

    def all_of(self, player: Player, *deeds: Deed) -> None:
        """Have a player do things, one after the other, each committed and answered."""
        for deed in deeds:
            self.send(player, deed)
            self.carry_out(player)
            self.commit()
            self.answer(player)
