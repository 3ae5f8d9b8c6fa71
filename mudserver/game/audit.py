"""What staff and operators did, noted where it is done."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import msgspec
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from mudserver.errors import PlayerError, StorageUnavailable
from mudserver.game.attachments import SAVED_SECONDS
from mudserver.game.dirt import NOT_SAVED, Outcome
from mudserver.game.journal import Journal
from mudserver.game.sessions import Session
from mudserver.ids import InputNumber
from mudserver.interfaces.audit import AuditRow, Operator, Via
from mudserver.wire.text import clean
from mudserver.world import events
from mudserver.world.events import Event

#: Characters of one argument that are noted.
MAX_ARGUMENT_CHARS: Final = 200

#: Random bytes that name an operator's deed.
_KEY_BYTES: Final = 16


class AuditLog:
    """
    Makes the rows of the log, and writes those that nothing else goes with.

    Args:
        journal: Writes them.
        clock: Measures how long is waited for that.
        utc_now: The wall clock.
        token_bytes: So many random bytes.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        token_bytes: Callable[[int], bytes],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._utc_now = utc_now
        self._token_bytes = token_bytes

    def of_staff(
        self, session: Session, number: InputNumber, happening: Iterable[Event]
    ) -> tuple[AuditRow, ...]:
        """
        Make the rows of what an input of staff leads to; none for what anybody may do.

        Their keys are the input's, so that one which is carried out again is noted once.
        """
        rows = []
        for index, event in enumerate(happening):
            deed = _deed(event)
            if deed is None:
                continue
            action, target, details = deed
            rows.append(
                AuditRow(
                    key=f"{session.id}:{number}:{index}",
                    at=self._utc_now(),
                    via=Via.GAME,
                    actor=session.attended.name,
                    account=session.attended.account,
                    origin=session.origin.address,
                    action=action,
                    target=target,
                    details=_json(details),
                )
            )
        return tuple(rows)

    def of_operator(
        self, by: Operator, action: str, target: str = "", **details: str | None
    ) -> AuditRow:
        """Make the row of an operator's deed."""
        return AuditRow(
            key=f"mudctl:{self._token_bytes(_KEY_BYTES).hex()}",
            at=self._utc_now(),
            via=Via.MUDCTL,
            actor=_short(by.name) or "an operator",
            account=None,
            origin=_short(by.origin),
            action=action,
            target=_short(target),
            details=_json(details),
        )

    def of_events(self, by: Operator, happening: Iterable[Event]) -> tuple[AuditRow, ...]:
        """Make the rows of what an operator has happen in the world."""
        deeds = (_deed(event) for event in happening)
        return tuple(
            self.of_operator(by, action, target, **details)
            for action, target, details in (deed for deed in deeds if deed is not None)
        )

    def note(self, row: AuditRow) -> None:
        """Have a row written, without waiting for it."""
        self._journal.append((row,), urgent=True)

    def write(self, row: AuditRow) -> Deferred[None]:
        """
        Write a row, before what it speaks of is done.

        Returns:
            Fires when it is committed. Fails with `PlayerError` where the database refuses it, and
            with `StorageUnavailable` where it can't be saved now.
        """
        return Deferred.fromCoroutine(self._write(row))

    async def _write(self, row: AuditRow) -> None:
        written: Deferred[None] = Deferred()

        def settle(outcome: Outcome) -> None:
            match outcome:
                case Outcome.COMMITTED:
                    written.callback(None)
                case Outcome.REFUSED:
                    written.errback(PlayerError(NOT_SAVED.message, code=NOT_SAVED.code))
                case Outcome.LOST:
                    written.errback(StorageUnavailable("Nothing is saved here any more."))

        self._journal.append((row,), settle=settle, urgent=True)
        try:
            await written.addTimeout(SAVED_SECONDS, self._clock)
        except TimeoutError:
            raise StorageUnavailable("What is done can't be noted just now.") from None


def _deed(event: Event) -> tuple[str, str, dict[str, str | None]] | None:
    """Return what staff does by an event: action, target, arguments."""
    match event:
        case events.Silenced():
            details = {"until": _moment(event.until), "why": event.why, "channel": event.channel}
            return "silence", event.target_name, details
        case events.Unsilenced():
            return "unsilence", event.target_name, {"channel": event.channel}
        case events.Banned(ban=ban):
            details = {"until": _moment(ban.until), "why": ban.why, "kind": ban.kind.value}
            return "ban", ban.name, details
        case events.Unbanned(ban=ban):
            return "unban", ban.name, {"kind": ban.kind.value}
        case _:
            return None


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _json(details: dict[str, str | None]) -> str:
    said = {name: _short(value) for name, value in details.items() if value}
    return msgspec.json.encode(said, order="sorted").decode()


def _short(text: str) -> str:
    return clean(text)[:MAX_ARGUMENT_CHARS]
