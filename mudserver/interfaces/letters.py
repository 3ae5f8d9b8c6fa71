"""Dead letters, as operators see them: what could not be delivered, and why."""

from datetime import datetime, timedelta

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from mudserver.interfaces.audit import Operator
from mudserver.interfaces.undelivered import Undelivered


@frozen
class Letter:
    """
    One dead letter, without its contents.

    Attributes:
        number: Its number in its box.
        what: Its kind.
        reason: Why it was not delivered.
        attempts: How often that happened.
        first_at: When for the first time (UTC).
        last_at: When for the last time (UTC).
    """

    number: int
    what: str
    reason: str
    attempts: int
    first_at: datetime
    last_at: datetime


@frozen
class OpenedLetter:
    """
    A dead letter with its contents.

    Attributes:
        letter: What is known of it.
        contents: JSON.
    """

    letter: Letter
    contents: str


class ILetterBox(Interface):
    """
    Where dead letters of one origin are kept.

    Every Deferred may fail with `StorageUnavailable`.
    """

    name = Attribute("What operators call it; one word.")

    def page(after: int, limit: int) -> Deferred[tuple[Letter, ...]]:
        """Return letters in order of their numbers, those that follow ``after``."""

    def open(number: int) -> Deferred[OpenedLetter | None]:
        """Read one; None where there is none of that number."""

    def prune(before: datetime) -> Deferred[int]:
        """Throw away those that died for the last time before then; fires with how many."""

    def replay(number: int) -> Deferred[bool]:
        """
        Deliver one after all; when that is confirmed, it is gone.

        Returns:
            Fires with whether it is; with False where it is under way, and stays until it is
            confirmed. Fails with `NotReplayable` where that would do harm, and says why; with
            `NoSuchLetter`; with `Unavailable` where it could not be delivered this time either.
        """


class ILetterOffice(Interface):
    """
    All dead letters, for operators.

    What changes something is noted in the audit log: ``by`` says whose deed it is. Every Deferred
    may fail with `StorageUnavailable`, and with `NoSuchLetter` where there is no such box.
    """

    def boxes() -> tuple[str, ...]:
        """Return the names of the boxes."""

    def page(box: str, after: int, limit: int) -> Deferred[tuple[Letter, ...]]:
        """List letters of one box, as `ILetterBox.page`."""

    def open(box: str, number: int) -> Deferred[OpenedLetter]:
        """Read a letter. Fails with `NoSuchLetter`."""

    def prune(by: Operator, box: str, age: timedelta) -> Deferred[int]:
        """Throw letters away whose last attempt is as long ago; fires with how many."""

    def take_in(by: Operator, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        """
        Keep letters of the bus that were left in a file, as `IUndelivered.keep`.

        Fails with `Unavailable` where they can't be kept just now.
        """

    def replay(by: Operator, box: str, number: int) -> Deferred[bool]:
        """
        Deliver a letter after all, as `ILetterBox.replay`.

        Fails with `NoSuchLetter`, `NotReplayable`, `Unavailable`.
        """
