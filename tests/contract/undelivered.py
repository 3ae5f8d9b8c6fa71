"""What keeps undelivered messages, and what operators do with them, wherever they are kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mudserver.errors import NoSuchLetter, NotReplayable
from mudserver.interfaces.letters import ILetterBox
from mudserver.interfaces.undelivered import IReplay, IUndelivered, Undelivered

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase
else:
    TestCase = object  # so that a test module that imports a suite doesn't run it by itself

#: Late enough that nothing is forgotten for its age.
NOW = datetime.now(UTC).replace(microsecond=0)


def letter(id: str, payload: bytes = b"\x00x\xff", hours: float = 0.0) -> Undelivered:
    moment = NOW - timedelta(hours=hours)
    return Undelivered(id, "gateway.g", "Show", payload, "Nobody.", 3, moment, moment)


@implementer(IReplay)
@define
class Postman:
    """
    Writes down what is delivered.

    Attributes:
        delivered: Those letters.
        refuses: Whether there are none.
        slow: Whether it takes longer than anybody waits.
        forget: What is to be called then, for each.
    """

    delivered: list[Undelivered] = field(factory=list)
    refuses: bool = False
    slow: bool = False
    forget: list[Callable[[], Deferred[None]]] = field(factory=list)

    def legible(self, payload: bytes) -> str:
        return f'"{payload.hex()}"'

    def deliver(self, letter: Undelivered, forget: Callable[[], Deferred[None]]) -> Deferred[bool]:
        if self.refuses:
            return fail(NotReplayable("That would do harm."))
        self.delivered.append(letter)
        if self.slow:
            self.forget.append(forget)
            return succeed(False)
        return forget().addCallback(lambda _: True)


class UndeliveredContract(TestCase):
    """
    The promises of `IUndelivered`, and of the box that operators open.

    Attributes:
        kept: Where they are kept.
        box: The same for operators.
        postman: What the box has messages delivered by.
    """

    kept: IUndelivered
    box: ILetterBox
    postman: Postman

    def test_interfaces(self) -> None:
        """Both provide the whole of their interfaces."""
        verifyObject(IUndelivered, self.kept)
        verifyObject(ILetterBox, self.box)
        verifyObject(IReplay, self.postman)
        self.assertEqual(self.box.name, "bus")

    async def test_listed(self) -> None:
        """Operators see what it is, why it is there, how often it was tried, and since when."""
        await self.kept.keep((letter("i:1"), letter("i:2")))
        first, second = await self.box.page(0, 10)
        self.assertEqual((first.what, first.reason), ("Show", "Nobody. (gateway.g)"))
        self.assertEqual((first.attempts, first.first_at, first.last_at), (3, NOW, NOW))
        self.assertLess(first.number, second.number)
        self.assertEqual(await self.box.page(first.number, 10), (second,))
        self.assertEqual(await self.box.page(0, 1), (first,))

    async def test_none(self) -> None:
        """To keep nothing is no error; what isn't there can't be opened."""
        await self.kept.keep(())
        self.assertEqual(await self.box.page(0, 10), ())
        self.assertIsNone(await self.box.open(1))

    async def test_opened(self) -> None:
        """One is opened with its contents, for people to read."""
        await self.kept.keep((letter("i:1"),))
        (listed,) = await self.box.page(0, 10)
        opened = await self.box.open(listed.number)
        assert opened is not None
        self.assertEqual((opened.letter, opened.contents), (listed, '"0078ff"'))

    async def test_again(self) -> None:
        """One that comes again is the same letter: its attempts add up."""
        await self.kept.keep((letter("i:1", hours=2.0),))
        await self.kept.keep((evolve(letter("i:1"), error="Worse.", attempts=2),))
        (listed,) = await self.box.page(0, 10)
        self.assertEqual((listed.attempts, listed.reason), (5, "Worse. (gateway.g)"))
        self.assertEqual((listed.first_at, listed.last_at), (NOW - timedelta(hours=2), NOW))

    async def test_kept_twice(self) -> None:
        """One that is kept twice as it is counts once, at once or one after the other."""
        once, worse = letter("i:1", hours=2.0), evolve(letter("i:1"), error="Worse.", attempts=2)
        for letters in ((once, once), (once,), (worse, worse), (worse,)):
            await self.kept.keep(letters)
        (listed,) = await self.box.page(0, 10)
        self.assertEqual((listed.attempts, listed.reason), (5, "Worse. (gateway.g)"))

    async def test_at_once(self) -> None:
        """One that died twice, and is kept for both at once, has all its attempts."""
        once, worse = letter("i:1", hours=2.0), evolve(letter("i:1"), error="Worse.", attempts=2)
        await self.kept.keep((once, worse))
        (listed,) = await self.box.page(0, 10)
        self.assertEqual((listed.attempts, listed.reason), (5, "Worse. (gateway.g)"))
        self.assertEqual((listed.first_at, listed.last_at), (NOW - timedelta(hours=2), NOW))

    async def test_odd_text(self) -> None:
        """What came garbled is kept all the same."""
        await self.kept.keep((evolve(letter("i:1"), error="a\0b\ud800", kind="?"),))
        (listed,) = await self.box.page(0, 10)
        self.assertIn("a", listed.reason)

    async def test_pruned(self) -> None:
        """Old ones are thrown away, and no others."""
        await self.kept.keep((letter("i:1", hours=3.0), letter("i:2", hours=1.0)))
        self.assertEqual(await self.box.prune(NOW - timedelta(hours=2)), 1)
        (left,) = await self.box.page(0, 10)
        self.assertEqual(left.last_at, NOW - timedelta(hours=1))

    async def test_replayed(self) -> None:
        """One is delivered as it was, and then it is gone."""
        await self.kept.keep((letter("i:1"), letter("i:2")))
        first, second = await self.box.page(0, 10)
        self.assertTrue(await self.box.replay(first.number))
        self.assertEqual(self.postman.delivered, [letter("i:1")])
        self.assertEqual(await self.box.page(0, 10), (second,))
        with self.assertRaises(NoSuchLetter):
            await self.box.replay(first.number)
        self.assertEqual(len(self.postman.delivered), 1)

    async def test_under_way(self) -> None:
        """One stays until it is confirmed; what became of it by then is not lost."""
        await self.kept.keep((letter("i:1"), letter("i:2")))
        first, second = await self.box.page(0, 10)
        self.postman.slow = True
        self.assertFalse(await self.box.replay(first.number))
        self.assertEqual(await self.box.page(0, 10), (first, second))
        (forget,) = self.postman.forget
        given_up = evolve(letter("i:1"), attempts=20, last_at=NOW + timedelta(minutes=3))
        await self.kept.keep((given_up,))
        again, _ = await self.box.page(0, 10)
        self.assertEqual((again.number, again.attempts), (first.number, 23))
        await forget()
        await forget()
        self.assertEqual(await self.box.page(0, 10), (second,))

    async def test_not_replayed(self) -> None:
        """One that had better not be delivered stays."""
        await self.kept.keep((letter("i:1"),))
        (listed,) = await self.box.page(0, 10)
        self.postman.refuses = True
        with self.assertRaises(NotReplayable):
            await self.box.replay(listed.number)
        self.assertEqual(await self.box.page(0, 10), (listed,))
