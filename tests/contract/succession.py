"""What a succession must do, whoever keeps it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from mudserver.interfaces.succession import ISuccession

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase
else:
    TestCase = object  # so that a test module that imports a suite doesn't run it by itself


class SuccessionContract(TestCase):
    """Candidates of one database."""

    def candidate(self, name: str) -> ISuccession:
        """Make another one."""
        raise NotImplementedError

    def kill(self, candidate: ISuccession) -> Awaitable[object]:
        """Have one die without a word."""
        raise NotImplementedError

    def lose(self, candidate: ISuccession) -> Awaitable[object]:
        """Have one that has its turn lose its connection, once."""
        raise NotImplementedError

    def until(self, condition: Callable[[], object]) -> Awaitable[object]:
        """Wait until that is so."""
        raise NotImplementedError

    async def test_first(self) -> None:
        """Whoever is alone has its turn, and has it again when it asks again."""
        ann = self.candidate("ann")
        self.assertFalse(ann.held)
        await ann.turn()
        self.assertTrue(ann.held)
        await ann.turn()

    async def test_second(self) -> None:
        """Another one waits until the first leaves, who then has it no more."""
        ann, bob = self.candidate("ann"), self.candidate("bob")
        await ann.turn()
        turn = bob.turn()
        await self.looked()
        self.assertNoResult(turn)
        await ann.leave()
        self.assertFalse(ann.held)
        await turn
        self.assertTrue(bob.held)

    async def test_dies(self) -> None:
        """When the one whose turn it is dies, another has it."""
        ann, bob = self.candidate("ann"), self.candidate("bob")
        await ann.turn()
        turn = bob.turn()
        await self.looked()
        await self.kill(ann)
        await turn

    async def test_named(self) -> None:
        """The one that is named comes next, however long others have waited."""
        ann, bob, cid = (self.candidate(name) for name in ("ann", "bob", "cid"))
        await ann.turn()
        theirs, his = bob.turn(), cid.turn()
        await self.looked()
        await ann.leave("cid")
        await his
        await self.looked()
        self.assertNoResult(theirs)
        await cid.leave()
        await theirs

    async def test_named_and_gone(self) -> None:
        """Where the one that is named isn't there, another comes."""
        ann, bob = self.candidate("ann"), self.candidate("bob")
        await ann.turn()
        turn = bob.turn()
        await self.looked()
        await ann.leave("nobody")
        await turn

    async def test_given_up(self) -> None:
        """Who gives its place up doesn't get the turn; whoever waited for it is told."""
        ann, bob, cid = (self.candidate(name) for name in ("ann", "bob", "cid"))
        await ann.turn()
        ends: list[object] = []
        bob.turn().addErrback(ends.append)
        turn = cid.turn()
        cancelled = cid.turn()
        cancelled.addErrback(lambda _: None)
        turn.addErrback(ends.append)
        await self.looked()
        await bob.leave()
        cancelled.cancel()
        await cid.leave()
        self.assertTrue(all(isinstance(e, Failure) and e.check(CancelledError) for e in ends))
        self.assertEqual(len(ends), 2)
        await ann.leave()
        await self.looked()
        self.assertFalse(bob.held or cid.held)

    async def test_again(self) -> None:
        """Who has left may come back, and waits like the others."""
        ann, bob = self.candidate("ann"), self.candidate("bob")
        await ann.turn()
        turn = bob.turn()
        await self.looked()
        leaving = ann.leave()
        again = ann.turn()
        await leaving
        await turn
        self.assertNoResult(again)
        await bob.leave()
        await again

    async def test_lost(self) -> None:
        """Who loses its connection has its turn back as soon as nobody else has it."""
        ann = self.candidate("ann")
        await ann.turn()
        await self.lose(ann)
        await self.until(lambda: ann.held)
        bob = self.candidate("bob")
        turn = bob.turn()
        await self.looked()
        await self.lose(ann)
        await self.until(lambda: ann.held or bob.held)
        self.assertNotEqual(ann.held, bob.held)
        await self.candidate_with_turn(ann, bob).leave()
        await self.until(lambda: ann.held or bob.held)
        turn.addErrback(lambda _: None)

    async def test_claimed(self) -> None:
        """Who has the turn hears who claims it of those that wait, and keeps it all the same."""
        ann, bob, cid = (self.candidate(name) for name in ("ann", "bob", "cid"))
        heard: list[str] = []
        for candidate in (ann, bob):
            candidate.heed(heard.append)
        await ann.turn()
        turn = bob.turn()
        await self.looked()
        ann.claim()
        cid.claim()
        bob.claim()
        await self.until(lambda: heard)
        await self.looked()
        self.assertEqual(heard, ["bob"])
        self.assertTrue(ann.held)
        self.assertNoResult(turn)
        await ann.leave("bob")
        await turn

    async def test_leave_without(self) -> None:
        """To leave without a place is no error."""
        await self.candidate("ann").leave()

    async def looked(self) -> None:
        """Let all candidates look whose turn it is."""
        raise NotImplementedError

    @staticmethod
    def candidate_with_turn(*candidates: ISuccession) -> ISuccession:
        """Return the one that has it."""
        [held] = [each for each in candidates if each.held]
        return held

    def assertNoResult(self, waiting: "Deferred[None]") -> None:
        """Nothing has become of it."""
        self.assertFalse(waiting.called, waiting)
