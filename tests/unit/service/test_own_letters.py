"""Worlds keep their dead letters themselves."""

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mudserver.errors import Unavailable
from mudserver.interfaces.undelivered import IUndelivered, Undelivered
from mudserver.service.own_letters import OwnLetters
from mudserver.storage.memory_undelivered import MemoryUndelivered

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LETTER = Undelivered("w/1", "gateway.g", "FromWorld", b"x", "nobody there", 3, NOW, NOW)


class OwnLettersTest(SynchronousTestCase):
    def test_kept(self) -> None:
        """They are kept in the database while it is there, and can't be while it isn't."""
        database = MemoryUndelivered()
        there = False
        letters = OwnLetters(lambda: database if there else None)
        verifyObject(IUndelivered, letters)
        self.failureResultOf(letters.keep((LETTER,)), Unavailable)
        there = True
        self.successResultOf(letters.keep((LETTER,)))
        self.assertEqual(list(database.letters.values()), [LETTER])
