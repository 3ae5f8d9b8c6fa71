"""Undelivered messages in memory."""

from twisted.trial.unittest import TestCase

from mudserver.errors import StorageUnavailable
from mudserver.storage.memory_undelivered import MemoryBusLetters, MemoryUndelivered
from tests.contract.undelivered import Postman, UndeliveredContract, letter


class MemoryUndeliveredTest(UndeliveredContract, TestCase):
    def setUp(self) -> None:
        self.kept = self.memory = MemoryUndelivered()
        self.postman = Postman()
        self.box = MemoryBusLetters(self.memory, self.postman)

    async def test_failure(self) -> None:
        """It fails as told to."""
        self.memory.failure = StorageUnavailable("Away.")
        with self.assertRaises(StorageUnavailable):
            await self.kept.keep((letter("i:1"),))
        with self.assertRaises(StorageUnavailable):
            await self.box.page(0, 1)
