"""The wait for a database that is not there yet, when a daemon starts together with it."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mudserver.errors import StorageUnavailable

#: Seconds before the second try; doubled with each, up to the second number.
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0

T = TypeVar("T")

_log = Logger()


async def patiently(
    clock: IReactorTime,
    attempt: Callable[[], Coroutine["Deferred[Any]", Any, T]],
    patience: float,
) -> T:
    """
    Try until it succeeds: what passes by itself is waited for, what is refused is not.

    The first failure is logged, those that follow are not.

    Args:
        clock: What the wait is measured by.
        attempt: What to try; leaves nothing behind where it fails.
        patience: Seconds after the first failure within which it must succeed.

    Returns:
        What the attempt returned.

    Raises:
        StorageUnavailable: As the last attempt did; the message says how long we waited.
        MudError: Whatever else the attempt raises, at once.
    """
    pause = FIRST_PAUSE
    end: float | None = None
    while True:
        try:
            return await attempt()
        except StorageUnavailable as error:
            now = clock.seconds()
            if end is None:
                end = now + patience
                if patience:
                    _log.warn(
                        "The database isn't ready, and is waited for, up to {patience:g} s:"
                        " {problem}",
                        patience=patience,
                        problem=str(error),
                    )
            if now >= end:
                waited = f" (after {patience:g} s of waiting)" if patience else ""
                raise StorageUnavailable(f"{error}{waited}") from error
        await deferLater(clock, min(pause, end - now))
        pause = min(pause * 2, LONGEST_PAUSE)
