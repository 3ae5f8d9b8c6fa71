"""Passwords are hashed in threads, a bounded number at a time."""

from argon2 import PasswordHasher as Argon2
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import Overloaded, Unavailable
from mudserver.game.hasher import (
    CHEAPEST,
    HASH_THREADS,
    MAX_WAITING_HASHES,
    HashParameters,
    PasswordHasher,
)
from tests.unit.game.theatre import CountingMeter, InlineThreads


class CountingArgon2(Argon2):
    """Counts what it computes."""

    hashes = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashes += 1
        return super().hash(password, salt=salt)


class PasswordHasherTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.threads = InlineThreads()
        self.meter = CountingMeter()
        self.hasher = self.make(CHEAPEST)

    def make(self, parameters: HashParameters) -> PasswordHasher:
        hasher = PasswordHasher(self.threads, parameters, self.meter, self.threads)
        hasher.start()
        return hasher

    def test_right_and_wrong(self) -> None:
        """The password that was hashed is right, any other is wrong; hashes are argon2id."""
        hash = self.successResultOf(self.hasher.hash("a sentence"))
        self.assertTrue(hash.startswith("$argon2id$"))
        right = self.successResultOf(self.hasher.verify(hash, "a sentence"))
        wrong = self.successResultOf(self.hasher.verify(hash, "another"))
        self.assertTrue(right.right)
        self.assertIsNone(right.fresh_hash)
        self.assertFalse(wrong.right)

    def test_salted(self) -> None:
        """The same password never has the same hash."""
        first = self.successResultOf(self.hasher.hash("a sentence"))
        self.assertNotEqual(first, self.successResultOf(self.hasher.hash("a sentence")))

    def test_unknown_account(self) -> None:
        """Without a hash no password is right, and there is the same work to do."""
        argon2 = CountingArgon2(time_cost=1, memory_cost=8, parallelism=1)
        self.hasher._argon2 = argon2
        self.assertFalse(self.successResultOf(self.hasher.verify(None, "a sentence")).right)
        self.assertEqual(argon2.hashes, 1)

    def test_nonsense_hash(self) -> None:
        """A stored hash that is none matches nothing."""
        self.assertFalse(self.successResultOf(self.hasher.verify("!", "a sentence")).right)

    def test_rehash(self) -> None:
        """A right password with outdated parameters comes with a fresh hash."""
        old = self.successResultOf(self.hasher.hash("a sentence"))
        dearer = self.make(HashParameters(passes=2, kibibytes=16, lanes=1))
        verdict = self.successResultOf(dearer.verify(old, "a sentence"))
        assert verdict.fresh_hash is not None
        self.assertIn("m=16,t=2", verdict.fresh_hash)
        again = self.successResultOf(dearer.verify(verdict.fresh_hash, "a sentence"))
        self.assertTrue(again.right)
        self.assertIsNone(again.fresh_hash)
        self.assertIsNone(self.successResultOf(dearer.verify(old, "another")).fresh_hash)

    def test_bounded(self) -> None:
        """When all threads work and fifty wait, the next is refused; then there is room again."""
        self.threads.patient = True
        taken = [self.hasher.hash("x") for _ in range(MAX_WAITING_HASHES + HASH_THREADS)]
        self.failureResultOf(self.hasher.hash("x"), Overloaded)
        self.threads.work()
        self.successResultOf(taken[0])
        self.assertNoResult(self.hasher.hash("x"))

    def test_cancelled(self) -> None:
        """Who gives up waiting is told at once, and the hash isn't computed."""
        self.threads.patient = True
        waiting = self.hasher.hash("x")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.threads.work()
        self.assertEqual(self.meter.gauges["hash_queue"], 0.0)

    def test_stop(self) -> None:
        """Stopping fails what waits, lets the threads end, and takes nothing more."""
        self.threads.patient = True
        waiting = self.hasher.hash("x")
        stopped = self.hasher.stop()
        self.assertNoResult(stopped)
        self.assertTrue(self.threads.running)
        self.threads.work()
        self.failureResultOf(waiting, Unavailable)
        self.successResultOf(stopped)
        self.assertFalse(self.threads.running)
        self.failureResultOf(self.hasher.hash("x"), Unavailable)
        self.successResultOf(self.hasher.stop())
