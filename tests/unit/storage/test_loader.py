"""Batch loading: many questions of one turn become few queries."""

from collections.abc import Mapping

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StorageUnavailable
from mudserver.storage.loader import MAX_BATCH_KEYS, MAX_CALLERS, BatchLoader
from tests.unit.storage.batches import BatchMeter


class BatchLoaderTests(SynchronousTestCase):
    """A loader over a fetch whose batches the test answers one by one."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = BatchMeter()
        self.asked: list[list[int]] = []
        self.answers: list[Deferred[Mapping[int, str]]] = []
        self.loader = BatchLoader(self.clock, self.fetch, self.meter, "things")

    async def fetch(self, keys: list[int]) -> Mapping[int, str]:
        self.asked.append(keys)
        answer: Deferred[Mapping[int, str]] = Deferred()
        self.answers.append(answer)
        return await answer

    def turn(self) -> None:
        self.clock.advance(0)

    def answer(self, batch: int) -> None:
        """Answer a batch: every odd key has a value."""
        values = {key: str(key) for key in self.asked[batch] if key % 2}
        self.answers[batch].callback(values)

    def test_one_turn_is_one_query(self) -> None:
        """Keys of one turn are asked for together at its end, each caller gets its own value."""
        one, two, three = (self.loader.load(key) for key in (1, 2, 3))
        self.assertEqual(self.asked, [])
        self.turn()
        self.assertEqual(self.asked, [[1, 2, 3]])
        self.assertNoResult(one)
        self.answer(0)
        self.assertEqual(self.successResultOf(one), "1")
        self.assertIsNone(self.successResultOf(two))
        self.assertEqual(self.successResultOf(three), "3")

    def test_gathered(self) -> None:
        """Keys of several turns are asked for together where a loader may take its time."""
        self.loader = BatchLoader(self.clock, self.fetch, self.meter, "things", gather=0.02)
        one = self.loader.load(1)
        self.clock.advance(0.01)
        three = self.loader.load(3)
        self.assertEqual(self.asked, [])
        self.clock.advance(0.01)
        self.assertEqual(self.asked, [[1, 3]])
        self.answer(0)
        self.assertEqual([self.successResultOf(each) for each in (one, three)], ["1", "3"])
        self.loader.load(5)
        self.clock.advance(0.02)
        self.assertEqual(self.asked, [[1, 3], [5]])

    def test_equal_keys_are_asked_for_once(self) -> None:
        """Two callers of one key share its place, and what one does with it isn't the other's."""
        first, second = self.loader.load(1), self.loader.load(1)
        first.addCallback(lambda value: "spoilt")
        self.turn()
        self.assertEqual(self.asked, [[1]])
        self.answer(0)
        self.assertEqual(self.successResultOf(first), "spoilt")
        self.assertEqual(self.successResultOf(second), "1")

    def test_next_turn_asks_again(self) -> None:
        """What is asked for while a query runs may have changed, so it is asked for again."""
        first = self.loader.load(1)
        self.turn()
        second = self.loader.load(1)
        self.turn()
        self.assertEqual(self.asked, [[1], [1]])
        self.answers[1].callback({1: "new"})
        self.answers[0].callback({1: "old"})
        self.assertEqual(self.successResultOf(first), "old")
        self.assertEqual(self.successResultOf(second), "new")

    def test_batches_are_capped(self) -> None:
        """More keys than fit go in several queries, none lost, none asked twice."""
        loads = [self.loader.load(key) for key in range(2 * MAX_BATCH_KEYS + 1)]
        self.turn()
        self.assertEqual([len(keys) for keys in self.asked], [MAX_BATCH_KEYS, MAX_BATCH_KEYS, 1])
        self.assertEqual(self.meter.batches, [("things", float(len(keys))) for keys in self.asked])
        for batch in range(3):
            self.answer(batch)
        values = [self.successResultOf(each) for each in loads]
        self.assertEqual(values, [str(key) if key % 2 else None for key in range(len(loads))])

    def test_failed_batch_fails_its_own_callers(self) -> None:
        """A query that fails is told to its callers, twice asked or not, and to no other."""
        loads = [self.loader.load(key) for key in range(MAX_BATCH_KEYS + 1)]
        again = self.loader.load(0)
        self.turn()
        self.answers[0].errback(StorageUnavailable("away"))
        self.answers[1].callback({MAX_BATCH_KEYS: "last"})
        for failed in (*loads[:-1], again):
            self.failureResultOf(failed, StorageUnavailable)
        self.assertEqual(self.successResultOf(loads[-1]), "last")

    def test_works_on_after_a_failure(self) -> None:
        """A failure is not remembered."""
        first = self.loader.load(1)
        self.turn()
        self.answers[0].errback(StorageUnavailable("away"))
        self.failureResultOf(first, StorageUnavailable)
        second = self.loader.load(1)
        self.turn()
        self.answer(1)
        self.assertEqual(self.successResultOf(second), "1")

    def test_cancelled_caller(self) -> None:
        """Who cancels is out; the query runs on for the others."""
        first, second = self.loader.load(1), self.loader.load(1)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.turn()
        self.answer(0)
        self.assertEqual(self.successResultOf(second), "1")

    def test_caller_may_load_again(self) -> None:
        """A caller that asks for more while it is answered is served in the next turn."""
        again = self.loader.load(1).addCallback(lambda value: self.loader.load(3))
        self.turn()
        self.answer(0)
        self.turn()
        self.answer(1)
        self.assertEqual(self.successResultOf(again), "3")

    def test_callers_are_limited(self) -> None:
        """Beyond the limit a caller fails at once; room is made by answers and by failures."""
        loads = [self.loader.load(1) for _ in range(MAX_CALLERS - 1)]
        loads.append(self.loader.load(3))
        self.failureResultOf(self.loader.load(1), StorageUnavailable)
        self.turn()
        self.failureResultOf(self.loader.load(1), StorageUnavailable)
        self.answer(0)
        self.assertEqual({self.successResultOf(each) for each in loads}, {"1", "3"})
        loads = [self.loader.load(1) for _ in range(MAX_CALLERS)]
        self.failureResultOf(self.loader.load(1), StorageUnavailable)
        self.turn()
        self.answers[1].errback(StorageUnavailable("away"))
        for each in loads:
            self.failureResultOf(each, StorageUnavailable)
        last = self.loader.load(1)
        self.turn()
        self.answer(2)
        self.assertEqual(self.successResultOf(last), "1")

    def test_load_all(self) -> None:
        """Several keys come back as those that have a value, together with single ones."""
        several = Deferred.fromCoroutine(self.loader.load_all([3, 2, 1, 3]))
        single = self.loader.load(5)
        self.turn()
        self.assertEqual(self.asked, [[3, 2, 1, 5]])
        self.answer(0)
        self.assertEqual(self.successResultOf(several), {1: "1", 3: "3"})
        self.assertEqual(self.successResultOf(single), "5")

    def test_load_all_of_nothing(self) -> None:
        """No keys, no query."""
        several = Deferred.fromCoroutine(self.loader.load_all([]))
        self.turn()
        self.assertEqual(self.asked, [])
        self.assertEqual(self.successResultOf(several), {})

    def test_load_all_fails_once(self) -> None:
        """When a batch fails it fails once, and no other failure is left behind."""
        several = Deferred.fromCoroutine(self.loader.load_all(range(2 * MAX_BATCH_KEYS)))
        self.turn()
        self.answers[0].errback(StorageUnavailable("away"))
        self.assertNoResult(several)
        self.answers[1].errback(StorageUnavailable("away"))
        self.failureResultOf(several, StorageUnavailable)

    def test_fetch_that_answers_at_once(self) -> None:
        """A fetch that needs no waiting works too."""

        async def fetch(keys: list[int]) -> Mapping[int, str]:
            return await succeed(dict.fromkeys(keys, "at once"))

        loaded = BatchLoader(self.clock, fetch, self.meter, "things").load(1)
        self.turn()
        self.assertEqual(self.successResultOf(loaded), "at once")
