"""Batch writing: many rows of one turn become few queries."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.storage.loader import MAX_BATCH_KEYS, MAX_CALLERS
from mudserver.storage.writer import BatchWriter
from tests.unit.storage.batches import BatchMeter


class BatchWriterTests(SynchronousTestCase):
    """A writer over a table whose every query the test lets through, or not."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = BatchMeter()
        self.asked: list[list[int]] = []
        self.answers: list[Deferred[None]] = []
        self.writer = BatchWriter(self.clock, self.insert, self.meter, "things")

    async def insert(self, rows: list[int]) -> list[str]:
        self.asked.append(rows)
        answer: Deferred[None] = Deferred()
        self.answers.append(answer)
        await answer
        return [str(row) for row in rows]

    def turn(self) -> None:
        self.clock.advance(0)

    def refuse_negative_rows(self) -> None:
        """Answer everything, refusing what has a negative row in it."""
        # Both lists grow meanwhile, as a batch is halved.
        for rows, answer in zip(self.asked, self.answers, strict=True):
            if any(row < 0 for row in rows):
                answer.errback(StorageRefused("negative", "23514", "positive"))
            else:
                answer.callback(None)

    def test_one_turn_is_one_query(self) -> None:
        """Rows of one turn are written together at its end, each caller gets its own answer."""
        calls = [self.writer.write(row) for row in (2, 1, 2)]
        self.assertEqual(self.asked, [])
        self.turn()
        self.assertEqual(self.asked, [[2, 1, 2]])
        self.assertEqual(self.meter.batches, [("things", 3)])
        self.assertNoResult(calls[0])
        self.answers[0].callback(None)
        self.assertEqual([self.successResultOf(each) for each in calls], ["2", "1", "2"])

    def test_batches_are_capped(self) -> None:
        """More rows than fit go in several queries, none lost, none written twice."""
        calls = [self.writer.write(row) for row in range(2 * MAX_BATCH_KEYS + 1)]
        self.turn()
        self.assertEqual([len(rows) for rows in self.asked], [MAX_BATCH_KEYS, MAX_BATCH_KEYS, 1])
        self.refuse_negative_rows()
        values = [self.successResultOf(each) for each in calls]
        self.assertEqual(values, [str(row) for row in range(len(calls))])

    def test_refused_alone(self) -> None:
        """What is refused is refused alone, with its reason, in few queries."""
        rows = list(range(100))
        rows[37] = -37
        calls = [self.writer.write(row) for row in rows]
        self.turn()
        self.refuse_negative_rows()
        for row, call in zip(rows, calls, strict=True):
            if row < 0:
                error = self.failureResultOf(call, StorageRefused).value
                self.assertEqual((error.sqlstate, error.constraint), ("23514", "positive"))
            else:
                self.assertEqual(self.successResultOf(call), str(row))
        self.assertLessEqual(len(self.asked), 15)

    def test_unavailable(self) -> None:
        """When the database is away all of the batch hear of it, and nothing is tried again."""
        calls = [self.writer.write(row) for row in (1, 2)]
        self.turn()
        self.answers[0].errback(StorageUnavailable("away"))
        for call in calls:
            self.failureResultOf(call, StorageUnavailable)
        self.assertEqual(len(self.asked), 1)

    def test_cancelled_caller(self) -> None:
        """Who cancels is out; the row is written all the same, and the others are answered."""
        first, second = self.writer.write(1), self.writer.write(2)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.turn()
        self.assertEqual(self.asked, [[1, 2]])
        self.answers[0].callback(None)
        self.assertEqual(self.successResultOf(second), "2")

    def test_callers_are_limited(self) -> None:
        """Beyond the limit a caller fails at once; room is made by answers and by failures."""
        calls = [self.writer.write(row) for row in (-1, *range(1, MAX_CALLERS))]
        self.failureResultOf(self.writer.write(1), StorageUnavailable)
        self.turn()
        self.failureResultOf(self.writer.write(1), StorageUnavailable)
        self.refuse_negative_rows()
        self.failureResultOf(calls[0], StorageRefused)
        self.assertEqual(len([self.successResultOf(each) for each in calls[1:]]), MAX_CALLERS - 1)
        more = [self.writer.write(1) for _ in range(MAX_CALLERS)]
        self.failureResultOf(self.writer.write(1), StorageUnavailable)
        self.turn()
        for answer in self.answers:
            if not answer.called:
                answer.callback(None)
        self.assertEqual({self.successResultOf(each) for each in more}, {"1"})
