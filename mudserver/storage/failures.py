"""What PostgreSQL's and psycopg2's errors mean for us."""

import psycopg2
from twisted.internet.error import ConnectionClosed

from mudserver.errors import MudError, StorageRefused, StorageUnavailable

#: Classes of SQLSTATE that pass by themselves: connection, conflict, resources, object in use,
#: operator's intervention (a timeout is one), system error.
PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})

#: Writing to a server that has become a standby since we connected.
READ_ONLY = "25006"

#: Another transaction was in the way; the same one may well succeed now.
CONFLICTS = frozenset({"40001", "40P01"})


#: Classes of SQLSTATE that say that a row is wrong, not the statement: data exception, integrity
#: constraint, check option, a trigger's own words. Where PostgreSQL gave none, we had checked.
_CLASSES_OF_ROWS = frozenset({"22", "23", "44", "P0", ""})

#: Too much text for an index, among other limits.
_LIMIT_EXCEEDED = "54000"


class Conflict(StorageUnavailable):
    """A serialisation failure or a deadlock: nothing of the transaction took place."""


class Stale(StorageUnavailable):
    """A connection turned out to be dead before anything was done with it."""


class CommitUnknown(StorageUnavailable):
    """The connection was lost during COMMIT: the transaction took place, or it did not."""


def is_of_rows(error: StorageRefused) -> bool:
    """Whether other rows might be taken by the statement that was refused so."""
    return error.sqlstate[:2] in _CLASSES_OF_ROWS or error.sqlstate == _LIMIT_EXCEEDED


def is_read_only(error: BaseException) -> bool:
    """Whether the server can't be written to: it is a standby, or a primary that was demoted."""
    return isinstance(error, psycopg2.Error) and error.pgcode == READ_ONLY


def is_dead(error: BaseException) -> bool:
    """
    Whether a connection that gave this error can't be used any more.

    An OperationalError alone is no sign of it: deadlocks and timeouts are such, and leave the
    connection as it was.
    """
    if isinstance(error, (psycopg2.InterfaceError, ConnectionClosed)):
        return True
    if not isinstance(error, psycopg2.Error):
        return False
    code = error.pgcode or ""
    if not code:
        # The server's words have a code; without one, libpq speaks, of the connection. What
        # psycopg2 itself refuses, such as a type that it doesn't know, is a ProgrammingError.
        return not isinstance(error, (psycopg2.ProgrammingError, psycopg2.NotSupportedError))
    # FATAL and PANIC end the session whatever the code, as after an idle transaction's timeout.
    return (
        code.startswith(("08", "57P"))
        or code == READ_ONLY
        or error.diag.severity_nonlocalized in {"FATAL", "PANIC"}
    )


def words_of(error: BaseException) -> str:
    """
    Return what an error says, without what may be private.

    PostgreSQL's details and the excerpt of the statement have values in them.
    """
    if isinstance(error, psycopg2.Error) and error.diag.message_primary:
        return error.diag.message_primary
    return " ".join(str(error).split()) or type(error).__name__


def translated(error: BaseException) -> MudError:
    """Return our own error for what psycopg2 or Twisted raised at a statement."""
    words = f"the database: {words_of(error)}"
    code = (error.pgcode or "") if isinstance(error, psycopg2.Error) else ""
    if code in CONFLICTS:
        return Conflict(words)
    if is_dead(error) or code[:2] in PASSING_CLASSES:
        return StorageUnavailable(words)
    constraint = error.diag.constraint_name if isinstance(error, psycopg2.Error) else ""
    return StorageRefused(words, code, constraint or "")
