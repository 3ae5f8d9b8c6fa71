"""What players did, as they saw it themselves, and what a database holds of it."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias, assert_never

from attrs import define, field, frozen

#: Rooms and items by their keys, players by their names. A place is a room, a player or a
#: container; a door is an item whose place is `OPEN` or `CLOSED`.
Room: TypeAlias = str
Item: TypeAlias = str
Player: TypeAlias = str
Place: TypeAlias = str

OPEN: Place = "open"
CLOSED: Place = "closed"

#: In which room each container is, and each door.
FIXED: Mapping[Item, Room] = {"box": "hall", "crate": "barn", "hatch": "hall"}

#: Those of them that hold things, and that open and close.
CONTAINERS = ("box", "crate")
DOORS = ("hatch",)

#: Codes of refusals that say nothing of the world: the command wasn't carried out.
PASSING = frozenset({"unavailable", "rate_limited"})


@frozen
class Go:
    """Walk that way."""

    direction: str


@frozen
class Get:
    """Take an item, or all that lies here."""

    item: Item | None


@frozen
class Drop:
    """Put down an item, or all that one carries."""

    item: Item | None


@frozen
class Put:
    """Put an item into a container, or all that one carries."""

    item: Item | None
    container: Item


@frozen
class TakeOut:
    """Take an item out of a container, or all that is in it."""

    item: Item | None
    container: Item


@frozen
class Shut:
    """Close a door, or open it."""

    item: Item
    closed: bool


@frozen
class Mute:
    """Hear no more of a player."""

    player: Player


@frozen
class Unmute:
    """Hear a player again."""

    player: Player


@frozen
class Idle:
    """Something that changes nothing."""

    text: str


Deed: TypeAlias = Go | Get | Drop | Put | TakeOut | Shut | Mute | Unmute | Idle


def at_hand(deed: Put | TakeOut | Shut) -> Room:
    """Return the room where that can be done."""
    return FIXED[deed.item if isinstance(deed, Shut) else deed.container]


def typed(deed: Deed) -> str:
    """Return what a player types to do that."""
    match deed:
        case Go(direction=direction):
            return direction
        case Get(item=item):
            return f"get {item or 'all'}"
        case Drop(item=item):
            return f"drop {item or 'all'}"
        case Put(item=item, container=container):
            return f"put {item or 'all'} in {container}"
        case TakeOut(item=item, container=container):
            return f"get {item or 'all'} from {container}"
        case Shut(item=item, closed=closed):
            return f"{'close' if closed else 'open'} {item}"
        case Mute(player=player):
            return f"mute {player}"
        case Unmute(player=player):
            return f"unmute {player}"
        case Idle(text=text):
            return text
        case _:
            assert_never(deed)


class Outcome(Enum):
    """What a player knows of a command."""

    ACKNOWLEDGED = "ack"  #: it is done, and committed
    SHOWN = "shown"  #: it was done, as far as one could see
    REFUSED = "error"  #: it was not done
    UNKNOWN = "?"


@define
class Command:
    """
    One command.

    Attributes:
        deed: What was wanted.
        sent: When it was sent; moments are numbers that grow, in one order for all players.
        outcome: What came of it.
        answered: When that was known; None while it isn't.
        code: Of the refusal.
    """

    deed: Deed
    sent: int
    outcome: Outcome = Outcome.UNKNOWN
    answered: int | None = None
    code: str = ""

    @property
    def passed_over(self) -> bool:
        """Whether it was refused without a look at the world."""
        return self.outcome is Outcome.REFUSED and self.code in PASSING

    def __str__(self) -> str:
        answer = "" if self.answered is None else f" @{self.answered}"
        return f"@{self.sent} {typed(self.deed)}: {self.outcome.value}{answer} {self.code}".rstrip()


@define
class History:
    """All that a player did since the state that a check begins with, in order."""

    player: Player
    commands: list[Command] = field(factory=list)

    def __str__(self) -> str:
        lines = [f"  {number}. {command}" for number, command in enumerate(self.commands, 1)]
        return "\n".join([self.player, *lines])


@frozen
class Stored:
    """
    What a database holds.

    Attributes:
        rooms: Where each player is.
        items: Each item with its place; an item that is stored twice stands here twice.
        mutes: Who mutes whom.
    """

    rooms: Mapping[Player, Room]
    items: tuple[tuple[Item, Place], ...]
    mutes: frozenset[tuple[Player, Player]]

    def muted_by(self, player: Player) -> frozenset[Player]:
        """Return whom a player mutes."""
        return frozenset(muted for muter, muted in self.mutes if muter == player)

    def __str__(self) -> str:
        return "\n".join(
            [
                *(f"  {player} is in {room}" for player, room in sorted(self.rooms.items())),
                *(f"  {item}: {place}" for item, place in sorted(self.items)),
                *(f"  {muter} mutes {muted}" for muter, muted in sorted(self.mutes)),
            ]
        )


#: Where the ways out of each room lead, by direction.
Ways: TypeAlias = Mapping[Room, Mapping[str, Room]]
