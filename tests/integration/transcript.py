"""What somebody said, as it arrives, and waiting for what they say next."""

import re
from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.interfaces import IReactorTime

#: Seconds to wait for anything; a hundred times what it takes on an idle machine.
DEADLINE = 30.0

T = TypeVar("T")


class Watch(Generic[T]):
    """
    Waits for one thing at a time to turn up in something that grows.

    Args:
        clock: Measures the deadline.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._find: Callable[[], T | None] = lambda: None
        self._waiting: Deferred[T] | None = None
        self._over: str | None = None

    def grown(self) -> None:
        """Look again."""
        if self._waiting is None or self._waiting.called:
            return
        found = self._find()
        if found is not None:
            self._waiting.callback(found)
        elif self._over is not None:
            self._waiting.errback(AssertionError(f"before the end: {self._over}"))

    def end(self, reason: str) -> None:
        """It grows no more."""
        self._over = reason
        self.grown()

    async def until(self, find: Callable[[], T | None]) -> T:
        """
        Wait until there is something to find.

        Args:
            find: Returns what was looked for, or None.

        Raises:
            AssertionError: It didn't turn up before the end, or before the deadline.
        """
        assert self._waiting is None, "somebody waits already"
        self._find = find
        waiting = self._waiting = Deferred[T]()
        waiting.addTimeout(DEADLINE, self._clock)
        self.grown()
        try:
            return await waiting
        except DeadlineError:
            raise AssertionError(f"within {DEADLINE:g} s") from None
        finally:
            self._waiting = None


class Transcript:
    """
    Text that grows, with a place up to which it has been read.

    Args:
        name: Whose words these are, for what is said when they don't come.
        clock: Measures the deadline.

    Attributes:
        text: All that has come so far.
    """

    def __init__(self, name: str, clock: IReactorTime) -> None:
        self.text = ""
        self._name = name
        self._read = 0
        self._watch: Watch[re.Match[str]] = Watch(clock)

    def feed(self, text: str) -> None:
        """More has come."""
        self.text += text
        self._watch.grown()

    def end(self, reason: str) -> None:
        """No more will come."""
        self._watch.end(reason)

    async def expect(self, wanted: str | re.Pattern[str]) -> re.Match[str]:
        """
        Wait for words after those that were expected before.

        Args:
            wanted: The words themselves, or a pattern.

        Raises:
            AssertionError: They didn't come; tells what came instead.
        """
        pattern = re.compile(re.escape(wanted)) if isinstance(wanted, str) else wanted
        try:
            found = await self._watch.until(lambda: pattern.search(self.text, self._read))
        except AssertionError as problem:
            raise AssertionError(
                f"{self._name} didn't say {wanted!r} {problem}; it said:\n{self.unread}"
            ) from None
        self._read = found.end()
        return found

    @property
    def unread(self) -> str:
        """What came after the last words that were expected."""
        return self.text[self._read :]
