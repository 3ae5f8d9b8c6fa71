"""What errors of the database mean."""

import psycopg2
import psycopg2.errors
from twisted.internet.error import ConnectionDone
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.storage.failures import Conflict, is_dead, translated


def failed(code: str) -> psycopg2.Error:
    """Make the error that psycopg2 raises for an SQLSTATE."""
    error = psycopg2.errors.lookup(code)("words")
    error.__setstate__({"pgcode": code})
    return error


class FailureTests(SynchronousTestCase):
    def test_dead(self) -> None:
        """A connection is dead when libpq says so, or the server ends it or is read-only."""
        for error in (
            psycopg2.InterfaceError("connection already closed"),
            psycopg2.OperationalError("server closed the connection unexpectedly"),
            psycopg2.DatabaseError("error with status PGRES_TUPLES_OK and no message"),
            ConnectionDone(),
            *map(failed, ("08006", "57P01", "57P02", "57P03", "25006")),
        ):
            self.assertTrue(is_dead(error), error)

    def test_alive(self) -> None:
        """A deadlock, a timeout or a bad statement is no death, OperationalError or not."""
        for error in (
            *map(failed, ("40P01", "40001", "57014", "55P03", "53100", "23505", "42601")),
            psycopg2.ProgrammingError("can't adapt type 'object'"),
            ValueError("NUL"),
        ):
            self.assertFalse(is_dead(error), error)

    def test_passing(self) -> None:
        """What passes by itself is unavailable, and conflicts are told apart."""
        for code in ("08006", "57014", "55P03", "53100", "57P01", "58030", "25006"):
            self.assertIs(type(translated(failed(code))), StorageUnavailable, code)
        for code in ("40001", "40P01"):
            self.assertIs(type(translated(failed(code))), Conflict)

    def test_refused(self) -> None:
        """What would fail again is refused, with PostgreSQL's code."""
        for code in ("23505", "22001", "42601", "0A000"):
            error = translated(failed(code))
            assert isinstance(error, StorageRefused)
            self.assertEqual(error.sqlstate, code)
        self.assertIsInstance(translated(ValueError("NUL")), StorageRefused)
