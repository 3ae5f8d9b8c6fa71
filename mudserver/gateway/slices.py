"""Work on many sessions, a slice in each reactor turn, so that it holds nobody else up."""

from collections.abc import Iterator
from functools import partial

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator, SchedulerStopped
from twisted.logger import Logger
from twisted.python.failure import Failure


class Slices:
    """
    Does one step of each piece of work in a reactor turn.

    A step that fails ends its piece of work, and is logged.

    Args:
        clock: Has the turns.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._cooperator = Cooperator(
            terminationPredicateFactory=lambda: lambda: True,
            scheduler=partial(clock.callLater, 0),
        )

    def begin(self, name: str, steps: Iterator[None]) -> None:
        """Do the steps, from the next turn on."""
        self._cooperator.cooperate(steps).whenDone().addErrback(self._failed, name)

    def stop(self) -> None:
        """Do no more of them."""
        self._cooperator.stop()

    def _failed(self, failure: Failure, name: str) -> None:
        if not failure.check(SchedulerStopped):
            self._log.failure("{name} came to no end.", failure, name=name)
