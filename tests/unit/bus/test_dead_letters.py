"""What becomes of messages that can't be delivered."""

from pathlib import Path

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mudserver.bus.backoff import Backoff
from mudserver.bus.dead_letters import BATCH, BATCH_BYTES, DeadLetterLimits, DeadLetters
from mudserver.bus.spool import Spool
from mudserver.errors import StorageUnavailable
from mudserver.interfaces.undelivered import IUndelivered, Undelivered
from mudserver.telemetry.metrics import PrometheusMeter
from tests.unit.bus.test_spool import letter

LIMITS = DeadLetterLimits(waiting=300, patience=5.0, backoff=Backoff(1.0, 8.0))


@implementer(IUndelivered)
class Keeper:
    """Keeps letters, unless it is away or refuses some for good."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.calls: list[int] = []
        self.away = False
        self.poison = "-"
        self.answer: Deferred[None] | None = None

    def keep(self, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        self.calls.append(len(letters))
        if self.away:
            return fail(StorageUnavailable("Away."))
        if any(each.id == self.poison for each in letters):
            return fail(ValueError("Refused."))
        self.kept += [each.id for each in letters]
        return succeed(None) if self.answer is None else self.answer


class DeadLettersTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.keeper = Keeper()
        self.meter = PrometheusMeter()
        self.spool = Spool(Path(self.mktemp()))
        self.letters = self.make()

    def make(self, *, spool: bool = True) -> DeadLetters:
        return DeadLetters(
            self.clock,
            self.keeper,
            self.meter,
            lambda: 1.0,
            spool=self.spool if spool else None,
            limits=LIMITS,
        )

    def bury(self, *ids: str) -> None:
        for id in ids:
            self.letters.bury(letter(id), "given_up")

    def spooled(self) -> list[str]:
        return [each.id for each in self.spool.read().letters]

    def lost(self) -> float:
        return self.meter.registry.get_sample_value("mud_bus_dead_letters_lost_total") or 0.0

    def tearDown(self) -> None:
        """Stopped, nothing is left to do."""
        self.successResultOf(self.letters.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_kept(self) -> None:
        """Letters go to the keeper, and are counted by why they died."""
        self.bury("1", "2")
        self.assertEqual((self.keeper.kept, self.spooled()), (["1", "2"], []))
        self.assertEqual(
            self.meter.registry.get_sample_value(
                "mud_bus_dead_letters_total", {"reason": "given_up"}
            ),
            2.0,
        )

    def test_one_call_at_a_time(self) -> None:
        """While the keeper is busy letters wait, and then go together."""
        self.keeper.answer = Deferred()
        self.bury(*map(str, range(BATCH + 3)))
        self.assertEqual(self.keeper.calls, [1])
        busy, self.keeper.answer = self.keeper.answer, None
        busy.callback(None)
        self.assertEqual(self.keeper.calls, [1, BATCH, 2])
        self.assertEqual(self.keeper.kept, list(map(str, range(BATCH + 3))))

    def test_large_ones(self) -> None:
        """Large letters go in smaller batches, the largest alone."""
        self.keeper.answer = Deferred()
        self.bury("0")
        for number in range(1, 6):
            self.letters.bury(letter(str(number), bytes(BATCH_BYTES // 2)), "given_up")
        self.letters.bury(letter("6", bytes(2 * BATCH_BYTES)), "given_up")
        busy, self.keeper.answer = self.keeper.answer, None
        busy.callback(None)
        self.assertEqual(self.keeper.calls, [1, 2, 2, 1, 1])
        self.assertEqual(self.keeper.kept, list("0123456"))

    def test_away(self) -> None:
        """While the keeper is away letters are spooled, and offered with growing pauses."""
        self.keeper.away = True
        self.bury("1", "2")
        self.assertEqual((self.keeper.calls, self.spooled()), ([1], ["1", "2"]))
        for pause in (1.0, 2.0, 4.0, 8.0, 8.0):
            before = len(self.keeper.calls)
            self.clock.advance(pause - 0.1)
            self.assertEqual(len(self.keeper.calls), before)
            self.clock.advance(0.1)
            self.assertEqual(len(self.keeper.calls), before + 1)
        self.keeper.away = False
        self.clock.advance(8.0)
        self.assertEqual((self.keeper.kept, self.spooled()), (["1", "2"], []))
        self.bury("3")
        self.assertEqual(self.keeper.kept, ["1", "2", "3"])

    def test_no_answer(self) -> None:
        """A keeper that doesn't answer is away."""
        self.keeper.answer = Deferred()
        self.bury("1")
        self.clock.advance(5.0)
        self.assertEqual(self.spooled(), ["1"])

    def test_restart(self) -> None:
        """What was spooled is offered when the next process starts; torn lines are skipped."""
        self.spool.append((letter("1"), letter("2")))
        self.spool.path.write_bytes(self.spool.path.read_bytes()[:-5])
        self.letters.start()
        self.assertEqual((self.keeper.kept, self.spooled()), (["1"], []))

    def test_shared(self) -> None:
        """What is left in a file that another process has cut meanwhile is offered once more."""
        self.spool.append((letter("1"),))
        others = self.spool.read()
        self.spool.append((letter("2"),))
        self.keeper.answer = Deferred()
        self.letters.start()
        self.assertTrue(self.spool.cut(others))
        answer, self.keeper.answer = self.keeper.answer, None
        answer.callback(None)
        self.assertEqual(self.spooled(), ["2"])
        self.clock.advance(60.0)
        self.assertEqual((self.keeper.kept, self.spooled()), (["1", "2", "2"], []))

    def test_stop_while_waiting(self) -> None:
        """Letters that wait when it stops are kept, or spooled after a few seconds."""
        self.keeper.answer = Deferred()
        self.bury("1", "2", "3")
        stopped = self.letters.stop()
        self.assertNoResult(stopped)
        self.clock.advance(5.0)
        self.successResultOf(stopped)
        self.assertEqual(self.spooled(), ["1", "2", "3"])

    def test_stop_while_offering(self) -> None:
        """One that stops does not go on to offer what was spooled: that stays for the next."""
        self.spool.append(tuple(letter(id, bytes(BATCH_BYTES)) for id in "123"))
        self.keeper.answer = Deferred()
        self.letters.start()
        stopped = self.letters.stop()
        self.assertNoResult(stopped)
        self.keeper.answer.callback(None)
        self.successResultOf(stopped)
        self.assertEqual((self.keeper.kept, self.spooled()), (["1"], ["1", "2", "3"]))

    def test_refused(self) -> None:
        """A letter that is refused for good is lost alone, and doesn't stand in others' way."""
        self.keeper.away = True
        self.bury("1", "2", "3")
        self.keeper.away, self.keeper.poison = False, "2"
        self.clock.advance(1.0)
        self.assertEqual((self.keeper.kept, self.spooled()), (["1", "3"], []))
        self.assertEqual(self.lost(), 1.0)

    def test_too_many(self) -> None:
        """When too many wait, newer ones are lost, and counted."""
        self.keeper.answer = Deferred()
        self.bury(*map(str, range(305)))
        self.assertEqual((len(self.letters), self.lost()), (300, 4.0))
        busy, self.keeper.answer = self.keeper.answer, None
        busy.callback(None)
        self.assertEqual(self.keeper.kept, list(map(str, range(301))))

    def test_full_spool(self) -> None:
        """What doesn't fit into the file is lost, and counted."""
        self.spool.append((letter("0"),))
        self.spool = Spool(self.spool.path, max_bytes=2 * self.spool.size)
        self.letters = self.make()
        self.keeper.away = True
        self.bury("1", "2", "3")
        self.assertEqual((self.spooled(), self.lost()), (["0", "1"], 2.0))

    def test_no_spool(self) -> None:
        """Without a file, what can't be kept is lost; the next letter is tried again."""
        self.letters = self.make(spool=False)
        self.letters.start()
        self.keeper.away = True
        self.bury("1")
        self.keeper.away = False
        self.bury("2")
        self.assertEqual((self.keeper.kept, self.lost()), (["2"], 1.0))

    def test_unusable_spool(self) -> None:
        """A file that can't be read or written is logged, and tried again."""
        self.spool.path.mkdir()
        self.letters.start()
        self.keeper.away = True
        self.bury("1")
        self.assertEqual(self.lost(), 1.0)
        self.keeper.away = False
        self.clock.advance(2.0)
        self.bury("2")
        self.assertEqual(self.keeper.kept, ["2"])
        self.spool.path.rmdir()
        self.keeper.away = True
        self.bury("3")
        self.keeper.away = False
        self.clock.advance(8.0)
        self.assertEqual(self.keeper.kept, ["2", "3"])
