"""The soak itself: all play, and nothing grows."""

from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from typing import Final

from attrs import define, field, frozen
from twisted.internet import reactor
from twisted.internet.task import LoopingCall, deferLater
from twisted.trial.unittest import TestCase

from tests.bench.figures import percentile
from tests.soak.sessions import Player, Tally
from tests.soak.stage import Stage
from tests.soak.vitals import Vitals, mebibytes

#: Seconds between two deeds of a player.
REST: Final = 10.0

#: Seconds between two bursts of deeds, and between two looks at the daemon.
BURST: Final = 0.05
LOOK: Final = 5.0

#: Seconds that the last answers may take.
LAST_ANSWERS: Final = 30.0

#: How much the memory may grow after the warm-up: as a part of what it was, or in bytes for each
#: session; the larger counts. What a session keeps for one who comes back is bounded, but fills for
#: longer than this takes: 300 messages, and the answers to 1,000 commands.
GROWTH: Final = 0.10
GROWTH_BYTES: Final = 24 * 1024

#: How many descriptors there may be more: connections to the database, and log-ins under way.
MORE_DESCRIPTORS: Final = 16


@frozen
class Plan:
    """
    How much is played.

    Attributes:
        websockets: Sessions over WebSocket.
        telnets: Sessions over telnet.
        warm_up: Seconds before anything is measured.
        seconds: Seconds that are measured.
    """

    websockets: int
    telnets: int
    warm_up: float
    seconds: float

    @property
    def sessions(self) -> int:
        """All of them."""
        return self.websockets + self.telnets


@define
class Outcome:
    """
    What came of it.

    Attributes:
        messages: How many the players got while it was measured.
        plan: What was planned.
        tally: What the players saw; messages and pings since the warm-up.
        looks: At the daemon, after the warm-up.
    """

    plan: Plan
    tally: Tally
    messages: int = 0
    looks: list[Vitals] = field(factory=list)

    @property
    def growth(self) -> float:
        """Bytes between the middle of the first looks and that of the last."""
        few = max(1, len(self.looks) // 5)
        first, last = self.looks[:few], self.looks[-few:]
        return median(look.rss for look in last) - median(look.rss for look in first)

    @property
    def faults(self) -> list[str]:
        """What should not have happened."""
        tally, first = self.tally, self.looks[0]
        found = [f"{count} sessions closed with {code}" for code, count in tally.closes.items()]
        if tally.commands != tally.answers:
            found.append(f"{tally.commands} were asked, {tally.answers} answered")
        if self.growth > max(GROWTH * first.rss, GROWTH_BYTES * self.plan.sessions):
            found.append(f"memory grew by {mebibytes(self.growth)}")
        most = max(look.descriptors for look in self.looks)
        if most > first.descriptors + MORE_DESCRIPTORS:
            found.append(f"descriptors grew from {first.descriptors} to {most}")
        return found

    def describe(self) -> Sequence[str]:
        """Say it in lines."""
        tally, seconds = self.tally, self.looks[-1].moment - self.looks[0].moment
        trips = [trip * 1e3 for trip in tally.round_trips]
        return (
            f"{self.messages / seconds:,.0f} messages/s to the players,"
            f" {self.plan.sessions / REST:,.0f} commands and pings/s from them",
            f"pings: p50 {percentile(trips, 50):.1f} ms, p99 {percentile(trips, 99):.1f} ms,"
            f" max {max(trips, default=0):.1f} ms",
            f"refused: {dict(tally.refusals) or 'nothing'}",
            f"closed: {dict(tally.closes) or 'nothing'}",
            f"memory: {mebibytes(self.looks[0].rss)}, then {mebibytes(self.looks[-1].rss)};"
            f" it grew by {mebibytes(self.growth)}",
        )


async def soak(case: TestCase, plan: Plan, say: Callable[[str], None]) -> Outcome:
    """
    Have players come in, play, and stay.

    Args:
        case: The test that it belongs to.
        plan: How much.
        say: Takes a line for whoever watches.
    """
    stage = Stage(case, plan.sessions)
    await stage.start()
    tally = Tally()
    say(f"memory without players: {mebibytes(stage.vitals().rss)}")
    players = await stage.admit(plan.websockets, plan.telnets, tally)
    say(f"{len(players)} players are in; {plan.warm_up:.0f} s of warm-up")
    crowd = _Crowd(players)
    crowd.start()
    try:
        await deferLater(reactor, plan.warm_up)
        outcome = await _watch(stage, plan, tally, say)
    finally:
        await crowd.stop()
    await _answered(tally)
    for player in players:
        player.leave()
    return outcome


class _Crowd:
    """Has each player act every `REST` seconds, one after the other."""

    def __init__(self, players: Sequence[Player]) -> None:
        self._random = Random(1)
        self._players = list(players)
        self._random.shuffle(self._players)
        self._next = 0
        self._bursts = LoopingCall.withCount(self._burst)
        self._owed = 0.0

    def start(self) -> None:
        self._running = self._bursts.start(BURST)

    async def stop(self) -> None:
        self._bursts.stop()
        await self._running

    def _burst(self, count: int) -> None:
        self._owed += count * BURST / REST * len(self._players)
        while self._owed >= 1.0:
            self._owed -= 1.0
            self._players[self._next].act(self._random)
            self._next = (self._next + 1) % len(self._players)


async def _watch(stage: Stage, plan: Plan, tally: Tally, say: Callable[[str], None]) -> Outcome:
    outcome = Outcome(plan, tally)
    tally.messages = 0
    tally.round_trips.clear()
    looks = max(2, round(plan.seconds / LOOK) + 1)
    for number in range(looks):
        look = stage.vitals()
        outcome.looks.append(look)
        if number % max(1, looks // 10) == 0 or number == looks - 1:
            passed = look.moment - outcome.looks[0].moment
            say(
                f"{passed:5.0f} s: {mebibytes(look.rss)}, {look.descriptors} descriptors,"
                f" {tally.messages} messages"
            )
        if number < looks - 1:
            await deferLater(reactor, plan.seconds / (looks - 1))
    outcome.messages = tally.messages
    return outcome


async def _answered(tally: Tally) -> None:
    """Wait for the last answers."""
    patience = LAST_ANSWERS
    while tally.answers < tally.commands and patience > 0:
        patience -= BURST
        await deferLater(reactor, BURST)
