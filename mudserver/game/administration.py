"""What operators may do to a running daemon."""

from collections.abc import Callable
from datetime import datetime

from attrs import define, field
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mudserver.game.service import WorldService
from mudserver.interfaces import AccountRow, DatabaseAddress, IAdministration, Role, Status


@implementer(IAdministration)
@define(eq=False)
class Administration:
    """
    Implements `IAdministration` by a world in this process; every deed is logged.

    While no world is up, everything but `status` and `drain` fails with `Unavailable`.

    Args:
        service: The world.
        version: Ours.
        running_since: When the daemon started (UTC).
        clock: What its uptime is measured by.
        connections: Counts the open connections.
        address: Tells where the database is.
        drain: Makes the daemon end; may be called more than once.
    """

    service: WorldService
    version: str
    running_since: datetime
    _clock: IReactorTime
    _connections: Callable[[], int]
    _address: Callable[[], DatabaseAddress]
    _drain: Callable[[], None]
    _started: float = field(init=False)
    _draining: bool = field(default=False, init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._started = self._clock.seconds()

    def status(self) -> Status:
        """Implement `IAdministration.status`."""
        sessions = self.service.game.sessions if self.service.open else ()
        return Status(
            version=self.version,
            uptime=self._clock.seconds() - self._started,
            sessions=tuple(session.summary for session in sessions),
            connections=self._connections(),
            draining=self._draining,
        )

    def accounts(self, after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """Implement `IAdministration.accounts`."""

        async def page() -> tuple[AccountRow, ...]:
            return await self.service.game.accounts.page(after, limit)

        return Deferred.fromCoroutine(page())

    def set_role(self, name: str, role: Role) -> Deferred[None]:
        """Implement `IAdministration.set_role`."""

        async def change() -> None:
            accounts = self.service.game.accounts
            account = await accounts.find(name)
            await accounts.set_role(account.id, role)
            self._log.info("{account} is now {role}.", account=account.name, role=role.value)

        return Deferred.fromCoroutine(change())

    def set_password(self, name: str, password: str) -> Deferred[None]:
        """Implement `IAdministration.set_password`."""

        async def change() -> None:
            game = self.service.game
            account = await game.accounts.find(name)
            await game.revocations.set_password(account, password)
            self._log.info("{account} has a new password.", account=account.name)

        return Deferred.fromCoroutine(change())

    def kick(self, character: str, reason: str) -> Deferred[None]:
        """Implement `IAdministration.kick`."""

        def kick() -> None:
            self.service.game.presence.kick(character, reason)
            self._log.info("{character} was kicked: {reason}", character=character, reason=reason)

        return maybeDeferred(kick)

    def revoke(self, name: str) -> Deferred[int]:
        """Implement `IAdministration.revoke`."""

        async def revoke() -> int:
            game = self.service.game
            account = await game.accounts.find(name)
            revoked = await game.revocations.revoke_all(account.id)
            self._log.info(
                "{tokens} tokens of {account} are revoked.", tokens=revoked, account=account.name
            )
            return revoked

        return Deferred.fromCoroutine(revoke())

    def database(self) -> DatabaseAddress:
        """Implement `IAdministration.database`."""
        self._log.info("Asked where the database is.")
        return self._address()

    def drain(self) -> None:
        """Implement `IAdministration.drain`."""
        self._draining = True
        self._log.info("Asked to drain.")
        self._drain()
