"""A world that has just opened lets those come back who were there, before anybody plays on."""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.game.states import States
from mudserver.ids import GatewayId
from mudserver.interfaces.continuity import AllReattached
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.standby import Resumption

#: Seconds that a world waits for gateways which are there to name all that they hold.
HOLD_SECONDS: Final = 2.0

#: Messages of sessions that wait meanwhile; of more, inputs are dropped, and asked for again by
#: their numbers. What is durable waits all the same: that is a few for each session.
MAX_WAITING: Final = 20_000

#: Of these, how many are passed on in one turn of the reactor.
PORTION: Final = 100


class Opening:
    """
    Holds back what sessions send until all of them are there.

    So what one of them said to another before the last world ended finds them. Gateways of this
    very process hold nothing, and are not waited for.

    Args:
        states: Shown when all are there, and not to each as the others come.
        clock: What waiting is measured by.
        utc_now: The wall clock.
        meter: Gets ``inputs_dropped`` (counter).
        apart: Whether gateways are in other processes.
        room: How many messages may wait.

    Attributes:
        at: When the world opened (UTC).
        holding: Whether something is held back.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        states: States,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        meter: IMeter,
        apart: bool,
        room: int = MAX_WAITING,
    ) -> None:
        self.at = utc_now()
        self.holding = False
        self._states = states
        self._clock = clock
        self._utc_now = utc_now
        self._meter = meter
        self._apart = apart
        self._room = room
        self._present: frozenset[GatewayId] = frozenset()
        self._back: dict[GatewayId, AllReattached] = {}
        self._waiting: deque[Callable[[], None]] = deque()
        self._deadline: IDelayedCall | None = None
        self._passing: IDelayedCall | None = None

    @property
    def resumption(self) -> Resumption:
        """How the sessions came over that gateways held."""
        return Resumption(
            waiting=len(self._present - self._back.keys()),
            gateways=len(self._back),
            sessions=sum(each.sessions for each in self._back.values()),
            pause=max((each.pause for each in self._back.values()), default=0.0),
        )

    def begin(self) -> None:
        """Open: wait for gateways, if they are elsewhere."""
        self.at = self._utc_now()
        if self._apart:
            self.holding = True
            self._states.hold()
            self._deadline = self._clock.callLater(HOLD_SECONDS, self._too_late)

    def stop(self) -> None:
        """Forget what is held back: its gateways have it, for the next world."""
        for call in (self._deadline, self._passing):
            if call is not None:
                call.cancel()
        self._deadline = self._passing = None
        self._waiting.clear()

    def present(self, gateways: frozenset[GatewayId]) -> None:
        """Note which gateways are there."""
        for gone in self._present - gateways:
            self._back.pop(gone, None)
        self._present = gateways
        self._look()

    def reattached(self, message: AllReattached) -> None:
        """Note that a gateway that is there has named all that it holds."""
        if message.gateway not in self._present:
            return
        self._back[message.gateway] = message
        if message.sessions or message.pause:
            self._log.info(
                "Gateway {gateway} is back with {sessions} sessions, after {pause:.3f} s.",
                gateway=message.gateway,
                sessions=message.sessions,
                pause=message.pause,
            )
        self._look()

    def hold(self, pass_on: Callable[[], None], *, durable: bool = False) -> None:
        """Have something of a session wait its turn, while `holding`."""
        if len(self._waiting) >= self._room and not durable:
            self._meter.count("inputs_dropped", reason="opening")
            return
        self._waiting.append(pass_on)

    def _look(self) -> None:
        if self._deadline is not None and self._present and self._present <= self._back.keys():
            self._deadline.cancel()
            self._let_go()

    def _too_late(self) -> None:
        late = self._present - self._back.keys()
        if late:
            self._log.warn(
                "Not all gateways are back after {seconds} s: {late}. The others play on.",
                seconds=HOLD_SECONDS,
                late=", ".join(sorted(late)),
            )
        self._let_go()

    def _let_go(self) -> None:
        self._deadline = None
        self._states.release()
        self._pass_on()

    def _pass_on(self) -> None:
        self._passing = None
        for _ in range(min(PORTION, len(self._waiting))):
            with self._log.failuresHandled("What a session sent was lost."):
                self._waiting.popleft()()
        if self._waiting:
            self._passing = self._clock.callLater(0, self._pass_on)
        else:
            self.holding = False
