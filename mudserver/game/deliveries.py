"""What players have said and not all gateways of those it is for have confirmed."""

from collections.abc import Callable
from functools import partial
from typing import Final

from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mudserver.game.gateways import Gateways
from mudserver.game.sessions import Sessions
from mudserver.game.timeline import Timeline
from mudserver.ids import GatewayId, InputNumber, SessionId
from mudserver.interfaces.play import Delivered
from mudserver.session.moment import Moment

#: Inputs in one `Delivered`: some 40 KB of it.
MAX_DELIVERED: Final = 500

_Input = tuple[SessionId, InputNumber]


@define(eq=False)
class _Words:
    """
    What was said by one input.

    Attributes:
        said: When.
        gateways: How many have it still to confirm.
        kept: Whether the speaker's gateway keeps the input until it is told.
    """

    said: Moment
    gateways: int = 0
    kept: bool = False


class Deliveries:
    """
    Keeps count of the words that are under way.

    A world that is killed takes them along, and may have answered the speaker by then. So the
    answer says that they are under way, the speaker's gateway keeps the input, and has the next
    world say it again, unless it hears before that they have been delivered. The bus bounds how
    many there are.

    Args:
        gateways: Where speakers are.
        sessions: Who speaks.
        timeline: What says when.
        clock: Schedules the end of the turn, when gateways are told.
    """

    def __init__(
        self, gateways: Gateways, sessions: Sessions, timeline: Timeline, clock: IReactorTime
    ) -> None:
        self._gateways = gateways
        self._sessions = sessions
        self._timeline = timeline
        self._clock = clock
        self._words: dict[_Input, _Words] = {}
        self._done: list[_Input] = []
        self._telling: IDelayedCall | None = None
        self._over = False

    def __len__(self) -> int:
        """Return of how many inputs something is under way."""
        return len(self._words)

    def stop(self) -> None:
        """Tell nobody any more: whatever is kept is for the next world."""
        self._over = True
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        self._done.clear()

    def begin(
        self, session: SessionId, number: InputNumber, said: Moment | None = None
    ) -> Callable[[], None]:
        """
        Note that words of an input go to one more gateway.

        Args:
            session: Whose.
            number: Which.
            said: When they were said first; None for now.

        Returns:
            What notes that it has them.
        """
        input = (session, number)
        words = self._words.get(input)
        if words is None:
            words = self._words[input] = _Words(said or self._timeline.now)
        words.gateways += 1
        return partial(self._arrived, input, words)

    def keeps(self, session: SessionId, number: InputNumber) -> Moment | None:
        """Return when words of an input were said first that are under way, so that the speaker's
        gateway keeps it; None where there are none.
        """
        words = self._words.get((session, number))
        if words is None:
            return None
        words.kept = True
        return words.said

    def _arrived(self, input: _Input, words: _Words) -> None:
        words.gateways -= 1
        if words.gateways:
            return
        del self._words[input]
        if words.kept and not self._over:
            self._done.append(input)
            if self._telling is None:
                self._telling = self._clock.callLater(0, self._tell)

    def _tell(self) -> None:
        self._telling = None
        done, self._done = self._done, []
        by_gateway: dict[GatewayId, list[_Input]] = {}
        for input in done:
            session = self._sessions.get(input[0])
            if session is not None:
                by_gateway.setdefault(session.gateway, []).append(input)
        for gateway, inputs in by_gateway.items():
            for start in range(0, len(inputs), MAX_DELIVERED):
                some = tuple(inputs[start : start + MAX_DELIVERED])
                self._gateways.tell(gateway, Delivered(some))
