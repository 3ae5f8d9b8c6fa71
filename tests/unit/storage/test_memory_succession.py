"""Candidates in memory take turns as all do."""

from collections.abc import Awaitable, Callable

from twisted.internet.defer import succeed
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.interfaces.succession import ISuccession
from mudserver.storage.memory_succession import MemoryCandidates, MemorySuccession
from tests.contract.succession import SuccessionContract


class MemorySuccessionTests(SuccessionContract, TestCase):
    def setUp(self) -> None:
        self.candidates = MemoryCandidates()

    def candidate(self, name: str) -> MemorySuccession:
        return MemorySuccession(self.candidates, name)

    def kill(self, candidate: ISuccession) -> Awaitable[object]:
        return candidate.leave()

    def lose(self, candidate: ISuccession) -> Awaitable[object]:
        assert isinstance(candidate, MemorySuccession)
        candidate.lose()
        return succeed(None)

    async def until(self, condition: Callable[[], object]) -> None:
        self.assertTrue(condition())

    async def looked(self) -> None:
        """They need not look."""

    def test_interface(self) -> None:
        """It is what it says."""
        self.assertTrue(verifyObject(ISuccession, self.candidate("ann")))
