"""Notices in memory do what all do."""

from collections.abc import Awaitable

from twisted.internet.defer import succeed
from twisted.trial.unittest import TestCase

from mudserver.interfaces.notices import Topic
from mudserver.storage.memory_notices import MemoryNotices
from tests.contract.notices import NoticesContract


class MemoryNoticesTests(NoticesContract, TestCase):
    def setUp(self) -> None:
        self.notices: MemoryNotices = MemoryNotices()

    def sound(self, text: str) -> Awaitable[object]:
        self.notices.sound(Topic.ACCOUNT, text)
        return succeed(None)

    def lose(self) -> Awaitable[object]:
        self.notices.lose()
        return succeed(None)
