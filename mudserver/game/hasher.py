"""Passwords hashed by argon2id (RFC 9106), away from the reactor."""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from attrs import define, frozen
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from mudserver.errors import Overloaded, Unavailable
from mudserver.interfaces.meter import IMeter

#: Threads that hash; argon2 releases the interpreter's lock, so each may fill a core.
HASH_THREADS: Final = 2

#: Passwords that may wait for a thread: some five seconds' worth.
MAX_WAITING_HASHES: Final = 50

T = TypeVar("T")


@frozen
class HashParameters:
    """
    What a hash costs. The defaults are RFC 9106 §4's second recommendation.

    Attributes:
        passes: Passes over the memory.
        kibibytes: Memory of one hash.
        lanes: Lanes that could be computed side by side.
    """

    passes: int = 3
    kibibytes: int = 65_536
    lanes: int = 4


#: For tests and load runs: no protection at all.
CHEAPEST: Final = HashParameters(passes=1, kibibytes=8, lanes=1)


@frozen
class Verdict:
    """
    Whether a password was right.

    Attributes:
        right: Whether it was.
        fresh_hash: A new hash of it, where the old one has outdated parameters; else None.
    """

    right: bool
    fresh_hash: str | None = None


class IThreadPool(Protocol):
    """What `PasswordHasher` needs of `twisted.python.threadpool.ThreadPool`."""

    def start(self) -> None:
        """Begin to take work."""

    def stop(self) -> None:
        """Wait for the work that runs, and end the threads."""

    def callInThreadWithCallback(
        self, onResult: Callable[[bool, T], object] | None, func: Callable[[], T]
    ) -> None:
        """Call ``func`` in a thread, then ``onResult`` there with success and result."""


@define(eq=False)
class _Job:
    """One hash; ``wanted`` goes off when nobody waits for it any more."""

    wanted: bool = True


class PasswordHasher:
    """
    Hashes and verifies passwords in threads of its own.

    Every Deferred may fail with `Overloaded` when `MAX_WAITING_HASHES` wait already, and
    with `Unavailable` while it is not running. One that is cancelled gives up its place in
    the queue, but not a hash that is being computed.

    Args:
        reactor: Where results come back to.
        parameters: What a new hash costs.
        meter: Gets ``hash_queue`` (gauge).
        pool: The threads; by default `HASH_THREADS` of our own.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        parameters: HashParameters,
        meter: IMeter,
        pool: IThreadPool | None = None,
    ) -> None:
        self._reactor = reactor
        self._meter = meter
        self._pool = pool or ThreadPool(minthreads=0, maxthreads=HASH_THREADS, name="argon2")
        self._argon2 = Argon2(
            time_cost=parameters.passes,
            memory_cost=parameters.kibibytes,
            parallelism=parameters.lanes,
        )
        self._unfinished = 0
        self._running = False
        self._stopped: Deferred[None] | None = None

    def start(self) -> None:
        """Start the threads."""
        self._pool.start()
        self._running = True

    def stop(self) -> Deferred[None]:
        """
        Refuse new work, fail what waits with `Unavailable`, and end the threads.

        Returns:
            Fires when the hashes that were being computed are done and the threads gone.
        """
        stopped: Deferred[None] = Deferred()
        if not self._running:
            stopped.callback(None)
            return stopped
        self._running = False
        self._stopped = stopped
        self._end_if_done()
        return stopped

    def hash(self, password: str) -> Deferred[str]:
        """Hash a new password; fires with argon2's own text form."""
        return self._submit(lambda: self._argon2.hash(password))

    def verify(self, hash: str | None, password: str) -> Deferred[Verdict]:
        """
        Tell whether a password belongs to a hash.

        Args:
            hash: What is stored; None for an account that doesn't exist, which takes as
                long, so that time doesn't tell.
            password: What was offered.
        """
        return self._submit(lambda: self._verify(hash, password))

    def _verify(self, hash: str | None, password: str) -> Verdict:
        if hash is None:
            self._argon2.hash(password)
            return Verdict(right=False)
        try:
            self._argon2.verify(hash, password)
        except (VerificationError, InvalidHashError):
            return Verdict(right=False)
        if self._argon2.check_needs_rehash(hash):
            return Verdict(right=True, fresh_hash=self._argon2.hash(password))
        return Verdict(right=True)

    def _submit(self, work: Callable[[], T]) -> Deferred[T]:
        if not self._running:
            return fail(Unavailable("Passwords can't be checked now."))
        if self._unfinished >= MAX_WAITING_HASHES + HASH_THREADS:
            return fail(Overloaded("Too many log in at once."))
        job = _Job()

        def cancel(_: Deferred[T]) -> None:
            job.wanted = False

        result: Deferred[T] = Deferred(cancel)

        def in_thread() -> T:
            if not (job.wanted and self._running):
                raise Unavailable("Passwords can't be checked now.")
            return work()

        def done(value: T | Failure) -> None:
            self._unfinished -= 1
            self._measure()
            if not job.wanted:
                pass  # cancelled: the waiter was told then
            elif isinstance(value, Failure):
                result.errback(value)
            else:
                result.callback(value)
            self._end_if_done()

        def from_thread(_: bool, value: T) -> None:
            self._reactor.callFromThread(done, value)

        self._unfinished += 1
        self._measure()
        self._pool.callInThreadWithCallback(from_thread, in_thread)
        return result

    def _end_if_done(self) -> None:
        if self._stopped is not None and self._unfinished == 0:
            stopped, self._stopped = self._stopped, None
            self._pool.stop()
            stopped.callback(None)

    def _measure(self) -> None:
        self._meter.gauge("hash_queue", float(self._unfinished))
