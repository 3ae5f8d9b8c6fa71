"""What players are answered to what they type."""

from collections.abc import Iterable
from functools import partial

from attrs import evolve
from twisted.internet.defer import CancelledError, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.game.deliveries import Deliveries
from mudserver.game.dirt import NOT_SAVED, Outcome, Receipt
from mudserver.game.fanout import FanOut
from mudserver.game.farewells import Farewells
from mudserver.game.gateways import Gateways
from mudserver.game.journal import Journal
from mudserver.game.refusals import INTERNAL_ERROR, UNAVAILABLE
from mudserver.game.sessions import Session
from mudserver.game.typed import Typed
from mudserver.interfaces.journal import AnswerRow, InputRow
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Refusal, Settled
from mudserver.world.events import TOLD_WHEN_SAVED, Event


class Replies:
    """
    Answers inputs: those that changed something when that is committed, all others at once.

    Args:
        journal: What commits the inputs, with what they changed.
        fan_out: What shows what is told only then.
        deliveries: What keeps count of the words that are under way.
        farewells: What closes the connections of those who leave.
        gateways: Where players are.
        clock: What waiting is measured by.
        meter: Gets ``commands`` by outcome (counter) and ``command_seconds`` (histogram).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        journal: Journal,
        fan_out: FanOut,
        deliveries: Deliveries,
        farewells: Farewells,
        gateways: Gateways,
        clock: IReactorTime,
        meter: IMeter,
    ) -> None:
        self._journal = journal
        self._fan_out = fan_out
        self._deliveries = deliveries
        self._farewells = farewells
        self._gateways = gateways
        self._clock = clock
        self._meter = meter

    def fail(self, typed: Typed, failure: Failure) -> None:
        """Answer an input that failed by our fault, or for want of time."""
        if failure.check(CancelledError, TimeoutError):
            self.answer(typed, UNAVAILABLE)
            return
        self._log.error(
            "A command of {character} failed: {cause}",
            cause=type(failure.value).__name__,
            number=typed.number,
            **typed.session.context,
        )
        self.answer(typed, INTERNAL_ERROR)

    def answer(self, typed: Typed, refusal: Refusal | None) -> None:
        """Answer an input that changed nothing, when its turn has come in its lane."""
        self._journal.note(self.receipt(typed, refusal))
        self.settle(typed, refusal)

    def receipt(
        self, typed: Typed, refusal: Refusal | None, events: Iterable[Event] = ()
    ) -> Receipt:
        """
        Make what commits an input, and answers it then.

        Args:
            typed: The input.
            refusal: Why it was refused; None where it wasn't.
            events: What it leads to.
        """
        session = typed.session
        answer = None
        if typed.command is not None and (refusal is None or refusal.retry_after is None):
            answer = AnswerRow(
                session=session.id,
                command=typed.command,
                ordinal=session.answers.next_ordinal(),
                number=typed.number,
                code=refusal.code if refusal else None,
                message=refusal.message if refusal else None,
            )
        done = InputRow(session.id, session.character, typed.number)
        return Receipt(done, answer, partial(self._committed, typed, events), typed.names)

    def settle(self, typed: Typed, refusal: Refusal | None) -> None:
        """Answer an input: all is decided that it leads to."""
        outcome = "done" if refusal is None else refusal.code
        self._meter.count("commands", outcome=outcome)
        self._meter.observe("command_seconds", self._clock.seconds() - typed.came)
        self.publish(typed.session, typed.session.answers.settle(typed.number, refusal))
        self._farewells.answered(typed.session)

    def publish(self, session: Session, answers: Iterable[Settled]) -> None:
        """Tell a session's gateway how inputs were settled."""
        for settled in answers:
            said = self._deliveries.keeps(session.id, settled.number)
            answer = settled if said is None else evolve(settled, under_way=True, said=said)
            self._gateways.tell(session.gateway, answer)

    def _committed(self, typed: Typed, events: Iterable[Event], outcome: Outcome) -> None:
        if outcome is Outcome.COMMITTED:
            for event in events:
                if isinstance(event, TOLD_WHEN_SAVED):
                    self._fan_out.tell(event, (), typed.command, typed.names)
        if outcome is not Outcome.LOST:
            self.settle(typed, None if outcome is Outcome.COMMITTED else NOT_SAVED)
