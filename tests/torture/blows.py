"""What strikes a town, and its players."""

from enum import Enum
from typing import Final


class Blow(Enum):
    """What strikes a town."""

    KILL_WORLD = "kill-world"
    STOP_WORLD = "stop-world"
    RELOAD_WORLD = "reload-world"
    KILL_HUB = "kill-hub"
    #: So that the next world opens without anybody to tell.
    KILL_BOTH = "kill-both"
    #: Players by WebSocket lose their connections, and go on at the other gateway: between the
    #: others, all the time.
    MOVE_PLAYERS = "move-players"
    #: They quit, and log in anew, by either gateway; the same.
    QUIT_PLAYERS = "quit-players"


#: What strikes single players, and how often. Who quits is owed less.
TROUBLES: Final = {Blow.MOVE_PLAYERS: 4, Blow.QUIT_PLAYERS: 1}
