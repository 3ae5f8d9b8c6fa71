"""Whatever revokes tokens, and with them ends the sessions that act on them."""

from twisted.internet.defer import Deferred

from mudserver.game.accounts import Accounts
from mudserver.game.presence import Presence
from mudserver.game.tokens import Tokens
from mudserver.ids import AccountId
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.authority import ChangePassword, Revoke
from mudserver.interfaces.rows import AccountRow
from mudserver.tasks import Tasks


class Revocations:
    """
    Changes passwords, and ends authority.

    What was begun is finished even if nobody waits for it any more: otherwise a token
    could be revoked and its sessions go on. Every Deferred may fail with `Overloaded` or
    `StorageUnavailable`.

    Args:
        accounts: What changes passwords.
        tokens: What revokes.
        presence: What ends the sessions.
        tasks: What owns the work.
    """

    def __init__(
        self, *, accounts: Accounts, tokens: Tokens, presence: Presence, tasks: Tasks
    ) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._presence = presence
        self._tasks = tasks

    def change_password(self, request: ChangePassword) -> Deferred[None]:
        """Change a password; fails as `ChangePassword` lists."""

        async def change() -> None:
            outlived = self._presence.acts_on(request.session, request.token)
            revoked = await self._accounts.change_password(request, outlived=outlived)
            self._presence.end_tokens(revoked)

        return self._tasks.shield("change_password", change())

    def set_password(self, account: AccountRow, password: str, audit: AuditRow) -> Deferred[None]:
        """Give an account a password by an operator's will; fails with `BadPassword`."""

        async def change() -> None:
            self._presence.end_tokens(await self._accounts.set_password(account, password, audit))

        return self._tasks.shield("set_password", change())

    def revoke(self, request: Revoke) -> Deferred[None]:
        """End one token."""

        async def revoke() -> None:
            self._presence.end_tokens((await self._tokens.revoke(request),))

        return self._tasks.shield("revoke", revoke())

    def close(self, account: AccountId, audit: AuditRow) -> Deferred[None]:
        """Let nobody act for an account any more, and end its sessions."""

        async def close() -> None:
            self._presence.end_tokens(await self._accounts.close(account, audit))
            self._presence.shut_out(account)

        return self._tasks.shield("close_account", close())

    def reopen(self, account: AccountId, audit: AuditRow) -> Deferred[None]:
        """Let its owner log in to an account again."""

        async def reopen() -> None:
            await self._accounts.reopen(account, audit)
            self._presence.readmit(account)

        return self._tasks.shield("reopen_account", reopen())

    def revoke_all(self, account: AccountId, audit: AuditRow) -> Deferred[int]:
        """End all tokens of an account; fires with how many were valid."""

        async def revoke() -> int:
            tokens = await self._tokens.revoke_all(account, audit)
            self._presence.end_tokens(tokens)
            return len(tokens)

        return self._tasks.shield("revoke", revoke())
