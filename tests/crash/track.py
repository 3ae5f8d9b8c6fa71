"""What one player's commands mean for the player alone: the room, and whom it doesn't hear."""

from typing import assert_never

from attrs import field, frozen

from tests.crash.history import (
    Command,
    Drop,
    Get,
    Go,
    History,
    Idle,
    Mute,
    Outcome,
    Player,
    Put,
    Room,
    Shut,
    Stored,
    TakeOut,
    Unmute,
    Ways,
    at_hand,
)


@frozen
class Own:
    """What no other player can change."""

    room: Room
    muted: frozenset[Player]


@frozen
class Track:
    """
    One player's way through a history.

    Attributes:
        history: The player's.
        states: `Own` before the first command, and after each.
        problems: Answers that can't be.
    """

    history: History
    states: tuple[Own, ...]
    problems: tuple[str, ...] = field(default=())

    @property
    def acknowledged(self) -> int:
        """
        How many of the commands, from the first, stand before an acknowledged change, with that.

        What changes nothing is acknowledged without anything being stored.
        """
        return max(
            (
                number
                for number, command in enumerate(self.history.commands, 1)
                if command.outcome is Outcome.ACKNOWLEDGED and not isinstance(command.deed, Idle)
            ),
            default=0,
        )

    def seen_before(self, moment: int) -> int:
        """Return how many of the commands, from the first, were done before that moment."""
        return max(
            (
                number
                for number, command in enumerate(self.history.commands, 1)
                if command.outcome is Outcome.SHOWN
                and command.answered is not None
                and command.answered < moment
            ),
            default=0,
        )


def follow(ways: Ways, before: Stored, history: History) -> Track:
    """Carry out a player's commands on what is the player's own."""
    own = Own(before.rooms[history.player], before.muted_by(history.player))
    states = [own]
    problems: list[str] = []
    for number, command in enumerate(history.commands, 1):
        then = _after(ways, own, command)
        if _answer_is_known(own, command) and (command.outcome is Outcome.REFUSED) != (
            then is None
        ):
            problems.append(f"{history.player}: {number}. {command}, but {own}")
        if command.outcome is not Outcome.REFUSED and then is not None:
            own = then
        states.append(own)
    problems += _out_of_order(history)
    return Track(history, tuple(states), tuple(problems))


def _answer_is_known(own: Own, command: Command) -> bool:
    """Whether there was an answer, and one that nobody else had a part in."""
    deed = command.deed
    if command.passed_over or isinstance(deed, Get | Drop | Idle):
        return False
    if isinstance(deed, Put | TakeOut | Shut) and at_hand(deed) == own.room:
        return False
    return command.outcome is not Outcome.UNKNOWN


def _after(ways: Ways, own: Own, command: Command) -> Own | None:
    """Return what is one's own afterwards; None where that can't be done."""
    match command.deed:
        case Go(direction=direction):
            room = ways[own.room].get(direction)
            return None if room is None else Own(room, own.muted)
        case Mute(player=player):
            return None if player in own.muted else Own(own.room, own.muted | {player})
        case Unmute(player=player):
            return Own(own.room, own.muted - {player}) if player in own.muted else None
        case Put() | TakeOut() | Shut():
            return own if at_hand(command.deed) == own.room else None
        case Get() | Drop() | Idle():
            return own
        case _:
            assert_never(command.deed)


def _out_of_order(history: History) -> list[str]:
    """Tell which answers came before an earlier one's."""
    problems: list[str] = []
    latest = 0
    open_since: int | None = None
    for number, command in enumerate(history.commands, 1):
        if command.answered is None:
            open_since = open_since or number
        elif command.code == "unavailable":
            continue  # given at once where there is no room to wait in order
        elif open_since is not None or command.answered < latest:
            problems.append(f"{history.player}: {number}. {command}, answered out of order")
        else:
            latest = command.answered
    return problems
