"""A place in the pool, and the connection that comes and goes there."""

from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import StorageUnavailable
from mudserver.storage.connection import Connection

#: Seconds before a broken connection is replaced, after the first immediate try; doubled with
#: each failure up to the second number.
RECONNECT_DELAY: Final = 0.1
MAX_RECONNECT_DELAY: Final = 5.0


class Condition(Enum):
    """
    Where a member of the pool is in its life::

        CONNECTING → IDLE ⇄ LENT
          ↑    ↘      ↓      ↓
          └──── ABSENT ←─────┘     any → GONE, when the pool closes
    """

    ABSENT = "absent"
    CONNECTING = "connecting"
    IDLE = "idle"
    LENT = "lent"
    GONE = "gone"


#: Opens a connection; what it is given is called when that one breaks while idle.
Connect = Callable[[Callable[[], None]], Coroutine["Deferred[Any]", Any, Connection]]


class Owner(Protocol):
    """What has members."""

    def came(self, member: "Member") -> None:
        """A member has a connection again."""

    def failed(self, member: "Member", failure: Failure) -> None:
        """A member got none; whether it goes on trying is for the owner to say."""

    def broke(self, member: "Member") -> None:
        """The connection of an idle member broke, and has to be replaced."""

    def aged(self, member: "Member") -> None:
        """The connection of a member is as old as it may be."""

    def changed(self) -> None:
        """Some member's condition is another one."""


class Member:
    """
    One place in the pool.

    Args:
        clock: What pauses are measured by.
        connect: Opens a connection.
        owner: Is told what happens.
        age: Seconds that a connection may last.

    Attributes:
        condition: Where it is in its life.
        connection: What it has; None while it is absent, connecting or gone.
        outdated: Whether its connection is whole, but shall be lent no more.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, connect: Connect, owner: Owner, age: float) -> None:
        self.condition = Condition.ABSENT
        self.connection: Connection | None = None
        self.outdated = False
        self._clock = clock
        self._connect = connect
        self._owner = owner
        self._age = age
        self._ageing: IDelayedCall | None = None
        self._failures = 0
        self._retry: IDelayedCall | None = None
        self._connecting: Deferred[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether it has a connection that is not broken as far as we know."""
        return self.condition in {Condition.IDLE, Condition.LENT}

    async def connect(self) -> None:
        """
        Get a connection.

        Raises:
            StorageUnavailable: None is to be had now, or the pool was closed meanwhile.
            StorageRefused: The server won't have us.
        """
        self._put(Condition.CONNECTING)
        connection = await self._connect(self._broken)
        if self.condition is not Condition.CONNECTING:
            connection.close()
            raise StorageUnavailable("the database's pool was closed meanwhile")
        self.connection = connection
        self.outdated = False
        self._ageing = self._clock.callLater(self._age, self._grow_old)

    def connect_later(self, pause: float = 0.0) -> None:
        """Get a connection in the background; the owner is told what came of it."""
        self._retry = self._clock.callLater(pause, self.connect_now)

    def connect_now(self) -> None:
        """Get a connection in the background, at once."""
        self._retry = None
        connecting = self._connecting = Deferred.fromCoroutine(self.connect())
        connecting.addCallback(lambda _: self._owner.came(self))
        connecting.addErrback(self._not_connected)
        connecting.addErrback(lambda failure: self._log.failure("a connection is lost", failure))

    def lend(self) -> None:
        """Let somebody use the connection."""
        self._put(Condition.LENT)

    def rest(self) -> None:
        """Let nobody use the connection."""
        self._put(Condition.IDLE)

    def prove(self) -> None:
        """Note that the connection was used and is whole, so that a new one has no pause."""
        # The count is not forgotten when a connection is opened, so that one which opens and then
        # breaks at its first use isn't tried without pause.
        self._failures = 0

    def replace(self) -> None:
        """Get a new connection where the old one broke, is outdated, or couldn't be opened."""
        self._let_go()
        pause = RECONNECT_DELAY * 2 ** min(self._failures - 1, 10) if self._failures else 0.0
        self._failures += 1
        self.connect_later(min(pause, MAX_RECONNECT_DELAY))
        self._put(Condition.ABSENT)

    def dismiss(self) -> None:
        """Be gone, for good."""
        self._put(Condition.GONE)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        self._let_go()

    def _let_go(self) -> None:
        if self._ageing is not None and self._ageing.active():
            self._ageing.cancel()
        self._ageing = None
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def _grow_old(self) -> None:
        self.outdated = True
        self._owner.aged(self)

    def _not_connected(self, failure: Failure) -> None:
        if self.condition is not Condition.GONE:
            self._owner.failed(self, failure)

    def _broken(self) -> None:
        """Hear that the connection broke while no statement ran."""
        if self.condition is Condition.IDLE:
            self._owner.broke(self)

    def _put(self, condition: Condition) -> None:
        self.condition = condition
        self._owner.changed()
