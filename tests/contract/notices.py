"""What notices must do, whoever passes them on."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from mudserver.interfaces.notices import INotices, Topic

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase
else:
    TestCase = object  # so that a test module that imports a suite doesn't run it by itself


class NoticesContract(TestCase):
    """Notices of one database; `setUp` provides them."""

    notices: INotices

    def sound(self, text: str) -> Awaitable[object]:
        """Have a notice of an account heard; done when it was."""
        raise NotImplementedError

    def lose(self) -> Awaitable[object]:
        """Have notices missed; done when that was told."""
        raise NotImplementedError

    async def test_heard(self) -> None:
        """Each subscriber hears each notice, in order."""
        first: list[str] = []
        second: list[str] = []
        for heard in (first, second):
            self.addCleanup(
                self.notices.subscribe(Topic.ACCOUNT, heard.append, lambda: None),
            )
        for text in ("1", "2", "3"):
            await self.sound(text)
        self.assertEqual((first, second), (["1", "2", "3"], ["1", "2", "3"]))

    async def test_unsubscribed(self) -> None:
        """Who ends the subscription hears nothing more; to end it again is no error."""
        heard: list[str] = []
        missed: list[None] = []
        end = self.notices.subscribe(Topic.ACCOUNT, heard.append, lambda: missed.append(None))
        await self.sound("1")
        end()
        end()
        missed.clear()
        await self.sound("2")
        await self.lose()
        self.assertEqual((heard, missed), (["1"], []))

    async def test_missed(self) -> None:
        """After a gap each subscriber is told, before it hears what comes afterwards."""
        told: list[str] = []
        self.addCleanup(
            self.notices.subscribe(Topic.ACCOUNT, told.append, lambda: told.append("missed"))
        )
        await self.sound("1")
        await self.lose()
        await self.sound("2")
        self.assertEqual([each for each in told if each != "missed"], ["1", "2"])
        self.assertIn("missed", told[told.index("1") : told.index("2")])

    async def test_failing_subscriber(self) -> None:
        """One who fails at a notice is logged, and costs the others nothing."""
        heard: list[str] = []

        def fail(text: str = "") -> None:
            raise RuntimeError(f"mine: {text}")

        self.addCleanup(self.notices.subscribe(Topic.ACCOUNT, fail, fail))
        self.addCleanup(self.notices.subscribe(Topic.ACCOUNT, heard.append, lambda: None))
        await self.sound("1")
        await self.lose()
        self.assertEqual(heard, ["1"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
