"""What operators see of a running daemon, and may do to it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import field, frozen
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from mudserver.ids import Epoch, SessionId
from mudserver.interfaces.archive import ImportedCharacter
from mudserver.interfaces.audit import AuditEntry, AuditFilter, Operator
from mudserver.interfaces.history import LogLine
from mudserver.interfaces.logins import LoginEntry
from mudserver.interfaces.rows import AccountRow
from mudserver.world import commands
from mudserver.world.bans import Ban
from mudserver.world.role import Role


@frozen
class SessionSummary:
    """One session, for operators."""

    session: SessionId
    character: str
    account: str
    transport: str
    address: str
    linkdead: bool


@frozen
class WorldStatus:
    """
    The state of a world, for operators.

    Attributes:
        epoch: Of its lease: one more than that of the world before.
        opened: When it opened (UTC).
        pause: The longest, in seconds, for which players could not play because of it.
    """

    epoch: Epoch
    opened: datetime
    pause: float


@frozen
class Status:
    """
    The state of a process, for operators.

    Attributes:
        version: Of mudserver.
        uptime: Seconds since its start.
        role: What it is, as in the settings.
        peer: What it is called on the bus; empty for one by itself.
        phase: What its world is about; empty where it has none.
        linked: Whether it has its link to the bus; a hub is the bus.
        sessions: Those of its world.
        connections: Of players, that it holds.
        draining: Whether it is going to stop.
        world: None where none is open here.
    """

    version: str
    uptime: float
    role: str
    peer: str
    phase: str
    linked: bool
    sessions: tuple[SessionSummary, ...]
    connections: int
    draining: bool
    world: WorldStatus | None = None


@frozen
class Reloaded:
    """
    Another world has taken over.

    Attributes:
        peer: What that one is called on the bus.
        host: On which machine it is.
        process: The id of its process there.
        waiting: Gateways that had not come over when we stopped waiting.
        gateways: Those that had.
        sessions: How many of their sessions went on.
        pause: Seconds for which these could not play, of the longest.
    """

    peer: str
    host: str
    process: int
    waiting: int
    gateways: int
    sessions: int
    pause: float


@frozen
class DatabaseAddress:
    """
    Where the database is, for tools that run beside the daemon.

    Attributes:
        parameters: As libpq names them, the password among them.
        programs: The directory of PostgreSQL's programs that serve it; empty where the server
            is not ours.
    """

    parameters: Mapping[str, str] = field(repr=False)
    programs: str


class IAdministration(Interface):
    """
    What an operator may do to a running daemon; `PlayerError` says why it can't be done.

    Whatever changes or reveals something is noted in the audit log: ``by`` says whose deed it is.
    """

    running_since = Attribute("When the daemon started (UTC).")
    letters = Attribute("All dead letters, an `ILetterOffice`.")

    def status() -> Status:
        """Report."""

    def accounts(after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """List accounts."""

    def set_role(by: Operator, name: str, role: Role) -> Deferred[None]:
        """Change an account's role."""

    def close_account(by: Operator, name: str) -> Deferred[None]:
        """Let nobody act for an account: its sessions and tokens end, and no log-in is taken."""

    def reopen_account(by: Operator, name: str) -> Deferred[None]:
        """Take log-ins of an account that was closed."""

    def set_password(by: Operator, name: str, password: str) -> Deferred[None]:
        """Give an account a new password; all its tokens end."""

    def kick(by: Operator, character: str, reason: str) -> Deferred[None]:
        """Close a character's connection; it may come back."""

    def revoke(by: Operator, name: str) -> Deferred[int]:
        """End all tokens of an account; fires with how many were valid."""

    def ban(by: Operator, command: commands.Ban, force: bool) -> Deferred[str]:
        """Keep somebody out; fires with whom, in words, once that is committed."""

    def unban(by: Operator, command: commands.Unban) -> Deferred[str]:
        """Take bans back; fires as `ban`."""

    def bans(after: tuple[str, str], limit: int) -> Deferred[tuple[Ban, ...]]:
        """List bans by kind and key, those that follow that kind and key."""

    def audit(
        wanted: AuditFilter, before: int | None, limit: int
    ) -> Deferred[tuple[AuditEntry, ...]]:
        """List what staff and operators did, the newest first, as `IAuditStore.page`."""

    def logins(name: str, before: int | None, limit: int) -> Deferred[tuple[LoginEntry, ...]]:
        """List log-ins of an account, the newest first, as `IAccountStore.logins`."""

    def export_character(by: Operator, name: str) -> Deferred[bytes]:
        """Write a character down, for another world; fires with a JSON document."""

    def import_character(
        by: Operator, document: bytes, account: str | None
    ) -> Deferred[ImportedCharacter]:
        """
        Make a character of such a document.

        Args:
            document: JSON text in UTF-8.
            account: The name of the account that will have it; None for a new one of the
                character's name, by which nobody can log in until it is given a password.
        """

    def chat_log(
        by: Operator, channel: str | None, name: str | None, back: timedelta, limit: int
    ) -> Deferred[tuple[LogLine, ...]]:
        """
        Read what was said, the oldest first.

        Args:
            channel: ``say``, ``emote``, ``tell`` or a channel's name; None for all but tells.
            name: Only what this player said, or was told; None for everyone.
            back: How far back.
            limit: How many lines, the newest.
        """

    def database(by: Operator) -> Deferred[DatabaseAddress]:
        """Tell where the database is, and the password of it."""

    def reload(by: Operator, fresh: bool) -> Deferred[Reloaded]:
        """
        Have another world take over from ours, and end this process.

        Args:
            by: Whose deed.
            fresh: Whether to start one even where one stands by.

        Returns:
            Fires when players go on there. Fails with `Unavailable`, which says why not.
        """

    def drain(by: Operator) -> None:
        """Stop accepting, tell all clients to come back later, save, and exit 0."""
