"""How long something lasts, as players type and read it."""

from datetime import timedelta

from twisted.trial.unittest import SynchronousTestCase

from mudserver.world.duration import MAX_DURATION, NoDuration, read_duration, spell_duration

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class ReadTests(SynchronousTestCase):
    def test_durations(self) -> None:
        """A number alone is minutes; a letter names another unit; a word means no end."""
        for word, expected in (
            ("1", MINUTE),
            ("90", 90 * MINUTE),
            ("5m", 5 * MINUTE),
            ("2H", 2 * HOUR),
            ("3650d", MAX_DURATION),
            ("2w", 14 * DAY),
            ("Forever", None),
        ):
            self.assertEqual(read_duration(word), expected, word)

    def test_no_durations(self) -> None:
        """Nothing else is one, nor is what lasts too long."""
        for word in ("", "0", "05", "-1", "1.5h", "5x", "h", "3651d", "99999999", "٣", "5m5"):
            self.assertRaises(NoDuration, read_duration, word)


class SpellTests(SynchronousTestCase):
    def test_words(self) -> None:
        """It is said in its two greatest units, rounded up to minutes."""
        for duration, words in (
            (timedelta(0), "1 minute"),
            (timedelta(seconds=61), "2 minutes"),
            (HOUR, "1 hour"),
            (2 * HOUR + 5 * MINUTE, "2 hours 5 minutes"),
            (DAY + 2 * HOUR + 5 * MINUTE, "1 day 2 hours"),
            (400 * DAY + MINUTE, "400 days 1 minute"),
        ):
            self.assertEqual(spell_duration(duration), words)
