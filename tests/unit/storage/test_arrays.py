"""Arrays as parameters."""

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from mudserver.storage.arrays import array


class ArrayTest(SynchronousTestCase):
    """What psycopg2 is given."""

    def test_numbers(self) -> None:
        """Numbers become one literal; None is NULL."""
        self.assertEqual(array([1, None, -(2**63)]), "{1,NULL,-9223372036854775808}")

    def test_text(self) -> None:
        """Text is quoted, so that neither what it holds nor the word NULL means anything."""
        self.assertEqual(
            array(["", None, "NULL", 'a "b" \\, {c}']),
            r'{"",NULL,"NULL","a \"b\" \\, {c}"}',
        )

    def test_nothing(self) -> None:
        """There are arrays without an element, and without a value."""
        self.assertEqual(array([]), "{}")
        self.assertEqual(array([None, None]), "{NULL,NULL}")

    def test_moments(self) -> None:
        """Moments are written with their offset and all their digits."""
        moment = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
        self.assertEqual(array([moment, None]), '{"2026-01-02T03:04:05.000678+00:00",NULL}')

    def test_truth(self) -> None:
        """Truth values are written by their names."""
        self.assertEqual(array([True, None, False]), "{True,NULL,False}")

    def test_others(self) -> None:
        """What is of other types, or of several, is left to psycopg2."""
        for values in ([1, True], [1, "a"], [1.5]):
            self.assertEqual(array(values), values)
