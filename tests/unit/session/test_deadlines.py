"""Whose deadline comes next, in a queue that doesn't grow by those that moved."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.session.deadlines import DeadlineQueue


def taken(queue: DeadlineQueue[str], now: float) -> list[str]:
    """Take all that is due."""
    due = []
    while (owner := queue.take(now)) is not None:
        due.append(owner)
    return due


class DeadlineQueueTest(SynchronousTestCase):
    def test_in_order(self) -> None:
        """Those due come in the order of their deadlines, each once; the others stay."""
        queue: DeadlineQueue[str] = DeadlineQueue()
        for owner, when in (("late", 9.0), ("second", 2.0), ("first", 1.0)):
            queue.put(owner, when)
        self.assertEqual(taken(queue, 2.0), ["first", "second"])
        self.assertEqual(taken(queue, 2.0), [])
        self.assertEqual((len(queue), queue.when("late")), (1, 9.0))

    def test_moved(self) -> None:
        """Only the last deadline of an owner counts, whether it is nearer or farther."""
        queue: DeadlineQueue[str] = DeadlineQueue()
        queue.put("ann", 1.0)
        queue.put("ann", 5.0)
        self.assertEqual(taken(queue, 4.0), [])
        queue.put("ann", 4.0)
        self.assertEqual(taken(queue, 5.0), ["ann"])

    def test_forgotten(self) -> None:
        """Who is forgotten is never due; to forget a stranger changes nothing."""
        queue: DeadlineQueue[str] = DeadlineQueue()
        queue.put("ann", 1.0)
        queue.forget("ann")
        queue.forget("bob")
        self.assertEqual((taken(queue, 9.0), len(queue), queue.when("ann")), ([], 0, None))

    def test_bounded(self) -> None:
        """Deadlines that move a thousand times leave no thousand entries behind."""
        queue: DeadlineQueue[str] = DeadlineQueue()
        for when in range(1_000):
            queue.put("ann", 1_000.0 + when)
        self.assertLess(len(queue._queue), 100)
        self.assertEqual(taken(queue, 5_000.0), ["ann"])

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["put", "forget", "take"]),
                st.sampled_from("abc"),
                st.integers(0, 9),
            )
        )
    )
    def test_like_a_table(self, steps: list[tuple[str, str, int]]) -> None:
        """Whatever is done in whatever order, the same is due as in a table searched whole."""
        queue: DeadlineQueue[str] = DeadlineQueue()
        table: dict[str, float] = {}
        for step, owner, when in steps:
            if step == "put":
                queue.put(owner, float(when))
                table[owner] = float(when)
            elif step == "forget":
                queue.forget(owner)
                table.pop(owner, None)
            else:
                due = {each for each, moment in table.items() if moment <= when}
                self.assertEqual(set(taken(queue, float(when))), due)
                for each in due:
                    del table[each]
            self.assertEqual(len(queue), len(table))
