"""Undelivered messages in a real PostgreSQL."""

from datetime import timedelta

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mudserver.storage.undelivered import (
    KEEP,
    KEEP_FOR,
    PostgresBusLetters,
    PostgresUndelivered,
)
from tests.contract.undelivered import NOW, Postman, UndeliveredContract, letter
from tests.integration.database import ObservedPool, migrated_database
from tests.integration.postgres import connected


class PostgresUndeliveredTest(UndeliveredContract, TestCase):
    def setUp(self) -> "Deferred[None]":  # type: ignore[override]
        self.dsn = migrated_database(self)
        self.pool = ObservedPool(self.dsn)
        self.addCleanup(self.pool.close)
        self.kept = PostgresUndelivered(self.pool)
        self.postman = Postman()
        self.box = PostgresBusLetters(self.pool, self.postman)
        return self.pool.start()

    async def test_forgotten(self) -> None:
        """What is too old is forgotten, and so are the oldest of too many."""
        hours = KEEP_FOR / timedelta(hours=1)
        await self.kept.keep((letter("i:1", hours=hours + 1), letter("i:2", hours=hours - 1)))
        self.assertEqual(len(await self.box.page(0, 10)), 1)
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO undelivered"
                " (message, subject, kind, payload, error, attempts, first_at, last_at)"
                " SELECT 'x' || n, 's', 'k', '', '', 1, %s, %s FROM generate_series(1, %s) n",
                (NOW, NOW, KEEP),
            )
        await self.kept.keep((letter("i:3"),))
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*), bool_or(message = 'i:2') FROM undelivered")
            self.assertEqual(cursor.fetchall(), [(KEEP, False)])

    async def test_one_statement(self) -> None:
        """Many are kept by as many statements as one."""
        self.pool.statements.clear()
        await self.kept.keep((letter("i:1"),))
        one = len(self.pool.statements)
        self.pool.statements.clear()
        await self.kept.keep(tuple(letter(f"j:{number}") for number in range(100)))
        self.assertEqual(len(self.pool.statements), one)
