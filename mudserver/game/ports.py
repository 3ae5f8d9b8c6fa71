"""All that a game needs from outside."""

from collections.abc import Callable
from datetime import datetime

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime

from mudserver.game.hasher import PasswordHasher
from mudserver.interfaces.bus import IBus
from mudserver.interfaces.failed_logins import IFailedLoginStore
from mudserver.interfaces.history import IHistoryStore
from mudserver.interfaces.journal import IJournalStore
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.notices import INotices, NoNotices
from mudserver.interfaces.standby import Whereabouts
from mudserver.interfaces.stores import IAccountStore, IWorldStore
from mudserver.interfaces.undelivered import IUndelivered, NoneKept


@frozen
class GamePorts:
    """
    All that a game needs from outside.

    Attributes:
        bus: What leads to the gateways.
        accounts: Where accounts are kept.
        failed_logins: Where failed log-ins are remembered.
        world: Where the world and its characters are kept.
        journal: Where what changes is written.
        history: Where what was said can be read again.
        hasher: Where passwords are hashed; the game starts and stops it.
        clock: What all waiting is measured by.
        utc_now: The wall clock, for moments that outlive the process.
        token_bytes: So many random bytes, not to be guessed.
        pick: Chance: at least 0, less than 1.
        meter: What counts.
        holder: Who we are, for operators who ask who has the lease.
        notices: What tells of changes by others.
        undelivered: Where is kept what the bus could not deliver.
        whereabouts: Which of several processes ours is; None for one by itself.
        apart: Whether gateways are in other processes, which hold their sessions while no world is
            there: a world that ends leaves them to the next one.
    """

    bus: IBus
    accounts: IAccountStore
    failed_logins: IFailedLoginStore
    world: IWorldStore
    journal: IJournalStore
    history: IHistoryStore
    hasher: PasswordHasher
    clock: IReactorTime
    utc_now: Callable[[], datetime]
    token_bytes: Callable[[int], bytes]
    pick: Callable[[], float]
    meter: IMeter
    holder: str = "a world"
    notices: INotices = field(factory=NoNotices)
    undelivered: IUndelivered = field(factory=NoneKept)
    whereabouts: Whereabouts | None = None
    apart: bool = False
